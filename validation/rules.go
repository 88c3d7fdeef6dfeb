package validation

import (
	"fmt"
	"net/netip"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/go-playground/validator/v10"

	"github.com/paylater-go/paylater/money"
)

const (
	maxInvoice     = 64 // DOKU's Kredivo page
	minPhoneDigits = 8
	maxPhoneDigits = 15 // E.164; DOKU takes up to 16 characters
)

// rules returns our struct tags. country3 is missing: it is another name for a rule of the validator package.
func rules() map[string]validator.Func {
	return map[string]validator.Func{
		"invoice_number": func(fl validator.FieldLevel) bool { return isInvoiceNumber(fl.Field().String()) },
		"rupiah":         func(fl validator.FieldLevel) bool { return isRupiah(fl.Field(), 1) },
		"rupiah0":        func(fl validator.FieldLevel) bool { return isRupiah(fl.Field(), 0) },
		"sum_of":         addsUp,
		"quantity":       func(fl validator.FieldLevel) bool { return isQuantity(fl.Field()) },
		"https_url":      func(fl validator.FieldLevel) bool { return isHTTPS(fl.Field().String(), fl.Param() == "loopback") },
		"phone_id":       func(fl validator.FieldLevel) bool { return isPhone(fl.Field().String()) },
		"no_control":     func(fl validator.FieldLevel) bool { return !hasControl(fl.Field().String()) },
	}
}

// registerAmount shows a money.Amount to every rule as an int64, the validator's own number. An amount outside
// int64 shows as the nearest one, far out of range.
func registerAmount(v *validator.Validate) {
	v.RegisterCustomTypeFunc(func(f reflect.Value) any {
		a, _ := amountIn(f)
		return a.Int64()
	}, money.Amount{})
}

func isInvoiceNumber(s string) bool {
	if len(s) > maxInvoice || strings.Trim(s, ".") == "" { // a path segment of dots means a directory
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

func isRupiah(f reflect.Value, least int64) bool {
	return f.CanInt() && f.Int() >= least && money.Rupiah(f.Int()).InRange()
}

func isQuantity(f reflect.Value) bool {
	if f.CanUint() {
		return f.Uint() >= 1 && f.Uint() <= money.MaxQuantity
	}
	return f.CanInt() && f.Int() >= 1 && f.Int() <= money.MaxQuantity
}

// addsUp is the rule sum_of.
func addsUp(fl validator.FieldLevel) bool {
	parent := pointee(fl.Parent())
	amount, ok := amountIn(parent.FieldByName(fl.StructFieldName()))
	if !ok {
		panic(fmt.Sprintf("validation: sum_of on %s, which is no money.Amount", fl.StructFieldName()))
	}
	sum, lines := sumOf(parent, fl.Param())
	return lines == 0 || sum.Equal(amount)
}

// sumOf adds up Price x Quantity over the slice in the named field of parent. A field that does not have this
// shape is a mistake in a struct tag.
func sumOf(parent reflect.Value, name string) (sum money.Amount, lines int) {
	list := parent.FieldByName(name)
	if !list.IsValid() || list.Kind() != reflect.Slice {
		panic(fmt.Sprintf("validation: sum_of=%s names no slice of %s", name, parent.Type()))
	}
	for i := range list.Len() {
		line := pointee(list.Index(i))
		if !line.IsValid() { // a nil line is worth nothing
			continue
		}
		price, ok := amountIn(line.FieldByName("Price"))
		quantity := line.FieldByName("Quantity")
		if !ok || !quantity.IsValid() || !quantity.CanInt() {
			panic(fmt.Sprintf("validation: sum_of=%s: %s has no Price in money.Amount and Quantity in int", name, line.Type()))
		}
		sum = sum.Add(price.Mul(quantity.Int()))
	}
	return sum, list.Len()
}

// amountIn returns the money.Amount in f.
func amountIn(f reflect.Value) (money.Amount, bool) {
	f = pointee(f)
	if !f.IsValid() || !f.CanInterface() {
		return money.Amount{}, false
	}
	a, ok := f.Interface().(money.Amount)
	return a, ok
}

// isHTTPS is stricter than the validator package's url and http_url, which take URLs without a usable host and
// with a password in them.
func isHTTPS(s string, loopback bool) bool {
	if hasControl(s) || strings.ContainsFunc(s, unicode.IsSpace) || strings.Contains(s, `\`) {
		return false
	}
	u, err := url.Parse(s)
	if err != nil || u.Hostname() == "" || u.User != nil || !validPort(u) {
		return false
	}
	return u.Scheme == "https" || loopback && u.Scheme == "http" && isLoopback(u.Hostname())
}

func validPort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && n > 0
}

func isLoopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// isPhone checks the form alone: which numbers exist changes too often to refuse a shopper over it.
func isPhone(s string) bool {
	if len(s) < minPhoneDigits || len(s) > maxPhoneDigits || s[0] == '0' || strings.HasPrefix(s, "620") {
		return false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// hasControl reports characters that must not reach a text field: they hide or reorder what a person reads, or
// break a line.
func hasControl(s string) bool {
	return !utf8.ValidString(s) || strings.ContainsFunc(s, isControl)
}

func isControl(r rune) bool {
	switch {
	case unicode.IsControl(r), r == '\u2028', r == '\u2029': // controls, line and paragraph separators
		return true
	case r == '\u200e', r == '\u200f', r >= '\u202a' && r <= '\u202e', r >= '\u2066' && r <= '\u2069': // direction marks
		return true
	}
	return r == '\ufeff' // byte order mark
}
