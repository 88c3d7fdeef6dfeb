package money_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/shopspring/decimal"
	"pgregory.net/rapid"

	"github.com/paylater-go/paylater/money"
)

type invoice struct {
	Amount money.Amount  `json:"amount"`
	Fee    *money.Amount `json:"fee,omitempty"`
}

// Not parallel: it turns decimal's process-wide switch, which a host may have set either way.
func TestJSONIgnoresDecimalsSwitch(t *testing.T) {
	before := decimal.MarshalJSONWithoutQuotes
	defer func() { decimal.MarshalJSONWithoutQuotes = before }()
	for _, bare := range []bool{false, true} {
		decimal.MarshalJSONWithoutQuotes = bare
		fee := money.Rupiah(0)
		got, err := json.Marshal(invoice{Amount: money.Rupiah(150000), Fee: &fee})
		if want := `{"amount":150000,"fee":0}`; err != nil || string(got) != want {
			t.Errorf("with MarshalJSONWithoutQuotes %v: %s, %v, want %s", bare, got, err, want)
		}
		if decimal.MarshalJSONWithoutQuotes != bare {
			t.Error("the switch was changed")
		}
	}
}

func TestMarshalRefusesOutOfRange(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a   money.Amount
		err error
	}{
		{money.Rupiah(-1), money.ErrNegative},
		{money.Rupiah(1_000_000_000_000), money.ErrTooLarge},
		{money.Rupiah(1 << 62).Mul(1 << 62), money.ErrTooLarge},
	} {
		if got, err := json.Marshal(c.a); !errors.Is(err, c.err) {
			t.Errorf("json.Marshal(%s) = %s, %v, want %v", c.a, got, err, c.err)
		}
		if got, err := c.a.Value(); !errors.Is(err, c.err) {
			t.Errorf("(%s).Value() = %v, %v, want %v", c.a, got, err, c.err)
		}
	}
}

func TestUnmarshalJSON(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`150000`, `150000.00`, `"150000"`, `"150000.00"`, `1.5E5`, ` 150000 `} {
		var got invoice
		err := json.Unmarshal([]byte(`{"amount":`+text+`}`), &got)
		if diff := cmp.Diff(invoice{Amount: money.Rupiah(150000)}, got); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", text, err, diff)
		}
	}
	for _, text := range []string{`null`, `""`, `"-1"`, `-1`, `1.5`, `true`, `[]`, `{}`, `1e99999`, `1e12`, `"01"`, `"0x10"`, `"NaN"`} {
		got := invoice{Amount: money.Rupiah(7)}
		if err := json.Unmarshal([]byte(`{"amount":`+text+`}`), &got); !errors.Is(err, money.ErrAmount) {
			t.Errorf("%s = %s, %v, want ErrAmount", text, got.Amount, err)
		}
		if !got.Amount.Equal(money.Rupiah(7)) {
			t.Errorf("%s changed the amount to %s", text, got.Amount)
		}
	}
}

func TestJSONRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := money.Rupiah(rapid.Int64Range(0, 999_999_999_999).Draw(t, "a"))
		b, err := json.Marshal(a)
		if err != nil || string(b) != a.String() {
			t.Fatalf("json.Marshal(%s) = %s, %v", a, b, err)
		}
		var got money.Amount
		if err := json.Unmarshal(b, &got); err != nil || !got.Equal(a) {
			t.Errorf("%s came back as %s, %v", a, got, err)
		}
	})
}

func TestScan(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		src  any
		want int64
		err  error
	}{
		{int64(0), 0, nil}, {int64(150000), 150000, nil}, {[]byte("150000.00"), 150000, nil}, {"150000", 150000, nil},
		{"150.000", 150, nil}, // a decimal(15,3) column
		{int64(-1), 0, money.ErrNegative}, {int64(1_000_000_000_000), 0, money.ErrTooLarge},
		{"150000.01", 0, money.ErrFraction}, {"", 0, money.ErrSyntax},
		{nil, 0, money.ErrAmount}, {150000.0, 0, money.ErrAmount}, {true, 0, money.ErrAmount}, {time.Time{}, 0, money.ErrAmount},
	} {
		got := money.Rupiah(7)
		want := money.Rupiah(c.want)
		if c.err != nil {
			want = got
		}
		if err := got.Scan(c.src); !errors.Is(err, c.err) || !got.Equal(want) {
			t.Errorf("Scan(%T %v) = %s, %v, want %s, %v", c.src, c.src, got, err, want, c.err)
		}
	}
	if v, err := money.Rupiah(150000).Value(); err != nil || v != int64(150000) {
		t.Errorf("Value() = %T %v, %v, want int64 150000", v, v, err)
	}
}
