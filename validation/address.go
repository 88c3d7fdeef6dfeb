package validation

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
)

// countries is the rule behind country3. Its list holds countries only: no groups such as EUE, no withdrawn and
// no private codes.
const countries = "iso3166_1_alpha3"

// maxName is DOKU's limit for customer.first_name and last_name (its Kredivo page).
const maxName = 255

// ErrCountry says that a country is not known. It does not hold the text.
var ErrCountry = errors.New("validation: unknown country: want an ISO 3166-1 code of two or three letters")

// Text makes s fit a text field of at most maxRunes characters: line breaks, tabs and runs of space become one
// space, control characters and direction marks go, ends are trimmed, and what is too long is cut between
// characters, never inside one. Letters of any language stay as they are. The result shares no memory with s
// and always passes the rule no_control.
func Text(s string, maxRunes int) string {
	var b strings.Builder
	n, space := 0, false
	for _, r := range s {
		if unicode.IsSpace(r) {
			space = n > 0
			continue
		}
		if isControl(r) || r == utf8.RuneError {
			continue
		}
		if space {
			n++
		}
		if n >= maxRunes {
			break
		}
		if space {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
		n++
		space = false
	}
	return b.String()
}

// Address joins the parts of an Indonesian address for DOKU's single address field, by custom street, RT/RW,
// kelurahan, kecamatan: each cleaned as by Text, empty ones left out, with ", " between.
func Address(parts ...string) string {
	kept := make([]string, 0, len(parts))
	for _, p := range parts {
		if p = Text(p, len(p)); p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, ", ")
}

// Name splits a full name for DOKU's two fields: the first word and the rest, each cleaned and cut as by Text.
// Many Indonesians have one name; for them last is empty, which DOKU allows.
func Name(full string) (first, last string) {
	first, last, _ = strings.Cut(Text(full, len(full)), " ")
	return Text(first, maxName), Text(last, maxName)
}

// PostalCode cleans a postal code, which is text: foreign ones have letters. ok tells whether it is an
// Indonesian one, five digits from 10000 on. If not, warn at most: sloppy codes do not stop a parcel.
func PostalCode(s string) (code string, ok bool) {
	code = Text(s, len(s))
	digits, plus, isNumber := dialled(code)
	if !isNumber || plus || len(digits) != 5 || digits[0] == '0' {
		return code, false
	}
	return digits, true
}

// Country returns the ISO 3166-1 alpha-3 code that DOKU wants ("IDN") for an alpha-2 or alpha-3 code of any
// country in any case, or for the name Indonesia. Anything else is an ErrCountry.
func Country(s string) (string, error) {
	s = strings.TrimSpace(s)
	if strings.EqualFold(s, "Indonesia") {
		return "IDN", nil
	}
	if len(s) != 2 && len(s) != 3 || strings.ContainsFunc(s, unicode.IsDigit) { // 360 is a code of another kind
		return "", ErrCountry
	}
	region, err := language.ParseRegion(s)
	if err != nil || shared().validate.Var(region.ISO3(), countries) != nil {
		return "", ErrCountry
	}
	return region.ISO3(), nil
}
