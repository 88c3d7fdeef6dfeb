package validation

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// Causes for which a phone number is refused; each is an ErrPhone. No message holds the number.
var (
	ErrPhone          = errors.New("validation: invalid phone number")
	ErrPhoneCharacter = fmt.Errorf("%w: has characters that are not part of a number", ErrPhone)
	ErrPhoneLength    = fmt.Errorf("%w: not 8 to 15 digits, or too short for Indonesia", ErrPhone)
	ErrPhoneCountry   = fmt.Errorf("%w: starts neither with 0, 8, 62 nor with + and a country code", ErrPhone)
)

// A PhoneNumber is a number in DOKU's form.
type PhoneNumber struct {
	Digits   string // calling code and national number, no +: 6281234567890
	Landline bool   // known to be a fixed line: worth a warning, a Kredivo account needs a mobile phone
}

// Phone returns the Digits of ParsePhone.
func Phone(s string) (string, error) {
	n, err := ParsePhone(s)
	return n.Digits, err
}

// ParsePhone reads a phone number as Indonesians type it: 0812-3456-7890, (0812) 34567890, +62 812...,
// 62812..., 0062812..., 812..., also with a zero kept after 62, and with Arabic-Indic or full-width digits. A
// number from elsewhere needs its + or 00. Digits that start with 8 are an Indonesian mobile number without its
// zero, so a Japanese number without its + is misread.
//
// The length is checked, the operator is not: prefixes are new every year. A foreign number is held to the
// general form of E.164 alone. The error is one of the ErrPhone family. The result always passes the rule
// phone_id.
//
// The numbering plans of the world would add 5 MB to every program that takes a payment, and an Indonesian
// number needs none of them: they are the oracle of this function's tests instead.
func ParsePhone(s string) (PhoneNumber, error) {
	digits, plus, ok := dialled(s)
	if !ok {
		return PhoneNumber{}, ErrPhoneCharacter
	}
	switch {
	case plus:
	case strings.HasPrefix(digits, "00"):
		digits = digits[2:]
	case strings.HasPrefix(digits, "0"):
		digits = "62" + digits[1:]
	case strings.HasPrefix(digits, "8"):
		digits = "62" + digits
	case !strings.HasPrefix(digits, "62"):
		if len(digits) < minPhoneDigits {
			return PhoneNumber{}, ErrPhoneLength
		}
		return PhoneNumber{}, ErrPhoneCountry
	}
	if strings.HasPrefix(digits, "0") {
		return PhoneNumber{}, ErrPhoneCountry
	}
	national, indonesian := strings.CutPrefix(digits, "62")
	if indonesian {
		national = strings.TrimPrefix(national, "0") // the trunk zero, kept after the country code
		digits = "62" + national
		if len(national) < minNationalDigits {
			return PhoneNumber{}, ErrPhoneLength
		}
	}
	if !isPhone(digits) {
		return PhoneNumber{}, ErrPhoneLength
	}
	return PhoneNumber{Digits: digits, Landline: indonesian && national[0] != '8'}, nil
}

// minNationalDigits is the length of the shortest Indonesian numbers, of rural fixed lines, without the
// trunk zero.
const minNationalDigits = 7

// dialled returns the digits of s in ASCII and whether a plus stands before them. It is not ok when s holds
// anything but digits and what people put between them. A zero in brackets after the country code, as in
// +44 (0)7911, is the trunk zero and is not dialled from abroad.
func dialled(s string) (digits string, plus, ok bool) {
	var b strings.Builder
	for _, r := range strings.Replace(s, "(0)", "", 1) {
		d, isDigit := asciiDigit(r)
		switch {
		case isDigit:
			b.WriteByte(d)
		case r == '+' || r == '＋':
			if plus || b.Len() > 0 {
				return "", false, false
			}
			plus = true
		case unicode.IsSpace(r), unicode.Is(unicode.Pd, r), unicode.Is(unicode.Cf, r), strings.ContainsRune("()./−（）．", r):
		default:
			return "", false, false
		}
	}
	return b.String(), plus, true
}

// asciiDigit converts a digit of the scripts that keyboards in Indonesia produce.
func asciiDigit(r rune) (byte, bool) {
	for _, zero := range []rune{'0', '\u0660', '\u06f0', '\uff10'} { // ASCII, Arabic-Indic, Persian, full-width
		if zero <= r && r <= zero+9 {
			return byte('0' + r - zero), true
		}
	}
	return 0, false
}
