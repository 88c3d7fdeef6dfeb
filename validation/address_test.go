package validation_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/paylater-go/paylater/validation"
)

func TestText(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   string
		max  int
		want string
	}{
		{"Kaos Polos", 255, "Kaos Polos"},
		{"  Jl. Sudirman \t No. 1\r\n\r\nBlok A  ", 255, "Jl. Sudirman No. 1 Blok A"},
		{"Café Jañē 東京 😀 <b>&\"'", 255, "Café Jañē 東京 😀 <b>&\"'"},
		{"a\x00b\x1bc\u007fd\u0085e", 255, "abcd e"},
		{"a\u2028b\u2029c\u00a0d\u3000e", 255, "a b c d e"},
		{"\ufeffa\u202eb\u2066c\u200fd", 255, "abcd"},
		{"👩\u200d👧", 255, "👩\u200d👧"}, // a joiner is part of the picture
		{"a\xffb\xc3", 255, "ab"},
		{"éééé", 3, "ééé"},
		{"ab cd", 4, "ab c"},
		{"ab cd", 3, "ab"}, // no space at the end
		{"ab cd", 2, "ab"},
		{"ab ", 3, "ab"},
		{"ab \x00", 9, "ab"},
		{"ab", 0, ""},
		{"ab", -1, ""},
		{"", 9, ""},
		{" \n ", 9, ""},
	} {
		if got := validation.Text(c.in, c.max); got != c.want {
			t.Errorf("Text(%q, %d) = %q, want %q", c.in, c.max, got, c.want)
		}
	}
}

type textForm struct {
	Text string `validate:"no_control,max=20"`
}

func TestTextOfAnything(t *testing.T) {
	t.Parallel()
	noisy := rapid.StringOf(rapid.RuneFrom([]rune("ab é\n\t\u0000\u202e\u2028\ufeff\u00a0")))
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.OneOf(noisy, rapid.String()).Draw(t, "in")
		got := validation.Text(in, 20)
		if err := validation.Struct("", textForm{got}); err != nil {
			t.Errorf("Text(%q) = %q: %v", in, got, err)
		}
		if again := validation.Text(got, 20); again != got {
			t.Errorf("Text(%q) = %q, and again %q", in, got, again)
		}
		if full := validation.Text(in, utf8.RuneCountInString(in)); !strings.HasPrefix(full, got) || full != strings.TrimSpace(full) {
			t.Errorf("Text(%q) is %q cut and %q in full", in, got, full)
		}
	})
}

func TestName(t *testing.T) {
	t.Parallel()
	for full, want := range map[string][2]string{
		"Sukarno":                       {"Sukarno", ""},
		"  Sukarno\n":                   {"Sukarno", ""},
		"Budi Hartono":                  {"Budi", "Hartono"},
		"Siti  Nur\tHaliza":             {"Siti", "Nur Haliza"},
		"René d'Été":                    {"René", "d'Été"},
		"":                              {"", ""},
		repeat(300) + " " + repeat(300): {repeat(255), repeat(255)},
	} {
		if first, last := validation.Name(full); first != want[0] || last != want[1] {
			t.Errorf("Name(%q) = %q, %q, want %q", full, first, last, want)
		}
	}
}

func TestPostalCode(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]struct {
		code string
		ok   bool
	}{
		"10220": {"10220", true}, " 10220\n": {"10220", true}, "10 220": {"10220", true}, "１０２２０": {"10220", true},
		"123456": {"123456", false}, "1022": {"1022", false}, "01022": {"01022", false}, "": {"", false},
		"SW1A 1AA": {"SW1A 1AA", false}, "+10220": {"+10220", false}, "018989": {"018989", false},
	} {
		if code, ok := validation.PostalCode(in); code != want.code || ok != want.ok {
			t.Errorf("PostalCode(%q) = %q, %v, want %q, %v", in, code, ok, want.code, want.ok)
		}
	}
}

type countryForm struct {
	Country string `validate:"country3"`
}

func TestCountry(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"ID": "IDN", "id": "IDN", "IDN": "IDN", "idn": "IDN", " Id ": "IDN", "Indonesia": "IDN", "INDONESIA": "IDN",
		"SG": "SGP", "my": "MYS", "TLS": "TLS", "us": "USA", "NLD": "NLD", "de": "DEU",
		"": "", "I": "", "ZZ": "", "ZZZ": "", "EU": "", "XK": "", "QQ": "", "ANT": "", "360": "", "Malaysia": "", "I D": "", "ＩＤ": "",
	} {
		got, err := validation.Country(in)
		if got != want || (want == "") != errors.Is(err, validation.ErrCountry) {
			t.Errorf("Country(%q) = %q, %v, want %q", in, got, err, want)
		}
		if err == nil {
			if err := validation.Struct("", countryForm{got}); err != nil {
				t.Errorf("Country(%q): %v", in, err)
			}
		}
	}
}

func ExampleName() {
	first, last := validation.Name("Sukarno")
	fmt.Printf("%q %q\n", first, last)
	first, last = validation.Name("Siti Nur Haliza")
	fmt.Printf("%q %q\n", first, last)
	// Output:
	// "Sukarno" ""
	// "Siti" "Nur Haliza"
}

func ExampleAddress() {
	fmt.Println(validation.Address("Jl. Kebon Sirih 1\n", "RT 01/RW 02", "", "Gambir", "Menteng "))
	// Output: Jl. Kebon Sirih 1, RT 01/RW 02, Gambir, Menteng
}
