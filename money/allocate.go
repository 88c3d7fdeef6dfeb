package money

import (
	"cmp"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"
)

// MaxQuantity is the most pieces one line may have: DOKU allows four digits (its Kredivo page).
const MaxQuantity = 9999

// A Line is one line of a cart, as the shop knows it.
type Line struct {
	Price    Amount // of one piece
	Quantity int    // pieces, 1 to MaxQuantity
	Discount Amount // for the whole line, at most Price x Quantity
}

// A Part is a line as DOKU can take it: a whole price for one piece.
type Part struct {
	Line     int // index of the Line it came from
	Price    Amount
	Quantity int
}

// Causes of an AllocateError, beside ErrNegative and ErrTooLarge.
var (
	ErrNoLines  = errors.New("money: nothing to spread over")
	ErrQuantity = fmt.Errorf("money: quantity is not 1 to %d", MaxQuantity)
	ErrDiscount = errors.New("money: discount is more than the line")
)

// An AllocateError says why a total cannot be spread over lines.
type AllocateError struct {
	Line       int    // index of the line at fault, -1 for the total
	Difference Amount // how much the discount is above the line, or the total below Rp0; else Rp0
	Err        error  // ErrNoLines, ErrQuantity, ErrDiscount, ErrNegative or ErrTooLarge
}

// Error names the line, counted from 0, the cause and the difference.
func (e *AllocateError) Error() string {
	where := "the total"
	if e.Line >= 0 {
		where = fmt.Sprintf("line %d", e.Line)
	}
	by := ""
	if !e.Difference.IsZero() {
		by = " by " + e.Difference.Format()
	}
	return fmt.Sprintf("money: cannot allocate %s: %s%s", where, strings.TrimPrefix(e.Err.Error(), "money: "), by)
}

// Unwrap returns the cause.
func (e *AllocateError) Unwrap() error { return e.Err }

// Allocate turns lines into parts whose prices are whole and for which sum(price x quantity) is exactly total,
// as DOKU demands. What total is above (shipping, tax, a fee) or below (a discount on the order) the value of
// the lines is spread over them in proportion to their value, see Spread. A line whose new value does not
// divide by its pieces becomes two parts, see Split. Lines keep their order, and the result depends on nothing
// but the arguments.
//
// Charges that have a line of their own, such as shipping, stay out of both total and lines.
// An impossible request gives an *AllocateError and no parts.
func Allocate(total Amount, lines []Line) ([]Part, error) {
	if err := total.check(); err != nil {
		e := &AllocateError{Line: -1, Err: err}
		if total.IsNegative() {
			e.Difference = Amount{}.Sub(total)
		}
		return nil, e
	}
	values := make([]Amount, len(lines))
	rest := total
	for i, l := range lines {
		v, err := l.value()
		if err != nil {
			err.Line = i
			return nil, err
		}
		values[i] = v
		rest = rest.Sub(v)
	}
	shares, err := Spread(rest, values)
	if err != nil {
		return nil, &AllocateError{Line: -1, Err: err}
	}
	parts := make([]Part, 0, len(lines)+1)
	for i, l := range lines {
		for _, p := range Split(values[i].Add(shares[i]), l.Quantity) {
			p.Line = i
			parts = append(parts, p)
		}
	}
	return parts, nil
}

// value returns what the line costs, or why it cannot be sold.
func (l Line) value() (Amount, *AllocateError) {
	if l.Quantity < 1 || l.Quantity > MaxQuantity {
		return Amount{}, &AllocateError{Err: ErrQuantity}
	}
	full := l.Price.Mul(int64(l.Quantity))
	for _, a := range []Amount{l.Price, l.Discount, full} {
		if err := a.check(); err != nil {
			return Amount{}, &AllocateError{Err: err}
		}
	}
	v := full.Sub(l.Discount)
	if v.IsNegative() {
		return Amount{}, &AllocateError{Err: ErrDiscount, Difference: Amount{}.Sub(v)}
	}
	return v, nil
}

// Spread divides total, which may be negative, into one share for each weight, in proportion to the weights.
// Shares are rounded towards zero; the rupiah left over go one each to the shares that lost most by rounding,
// at equal loss to the earlier one. So the shares add up to total, none is off by a rupiah or more, and a
// negative total never takes more from a share than its weight while it is no larger than all weights together.
// When all weights are zero the division is even.
//
// It is an ErrNoLines without weights, and an ErrAmount when a weight is out of range or total does not fit
// an int64.
func Spread(total Amount, weights []Amount) ([]Amount, error) {
	if len(weights) == 0 {
		return nil, ErrNoLines
	}
	if total.d.Cmp(maxInt64) > 0 || total.d.Cmp(minInt64) <= 0 {
		return nil, ErrTooLarge
	}
	ws := make([]uint64, len(weights))
	var sum uint64 // of at most 12 digits each: no slice is long enough to overflow it
	for i, w := range weights {
		if err := w.check(); err != nil {
			return nil, err
		}
		ws[i] = uint64(w.Int64())
		sum += ws[i]
	}
	if sum == 0 {
		for i := range ws {
			ws[i] = 1
		}
		sum = uint64(len(ws))
	}

	sign := int64(1)
	if total.IsNegative() {
		sign = -1
	}
	left := uint64(total.Int64() * sign)
	shares, losses, order := make([]uint64, len(ws)), make([]uint64, len(ws)), make([]int, len(ws))
	whole := left
	for i, w := range ws {
		hi, lo := bits.Mul64(whole, w)
		shares[i], losses[i] = bits.Div64(hi, lo, sum) // w <= sum, so hi < sum
		left -= shares[i]
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(losses[b], losses[a]) })
	for _, i := range order[:left] { // the losses add up to left x sum, so left < len(order)
		shares[i]++
	}

	out := make([]Amount, len(shares))
	for i, s := range shares {
		out[i] = Rupiah(int64(s) * sign)
	}
	return out, nil
}

// Split divides total over pieces so that each has a whole price: n-r pieces at q = total/n and, when the
// remainder r is not zero, r pieces at q+1. It returns one or two parts with Line 0, or nil when total is out
// of range or quantity is not 1 to MaxQuantity.
func Split(total Amount, quantity int) []Part {
	if !total.InRange() || quantity < 1 || quantity > MaxQuantity {
		return nil
	}
	q, r := total.Int64()/int64(quantity), int(total.Int64()%int64(quantity))
	if r == 0 {
		return []Part{{Price: Rupiah(q), Quantity: quantity}}
	}
	return []Part{
		{Price: Rupiah(q), Quantity: quantity - r},
		{Price: Rupiah(q + 1), Quantity: r},
	}
}
