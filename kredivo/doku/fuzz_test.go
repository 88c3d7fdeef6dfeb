package doku

import (
	"bytes"
	"encoding/json"
	"errors"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/paylater-go/paylater/money"
)

// Whatever is changed in a genuine message, it is refused; nothing panics.
func FuzzVerify(f *testing.F) {
	h, body := notification(f)
	f.Add(h.Get("Client-Id"), h.Get("Request-Id"), h.Get("Request-Timestamp"), h.Get("Signature"), body)
	f.Add(h.Get("Client-Id"), h.Get("Request-Id"), h.Get("Request-Timestamp"), strings.TrimSuffix(h.Get("Signature"), "="), body)
	f.Add(h.Get("Client-Id"), h.Get("Request-Id"), h.Get("Request-Timestamp"), "HMACSHA256=", []byte{})
	f.Add(h.Get("Client-Id"), "a\nRequest-Target:/x", h.Get("Request-Timestamp"), h.Get("Signature"), append(body, '\n'))
	v := newTestVerifier(f)
	f.Fuzz(func(t *testing.T, client, request, timestamp, signature string, got []byte) {
		err := v.Verify(http.Header{"Client-Id": {client}, "Request-Id": {request},
			"Request-Timestamp": {timestamp}, "Signature": {signature}}, got)
		genuine := client == h.Get("Client-Id") && request == h.Get("Request-Id") && timestamp == h.Get("Request-Timestamp") &&
			strings.TrimSuffix(signature, "=") == strings.TrimSuffix(h.Get("Signature"), "=") && bytes.Equal(got, body)
		switch {
		case err == nil && !genuine:
			t.Errorf("accepted %q %q %q %q %q", client, request, timestamp, signature, got)
		case err != nil && !errors.Is(err, ErrUnverified):
			t.Errorf("error %v is not ErrUnverified", err)
		case genuine && err != nil && signature == h.Get("Signature"):
			t.Errorf("genuine message: %v", err)
		}
	})
}

var messages = []string{
	goodStatus,
	goodAnswer,
	`{"order":{"invoice_number":"I","amount":150000.00},"transaction":{"status":"SUCCESS"}}`,
	`{"order":{"invoice_number":"I","amount":"1.5E5"},"transaction":{"status":"x","date":"20260102100405"},"x":[{"a":1}],"y":null}`,
	`{"order":{"invoice_number":"I","amount":1,"AMOUNT":2},"transaction":{"ſtatus":"SUCCESS"}}`,
	`{"order":{"\u0069nvoice_number":"\ud83d\ude00","amount":1e2},"peer_to_peer_info":{"identifier":[{"name":"a","value":{}}]}}`,
	"\ufeff{}", `{"a":}`, `{"a":1}{}`, `[[[[[[[[[[[[[[[[[[`, "{\"\xff\":1}", ` { } `, `{"a" : "\"}" , "b" : [ ] }`,
	`{"error":{"code":"c","message":["m"]},"error_messages":["a",1,null]}`,
}

// checkNotification compares what was read with what encoding/json reads, and the amount with big.Rat.
func checkNotification(t *testing.T, body []byte, n *Notification, err error) {
	if err != nil {
		if !errors.Is(err, ErrMalformed) || n != nil {
			t.Errorf("error %v is not ErrMalformed, or comes with a result", err)
		}
		return
	}
	var ref struct {
		Order map[string]json.RawMessage `json:"order"`
	}
	if err := json.Unmarshal(body, &ref); err != nil || !utf8.Valid(body) {
		t.Fatalf("accepted what encoding/json refuses: %v", err)
	}
	token := strings.Trim(string(ref.Order["amount"]), `"`)
	want, ok := new(big.Rat).SetString(token)
	if !ok || !want.IsInt() || want.Num().Int64() != n.Amount.Int64() || n.Amount.Cmp(money.Rupiah(1)) < 0 || !n.Amount.InRange() {
		t.Errorf("amount %s read as %v", token, n.Amount)
	}
	if n.InvoiceNumber == "" || string(n.Status) != strings.ToUpper(string(n.Status)) {
		t.Errorf("notification %+v", n)
	}
}

func FuzzParseNotification(f *testing.F) {
	_, body := notification(f)
	f.Add(body)
	for _, m := range messages {
		f.Add([]byte(m))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := ParseNotification(body)
		checkNotification(t, body, n, err)
	})
}

func FuzzParseStatus(f *testing.F) {
	for _, m := range messages {
		f.Add([]byte(m))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		n, err := ParseStatus(body)
		checkNotification(t, body, n, err)
	})
}

// Any answer to generate-order, rightly signed, gives our own order with a safe page, or an *Error.
func FuzzGenerateOrderAnswer(f *testing.F) {
	for _, m := range messages {
		f.Add(200, []byte(m))
		f.Add(409, []byte(m))
		f.Add(400, []byte(m))
	}
	request := testBody(f)
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		if status < 200 || status > 599 {
			return
		}
		c := newTestClient(t, "", func(c *Config) {
			c.MaxTries = 1
			c.Transport = answering(status, body)
		})
		got, err := c.GenerateOrder(t.Context(), testRequestID, request)
		var e *Error
		switch {
		case err != nil && !errors.As(err, &e):
			t.Errorf("error %v is no *Error", err)
		case err != nil && kind(e) == "both":
			t.Errorf("error %v is retryable and rejected", err)
		case err == nil && (got.InvoiceNumber != testInvoice || got.Status != "PENDING" || c.checkPaymentURL(got.PaymentURL) != nil):
			t.Errorf("response %+v", got)
		case err == nil && status != 409 && status/100 != 2:
			t.Errorf("HTTP %d is a success", status)
		}
	})
}
