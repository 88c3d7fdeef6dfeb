package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestBadInput sends what nobody should: every refusal says what to change and leaves nothing behind.
func TestBadInput(t *testing.T) {
	onEvery(t, func(t *testing.T, p program) {
		h := newHost(t, p)
		t.Run("orders", func(t *testing.T) { badOrders(t, h) })
		t.Run("checkout", func(t *testing.T) { badCheckouts(t, h) })
		t.Run("too large", func(t *testing.T) { tooLarge(t, h) })
		t.Run("wrong method", func(t *testing.T) { wrongMethod(t, h) })
		t.Run("unknown", func(t *testing.T) { unknown(t, h) })
	})
}

// A problem is an RFC 9457 problem document.
type problem struct {
	Status int
	Title  string
	Code   string
	Errors []struct{ Path, Code, Message string }
}

func badOrders(t *testing.T, h *host) {
	const (
		items    = `"items":[{"sku":"KAOS-1","quantity":1}]`
		customer = `"customer":{"first_name":"Siti","phone":"081234567890","email":"siti@example.com"}`
		address  = `"shipping_address":{"address":"Jl. Melati 1","city":"Bandung","postal_code":"40111"}`
	)
	with := func(parts ...string) string { return "{" + strings.Join(parts, ",") + "}" }
	for name, test := range map[string]struct {
		body   string
		status int
		wrong  []string // path and code
	}{
		"malformed JSON":      {`{"items":[`, 400, nil},
		"no JSON":             {`sku=KAOS-1`, 400, nil},
		"empty":               {``, 400, nil},
		"null":                {`null`, 400, nil},
		"two objects":         {with(items, customer, address) + "{}", 400, nil},
		"unknown sku":         {with(`"items":[{"sku":"KAOS-1","quantity":1},{"sku":"NONE","quantity":1}]`, customer, address), 422, []string{"items[1].sku unknown_sku"}},
		"quantity 0":          {with(`"items":[{"sku":"KAOS-1","quantity":0}]`, customer, address), 422, []string{"items[0].quantity quantity"}},
		"quantity -1":         {with(`"items":[{"sku":"KAOS-1","quantity":-1}]`, customer, address), 422, []string{"items[0].quantity quantity"}},
		"quantity 10000":      {with(`"items":[{"sku":"KAOS-1","quantity":10000}]`, customer, address), 422, []string{"items[0].quantity quantity"}},
		"quantity 1.5":        {with(`"items":[{"sku":"KAOS-1","quantity":1.5}]`, customer, address), 422, []string{"items[0].quantity quantity"}},
		"quantity as text":    {with(`"items":[{"sku":"KAOS-1","quantity":"1"}]`, customer, address), 422, []string{"items[0].quantity quantity"}},
		"no items":            {with(`"items":[]`, customer, address), 422, []string{"items required"}},
		"items of wrong type": {with(`"items":{}`, customer, address), 422, []string{"items type"}},
		"bad phone":           {with(items, `"customer":{"first_name":"Siti","phone":"call me","email":"siti@example.com"}`, address), 422, []string{"customer.phone phone"}},
		"bad email":           {with(items, `"customer":{"first_name":"Siti","phone":"081234567890","email":"siti"}`, address), 422, []string{"customer.email email"}},
		"no customer":         {with(items, address), 422, []string{"customer.first_name required", "customer.phone required", "customer.email required"}},
		"no address":          {with(items, customer), 422, []string{"shipping_address required"}},
		"empty address": {with(items, customer, `"shipping_address":{}`), 422,
			[]string{"shipping_address.address required", "shipping_address.city required", "shipping_address.postal_code required"}},
		"everything at once": {`{}`, 422, []string{"items required", "customer.first_name required", "customer.phone required",
			"customer.email required", "shipping_address required"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := send(t, newProgram(t), "POST", h.url+"/orders", test.body, "Content-Type", acceptJSON)
			var p problem
			a.into(t, &p)
			if a.status != test.status || p.Status != test.status || a.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("answer = %d %s %s, want a problem document with %d", a.status, a.header.Get("Content-Type"), a.body, test.status)
			}
			var wrong []string
			for _, e := range p.Errors {
				wrong = append(wrong, e.Path+" "+e.Code)
				if e.Message == "" {
					t.Errorf("%s has no message", e.Path)
				}
			}
			if !slices.Equal(wrong, test.wrong) {
				t.Errorf("errors = %q, want %q", wrong, test.wrong)
			}
			if strings.Contains(a.body, "call me") {
				t.Errorf("the answer repeats the value: %s", a.body)
			}
		})
	}
	indonesian := send(t, newProgram(t), "POST", h.url+"/orders", `{}`, "Accept-Language", "id")
	if !strings.Contains(indonesian.body, "wajib diisi") {
		t.Errorf("not in Indonesian: %s", indonesian.body)
	}
	if n := h.written("orders"); n != 0 {
		t.Errorf("%d orders stored, want none", n)
	}
}

func badCheckouts(t *testing.T, h *host) {
	id := h.order(t, newProgram(t))
	for name, test := range map[string]struct {
		media, body string
		header      []string
		status      int
		code        string
	}{
		"unknown order":   {media: form, body: "order=NOSUCHORDER1", status: 404, code: "order_not_found"},
		"no order":        {media: form, body: "other=1", status: 404, code: "order_not_found"},
		"malformed JSON":  {media: acceptJSON, body: `{"order":`, status: 400, code: "invalid_request"},
		"JSON list":       {media: acceptJSON, body: `{"order":["` + id + `"]}`, status: 400, code: "invalid_request"},
		"another medium":  {media: "text/xml", body: "<order>" + id + "</order>", status: 415, code: "unsupported_body"},
		"another site":    {media: form, body: "order=" + id, header: []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, status: 403, code: "cross_origin"},
		"injected amount": {media: form, body: "order=NOSUCHORDER1&amount=1", status: 404, code: "order_not_found"},
	} {
		a := send(t, newProgram(t), "POST", h.url+"/pay/checkout", test.body, append(test.header, "Content-Type", test.media, "Accept", acceptJSON)...)
		var p problem
		a.into(t, &p)
		if a.status != test.status || p.Code != test.code {
			t.Errorf("%s: %d %s, want %d %s", name, a.status, a.body, test.status, test.code)
		}
	}
	if o := h.look(t, id); o.Attempts != 0 || len(h.sim.Orders()) != 0 {
		t.Errorf("attempts = %d, DOKU knows %d orders, want none", o.Attempts, len(h.sim.Orders()))
	}
	// The browser's word on the amount counts for nothing.
	a := send(t, newProgram(t), "POST", h.url+"/pay/checkout", "order="+id+"&amount=1", "Content-Type", form)
	if known := h.orders(id); a.status != http.StatusSeeOther || len(known) != 1 || known[0].Amount.Int64() != 313_000 {
		t.Errorf("checkout = %d, DOKU's orders = %+v, want one of Rp313.000", a.status, known)
	}
}

func tooLarge(t *testing.T, h *host) {
	for path, limit := range map[string]int{"/pay/notifications": 64 << 10, "/pay/checkout": 16 << 10, "/orders": 32 << 10} {
		a := send(t, newProgram(t), "POST", h.url+path, strings.Repeat("x", limit+1), "Content-Type", acceptJSON)
		if a.status != http.StatusRequestEntityTooLarge {
			t.Errorf("%s with %d bytes: %d, want 413", path, limit+1, a.status)
		}
	}
	if n := h.stored("kredivo_inbox"); n != 0 {
		t.Errorf("%d messages stored, want none", n)
	}
}

func wrongMethod(t *testing.T, h *host) {
	for _, test := range []struct{ method, path string }{
		{"GET", "/pay/checkout"}, {"PUT", "/pay/checkout"}, {"GET", "/pay/notifications"}, {"DELETE", "/pay/notifications"},
		{"POST", "/pay/status/abc"}, {"DELETE", "/orders"}, {"POST", "/orders/abc"},
	} {
		a := send(t, newProgram(t), test.method, h.url+test.path, "")
		if a.status != http.StatusMethodNotAllowed || a.header.Get("Allow") == "" {
			t.Errorf("%s %s: %d, Allow %q, want 405 that says what is allowed", test.method, test.path, a.status, a.header.Get("Allow"))
		}
	}
}

func unknown(t *testing.T, h *host) {
	for _, path := range []string{
		"/orders/NOSUCHORDER1", "/orders/NOSUCHORDER1/events", "/pay/return/nosuchtoken", "/pay/cancel/nosuchtoken",
		"/pay/status/nosuchtoken", "/pay/nowhere", "/pay", "/nowhere",
	} {
		if a := send(t, newProgram(t), "GET", h.url+path, ""); a.status != http.StatusNotFound {
			t.Errorf("GET %s: %d, want 404", path, a.status)
		}
	}
	a := send(t, newProgram(t), "GET", h.url+"/pay/return/nosuchtoken", "", "Accept", acceptHTML, "Accept-Language", "en")
	if !strings.Contains(a.body, "Page not found") {
		t.Errorf("a person reads %s", a.body)
	}
}
