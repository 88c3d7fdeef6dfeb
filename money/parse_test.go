package money_test

import (
	"errors"
	"fmt"
	"math/big"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/paylater-go/paylater/money"
)

var parseCases = []struct {
	text string
	want int64
	err  error
}{
	{"0", 0, nil}, {"1", 1, nil}, {"150000", 150000, nil}, {"999999999999", 999_999_999_999, nil},
	{"150000.00", 150000, nil}, {"150000.0", 150000, nil}, {"150000.0000", 150000, nil}, {"0.00", 0, nil},
	{"1500.000", 1500, nil}, {"0e99", 0, nil}, {"0.0e-99", 0, nil},
	{"1e3", 1000, nil}, {"1.5E5", 150000, nil}, {"1.5E+5", 150000, nil}, {"9e4", 90000, nil}, {"1.5E7", 15_000_000, nil},
	{"10e-1", 1, nil}, {"1e11", 100_000_000_000, nil}, {"0.000000000001e24", 1_000_000_000_000, money.ErrTooLarge},
	{"0.000000000001e23", 100_000_000_000, nil}, {"1.00e00", 1, nil},

	{"150000.01", 0, money.ErrFraction}, {"0.5", 0, money.ErrFraction}, {"1e-1", 0, money.ErrFraction},
	{"1e-99", 0, money.ErrFraction}, {"1.55E1", 0, money.ErrFraction},
	{"-1", 0, money.ErrNegative}, {"-0", 0, money.ErrNegative}, {"-", 0, money.ErrNegative},
	{"1000000000000", 0, money.ErrTooLarge}, {"1e12", 0, money.ErrTooLarge}, {"1e99", 0, money.ErrTooLarge},
	{"", 0, money.ErrSyntax}, {" 1", 0, money.ErrSyntax}, {"1 ", 0, money.ErrSyntax}, {"+1", 0, money.ErrSyntax},
	{"1e99999", 0, money.ErrSyntax}, {"1e-99999", 0, money.ErrSyntax}, {"1e100", 0, money.ErrSyntax},
	{"0x10", 0, money.ErrSyntax}, {"NaN", 0, money.ErrSyntax}, {"Infinity", 0, money.ErrSyntax},
	{"null", 0, money.ErrSyntax}, {"true", 0, money.ErrSyntax}, {"01", 0, money.ErrSyntax}, {"00", 0, money.ErrSyntax},
	{".5", 0, money.ErrSyntax}, {"5.", 0, money.ErrSyntax}, {"5.e1", 0, money.ErrSyntax}, {"1e", 0, money.ErrSyntax},
	{"1e+", 0, money.ErrSyntax}, {"1e+-1", 0, money.ErrSyntax}, {"1e-+1", 0, money.ErrSyntax}, {"e1", 0, money.ErrSyntax},
	{"1.2.3", 0, money.ErrSyntax}, {"1.500.000", 0, money.ErrSyntax}, {"1,000", 0, money.ErrSyntax}, {"1_000", 0, money.ErrSyntax},
	{"150000,00", 0, money.ErrSyntax}, {"Rp150000", 0, money.ErrSyntax}, {"{}", 0, money.ErrSyntax}, {"1\x00", 0, money.ErrSyntax},
	{"\uff11", 0, money.ErrSyntax}, {"\u0661", 0, money.ErrSyntax},
	{"1.00000000000000000000000", 0, money.ErrSyntax}, {strings.Repeat("9", 1<<20), 0, money.ErrSyntax},
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range parseCases {
		got, err := money.Parse(c.text)
		checkParsed(t, "Parse", c.text, got, err, c.want, c.err)
		got, err = money.ParseJSON([]byte(c.text))
		checkParsed(t, "ParseJSON", c.text, got, err, c.want, c.err)
		quoted := `"` + c.text + `"`
		got, err = money.ParseJSON([]byte(quoted))
		checkParsed(t, "ParseJSON", quoted, got, err, c.want, c.err)
	}
}

func checkParsed(t *testing.T, f, text string, got money.Amount, err error, want int64, wantErr error) {
	t.Helper()
	if len(text) > 40 {
		text = text[:40] + "..."
	}
	if !errors.Is(err, wantErr) || err != nil && !errors.Is(err, money.ErrAmount) {
		t.Errorf("%s(%q): error %v, want %v", f, text, err, wantErr)
	}
	if err == nil && !got.Equal(money.Rupiah(want)) {
		t.Errorf("%s(%q) = %s, want %d", f, text, got, want)
	}
	if err != nil && !got.IsZero() {
		t.Errorf("%s(%q) gives %s beside an error", f, text, got)
	}
}

// In Indonesia a dot stands between thousands, so a short number with three zeros after its dot has two readings
// that differ by a factor of a thousand. A JSON number has only one.
func TestThousandsSeparatorIsNotReadAsDecimalPoint(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"150.000", "1.000", "0.000"} {
		if a, err := money.Parse(text); !errors.Is(err, money.ErrSyntax) {
			t.Errorf("Parse(%q) = %s, %v, want ErrSyntax", text, a, err)
		}
		if a, err := money.ParseJSON([]byte(`"` + text + `"`)); !errors.Is(err, money.ErrSyntax) {
			t.Errorf("ParseJSON of the string %q = %s, %v, want ErrSyntax", text, a, err)
		}
	}
	if a, err := money.ParseJSON([]byte("150.000")); err != nil || !a.Equal(money.Rupiah(150)) {
		t.Errorf("ParseJSON of the number 150.000 = %s, %v, want 150", a, err)
	}
}

func TestParseJSONTokens(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`"`, `""`, `"""`, `"1`, `1"`, `'1'`, `"\u0031"`, `" 1"`, `"null"`, `[1]`, `{"a":1}`, "1\n", "\"1\"\n", "true", "null", "",
	} {
		if a, err := money.ParseJSON([]byte(text)); !errors.Is(err, money.ErrSyntax) {
			t.Errorf("ParseJSON(%q) = %s, %v, want ErrSyntax", text, a, err)
		}
	}
}

func TestParseErrorsDoNotHoldTheInput(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"73519.31", "-73519", "73519735197351973519", "x73519"} {
		_, err := money.Parse(text)
		if err == nil || strings.Contains(err.Error(), "73519") {
			t.Errorf("Parse(%q): error %v holds the input", text, err)
		}
	}
}

// The bound on the grammar is what keeps 1e99999 from building a number of a hundred thousand digits: refusing
// it allocates nothing.
func TestHugeNumbersAreRefusedWithoutWork(t *testing.T) {
	for _, text := range []string{"1e99999", "1e99999999999999999999", strings.Repeat("9", 1<<20)} {
		if n := testing.AllocsPerRun(10, func() { _, _ = money.Parse(text) }); n != 0 {
			t.Errorf("refusing %.20q allocates %v times, want 0", text, n)
		}
	}
}

// jsonNumber is the number of RFC 8259 without its minus sign.
var jsonNumber = regexp.MustCompile(`^(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]{1,2})?$`)

// reference is Parse said another way: a regular expression and math/big.
func reference(s string) (n int64, ok bool) {
	if len(s) > 24 || !jsonNumber.MatchString(s) {
		return 0, false
	}
	r, ok := new(big.Rat).SetString(s)
	if !ok || !r.IsInt() || r.Num().Cmp(big.NewInt(999_999_999_999)) > 0 {
		return 0, false
	}
	return r.Num().Int64(), true
}

func checkAgainstReference(t interface {
	Errorf(string, ...any)
	Helper()
}, s string) {
	t.Helper()
	want, ok := reference(s)
	got, err := money.ParseJSON([]byte(s))
	quoted := strings.HasPrefix(s, `"`)
	if !quoted && (ok != (err == nil) || ok && !got.Equal(money.Rupiah(want))) {
		t.Errorf("ParseJSON(%q) = %s, %v, want %d, %v", s, got, err, want, ok)
	}
	if regexp.MustCompile(`^[0-9]{1,3}\.000$`).MatchString(s) {
		ok = false
	}
	got, err = money.Parse(s)
	if ok != (err == nil) || ok && !got.Equal(money.Rupiah(want)) {
		t.Errorf("Parse(%q) = %s, %v, want %d, %v", s, got, err, want, ok)
	}
	if err != nil && !errors.Is(err, money.ErrAmount) {
		t.Errorf("Parse(%q): %v is no ErrAmount", s, err)
	}
}

func TestParseAgreesWithBigRat(t *testing.T) {
	t.Parallel()
	near := rapid.StringMatching(`-?[0-9]{0,14}(\.[0-9]{0,4}0{0,6})?([eE][+-]?[0-9]{0,3})?`)
	noise := rapid.StringOfN(rapid.RuneFrom([]rune("0123456789.eE+-x\" ")), 0, 26, -1)
	rapid.Check(t, func(t *rapid.T) {
		checkAgainstReference(t, rapid.OneOf(near, noise).Draw(t, "text"))
	})
}

func TestWhatIsPrintedIsParsed(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := money.Rupiah(rapid.Int64Range(0, 999_999_999_999).Draw(t, "a"))
		for _, text := range []string{a.String(), a.String() + ".00"} {
			if got, err := money.Parse(text); err != nil || !got.Equal(a) {
				t.Errorf("Parse(%q) = %s, %v", text, got, err)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, c := range parseCases {
		if len(c.text) < 64 {
			f.Add(c.text)
		}
	}
	f.Add("150.000")
	f.Fuzz(func(t *testing.T, s string) { checkAgainstReference(t, s) })
}

func BenchmarkParse(b *testing.B) {
	for _, text := range []string{"150000", "150000.00", "1.5E5", "1e99999"} {
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = money.Parse(text)
			}
		})
	}
}

func ExampleParse() {
	for _, text := range []string{"150000", "150000.00", "1.5E5", "150000.50", "150.000"} {
		amount, err := money.Parse(text)
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(amount.Format())
	}
	// Output:
	// Rp150.000
	// Rp150.000
	// Rp150.000
	// money: invalid amount: has a fraction of a rupiah
	// money: invalid amount: not a plain number
}
