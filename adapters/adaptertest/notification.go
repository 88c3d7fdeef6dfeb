package adaptertest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Limits of the routes, as a client sees them.
const (
	checkoutLimit     = 16 << 10
	notificationLimit = 64 << 10
)

// bodyLimit: a body of exactly the limit is read, one byte more is 413, however it is announced.
func (s *suite) bodyLimit(t *testing.T) {
	c := s.host(t, App{})
	for _, tt := range []struct {
		path  string
		limit int
		under int // status of a body at the limit
	}{
		{"/pay/notifications", notificationLimit, http.StatusOK},
		{"/pay/checkout", checkoutLimit, http.StatusSeeOther},
	} {
		form := "order=limit-1&pad="
		full := form + strings.Repeat("x", tt.limit-len(form))
		header := append(pairs(s.shop.Sign([]byte(full))), "X-Buyer", "ani")
		header = append(header, "Content-Type", "application/x-www-form-urlencoded")
		if tt.path == "/pay/checkout" {
			header = []string{"Content-Type", "application/x-www-form-urlencoded", "X-Buyer", "ani"}
		}
		c.want(tt.under, "POST", tt.path, full, header...)
		a := c.want(http.StatusRequestEntityTooLarge, "POST", tt.path, full+"x", header...)
		if a.code() != "body_too_large" || !a.ours() {
			t.Errorf("%s: %s", tt.path, a.body)
		}
		req, err := http.NewRequestWithContext(t.Context(), "POST", c.base+tt.path, io.MultiReader(strings.NewReader(full), strings.NewReader("x")))
		if err != nil {
			t.Fatal(err)
		}
		if a, err := c.send(req); err != nil || a.status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s, chunked: status %d, error %v, want 413", tt.path, a.status, err)
		}
	}
	c.checkout("/pay/checkout", "limit-1", "ani")
}

// endlessBody: what only announces a huge body, or never ends, gets 413 or a closed connection, and the
// host serves others meanwhile.
func (s *suite) endlessBody(t *testing.T) {
	c := s.host(t, App{})
	before := s.kept.stored()
	start := bytes.Repeat([]byte("x"), 2*notificationLimit) // some frameworks read that far before they call a handler
	a, err := c.raw(request("/pay/notifications", []string{"Content-Length: 10737418240"}, start))
	if err != nil || a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("10 GiB announced: status %d, error %v, want 413", a.status, err)
	}

	conn := c.dial()
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write(request("/pay/notifications", []string{"Transfer-Encoding: chunked"}, nil)); err != nil {
		t.Fatal(err)
	}
	chunk := fmt.Appendf(nil, "%x\r\n%s\r\n", 32<<10, bytes.Repeat([]byte("x"), 32<<10))
	sent := 0
	for sent < 64<<20 {
		n, err := conn.Write(chunk)
		if sent += n; err != nil {
			break
		}
	}
	if sent >= 64<<20 {
		t.Errorf("the host took %d bytes of one endless body", sent)
	}
	if a, err := readAnswer(conn); err == nil && a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("endless: status %d, want 413", a.status)
	}
	if s.kept.stored() != before {
		t.Error("something was stored")
	}
	c.checkout("/pay/checkout", "endless-1", "ani")
}

// signedHeadersOnce: each of the four signed headers must come exactly once, in whatever letter case,
// and with a value. A proxy in front may read another one of two than we do.
func (s *suite) signedHeadersOnce(t *testing.T) {
	c := s.host(t, App{})
	body := []byte(`{"any":"header"}`)
	before := s.kept.stored()
	post := func(lines []string) (answer, error) {
		return c.raw(request("/pay/notifications", append(lines, "Connection: close"), body))
	}
	refused := func(what string, lines []string) {
		t.Helper()
		a, err := post(lines)
		if err != nil || a.status != http.StatusUnauthorized && a.status != http.StatusBadRequest {
			t.Errorf("%s: status %d, error %v, want 401 (or 400)", what, a.status, err)
		}
		if s.kept.stored() != before {
			t.Fatalf("%s: the notification was taken", what)
		}
	}
	good := signedLines(s.shop.Sign(body), body)
	for i, name := range signedNames {
		at := i + 2 // after Content-Type and Content-Length
		with := func(lines ...string) []string {
			return append(append(append([]string(nil), good[:at]...), lines...), good[at+1:]...)
		}
		refused(name+" twice", with(good[at], good[at]))
		refused(name+" twice, another first", with(name+": other", good[at]))
		refused(name+" twice, another last", with(good[at], name+": other"))
		refused(name+" twice, in lower case", with(good[at], strings.ToLower(name)+": other"))
		refused(name+" twice, in upper case", with(strings.ToUpper(name)+": other", good[at]))
		refused(name+" twice, one empty", with(good[at], name+":"))
		refused(name+" missing", with())
		refused(name+" empty", with(name+":"))
		refused(name+" changed", with(good[at]+"x"))
	}
	if a, err := post(lower(good)); err != nil || a.status != http.StatusOK {
		t.Errorf("lower case: status %d, error %v, want 200", a.status, err)
	}
}

// lower writes header names in lower case, as some proxies do.
func lower(lines []string) []string {
	var out []string
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ":")
		out = append(out, strings.ToLower(name)+":"+value)
	}
	return out
}

// contentEncoding: signatures are over the bytes on the wire, and nothing decodes those: not a bomb, and
// not what only claims to be compressed.
func (s *suite) contentEncoding(t *testing.T) {
	seen := make(chan []byte, 64) // more than a broken adapter lets through
	c := s.host(t, App{After: []Route{{
		Method: "POST", Path: "/own", Verified: true,
		Handle: func(n Native) { seen <- bytes.Clone(n.Body()); n.Send(http.StatusOK, "") },
	}}})
	before := s.kept.stored()
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write(make([]byte, 8<<20)) // a bytes.Buffer takes everything
	_ = z.Close()
	for _, encoding := range []string{"gzip", "br", "deflate", "zstd", "GZIP, identity"} {
		for name, body := range map[string][]byte{"bomb": bomb.Bytes(), "no such bytes": []byte("{\"plain\":\"text\"}")} {
			header := append(pairs(s.shop.Sign(body)), "Content-Encoding", encoding)
			a := c.want(http.StatusUnsupportedMediaType, "POST", "/pay/notifications", string(body), header...)
			if !a.ours() || s.kept.stored() != before {
				t.Fatalf("%s %s: the notification was taken", encoding, name)
			}
			c.want(http.StatusOK, "POST", "/own", string(body), header...)
			if got := <-seen; !bytes.Equal(got, body) {
				t.Errorf("%s %s: the host's own handler read %d bytes, want the %d on the wire", encoding, name, len(got), len(body))
			}
			c.want(http.StatusUnauthorized, "POST", "/own", string(body)+"x", header...)
		}
	}
}

// drainedBody: a middleware that reads the body before us is found out. Either the framework keeps the
// bytes and all is well, or DOKU gets a 500 and comes again; never a 401, which would look like a forgery.
func (s *suite) drainedBody(t *testing.T) {
	read := func(n Native) bool { n.Body(); return true }
	c := s.host(t, App{Mounts: []Mount{{Prefix: "/pay", Middleware: []Middleware{read}}}})
	body := []byte(`{"any":"drained"}`)
	before := s.kept.stored()
	a := c.do("POST", "/pay/notifications", string(body), pairs(s.shop.Sign(body))...)
	stored := s.kept.stored() > before
	if !(a.status == http.StatusOK && stored || a.status == http.StatusInternalServerError && !stored) || !a.ours() {
		t.Errorf("status %d, stored %v", a.status, stored)
	}
	// A forged one is refused all the same.
	if a := c.do("POST", "/pay/notifications", string(body)+" ", pairs(s.shop.Sign(body))...); a.status < 400 {
		t.Errorf("forged and drained: status %d", a.status)
	}
}

// clientHangsUp: what has arrived in full is stored, also when nobody waits for the answer.
func (s *suite) clientHangsUp(t *testing.T) {
	c := s.host(t, App{})
	for i := range 20 {
		body := fmt.Appendf(nil, `{"hang":"up %d"}`, i)
		conn := c.dial()
		s.drainReceived()
		if _, err := conn.Write(request("/pay/notifications", signedLines(s.shop.Sign(body), body), body)); err != nil {
			t.Fatal(err)
		}
		_ = conn.Close()
		select {
		case m := <-s.kept.received:
			if !bytes.Equal(m.Body, body) {
				t.Fatalf("stored %s, want %s", m.Body, body)
			}
		case <-time.After(patience):
			t.Fatal("a notification was lost because DOKU hung up")
		}
	}
}

func (s *suite) drainReceived() {
	for {
		select {
		case <-s.kept.received:
		default:
			return
		}
	}
}

// verifySignature: the host's own endpoint behind it runs for what DOKU has signed only, and reads the
// bytes that were verified.
func (s *suite) verifySignature(t *testing.T) {
	seen := make(chan []byte, 8)
	c := s.host(t, App{After: []Route{{
		Method: "POST", Path: "/hooks/doku", Verified: true,
		Handle: func(n Native) { seen <- bytes.Clone(n.Body()); n.Send(http.StatusAccepted, "mine") },
	}}})
	before := s.kept.stored()
	body := []byte("{\n  \"any\" : \"thing\", \"bytes\": \"\x00\xff\"\n}")
	header := pairs(s.shop.Sign(body))
	if a := c.want(http.StatusAccepted, "POST", "/hooks/doku", string(body), header...); string(a.body) != "mine" {
		t.Errorf("body %q", a.body)
	}
	if got := <-seen; !bytes.Equal(got, body) {
		t.Errorf("the handler read %q, want %q", got, body)
	}
	for name, send := range map[string]func() answer{
		"altered":   func() answer { return c.do("POST", "/hooks/doku", string(body)+" ", header...) },
		"unsigned":  func() answer { return c.do("POST", "/hooks/doku", string(body)) },
		"empty":     func() answer { return c.do("POST", "/hooks/doku", "") },
		"cut short": func() answer { return c.do("POST", "/hooks/doku", string(body[:len(body)-1]), header...) },
	} {
		if a := send(); a.status != http.StatusUnauthorized || a.code() != "bad_signature" || !a.ours() {
			t.Errorf("%s: %d %s, want 401 bad_signature", name, a.status, a.body)
		}
	}
	huge := strings.Repeat("x", notificationLimit+1)
	c.want(http.StatusRequestEntityTooLarge, "POST", "/hooks/doku", huge, pairs(s.shop.Sign([]byte(huge)))...)
	if len(seen) != 0 || s.kept.stored() != before {
		t.Errorf("the handler ran %d times for what must be refused", len(seen))
	}
}
