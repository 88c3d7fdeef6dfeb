package money_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"testing"

	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/paylater-go/paylater/money"
)

func TestZeroValue(t *testing.T) {
	t.Parallel()
	var a money.Amount
	if !a.IsZero() || !a.InRange() || a.IsNegative() || a.Int64() != 0 || a.String() != "0" || a.Format() != "Rp0" {
		t.Errorf("zero value is %s (%s)", a, a.Format())
	}
	if !a.Equal(money.Rupiah(0)) {
		t.Error("zero value differs from Rupiah(0)")
	}
	if got := a.Add(money.Rupiah(7)).Sub(a).Mul(2); !got.Equal(money.Rupiah(14)) {
		t.Errorf("zero value in arithmetic gives %s, want 14", got)
	}
}

func TestFormat(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		0: "Rp0", 5: "Rp5", -5: "-Rp5", 999: "Rp999", 1000: "Rp1.000", -1000: "-Rp1.000", 12345: "Rp12.345",
		123456: "Rp123.456", 1234567: "Rp1.234.567", 999_999_999_999: "Rp999.999.999.999",
		math.MinInt64: "-Rp9.223.372.036.854.775.808",
	} {
		if got := money.Rupiah(n).Format(); got != want {
			t.Errorf("Rupiah(%d).Format() = %q, want %q", n, got, want)
		}
	}
}

func TestRange(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]bool{
		-1: false, 0: true, 999_999_999_999: true, 1_000_000_000_000: false, math.MaxInt64: false,
	} {
		if got := money.Rupiah(n).InRange(); got != want {
			t.Errorf("Rupiah(%d).InRange() = %v, want %v", n, got, want)
		}
	}
}

func TestInt64SaturatesOutsideItsRange(t *testing.T) {
	t.Parallel()
	top, bottom := money.Rupiah(math.MaxInt64), money.Rupiah(math.MinInt64)
	one := money.Rupiah(1)
	for _, c := range []struct {
		a    money.Amount
		want int64
	}{
		{top, math.MaxInt64}, {top.Add(one), math.MaxInt64}, {top.Mul(1000), math.MaxInt64},
		{bottom, math.MinInt64}, {bottom.Sub(one), math.MinInt64}, {top.Sub(one), math.MaxInt64 - 1},
	} {
		if got := c.a.Int64(); got != c.want {
			t.Errorf("(%s).Int64() = %d, want %d", c.a, got, c.want)
		}
	}
}

func TestArithmeticIsExact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x, y := rapid.Int64().Draw(t, "x"), rapid.Int64().Draw(t, "y")
		a, b := money.Rupiah(x), money.Rupiah(y)
		bx, by := big.NewInt(x), big.NewInt(y)
		for _, c := range []struct {
			op   string
			got  money.Amount
			want *big.Int
		}{
			{"+", a.Add(b), new(big.Int).Add(bx, by)},
			{"-", a.Sub(b), new(big.Int).Sub(bx, by)},
			{"*", a.Mul(y), new(big.Int).Mul(bx, by)},
		} {
			if c.got.String() != c.want.String() {
				t.Errorf("%d %s %d = %s, want %s", x, c.op, y, c.got, c.want)
			}
			if c.got.Decimal().Exponent() != 0 {
				t.Errorf("%d %s %d has exponent %d", x, c.op, y, c.got.Decimal().Exponent())
			}
		}
		if got, want := a.Cmp(b), bx.Cmp(by); got != want || a.Equal(b) != (want == 0) {
			t.Errorf("Cmp(%d, %d) = %d, Equal %v, want %d", x, y, got, a.Equal(b), want)
		}
		if a.Int64() != x || b.Int64() != y {
			t.Errorf("operands changed to %s and %s", a, b)
		}
	})
}

func TestFromDecimal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		d    decimal.Decimal
		want string
		err  error
	}{
		{decimal.Decimal{}, "0", nil},
		{decimal.New(0, 2_000_000_000), "0", nil},
		{decimal.New(0, -2_000_000_000), "0", nil},
		{decimal.New(150000, 0), "150000", nil},
		{decimal.New(15000000, -2), "150000", nil},
		{decimal.New(15, 4), "150000", nil},
		{decimal.New(1, 11), "100000000000", nil},
		{decimal.New(1000, 8), "100000000000", nil},
		{decimal.New(999_999_999_999_000, -3), "999999999999", nil},
		{decimal.NewFromBigInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(100), nil), -95), "100000", nil},
		{decimal.New(1, 12), "", money.ErrTooLarge},
		{decimal.New(1000, 9), "", money.ErrTooLarge},
		{decimal.New(1, math.MaxInt32), "", money.ErrTooLarge},
		{decimal.New(1, math.MinInt32+1), "", money.ErrFraction},
		{decimal.New(1, -1), "", money.ErrFraction},
		{decimal.New(15000001, -2), "", money.ErrFraction},
		{decimal.New(-1, 0), "", money.ErrNegative},
		{decimal.New(-1, math.MaxInt32), "", money.ErrNegative},
	} {
		got, err := money.FromDecimal(c.d)
		if !errors.Is(err, c.err) || err == nil && got.String() != c.want {
			t.Errorf("FromDecimal(%d x 10^%d) = %s, %v, want %s, %v",
				c.d.Coefficient(), c.d.Exponent(), got, err, c.want, c.err)
		}
	}
}

func ExampleAmount_Format() {
	fmt.Println(money.Rupiah(1234567).Format())
	fmt.Println(money.Rupiah(10000).Sub(money.Rupiah(15000)).Format())
	// Output:
	// Rp1.234.567
	// -Rp5.000
}
