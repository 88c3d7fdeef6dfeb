package doku

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

func newTestVerifier(t testing.TB) *Verifier {
	t.Helper()
	v, err := NewVerifier(testClient, []Secret{testSecret}, testTarget)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// notification returns vector V6 as it arrives.
func notification(t testing.TB) (http.Header, []byte) {
	t.Helper()
	v := vectors(t)["V6"]
	return http.Header{
		"Client-Id":         {v.ClientID},
		"Request-Id":        {v.RequestID},
		"Request-Timestamp": {v.Timestamp},
		"Signature":         {v.Signature},
	}, []byte(*v.Body)
}

func TestVerifyVector(t *testing.T) {
	t.Parallel()
	h, body := notification(t)
	v := newTestVerifier(t)
	for range 3 { // the pools are in use from the second time on
		if err := v.Verify(h, body); err != nil {
			t.Fatalf("Verify: %v", err)
		}
	}
}

// Every bit of the body and of the four header values counts.
func TestVerifyBitFlips(t *testing.T) {
	t.Parallel()
	h, body := notification(t)
	v := newTestVerifier(t)
	for i := range body {
		for bit := range 8 {
			body[i] ^= 1 << bit
			if err := v.Verify(h, body); !errors.Is(err, ErrBadSignature) {
				t.Fatalf("body byte %d bit %d flipped: %v, want %v", i, bit, err, ErrBadSignature)
			}
			body[i] ^= 1 << bit
		}
	}
	for name := range h {
		original := h[name][0]
		for i := range len(original) {
			for bit := range 8 {
				flipped := []byte(original)
				flipped[i] ^= 1 << bit
				h[name][0] = string(flipped)
				if err := v.Verify(h, body); !errors.Is(err, ErrUnverified) {
					t.Fatalf("%s byte %d bit %d flipped: %v, want %v", name, i, bit, err, ErrUnverified)
				}
			}
		}
		h[name][0] = original
	}
	if err := v.Verify(h, body); err != nil {
		t.Fatalf("Verify of the original: %v", err)
	}
}

func TestVerifyRefusals(t *testing.T) {
	t.Parallel()
	set := func(name string, values ...string) func(http.Header) {
		return func(h http.Header) { h[name] = values }
	}
	sig := vectors(t)["V6"].Signature
	b64 := strings.TrimPrefix(sig, scheme)
	tests := []struct {
		name   string
		change func(http.Header)
		want   error
	}{
		{"no Client-Id", set("Client-Id"), ErrMissingHeader},
		{"no Request-Id", set("Request-Id"), ErrMissingHeader},
		{"no Request-Timestamp", set("Request-Timestamp"), ErrMissingHeader},
		{"no Signature", set("Signature"), ErrMissingHeader},
		{"empty Client-Id", set("Client-Id", ""), ErrMissingHeader},
		{"empty Request-Id", set("Request-Id", ""), ErrMissingHeader},
		{"empty Request-Timestamp", set("Request-Timestamp", ""), ErrMissingHeader},
		{"empty Signature", set("Signature", ""), ErrMissingHeader},
		{"two Client-Ids", set("Client-Id", testClient, testClient), ErrDuplicateHeader},
		{"two Request-Ids", set("Request-Id", "a", "b"), ErrDuplicateHeader},
		{"two Request-Timestamps", set("Request-Timestamp", "a", "b"), ErrDuplicateHeader},
		{"two Signatures", set("Signature", sig, sig), ErrDuplicateHeader},
		{"second Signature empty", set("Signature", sig, ""), ErrDuplicateHeader},
		{"line feed", set("Request-Id", "a\nRequest-Target:/x"), ErrMalformedHeader},
		{"carriage return", set("Request-Id", "a\rb"), ErrMalformedHeader},
		{"NUL", set("Client-Id", testClient+"\x00"), ErrMalformedHeader},
		{"tab", set("Request-Id", "a\tb"), ErrMalformedHeader},
		{"DEL", set("Request-Id", "a\x7fb"), ErrMalformedHeader},
		{"not ASCII", set("Request-Id", "é"), ErrMalformedHeader},
		{"129 bytes", set("Request-Id", strings.Repeat("a", 129)), ErrMalformedHeader},
		{"128 bytes", set("Request-Id", strings.Repeat("a", 128)), ErrBadSignature},
		{"lower-case scheme", set("Signature", strings.Replace(sig, "HMAC", "hmac", 1)), ErrMalformedHeader},
		{"typo of DOKU's Node library", set("Signature", "HMACHSHA256="+b64), ErrMalformedHeader},
		{"SHA-512", set("Signature", "HMACSHA512="+b64), ErrMalformedHeader},
		{"SHA-1", set("Signature", "HMACSHA1="+b64), ErrMalformedHeader},
		{"no scheme", set("Signature", b64), ErrMalformedHeader},
		{"scheme twice", set("Signature", scheme+sig), ErrMalformedHeader},
		{"scheme alone", set("Signature", scheme), ErrMalformedHeader},
		{"space after the scheme", set("Signature", scheme+" "+b64), ErrMalformedHeader},
		{"two signatures in one header", set("Signature", sig+","+sig), ErrMalformedHeader},
		{"padding twice", set("Signature", sig+"="), ErrMalformedHeader},
		{"URL alphabet", set("Signature", strings.NewReplacer("+", "-", "/", "_").Replace(sig)), ErrMalformedHeader},
		{"31 bytes", set("Signature", scheme+strings.Repeat("A", 42)), ErrMalformedHeader},
		{"33 bytes", set("Signature", scheme+strings.Repeat("A", 44)), ErrMalformedHeader},
		{"stray last bits", set("Signature", strings.Replace(sig, "GQ=", "GR=", 1)), ErrMalformedHeader},
		{"hex", set("Signature", scheme+strings.Repeat("ab", 32)), ErrMalformedHeader},
		{"zero signature", set("Signature", scheme+strings.Repeat("A", 43)), ErrBadSignature},
		{"body with a line feed, as signed in the protocol notes",
			set("Signature", "HMACSHA256=RHLny4uKssgwiKI52tG+M3cEKSnj9CzelWHoDpofpcw="), ErrBadSignature},
		{"target with a query, as signed in the protocol notes",
			set("Signature", "HMACSHA256=bXepSQgohuLfqT3aAEbswLH+wlDEVfTcdjBhnEkN5/g="), ErrBadSignature},
		{"other Client-Id", set("Client-Id", "MCH-0002-10791114622547"), ErrUnknownClient},
		{"Client-Id in lower case", set("Client-Id", strings.ToLower(testClient)), ErrUnknownClient},
		{"prefix of the Client-Id", set("Client-Id", testClient[:5]), ErrUnknownClient},
		{"other timestamp", set("Request-Timestamp", "2026-01-02T03:14:07Z"), ErrBadSignature},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h, body := notification(t)
			tt.change(h)
			err := newTestVerifier(t).Verify(h, body)
			if !errors.Is(err, tt.want) || !errors.Is(err, ErrUnverified) {
				t.Errorf("Verify = %v, want %v", err, tt.want)
			}
		})
	}
}

// A message that is properly signed by our own key, but is not a notification to us.
func TestVerifyRefusesOtherSignedMessages(t *testing.T) {
	t.Parallel()
	_, body := notification(t)
	base := Components{ClientID: testClient, RequestID: "r-1", Timestamp: "2026-01-02T03:14:06Z", Target: testTarget, Body: body}
	tests := []struct {
		name   string
		change func(*Components)
		want   error
	}{
		{"unchanged", func(*Components) {}, nil},
		{"our own request reflected", func(c *Components) { c.Target = generatePath }, ErrBadSignature},
		{"an answer", func(c *Components) { c.Response = true }, ErrBadSignature},
		{"GET form without a digest", func(c *Components) { c.Body = nil }, ErrBadSignature},
		{"query in the target", func(c *Components) { c.Target += "?a=1" }, ErrBadSignature},
		{"trailing slash", func(c *Components) { c.Target += "/" }, ErrBadSignature},
		{"another account with the same secret", func(c *Components) { c.ClientID = "MCH-2" }, ErrUnknownClient},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := base
			tt.change(&c)
			h := http.Header{"Client-Id": {c.ClientID}, "Request-Id": {c.RequestID},
				"Request-Timestamp": {c.Timestamp}, "Signature": {Sign(testSecret, c)}}
			if err := newTestVerifier(t).Verify(h, body); !errors.Is(err, tt.want) {
				t.Errorf("Verify = %v, want %v", err, tt.want)
			}
		})
	}
}

// A body that ends the way a digest-less message continues must not pass for one.
func TestVerifyEmptyBodyStillHasADigest(t *testing.T) {
	t.Parallel()
	c := Components{ClientID: testClient, RequestID: "r-1", Timestamp: "2026-01-02T03:14:06Z", Target: testTarget}
	h := http.Header{"Client-Id": {c.ClientID}, "Request-Id": {c.RequestID},
		"Request-Timestamp": {c.Timestamp}, "Signature": {Sign(testSecret, c)}}
	for _, body := range [][]byte{nil, {}} {
		if err := newTestVerifier(t).Verify(h, body); !errors.Is(err, ErrBadSignature) {
			t.Errorf("Verify = %v, want %v", err, ErrBadSignature)
		}
	}
}

func TestVerifyAcceptsMissingPadding(t *testing.T) {
	t.Parallel()
	h, body := notification(t)
	h["Signature"][0] = strings.TrimSuffix(h["Signature"][0], "=")
	if err := newTestVerifier(t).Verify(h, body); err != nil {
		t.Errorf("Verify: %v", err)
	}
}

func TestVerifyRotation(t *testing.T) {
	t.Parallel()
	_, body := notification(t)
	v, err := NewVerifier(testClient, []Secret{"new", "old", "older"}, testTarget)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		secret Secret
		want   error
	}{{"new", nil}, {"old", nil}, {"older", nil}, {"oldest", ErrBadSignature}} {
		h := SignNotification(tt.secret, testClient, "r-1", testTime, testTarget, body)
		if err := v.Verify(h, body); !errors.Is(err, tt.want) {
			t.Errorf("signed with %q: %v, want %v", string(tt.secret), err, tt.want)
		}
	}
}

func TestVerifyConcurrently(t *testing.T) {
	t.Parallel()
	v := newTestVerifier(t)
	h, body := notification(t)
	forged := slices.Concat(body, []byte(" "))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if err := v.Verify(h, body); err != nil {
					t.Errorf("Verify: %v", err)
				}
				if err := v.Verify(h, forged); !errors.Is(err, ErrBadSignature) {
					t.Errorf("Verify of a forgery: %v", err)
				}
			}
		})
	}
	wg.Wait()
}

func TestVerifyDoesNotAllocate(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector makes sync.Pool drop values")
	}
	v := newTestVerifier(t)
	good, body := notification(t)
	forged := good.Clone()
	forged["Signature"][0] = scheme + strings.Repeat("A", 43)
	foreign := good.Clone()
	foreign["Client-Id"][0] = "MCH-2"
	missing := good.Clone()
	missing.Del("Signature")
	for name, h := range map[string]http.Header{"good": good, "forged": forged, "foreign": foreign, "missing": missing} {
		if n := testing.AllocsPerRun(200, func() { _ = v.Verify(h, body) }); n > 0 {
			t.Errorf("%s: %v allocations, want 0", name, n)
		}
	}
}

func TestNewVerifierRefusals(t *testing.T) {
	t.Parallel()
	one := []Secret{testSecret}
	tests := []struct {
		name     string
		clientID string
		secrets  []Secret
		target   string
		want     []string
	}{
		{"everything at once", "", []Secret{""}, "x", []string{"client id", "secret key", `must start with "/"`}},
		{"no secrets", testClient, nil, "/n", []string{"no secret key"}},
		{"second secret empty", testClient, []Secret{"a", ""}, "/n", []string{"previous secret key 1"}},
		{"line break on a secret", testClient, []Secret{"a\n"}, "/n", []string{"line break"}},
		{"client id with a space", "a b", one, "/n", []string{"client id"}},
		{"client id with a line feed", "a\nb", one, "/n", []string{"client id"}},
		{"query", testClient, one, "/n?a=1", []string{"without query"}},
		{"fragment", testClient, one, "/n#a", []string{"without query"}},
		{"line feed", testClient, one, "/n\nDigest:x", []string{"escaped"}},
		{"not ASCII", testClient, one, "/né", []string{"escaped"}},
		{"whole URL", testClient, one, "https://shop.example/n", []string{`must start with "/"`}},
		{"DOKU's path", testClient, one, "/kredivo-peer-to-peer/v2/generate-order", []string{"API paths"}},
		{"DOKU's status path", testClient, one, "/orders/v1/status/INV-1", []string{"API paths"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := NewVerifier(tt.clientID, tt.secrets, tt.target)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
		})
	}
}
