package validation_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nyaruka/phonenumbers"
	"pgregory.net/rapid"

	"github.com/paylater-go/paylater/validation"
)

var phoneCases = []struct {
	typed    string
	digits   string
	landline bool
	err      error
}{
	{"0812-3456-7890", "6281234567890", false, nil},
	{"0812 3456 7890", "6281234567890", false, nil},
	{"(0812) 34567890", "6281234567890", false, nil},
	{"+62 812-3456-7890", "6281234567890", false, nil},
	{"6281234567890", "6281234567890", false, nil},
	{"006281234567890", "6281234567890", false, nil},
	{"+62 0812 3456 7890", "6281234567890", false, nil},
	{"+62 (0)812 3456 7890", "6281234567890", false, nil},
	{"62081234567890", "6281234567890", false, nil},
	{"0062 0812 3456 7890", "6281234567890", false, nil},
	{"81234567890", "6281234567890", false, nil},
	{"\t0812.3456.7890 \n", "6281234567890", false, nil},
	{"0812\u20113456\u20137890", "6281234567890", false, nil},                // non-breaking hyphen, en dash
	{"0812\u00a03456\u00a07890", "6281234567890", false, nil},                // non-breaking spaces
	{"\u202a+62 812\u20113456\u20117890\u202c", "6281234567890", false, nil}, // as copied from a chat
	{"\u0660\u0668\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669\u0660", "6281234567890", false, nil},
	{"\u06f0\u06f8\u06f1\u06f2\u06f3\u06f4\u06f5\u06f6\u06f7\u06f8\u06f9\u06f0", "6281234567890", false, nil},
	{"０８１２－３４５６－７８９０", "6281234567890", false, nil},
	{"＋62 812 3456 7890", "6281234567890", false, nil},
	{"081122334455", "6281122334455", false, nil},
	{"0899999999999", "62899999999999", false, nil}, // 13 digits, the longest
	{"0840 1234 5678", "6284012345678", false, nil}, // a prefix that no operator has today
	{"021-8088 8888", "622180888888", true, nil},
	{"+62 21 8088 8888", "622180888888", true, nil},
	{"+65 9123 4567", "6591234567", false, nil},
	{"0065 9123 4567", "6591234567", false, nil},
	{"+44 (0)7911 123456", "447911123456", false, nil},
	{"+1 415 555 2671", "14155552671", false, nil},
	{"+39 06 1234 5678", "390612345678", false, nil}, // Rome keeps its zero
	{"+81 80 1234 5678", "818012345678", false, nil},

	{"", "", false, validation.ErrPhoneLength},
	{"+", "", false, validation.ErrPhoneLength},
	{"0", "", false, validation.ErrPhoneLength},
	{"0812", "", false, validation.ErrPhoneLength},
	{"0812345678901234", "", false, validation.ErrPhoneLength},
	{"+62 812 3456 7890 1234", "", false, validation.ErrPhoneLength},
	{"+65 9123", "", false, validation.ErrPhoneLength},
	{"+62 123456", "", false, validation.ErrPhoneLength},
	{"+62 0812 3456 7890 12", "628123456789012", false, nil}, // 15 digits without the kept zero
	{strings.Repeat("1", 1<<20), "", false, validation.ErrPhoneCountry},
	{strings.Repeat("8", 1<<20), "", false, validation.ErrPhoneLength},
	{"0812-CALL-ME", "", false, validation.ErrPhoneCharacter},
	{"0812 3456 7890 ext 5", "", false, validation.ErrPhoneCharacter},
	{"0812/3456x7890", "", false, validation.ErrPhoneCharacter},
	{"tel:+6281234567890", "", false, validation.ErrPhoneCharacter},
	{"08123+4567890", "", false, validation.ErrPhoneCharacter},
	{"++6281234567890", "", false, validation.ErrPhoneCharacter},
	{"0812\x003456", "", false, validation.ErrPhoneCharacter},
	{"0812\xff34567890", "", false, validation.ErrPhoneCharacter},
	{"+0 812 3456 7890", "", false, validation.ErrPhoneCountry},
	{"(0)812 3456 7890", "6281234567890", false, nil},
	{"9123456789", "", false, validation.ErrPhoneCountry}, // from where?
	{"2180888888", "", false, validation.ErrPhoneCountry},
}

func TestParsePhone(t *testing.T) {
	t.Parallel()
	for _, c := range phoneCases {
		got, err := validation.ParsePhone(c.typed)
		want := validation.PhoneNumber{Digits: c.digits, Landline: c.landline}
		if got != want || !errors.Is(err, c.err) || err != nil && !errors.Is(err, validation.ErrPhone) {
			t.Errorf("ParsePhone(%.40q) = %v, %v, want %v, %v", c.typed, got, err, want, c.err)
		}
		if err != nil && len(c.typed) > 3 && strings.Contains(err.Error(), c.typed[:4]) {
			t.Errorf("error %q holds the number", err)
		}
		if short, _ := validation.Phone(c.typed); short != c.digits {
			t.Errorf("Phone(%.40q) = %q, want %q", c.typed, short, c.digits)
		}
	}
}

type phoneForm struct {
	Phone string `json:"phone" validate:"phone_id"`
}

// checkPhone holds for every text: what Phone returns is what DOKU takes.
func checkPhone(t interface {
	Errorf(string, ...any)
	Helper()
}, typed string) {
	t.Helper()
	n, err := validation.ParsePhone(typed)
	if err != nil {
		if n != (validation.PhoneNumber{}) || !errors.Is(err, validation.ErrPhone) {
			t.Errorf("ParsePhone(%q) = %v, %v", typed, n, err)
		}
		return
	}
	if err := validation.Struct("", phoneForm{n.Digits}); err != nil {
		t.Errorf("ParsePhone(%q) = %v: %v", typed, n, err)
	}
	if again, err := validation.ParsePhone("+" + n.Digits); err != nil || again != n {
		t.Errorf("ParsePhone(%q) = %v, and with + again %v, %v", typed, n, again, err)
	}
}

func TestPhoneOfAnyText(t *testing.T) {
	t.Parallel()
	near := rapid.StringMatching(`(\+|00)?(62)?0?[ -]?8?[0-9 ().-]{0,16}`)
	rapid.Check(t, func(t *rapid.T) {
		checkPhone(t, rapid.OneOf(near, rapid.String()).Draw(t, "typed"))
	})
}

// However an Indonesian mobile number is written, it is the same number.
func TestPhoneSpellingsAgree(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		national := rapid.StringMatching(`8[1-9][0-9]{7,10}`).Draw(t, "national")
		cut := rapid.IntRange(1, len(national)-1).Draw(t, "cut")
		sep := rapid.SampledFrom([]string{"", " ", "-", ".", " - "}).Draw(t, "sep")
		spaced := national[:cut] + sep + national[cut:]
		for _, prefix := range []string{"0", "", "62", "+62", "+62 ", "0062", "+620", "+62 (0)", "620"} {
			if got, err := validation.Phone(prefix + spaced); err != nil || got != "62"+national {
				t.Errorf("Phone(%q) = %q, %v", prefix+spaced, got, err)
			}
		}
	})
}

// Every number that the world's numbering plans call valid is read as they read it: in Indonesia however
// it is written, elsewhere with its +.
func TestPhoneAgreesWithNumberingPlans(t *testing.T) {
	t.Parallel()
	agree := func(typed string, n *phonenumbers.PhoneNumber) {
		t.Helper()
		want := strings.TrimPrefix(phonenumbers.Format(n, phonenumbers.E164), "+")
		if got, err := validation.Phone(typed); err != nil || got != want {
			t.Errorf("Phone(%q) = %q, %v, want %q", typed, got, err, want)
		}
	}
	kinds := []phonenumbers.PhoneNumberType{phonenumbers.MOBILE, phonenumbers.FIXED_LINE}
	regions := 0
	for region := range phonenumbers.GetSupportedRegions() {
		for _, kind := range kinds {
			n := phonenumbers.GetExampleNumberForType(region, kind)
			if n == nil || len(phonenumbers.Format(n, phonenumbers.E164)) < 9 { // + and DOKU's least, 8 digits
				continue
			}
			regions++
			agree(phonenumbers.Format(n, phonenumbers.E164), n)
			agree(phonenumbers.Format(n, phonenumbers.INTERNATIONAL), n)
		}
	}
	if regions < 300 {
		t.Fatalf("only %d example numbers compared", regions)
	}

	rapid.Check(t, func(t *rapid.T) {
		n := rapid.Custom(func(t *rapid.T) *phonenumbers.PhoneNumber {
			n, _ := phonenumbers.Parse(rapid.StringMatching(`0(8[1-9][0-9]{7,10}|2[1-9][0-9]{6,8})`).Draw(t, "typed"), "ID")
			return n
		}).Filter(func(n *phonenumbers.PhoneNumber) bool { return n != nil && phonenumbers.IsValidNumber(n) }).Draw(t, "number")
		want := strings.TrimPrefix(phonenumbers.Format(n, phonenumbers.E164), "+")
		for _, form := range []phonenumbers.PhoneNumberFormat{phonenumbers.NATIONAL, phonenumbers.INTERNATIONAL, phonenumbers.E164} {
			written := phonenumbers.Format(n, form)
			got, err := validation.ParsePhone(written)
			if err != nil || got.Digits != want {
				t.Fatalf("ParsePhone(%q) = %v, %v, want %s", written, got, err, want)
			}
			if fixed := phonenumbers.GetNumberType(n) == phonenumbers.FIXED_LINE; got.Landline != fixed {
				t.Fatalf("ParsePhone(%q): landline %t, want %t", written, got.Landline, fixed)
			}
		}
	})
}

func FuzzPhone(f *testing.F) {
	for _, c := range phoneCases {
		if len(c.typed) < 64 {
			f.Add(c.typed)
		}
	}
	f.Fuzz(func(t *testing.T, typed string) { checkPhone(t, typed) })
}

func BenchmarkPhone(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		_, _ = validation.Phone("0812-3456-7890")
	}
}

func ExamplePhone() {
	for _, typed := range []string{"0812-3456-7890", "+62 0812 3456 7890", "+65 9123 4567", "0812"} {
		digits, err := validation.Phone(typed)
		fmt.Println(digits, err)
	}
	// Output:
	// 6281234567890 <nil>
	// 6281234567890 <nil>
	// 6591234567 <nil>
	//  validation: invalid phone number: not 8 to 15 digits, or too short for Indonesia
}
