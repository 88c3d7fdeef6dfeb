package money_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/paylater-go/paylater/money"
)

func rp(n int64) money.Amount { return money.Rupiah(n) }

func TestAllocate(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		total int64
		lines []money.Line
		want  []money.Part
	}{
		{"nothing to spread", 150000,
			[]money.Line{{Price: rp(50000), Quantity: 2}, {Price: rp(50000), Quantity: 1}},
			[]money.Part{{0, rp(50000), 2}, {1, rp(50000), 1}}},
		{"three pieces of 100000", 100000,
			[]money.Line{{Price: rp(35000), Quantity: 3}},
			[]money.Part{{0, rp(33333), 2}, {0, rp(33334), 1}}},
		{"discount of a line stays in it", 90000,
			[]money.Line{{Price: rp(50000), Quantity: 1, Discount: rp(10000)}, {Price: rp(50000), Quantity: 1}},
			[]money.Part{{0, rp(40000), 1}, {1, rp(50000), 1}}},
		{"order discount by value", 90000,
			[]money.Line{{Price: rp(75000), Quantity: 1}, {Price: rp(25000), Quantity: 1}},
			[]money.Part{{0, rp(67500), 1}, {1, rp(22500), 1}}},
		{"tie goes to the first line", 19999,
			[]money.Line{{Price: rp(10000), Quantity: 1}, {Price: rp(10000), Quantity: 1}},
			[]money.Part{{0, rp(9999), 1}, {1, rp(10000), 1}}},
		{"largest remainder, not the first", 100,
			[]money.Line{{Price: rp(34), Quantity: 1}, {Price: rp(33), Quantity: 1}, {Price: rp(32), Quantity: 1}},
			[]money.Part{{0, rp(35), 1}, {1, rp(33), 1}, {2, rp(32), 1}}},
		{"everything free", 0,
			[]money.Line{{Price: rp(5000), Quantity: 3}},
			[]money.Part{{0, rp(0), 3}}},
		{"free goods carry the fee evenly", 10,
			[]money.Line{{Quantity: 1}, {Quantity: 2}, {Price: rp(9), Quantity: 1, Discount: rp(9)}},
			[]money.Part{{0, rp(4), 1}, {1, rp(1), 1}, {1, rp(2), 1}, {2, rp(3), 1}}},
		{"fewer rupiah than pieces", 2,
			[]money.Line{{Price: rp(1), Quantity: 5}},
			[]money.Part{{0, rp(0), 3}, {0, rp(1), 2}}},
		{"largest order", 999_999_999_999,
			[]money.Line{{Price: rp(1), Quantity: 9999}, {Price: rp(999_999_999_998), Quantity: 1}},
			[]money.Part{{0, rp(1), 9999}, {1, rp(999_999_990_000), 1}}},
	} {
		got, err := money.Allocate(rp(c.total), c.lines)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

func TestAllocateRefuses(t *testing.T) {
	t.Parallel()
	one := money.Line{Price: rp(1000), Quantity: 1}
	for _, c := range []struct {
		name  string
		total int64
		lines []money.Line
		line  int
		diff  int64
		err   error
		text  string
	}{
		{"negative total", -500, []money.Line{one}, -1, 500, money.ErrNegative,
			"money: cannot allocate the total: invalid amount: negative by Rp500"},
		{"total of 13 digits", 1_000_000_000_000, []money.Line{one}, -1, 0, money.ErrTooLarge,
			"money: cannot allocate the total: invalid amount: more than 12 digits"},
		{"no lines", 1000, nil, -1, 0, money.ErrNoLines, "money: cannot allocate the total: nothing to spread over"},
		{"no pieces", 1000, []money.Line{one, {Price: rp(1000)}}, 1, 0, money.ErrQuantity,
			"money: cannot allocate line 1: quantity is not 1 to 9999"},
		{"negative pieces", 1000, []money.Line{{Price: rp(1000), Quantity: -1}}, 0, 0, money.ErrQuantity, ""},
		{"10000 pieces", 1000, []money.Line{{Price: rp(1), Quantity: 10000}}, 0, 0, money.ErrQuantity, ""},
		{"discount above the line", 1000, []money.Line{one, {Price: rp(2000), Quantity: 2, Discount: rp(9000)}}, 1, 5000,
			money.ErrDiscount, "money: cannot allocate line 1: discount is more than the line by Rp5.000"},
		{"negative discount", 1000, []money.Line{{Price: rp(1000), Quantity: 1, Discount: rp(-1)}}, 0, 0, money.ErrNegative, ""},
		{"negative price", 1000, []money.Line{{Price: rp(-1000), Quantity: 1}}, 0, 0, money.ErrNegative, ""},
		{"price of 13 digits", 1000, []money.Line{{Price: rp(1_000_000_000_000), Quantity: 1}}, 0, 0, money.ErrTooLarge, ""},
		{"line of 13 digits", 1000, []money.Line{{Price: rp(999_999_999_999), Quantity: 9999}}, 0, 0, money.ErrTooLarge, ""},
	} {
		parts, err := money.Allocate(rp(c.total), c.lines)
		var e *money.AllocateError
		if !errors.As(err, &e) || !errors.Is(err, c.err) || parts != nil {
			t.Errorf("%s: %v, %v, want %v", c.name, parts, err, c.err)
			continue
		}
		if e.Line != c.line || !e.Difference.Equal(rp(c.diff)) {
			t.Errorf("%s: line %d, difference %s, want %d, %d", c.name, e.Line, e.Difference, c.line, c.diff)
		}
		if c.text != "" && e.Error() != c.text {
			t.Errorf("%s: %q, want %q", c.name, e, c.text)
		}
	}
}

// drawCart draws lines that can be allocated, and a total for them.
func drawCart(t *rapid.T) (money.Amount, []money.Line) {
	lines := make([]money.Line, rapid.IntRange(1, 12).Draw(t, "lines"))
	for i := range lines {
		quantity := rapid.IntRange(1, 9999).Draw(t, "quantity")
		price := rapid.Int64Range(0, 999_999_999_999/int64(quantity)).Draw(t, "price")
		discount := rapid.Int64Range(0, price*int64(quantity)).Draw(t, "discount")
		lines[i] = money.Line{Price: rp(price), Quantity: quantity, Discount: rp(discount)}
	}
	return rp(rapid.Int64Range(0, 999_999_999_999).Draw(t, "total")), lines
}

func TestAllocateAlwaysAddsUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		total, lines := drawCart(t)
		parts, err := money.Allocate(total, lines)
		if err != nil {
			t.Fatal(err)
		}
		sum, pieces, last := rp(0), make([]int, len(lines)), 0
		for i, p := range parts {
			if !p.Price.InRange() || p.Quantity < 1 || p.Quantity > money.MaxQuantity {
				t.Errorf("part %d is %d x %s", i, p.Quantity, p.Price)
			}
			if p.Line < last {
				t.Errorf("part %d of line %d comes after line %d", i, p.Line, last)
			}
			last = p.Line
			sum = sum.Add(p.Price.Mul(int64(p.Quantity)))
			pieces[p.Line] += p.Quantity
		}
		if !sum.Equal(total) {
			t.Errorf("parts add up to %s, want %s", sum, total)
		}
		for i, l := range lines {
			if pieces[i] != l.Quantity {
				t.Errorf("line %d came out with %d pieces, want %d", i, pieces[i], l.Quantity)
			}
		}
		if len(parts) > 2*len(lines) {
			t.Errorf("%d parts for %d lines", len(parts), len(lines))
		}
		again, _ := money.Allocate(total, lines)
		if diff := cmp.Diff(parts, again); diff != "" {
			t.Errorf("second run differs:\n%s", diff)
		}
	})
}

func TestSpreadIsTheLargestRemainderMethod(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		total := rapid.Int64Range(-math.MaxInt64, math.MaxInt64).Draw(t, "total")
		weights := rapid.SliceOfN(rapid.Int64Range(0, 999_999_999_999), 1, 20).Draw(t, "weights")
		if rapid.Bool().Draw(t, "small") { // small numbers make ties
			total %= 50
			for i := range weights {
				weights[i] %= 4
			}
		}
		ws, sum := make([]money.Amount, len(weights)), int64(0)
		for i, w := range weights {
			ws[i] = rp(w)
			sum += w
		}
		shares, err := money.Spread(rp(total), ws)
		if err != nil {
			t.Fatal(err)
		}
		if sum == 0 {
			for i := range weights {
				weights[i] = 1
			}
			sum = int64(len(weights))
		}
		got := rp(0)
		// up: the least exact remainder that got a rupiah more; down: the greatest that got none.
		var up, down *big.Rat
		for i, s := range shares {
			got = got.Add(s)
			exact := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(total), big.NewInt(weights[i])), big.NewInt(sum))
			off := new(big.Rat).Sub(new(big.Rat).SetInt64(s.Int64()), exact)
			if off.Num().CmpAbs(off.Denom()) >= 0 {
				t.Fatalf("share %d is %s, exactly %s", i, s, exact.FloatString(3))
			}
			exact.Abs(exact)
			floor := new(big.Int).Quo(exact.Num(), exact.Denom())
			rem := new(big.Rat).Sub(exact, new(big.Rat).SetInt(floor))
			abs := new(big.Int).Abs(big.NewInt(s.Int64()))
			if abs.Cmp(floor) > 0 {
				if down != nil && rem.Cmp(down) == 0 {
					t.Fatalf("share %d won a tie against an earlier one", i)
				}
				if up == nil || rem.Cmp(up) < 0 {
					up = rem
				}
			} else if down == nil || rem.Cmp(down) > 0 {
				down = rem
			}
		}
		if !got.Equal(rp(total)) {
			t.Errorf("shares add up to %s, want %d", got, total)
		}
		if up != nil && down != nil && up.Cmp(down) < 0 {
			t.Errorf("a remainder of %s was rounded up and one of %s was not", up, down)
		}
	})
}

func TestSpreadRefuses(t *testing.T) {
	t.Parallel()
	max := rp(math.MaxInt64)
	for _, c := range []struct {
		name    string
		total   money.Amount
		weights []money.Amount
		err     error
	}{
		{"no weights", rp(1), nil, money.ErrNoLines},
		{"negative weight", rp(1), []money.Amount{rp(1), rp(-1)}, money.ErrNegative},
		{"weight of 13 digits", rp(1), []money.Amount{rp(1_000_000_000_000)}, money.ErrTooLarge},
		{"total above int64", max.Add(rp(1)), []money.Amount{rp(1)}, money.ErrTooLarge},
		{"total below int64", rp(0).Sub(max).Sub(rp(1)), []money.Amount{rp(1)}, money.ErrTooLarge},
	} {
		if got, err := money.Spread(c.total, c.weights); !errors.Is(err, c.err) || got != nil {
			t.Errorf("%s: %v, %v, want %v", c.name, got, err, c.err)
		}
	}
}

func TestSplit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		total    money.Amount
		quantity int
	}{{rp(-1), 1}, {rp(1_000_000_000_000), 1}, {rp(1), 0}, {rp(1), -1}, {rp(1), 10000}} {
		if got := money.Split(c.total, c.quantity); got != nil {
			t.Errorf("Split(%s, %d) = %v, want nil", c.total, c.quantity, got)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		total := rp(rapid.Int64Range(0, 999_999_999_999).Draw(t, "total"))
		quantity := rapid.IntRange(1, 9999).Draw(t, "quantity")
		parts := money.Split(total, quantity)
		sum, pieces := rp(0), 0
		for _, p := range parts {
			sum = sum.Add(p.Price.Mul(int64(p.Quantity)))
			pieces += p.Quantity
		}
		if !sum.Equal(total) || pieces != quantity {
			t.Errorf("%v adds up to %s for %d pieces", parts, sum, pieces)
		}
		switch len(parts) {
		case 1:
		case 2:
			if !parts[1].Price.Equal(parts[0].Price.Add(rp(1))) {
				t.Errorf("prices of %v are not a rupiah apart", parts)
			}
		default:
			t.Errorf("%d parts", len(parts))
		}
	})
}

func BenchmarkAllocate(b *testing.B) {
	lines := []money.Line{
		{Price: rp(75000), Quantity: 2}, {Price: rp(12500), Quantity: 3, Discount: rp(2500)},
		{Price: rp(199000), Quantity: 1}, {Price: rp(8000), Quantity: 7}, {Price: rp(45000), Quantity: 1},
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := money.Allocate(rp(450001), lines); err != nil {
			b.Fatal(err)
		}
	}
}

// Three shirts of Rp35.000 with a voucher of Rp5.000 cost Rp100.000, which three does not divide.
func ExampleAllocate() {
	parts, err := money.Allocate(money.Rupiah(100000), []money.Line{{Price: money.Rupiah(35000), Quantity: 3}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, p := range parts {
		fmt.Println(p.Quantity, "x", p.Price.Format())
	}
	// Output:
	// 2 x Rp33.333
	// 1 x Rp33.334
}
