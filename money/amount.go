// Package money holds amounts of whole rupiah, the only money DOKU and Kredivo move.
//
// An Amount is exact, immutable and never touches a float. Text from outside is read with Parse, ParseJSON,
// UnmarshalJSON or Scan, which accept what gateways and databases really send (150000, 150000.00,
// "150000.00", 1.5E5) and refuse everything else; amounts leave as JSON integer literals. Allocate makes
// the lines of an order add up to its amount.
//
// Everything in this package is safe for concurrent use.
package money

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/shopspring/decimal"
)

// MaxDigits is the length DOKU allows for order.amount and for the price of a line (its Kredivo page).
const MaxDigits = 12

const maxRupiah = 999_999_999_999 // MaxDigits nines

// Every error about an amount is an ErrAmount, so that a caller may test for the family or for one cause.
// No message holds the input: it may be a shopper's.
var (
	ErrAmount   = errors.New("money: invalid amount")
	ErrSyntax   = fmt.Errorf("%w: not a plain number", ErrAmount)
	ErrFraction = fmt.Errorf("%w: has a fraction of a rupiah", ErrAmount)
	ErrNegative = fmt.Errorf("%w: negative", ErrAmount)
	ErrTooLarge = fmt.Errorf("%w: more than %d digits", ErrAmount, MaxDigits)
)

// Bounds for Cmp, which does not allocate; never written to.
var (
	maxAmount = decimal.New(maxRupiah, 0)
	maxInt64  = decimal.New(math.MaxInt64, 0)
	minInt64  = decimal.New(math.MinInt64, 0)
)

// An Amount is a number of whole rupiah. The zero value is Rp0. Amounts are immutable values: copy and
// share them freely. They do not compare with ==, which would compare pointers; use Equal or Cmp.
//
// Arithmetic is exact at any size and may pass through negative or very large intermediate results. The
// range of DOKU's fields (InRange) is enforced where an amount enters or leaves the process.
type Amount struct {
	_ [0]func()       // forbids ==
	d decimal.Decimal // always with exponent 0
}

// Rupiah returns n rupiah. Any n is allowed, also a negative one for a difference.
func Rupiah(n int64) Amount { return Amount{d: decimal.New(n, 0)} }

// FromDecimal returns d as an Amount when it is whole and in range, else an ErrAmount.
// Its cost does not depend on the size of the exponent.
func FromDecimal(d decimal.Decimal) (Amount, error) {
	if d.IsZero() {
		return Amount{}, nil
	}
	if d.IsNegative() {
		return Amount{}, ErrNegative
	}
	// NumDigits may be off by one, so this only bounds the work; the exact check follows.
	digits := int64(d.NumDigits()) + int64(d.Exponent()) // before the decimal point
	if digits > MaxDigits+1 {
		return Amount{}, ErrTooLarge
	}
	if digits < 0 || !d.IsInteger() {
		return Amount{}, ErrFraction
	}
	if a := Rupiah(d.IntPart()); a.InRange() {
		return a, nil
	}
	return Amount{}, ErrTooLarge
}

// Add returns a + b.
func (a Amount) Add(b Amount) Amount { return Amount{d: a.d.Add(b.d)} }

// Sub returns a - b, which may be negative.
func (a Amount) Sub(b Amount) Amount { return Amount{d: a.d.Sub(b.d)} }

// Mul returns a taken n times.
func (a Amount) Mul(n int64) Amount { return Amount{d: a.d.Mul(decimal.New(n, 0))} }

// Cmp returns -1 when a < b, 0 when they are equal and 1 when a > b.
func (a Amount) Cmp(b Amount) int { return a.d.Cmp(b.d) }

// Equal reports whether a and b are the same number of rupiah. go-cmp uses it too.
func (a Amount) Equal(b Amount) bool { return a.d.Cmp(b.d) == 0 }

// IsZero reports whether a is Rp0.
func (a Amount) IsZero() bool { return a.d.IsZero() }

// IsNegative reports whether a is below Rp0.
func (a Amount) IsNegative() bool { return a.d.IsNegative() }

// InRange reports whether a fits DOKU's fields: not negative, at most MaxDigits digits.
func (a Amount) InRange() bool { return !a.d.IsNegative() && a.d.Cmp(maxAmount) <= 0 }

// Int64 returns a as an int64. It is exact for every amount that fits, and so for every amount InRange;
// a larger or smaller one gives the nearest int64.
func (a Amount) Int64() int64 {
	switch {
	case a.d.Cmp(maxInt64) > 0:
		return math.MaxInt64
	case a.d.Cmp(minInt64) < 0:
		return math.MinInt64
	}
	return a.d.CoefficientInt64()
}

// Decimal returns a as a decimal.Decimal with exponent 0, for hosts that compute with that type.
func (a Amount) Decimal() decimal.Decimal { return a.d }

// String returns the digits of a, for example "150000" or "-5".
func (a Amount) String() string {
	if a.InRange() {
		return strconv.FormatInt(a.Int64(), 10)
	}
	return a.d.String()
}

// Format returns a as Indonesians write it, with dots between the thousands: "Rp1.234.567", "-Rp5".
func (a Amount) Format() string {
	digits, negative := strings.CutPrefix(a.String(), "-")
	var b strings.Builder
	if negative {
		b.WriteByte('-')
	}
	b.WriteString("Rp")
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte('.')
		}
		b.WriteByte(digits[i])
	}
	return b.String()
}
