package kredivo_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
)

const (
	explainClient   = "MCH-0001-10791114622547"
	explainSecret   = "SK-explain-not-a-secret"
	explainPrevious = "SK-explain-the-key-before"
	explainTarget   = "/pay/notifications"
)

var explainNow = time.Date(2026, 1, 2, 3, 14, 6, 0, time.UTC)

// dokuBody is a notification as DOKU writes it, with somebody in it who does not exist.
const dokuBody = `{
  "service": {
    "id": "PEER_TO_PEER"
  },
  "order": {
    "invoice_number": "INV-2026-000123",
    "amount": 150000.00
  },
  "transaction": {
    "status": "SUCCESS",
    "url": "https://shop.example/p/1"
  },
  "customer": {
    "name": "Ani & Café <Rahasia>",
    "phone": "6281122334455"
  }
}`

// refusing is a plugin that refuses what it is sent, and what it logs.
func refusing(t *testing.T, change ...func(*kredivo.Config)) (*kredivo.Plugin, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	cfg := kredivo.Config{
		DOKU:      doku.Config{ClientID: explainClient, SecretKey: explainSecret, PreviousSecretKeys: []doku.Secret{explainPrevious}},
		PublicURL: "https://shop.example/pay",
		Store:     stuckStore{}, // nothing refused gets there
		OnEvent:   func(context.Context, kredivo.Event) error { return nil },
		Logger:    slog.New(slog.NewTextHandler(&log, nil)),
		Now:       func() time.Time { return explainNow },
	}
	for _, f := range change {
		f(&cfg)
	}
	p, err := kredivo.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p, &log
}

// A letter is a notification on its way: signed as DOKU signs, and then changed.
type letter struct {
	secret   doku.Secret
	parts    doku.Components
	unsigned bool
	change   func(*kredivo.Request)
}

// post signs, changes, and delivers it.
func (l letter) post(t *testing.T, p *kredivo.Plugin) (*kredivo.Response, *kredivo.Request) {
	t.Helper()
	req := &kredivo.Request{Path: explainTarget, Body: []byte(dokuBody), Header: http.Header{"Content-Type": {"application/json"}}}
	if !l.unsigned {
		req.Header = http.Header{
			"Client-Id": {l.parts.ClientID}, "Request-Id": {l.parts.RequestID}, "Request-Timestamp": {l.parts.Timestamp},
			"Signature": {doku.Sign(l.secret, l.parts)}, "Content-Length": {fmt.Sprint(len(l.parts.Body))},
		}
		req.Body = bytes.Clone(l.parts.Body)
	}
	if l.change != nil {
		l.change(req)
	}
	return serve(t, p, "POST", "/notifications", req), req
}

// signed is a letter that DOKU signed for another target, body, or both.
func signed(change func(*doku.Components)) letter {
	l := letter{secret: explainSecret, parts: doku.Components{
		ClientID: explainClient, RequestID: "479b663f-5c9d-400d-8e80-3e548a8f7639",
		Timestamp: "2026-01-02T03:14:06Z", Target: explainTarget, Body: []byte(dokuBody),
	}}
	if change != nil {
		change(&l.parts)
	}
	return l
}

// changed is a letter that something changed on the way.
func changed(change func(*kredivo.Request)) letter {
	l := signed(nil)
	l.change = change
	return l
}

func body(to func(string) string) func(*kredivo.Request) {
	return func(r *kredivo.Request) {
		r.Body = []byte(to(string(r.Body)))
		r.Header.Set("Content-Length", fmt.Sprint(len(r.Body)))
	}
}

func header(name string, to func(string) []string) func(*kredivo.Request) {
	return func(r *kredivo.Request) { r.Header[name] = to(r.Header.Get(name)) }
}

func target(to string) letter { return signed(func(c *doku.Components) { c.Target = to }) }

// replace replaces text in a body; it must be there.
func replace(from, to string) func(string) string {
	return func(s string) string {
		if !strings.Contains(s, from) {
			panic("the body has no " + from)
		}
		return strings.ReplaceAll(s, from, to)
	}
}

func gzipped(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write([]byte(s))
	_ = z.Close()
	return b.String()
}

// flat is the body without its line breaks and indents.
func flat(s string) string {
	return strings.ReplaceAll(strings.NewReplacer("\n", "", "  ", "").Replace(s), `": `, `":`)
}

// wantQuiet checks that a log repeats neither keys nor anything of the message that may be personal.
func wantQuiet(t *testing.T, log string, req *kredivo.Request) {
	t.Helper()
	secrets := []string{explainSecret, explainPrevious, "SK-of", "hush", "ani@", "INV-2026", "Rahasia", "Café", "628112", "150000", "SUCCESS", "479b663f"}
	_, signature, _ := strings.Cut(req.Header.Get("Signature"), "=")
	if len(signature) > 8 {
		secrets = append(secrets, signature[:8])
	}
	for _, s := range secrets {
		if strings.Contains(log, s) {
			t.Errorf("the log repeats %q: %s", s, log)
		}
	}
}

// plusID finds a Request-Id for which the signature has a plus sign.
func plusID(t *testing.T, l letter) string {
	t.Helper()
	for i := range 1000 {
		l.parts.RequestID = fmt.Sprint("id-", i)
		if strings.Contains(doku.Sign(l.secret, l.parts), "+") {
			return l.parts.RequestID
		}
	}
	t.Fatal("no signature has a plus sign")
	return ""
}
