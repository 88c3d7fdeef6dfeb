package doku

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/paylater-go/paylater/money"
)

// amounts lets cmp compare money.
var amounts = cmp.Comparer(func(a, b money.Amount) bool { return a.Equal(b) })

func TestParseNotificationVector(t *testing.T) {
	t.Parallel()
	_, body := notification(t)
	original := bytes.Clone(body)
	got, err := ParseNotification(body)
	if err != nil {
		t.Fatal(err)
	}
	clear(body) // the result shares no memory with it
	want := &Notification{
		InvoiceNumber:            "INV-2026-000123",
		Amount:                   money.Rupiah(150000),
		Status:                   Success,
		Date:                     time.Date(2026, 1, 2, 3, 14, 5, 0, time.UTC),
		OriginalRequestID:        "5f0c6a3e-2b7d-4c55-9f5a-0d1f0f1d9a11",
		ServiceID:                "PEER_TO_PEER",
		AcquirerID:               "KREDIVO",
		ChannelID:                "PEER_TO_PEER_KREDIVO",
		MerchantUniqueReferences: []string{"MUR-2026-000123"},
	}
	if diff := cmp.Diff(want, got, amounts); diff != "" {
		t.Errorf("notification (-want +got):\n%s", diff)
	}
	again, err := ParseStatus(original)
	if diff := cmp.Diff(want, again, amounts); err != nil || diff != "" {
		t.Errorf("ParseStatus: %v (-want +got):\n%s", err, diff)
	}
}

// The published sample for the sibling channel Akulaku, with another customer's additions.
func TestParseNotificationSibling(t *testing.T) {
	t.Parallel()
	body := []byte(`{
	  "service":  { "id": "PEER_TO_PEER", "name": "x" }, "acquirer": { "id": 93600899 },
	  "channel":  { "id": "PEER_TO_PEER_AKULAKU" },
	  "order": { "invoice_number": "INV-1", "amount": "90000.00" },
	  "transaction": { "status": "success", "date": "20260707154842" },
	  "peer_to_peer_info": { "status": "FAILED", "merchant_unique_reference": "60123",
	    "identifier": [ {"name": "ORDER_ID", "value": "R-1"}, {"name": "N", "value": 7}, 5, null, [] ] },
	  "payment": { "merchant_unique_reference": "MUR-1" },
	  "customer": {"name": "Budi", "Name": "duplicates do not matter where nothing is read"},
	  "emoji\u0020\ud83d\ude00": null
	}` + "\n\t ")
	got, err := ParseNotification(body)
	if err != nil {
		t.Fatal(err)
	}
	clear(body)
	want := &Notification{
		InvoiceNumber:            "INV-1",
		Amount:                   money.Rupiah(90000),
		Status:                   Success,
		Date:                     time.Date(2026, 7, 7, 8, 48, 42, 0, time.UTC),
		ServiceID:                "PEER_TO_PEER",
		AcquirerID:               "93600899",
		ChannelID:                "PEER_TO_PEER_AKULAKU",
		MerchantUniqueReferences: []string{"60123", "MUR-1"},
		Identifiers:              []Identifier{{"ORDER_ID", "R-1"}, {"N", "7"}},
		Unknown: map[string]json.RawMessage{
			"customer": json.RawMessage(`{"name": "Budi", "Name": "duplicates do not matter where nothing is read"}`),
			"emoji 😀":  json.RawMessage(`null`),
		},
	}
	if diff := cmp.Diff(want, got, amounts); diff != "" {
		t.Errorf("notification (-want +got):\n%s", diff)
	}
}

func TestParseIdentifierForms(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string][]Identifier{
		`"identifier": null`:                          nil,
		`"identifier": []`:                            nil,
		`"identifier": {}`:                            nil,
		`"identifier": "x"`:                           nil,
		`"identifier": {"name": "A", "value": "1"}`:   {{"A", "1"}},
		`"identifier": {"A": "1", "B": 2, "C": null}`: {{"A", "1"}, {"B", "2"}},
		`"identifer": [{"name": "A", "value": "1"}]`:  {{"A", "1"}},
		`"identifier": [{"name": "A"}]`:               {{"A", ""}},
	} {
		n, err := ParseNotification(fmt.Appendf(nil,
			`{"order":{"invoice_number":"I","amount":1},"transaction":{"status":"SUCCESS"},"peer_to_peer_info":{%s}}`, raw))
		if err != nil {
			t.Errorf("%s: %v", raw, err)
			continue
		}
		if diff := cmp.Diff(want, n.Identifiers); diff != "" {
			t.Errorf("%s (-want +got):\n%s", raw, diff)
		}
	}
}

func TestParseNotificationAmounts(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]int64{
		`150000`: 150000, `150000.00`: 150000, `"150000"`: 150000, `"150000.00"`: 150000, `1.5E5`: 150000,
		`1.5e+5`: 150000, `999999999999`: 999999999999, `1`: 1,
		`0`: -1, `0.00`: -1, `-1`: -1, `150000.01`: -1, `1e-1`: -1, `1e99999`: -1, `1000000000000`: -1, `null`: -1,
		`"null"`: -1, `""`: -1, `" 1"`: -1, `"+1"`: -1, `"0x10"`: -1, `"NaN"`: -1, `"1_0"`: -1, `"01"`: -1, `"1."`: -1, `".5"`: -1,
		`true`: -1, `[1]`: -1, `{}`: -1, `"\u0031"`: -1, `"150.000"`: -1, `"150,000"`: -1,
	} {
		n, err := ParseNotification(fmt.Appendf(nil,
			`{"order":{"invoice_number":"I","amount":%s},"transaction":{"status":"SUCCESS"}}`, raw))
		switch {
		case want < 0 && !errors.Is(err, ErrMalformed):
			t.Errorf("amount %s: error %v, want %v", raw, err, ErrMalformed)
		case want >= 0 && err != nil:
			t.Errorf("amount %s: %v", raw, err)
		case want >= 0 && !n.Amount.Equal(money.Rupiah(want)):
			t.Errorf("amount %s = %v, want %d", raw, n.Amount, want)
		}
	}
}

func TestParseNotificationAmountErrors(t *testing.T) {
	t.Parallel()
	_, err := ParseNotification([]byte(`{"order":{"invoice_number":"I","amount":150000.01},"transaction":{"status":"SUCCESS"}}`))
	if !errors.Is(err, money.ErrFraction) || !errors.Is(err, ErrMalformed) || strings.Contains(err.Error(), "150000") {
		t.Errorf("error = %v, want ErrMalformed and ErrFraction without the value", err)
	}
}

func TestParseNotificationRefusals(t *testing.T) {
	t.Parallel()
	good := `"order":{"invoice_number":"I","amount":1},"transaction":{"status":"SUCCESS"}`
	deep := func(n int) string { return strings.Repeat(`[`, n) + strings.Repeat(`]`, n) }
	tests := map[string]string{
		"empty":                         ``,
		"spaces":                        ` `,
		"not JSON":                      `<html>`,
		"array":                         `[{` + good + `}]`,
		"string":                        `"x"`,
		"null":                          `null`,
		"cut off":                       `{` + good,
		"two values":                    `{` + good + `}{}`,
		"trailing comma":                `{` + good + `,}`,
		"trailing NUL":                  `{` + good + "}\x00",
		"byte order mark":               "\ufeff{" + good + `}`,
		"NaN":                           `{` + good + `,"x":NaN}`,
		"comment":                       `{` + good + `/**/}`,
		"invalid UTF-8 in a value":      `{` + good + ",\"x\":\"\xff\"}",
		"invalid UTF-8 in a name":       `{` + good + ",\"\xc3\":1}",
		"17 levels":                     `{` + good + `,"x":` + deep(16) + `}`,
		"17 levels, then garbage":       `{` + good + `,"x":` + strings.Repeat("[", 60000) + `}`,
		"too large":                     `{` + good + `,"x":"` + strings.Repeat("a", 64<<10) + `"}`,
		"order twice":                   `{` + good + `,"order":{"invoice_number":"I","amount":2}}`,
		"order in another case":         `{` + good + `,"ORDER":{}}`,
		"order twice, escaped":          `{` + good + `,"\u006frder":{}}`,
		"unknown name twice":            `{` + good + `,"x":1,"X":2}`,
		"long s":                        `{"order":{"invoice_number":"I","amount":1},"transaction":{"status":"FAILED","ſtatus":"SUCCESS"}}`,
		"Kelvin sign":                   `{` + good + `,"k":1,"K":2}`,
		"amount twice":                  `{"order":{"invoice_number":"I","amount":1,"amount":1},"transaction":{"status":"SUCCESS"}}`,
		"amount in another case":        `{"order":{"invoice_number":"I","amount":1,"AMOUNT":2},"transaction":{"status":"SUCCESS"}}`,
		"only AMOUNT":                   `{"order":{"invoice_number":"I","AMOUNT":1},"transaction":{"status":"SUCCESS"}}`,
		"only ſtatus":                   `{"order":{"invoice_number":"I","amount":1},"transaction":{"ſtatus":"SUCCESS"}}`,
		"name twice in peer_to_peer":    `{` + good + `,"peer_to_peer_info":{"a":1,"A":1}}`,
		"name twice in payment":         `{` + good + `,"payment":{"a":1,"a":1}}`,
		"name twice in channel":         `{` + good + `,"channel":{"id":"a","Id":"b"}}`,
		"name twice in an identifier":   `{` + good + `,"peer_to_peer_info":{"identifier":[{"name":"a","name":"b"}]}}`,
		"name twice, many names":        `{` + good + `,` + names(40) + `,"N7":0}`,
		"no order":                      `{"transaction":{"status":"SUCCESS"}}`,
		"order null":                    `{"order":null,"transaction":{"status":"SUCCESS"}}`,
		"order an array":                `{"order":[],"transaction":{"status":"SUCCESS"}}`,
		"no invoice number":             `{"order":{"amount":1},"transaction":{"status":"SUCCESS"}}`,
		"invoice number null":           `{"order":{"invoice_number":null,"amount":1},"transaction":{"status":"SUCCESS"}}`,
		"invoice number an object":      `{"order":{"invoice_number":{},"amount":1},"transaction":{"status":"SUCCESS"}}`,
		"invoice number at the top":     `{"invoice_number":"I","order":{"amount":1},"transaction":{"status":"SUCCESS"}}`,
		"no amount":                     `{"order":{"invoice_number":"I"},"transaction":{"status":"SUCCESS"}}`,
		"no transaction":                `{"order":{"invoice_number":"I","amount":1}}`,
		"no status":                     `{"order":{"invoice_number":"I","amount":1},"transaction":{}}`,
		"status only in peer_to_peer":   `{"order":{"invoice_number":"I","amount":1},"peer_to_peer_info":{"status":"SUCCESS"}}`,
		"status only in the order":      `{"order":{"invoice_number":"I","amount":1,"status":"SUCCESS"}}`,
		"leading zero, which JSON bars": `{"order":{"invoice_number":"I","amount":01},"transaction":{"status":"SUCCESS"}}`,
		"plus sign, which JSON bars":    `{"order":{"invoice_number":"I","amount":+1},"transaction":{"status":"SUCCESS"}}`,
	}
	for name, body := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if n, err := ParseNotification([]byte(body)); !errors.Is(err, ErrMalformed) {
				t.Errorf("ParseNotification = %+v, %v, want %v", n, err, ErrMalformed)
			}
		})
	}
	for name, body := range map[string]string{
		"plain":              `{` + good + `}`,
		"16 levels":          `{` + good + `,"x":` + deep(15) + `}`,
		"brackets in a text": `{` + good + `,"x":"` + strings.Repeat("[{\\\"", 99) + `"}`,
		"exactly 64 KiB":     `{` + good + `,"x":"` + strings.Repeat("a", 64<<10-len(good)-9) + `"}`,
		"many names":         `{` + good + `,` + names(40) + `}`,
		"odd optional parts": `{` + good + `,"service":1,"acquirer":[],"channel":null,"payment":"x","peer_to_peer_info":true}`,
		"unknown status":     `{"order":{"invoice_number":"I","amount":1},"transaction":{"status":"Whatever","date":"soon"}}`,
	} {
		if _, err := ParseNotification([]byte(body)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// names returns n JSON members n0, n1, ...
func names(n int) string {
	all := make([]string, n)
	for i := range all {
		all[i] = fmt.Sprintf(`"n%d":0`, i)
	}
	return strings.Join(all, ",")
}

func TestParseStatusMayLackTransaction(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"order":{"invoice_number":"I","amount":39000,"status":"ORDER_GENERATED"}}`,
		`{"order":{"invoice_number":"I","amount":"39000"},"transaction":null}`,
		`{"order":{"invoice_number":"I","amount":39000.00},"transaction":{"type":"PAYMENT"}}`,
	} {
		n, err := ParseStatus([]byte(body))
		if err != nil || n.Status != "" || !n.Amount.Equal(money.Rupiah(39000)) {
			t.Errorf("%s: %+v, %v", body, n, err)
		}
	}
	if _, err := ParseStatus([]byte(`{"order":{"invoice_number":"I"}}`)); !errors.Is(err, ErrMalformed) {
		t.Errorf("without amount: %v, want %v", err, ErrMalformed)
	}
	pad := strings.Repeat(" ", 256<<10)
	if _, err := ParseStatus([]byte(`{"order":{"invoice_number":"I","amount":1}}` + pad)); !errors.Is(err, ErrMalformed) {
		t.Errorf("over 256 KiB: %v, want %v", err, ErrMalformed)
	}
}

func TestParseTwins(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tt := range []struct {
		name, plain, utc string
		want             time.Time
	}{
		{"ISO twin", "20260102100405", "2026-01-02T03:04:05Z", at},
		{"compact twin in UTC", "20260102100405", "20260102030405", at},
		{"compact twin really WIB", "20260102100405", "20260102100405", at},
		{"ISO twin really WIB", "20260102100405", "2026-01-02T10:04:05Z", at},
		{"ISO twin with an offset", "20260102100405", "2026-01-02T10:04:05+07:00", at},
		{"plain only", "20260102100405", "", at},
		{"plain ISO only", "2026-01-02T03:04:05Z", "", at},
		{"twin only", "", "20260102030405", at},
		{"ISO twin only", "", "2026-01-02T03:04:05Z", at},
		{"contradiction", "20260102100405", "2026-01-02T05:04:05Z", time.Time{}},
		{"none", "", "", time.Time{}},
		{"unreadable", "soon", "later", time.Time{}},
		{"impossible", "20261302100405", "", time.Time{}},
	} {
		got := parseTwins(tt.plain, tt.utc)
		if !got.Equal(tt.want) || got.Location() != time.UTC {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
