package validation_test

import (
	"testing"

	"github.com/paylater-go/paylater/money"
	"github.com/paylater-go/paylater/validation"
)

func TestHTTPSURL(t *testing.T) {
	t.Parallel()
	const (
		always   = 2 // allowed by both forms of the rule
		loopback = 1 // allowed by https_url=loopback only
		never    = 0
	)
	type strict struct {
		URL string `validate:"https_url"`
	}
	type local struct {
		URL string `validate:"https_url=loopback"`
	}
	for url, want := range map[string]int{
		"https://shop.example":                   always,
		"https://shop.example/p/1?a=b%20c#top":   always,
		"https://shop.example:8443/":             always,
		"HTTPS://SHOP.EXAMPLE/":                  always,
		"https://toko.example/kaos-é":            always,
		"https://192.0.2.1/":                     always,
		"https://[2001:db8::1]/":                 always,
		"https://localhost/":                     always,
		"http://localhost/pay":                   loopback,
		"http://LOCALHOST:8080":                  loopback,
		"http://127.0.0.1:8080/pay":              loopback,
		"http://127.9.9.9/":                      loopback,
		"http://[::1]:8080/":                     loopback,
		"http://shop.example/":                   never,
		"http://localhost.example/":              never,
		"http://127.0.0.1.example/":              never,
		"http://127.1/":                          never,
		"http://0.0.0.0/":                        never,
		"http://10.0.0.1/":                       never,
		"http://user@localhost/":                 never,
		"https://user:secret@shop.example/":      never,
		"https://user@shop.example/":             never,
		"https://@shop.example/":                 never,
		"":                                       never,
		"https":                                  never,
		"https:":                                 never,
		"https://":                               never,
		"https:///path":                          never,
		"https://:443/":                          never,
		"https://shop.example:/":                 never,
		"https://shop.example:0/":                never,
		"https://shop.example:65536/":            never,
		"https:shop.example":                     never,
		"//shop.example/":                        never,
		"/pay":                                   never,
		"shop.example/pay":                       never,
		"ftp://shop.example/":                    never,
		"javascript:alert(1)":                    never,
		"data:text/html,x":                       never,
		" https://shop.example/":                 never,
		"https://shop.example/a b":               never,
		"https://shop.example/\r\nSet-Cookie: a": never,
		"https://shop.example/\u202egnp":         never,
		"https://shop.example/\x00":              never,
		"https://shop.example/\xff":              never,
		`https:\\shop.example\`:                  never,
		`https://shop.example/\evil.example/`:    never, // browsers read a slash
		`https://shop.example\@evil.example/`:    never,
		"https://shop.example/%zz":               never,
		"https://[::1/":                          never,
	} {
		if got := validation.Struct("", strict{url}) == nil; got != (want == always) {
			t.Errorf("https_url allows %q: %v", url, got)
		}
		if got := validation.Struct("", local{url}) == nil; got != (want >= loopback) {
			t.Errorf("https_url=loopback allows %q: %v", url, got)
		}
	}
}

func TestRupiahRules(t *testing.T) {
	t.Parallel()
	type form struct {
		Paid money.Amount `validate:"rupiah"`
		Free money.Amount `validate:"rupiah0"`
	}
	huge := money.Rupiah(1 << 62).Mul(1 << 62)
	for _, c := range []struct {
		a          money.Amount
		paid, free bool
	}{
		{money.Rupiah(0), false, true},
		{money.Rupiah(1), true, true},
		{money.Rupiah(999_999_999_999), true, true},
		{money.Rupiah(1_000_000_000_000), false, false},
		{money.Rupiah(-1), false, false},
		{huge, false, false},
		{money.Rupiah(0).Sub(huge), false, false},
	} {
		if got := validation.Struct("", form{c.a, money.Rupiah(1)}) == nil; got != c.paid {
			t.Errorf("rupiah allows %s: %v", c.a, got)
		}
		if got := validation.Struct("", form{money.Rupiah(1), c.a}) == nil; got != c.free {
			t.Errorf("rupiah0 allows %s: %v", c.a, got)
		}
	}
}

func TestQuantityRule(t *testing.T) {
	t.Parallel()
	type ints struct {
		N int `validate:"quantity"`
	}
	type uints struct {
		N uint16 `validate:"quantity"`
	}
	type texts struct {
		N string `validate:"quantity"`
	}
	for n, want := range map[int]bool{-1: false, 0: false, 1: true, 9999: true, 10000: false} {
		if got := validation.Struct("", ints{n}) == nil; got != want {
			t.Errorf("quantity allows %d: %v", n, got)
		}
		if got := validation.Struct("", uints{uint16(n)}) == nil; n >= 0 && got != want {
			t.Errorf("quantity allows unsigned %d: %v", n, got)
		}
	}
	if validation.Struct("", texts{"1"}) == nil {
		t.Error("quantity allows text")
	}
}

func TestInvoiceNumberRule(t *testing.T) {
	t.Parallel()
	type form struct {
		N string `validate:"invoice_number"`
	}
	for n, want := range map[string]bool{
		"a": true, "INV-2026.01_9": true, ".a": true, "-": true, repeatASCII(64): true, repeatASCII(65): false,
		"": false, ".": false, "..": false, "...": false, "a/b": false, "a b": false, "a%2fb": false, "a?b": false, "a\n": false,
		"é": false, "a\x00": false,
	} {
		if got := validation.Struct("", form{n}) == nil; got != want {
			t.Errorf("invoice_number allows %q: %v", n, got)
		}
	}
}

func repeatASCII(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = 'A'
	}
	return string(b)
}
