package kredivo_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
)

const probeHeader = "X-Kredivo-Probe"

// Whatever is sent with or without a probe's header, nothing of it is taken for a notification, and only who
// holds the key, or has seen a probe, reads more than a forger does. A store that is asked panics.
func TestProbeIsNoNotification(t *testing.T) {
	t.Parallel()
	p, _ := refusing(t)
	stranger, _ := refusing(t, func(c *kredivo.Config) { c.DOKU.SecretKey, c.DOKU.PreviousSecretKeys = "SK-of-another-account", nil })
	content := []byte(dokuBody)
	genuine := doku.SignNotification(explainSecret, explainClient, "1", explainNow, explainTarget, content)
	forgery, _ := letter{unsigned: true}.post(t, p)

	for name, c := range map[string]struct {
		change func(http.Header)
		body   []byte
		says   string // in the header of the answer; empty for no header
	}{
		"as it is":          {func(http.Header) {}, content, "cause=none;"},
		"without header":    {func(h http.Header) { h.Del(probeHeader) }, content, ""},
		"another body":      {func(http.Header) {}, []byte("{}"), "cause=body_changed;"},
		"another Client-Id": {func(h http.Header) { h.Set("Client-Id", "MCH-0001-1") }, content, "cause=client_id;"},
		"header cut":        {func(h http.Header) { h.Set(probeHeader, h.Get(probeHeader)[1:]) }, content, ""},
		"header of nothing": {func(h http.Header) { h.Set(probeHeader, "") }, content, ""},
		"header of words":   {func(h http.Header) { h.Set(probeHeader, "1 2 3 4") }, content, ""},
		"header doubled":    {func(h http.Header) { h.Add(probeHeader, h.Get(probeHeader)) }, content, ""},
		"of a stranger": {func(h http.Header) {
			h.Set(probeHeader, stranger.ProbeRequest(explainTarget, content).Get(probeHeader))
		}, content, ""},
		"genuine, with the header of a probe": {func(h http.Header) {
			for _, name := range []string{"Client-Id", "Request-Id", "Request-Timestamp", "Signature"} {
				h[name] = genuine[name]
			}
		}, content, "cause=secret_key;"},
	} {
		h := p.ProbeRequest(explainTarget, content)
		c.change(h)
		resp := serve(t, p, "POST", "/notifications", &kredivo.Request{Path: explainTarget, Header: h, Body: c.body})
		if resp.Status != 401 || !bytes.Equal(resp.Body, forgery.Body) {
			t.Errorf("%s: answered %d %s", name, resp.Status, resp.Body)
		}
		got := resp.Header.Get(probeHeader)
		if c.says == "" && got != "" || !strings.Contains(got, c.says) {
			t.Errorf("%s: the answer says %q, want %q", name, got, c.says)
		}
		if strings.Contains(got, "SK-") || strings.Contains(got, "HMACSHA256") {
			t.Errorf("%s: the answer says %q", name, got)
		}
	}
}

// Probes that are sent again and again cost no more than forgeries.
func TestProbesAreLookedAtSparingly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		p, _ := refusing(t)
		h := p.ProbeRequest(explainTarget, []byte(dokuBody))
		answered := func() (n int) {
			for range 100 {
				resp := serve(t, p, "POST", "/notifications", &kredivo.Request{Path: explainTarget, Header: h.Clone(), Body: []byte(dokuBody)})
				if strings.Contains(resp.Header.Get(probeHeader), "cause=none;") {
					n++
				}
			}
			return n
		}
		if n := answered(); n != 20 {
			t.Errorf("%d of 100 probes at once were looked at, want 20", n)
		}
		<-time.After(time.Second)
		if n := answered(); n != 5 {
			t.Errorf("%d of 100 probes were looked at a second later, want 5", n)
		}
	})
}
