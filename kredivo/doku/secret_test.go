package doku

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// Nothing that holds a key prints it, whichever way it is printed.
func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	const canary = "CANARY-key-0123456789"
	cfg := Config{ClientID: testClient, SecretKey: canary, PreviousSecretKeys: []Secret{canary + "-2"}}
	client, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := client.Verifier(testTarget)
	if err != nil {
		t.Fatal(err)
	}
	secret := cfg.SecretKey
	values := map[string]any{
		"secret": secret, "pointer": &secret, "slice": []Secret{secret}, "map": map[string]Secret{"a": secret},
		"config": cfg, "config pointer": &cfg, "client": client, "verifier": verifier, "verifier value": *verifier,
		"struct": struct{ S Secret }{secret},
	}
	for name, v := range values {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%t", "%20s"} {
			check(t, name+" "+verb, fmt.Sprintf(verb, v), canary)
		}
		for _, handler := range []func(*bytes.Buffer) slog.Handler{
			func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
			func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		} {
			var b bytes.Buffer
			slog.New(handler(&b)).Info("x", "v", v, slog.Group("g", "v", v))
			check(t, name+" slog", b.String(), canary)
		}
		j, _ := json.Marshal(v)
		check(t, name+" json", string(j), canary)
		x, _ := xml.Marshal(v)
		check(t, name+" xml", string(x), canary)
		check(t, name+" error", fmt.Errorf("wrapped %v", v).Error(), canary)
		check(t, name+" panic", fmt.Sprint(recovered(v)), canary)
	}
	if got := fmt.Sprint(secret); got != "[secret]" {
		t.Errorf("a secret prints %q", got)
	}
	if got := secret.String() + secret.GoString() + secret.LogValue().String(); got != "[secret][secret][secret]" {
		t.Errorf("a secret's methods give %q", got)
	}
}

func recovered(v any) (r any) {
	defer func() { r = recover() }()
	panic(v)
}

// check looks for the canary as it is, and in hex.
func check(t *testing.T, what, got, canary string) {
	t.Helper()
	for _, form := range []string{canary, fmt.Sprintf("%x", canary), fmt.Sprintf("%X", canary), fmt.Sprintf("% x", canary)} {
		if strings.Contains(got, form) {
			t.Errorf("%s prints the key: %.200s", what, got)
		}
	}
}

// An echo of the request in DOKU's answers reaches neither errors nor logs.
func TestCustomerDataStaysOutOfErrorsAndLogs(t *testing.T) {
	t.Parallel()
	for _, echo := range []string{
		"customer Budi is unknown", "customer BUDI is unknown", "phone 6281122334455 is bad", "phone +62 811-2233-4455 is bad",
		"budi@example.com is bad", "someone@example.org is bad", "Jl. Sudirman 1 is no address", "\x1b[31m\r\nlevel=ERROR forged",
	} {
		var log bytes.Buffer
		message, _ := json.Marshal(echo)
		for _, status := range []int{400, 500} {
			s := serve(t, reply{status: status, body: fmt.Sprintf(`{"error":{"code":"c","message":%s}}`, message)})
			c := newTestClient(t, s.URL, func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
			_, err := c.GenerateOrder(t.Context(), testRequestID, testBody(t))
			c.log.Error("failed", "err", err)
			var e *Error
			if !errors.As(err, &e) || e.Message == "" {
				t.Fatalf("%q: %v", echo, err)
			}
			sig := s.seen[0].Header.Get("Signature")
			for _, secret := range []string{"Budi", "BUDI", "6281122334455", "811-2233", "@example", "Sudirman", "\x1b", "\r", string(testSecret), sig} {
				if strings.Contains(err.Error(), secret) || strings.Contains(log.String(), secret) {
					t.Errorf("%q: error or log shows %q: %v\n%s", echo, secret, err, &log)
				}
			}
		}
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	e := &Error{Op: "generate order", Code: "c", HTTPStatus: 400, RequestID: "r", Message: "no", Err: ErrRejected}
	if got, want := e.Error(), `doku: generate order: request refused, HTTP 400, code c, DOKU says "no" (request r)`; got != want {
		t.Errorf("Error() = %s, want %s", got, want)
	}
	if got, want := e.LogValue().String(), `doku: generate order: request refused, HTTP 400, code c (request r)`; got != want {
		t.Errorf("LogValue() = %s, want %s", got, want)
	}
	long := sanitize(strings.Repeat("é a ", 500), nil)
	if n := len([]rune(long)); n != maxMessage {
		t.Errorf("a long message has %d characters, want %d", n, maxMessage)
	}
}

// Results hold raw bodies; logging them shows ids only.
func TestResultsLogIDsOnly(t *testing.T) {
	t.Parallel()
	n, err := ParseNotification([]byte(`{"order":{"invoice_number":"INV-1","amount":5},"transaction":{"status":"SUCCESS"},"customer":{"name":"CANARY"}}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]any{
		"notification": *n, "pointer": n,
		"status":   &StatusResponse{Notification: *n, Raw: []byte("CANARY")},
		"response": &GenerateOrderResponse{InvoiceNumber: "INV-1", PaymentURL: "https://x/CANARY", Raw: []byte("CANARY")},
	} {
		var b bytes.Buffer
		slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "v", v)
		if strings.Contains(b.String(), "CANARY") || !strings.Contains(b.String(), "INV-1") {
			t.Errorf("%s logs %s", name, &b)
		}
	}
}
