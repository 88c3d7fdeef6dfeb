package money

import "strings"

// Bounds of the grammar, checked before any arithmetic, so that 1e99999 costs no more than 1.
const (
	maxText     = 24 // characters: 12 digits, a fraction of zeros and an exponent, with room
	maxExponent = 2  // digits: Java prints large doubles as 1.5E7; nothing sends three
)

// Parse reads an amount from text that came from outside: 150000, 150000.00, 1.5E5. The text must have the
// grammar of a JSON number without a sign: no spaces, leading zeros, bare dots, hex or NaN. The number must
// be whole and in range, 0 to 999999999999. The error is one of the ErrAmount family.
//
// "150.000" is refused: an Indonesian means 150 thousand by it, a machine 150.
func Parse(s string) (Amount, error) {
	whole, fraction, _ := strings.Cut(s, ".")
	if len(whole) <= 3 && fraction == "000" {
		return Amount{}, ErrSyntax
	}
	return parseNumber(s)
}

// ParseJSON reads an amount from one JSON token that came from outside, without spaces around it: a number
// without a sign, or a string with text that Parse accepts. Everything else, null included, is an ErrAmount.
func ParseJSON(raw []byte) (Amount, error) {
	if n := len(raw); n >= 2 && raw[0] == '"' && raw[n-1] == '"' {
		return Parse(string(raw[1 : n-1]))
	}
	return parseNumber(string(raw))
}

// parseNumber reads digits [. digits] [e digits]. It works on the digits alone: value = digits x 10^scale.
func parseNumber(s string) (Amount, error) {
	if len(s) > maxText {
		return Amount{}, ErrSyntax
	}
	whole, rest := leadingDigits(s)
	if whole == "" && strings.HasPrefix(s, "-") {
		return Amount{}, ErrNegative
	}
	if whole == "" || len(whole) > 1 && whole[0] == '0' {
		return Amount{}, ErrSyntax
	}
	fraction, rest, ok := fractionOf(rest)
	if !ok {
		return Amount{}, ErrSyntax
	}
	exponent, ok := exponentOf(rest)
	if !ok {
		return Amount{}, ErrSyntax
	}

	digits := strings.TrimLeft(whole+fraction, "0")
	significant := strings.TrimRight(digits, "0")
	scale := exponent - len(fraction) + len(digits) - len(significant)
	switch {
	case significant == "":
		return Amount{}, nil
	case scale < 0:
		return Amount{}, ErrFraction
	case len(significant)+scale > MaxDigits:
		return Amount{}, ErrTooLarge
	}
	var n int64
	for i := range len(significant) {
		n = n*10 + int64(significant[i]-'0')
	}
	for range scale {
		n *= 10
	}
	return Rupiah(n), nil
}

// fractionOf reads an optional dot with at least one digit after it.
func fractionOf(s string) (digits, rest string, ok bool) {
	if !strings.HasPrefix(s, ".") {
		return "", s, true
	}
	digits, rest = leadingDigits(s[1:])
	return digits, rest, digits != ""
}

// exponentOf reads an optional exponent, which must be all that is left.
func exponentOf(s string) (exponent int, ok bool) {
	if s == "" {
		return 0, true
	}
	if s[0] != 'e' && s[0] != 'E' {
		return 0, false
	}
	s, negative := strings.CutPrefix(s[1:], "-")
	if !negative {
		s = strings.TrimPrefix(s, "+")
	}
	digits, rest := leadingDigits(s)
	if digits == "" || len(digits) > maxExponent || rest != "" {
		return 0, false
	}
	for i := range len(digits) {
		exponent = exponent*10 + int(digits[i]-'0')
	}
	if negative {
		exponent = -exponent
	}
	return exponent, true
}

// leadingDigits splits s after its ASCII digits.
func leadingDigits(s string) (digits, rest string) {
	i := 0
	for i < len(s) && '0' <= s[i] && s[i] <= '9' {
		i++
	}
	return s[:i], s[i:]
}
