package adaptertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

// redirect: the browser gets 303 and DOKU's URL byte for byte; a program gets the same URL as JSON.
func (s *suite) redirect(t *testing.T) {
	c := s.host(t, App{})
	a := c.checkout("/pay/checkout", "redirect-1", "ani")
	o, ok := s.shop.DOKU.Order(s.shop.Invoice("redirect-1"))
	if !ok {
		t.Fatal("DOKU has no order")
	}
	if got := a.header["Location"]; len(got) != 1 || got[0] != o.PaymentURL {
		t.Errorf("Location = %q, want %q", got, o.PaymentURL)
	}
	if !a.ours() {
		t.Error("the answer lacks the plugin's marker")
	}
	if got := a.header["Cache-Control"]; len(got) != 1 || got[0] != "no-store" {
		t.Errorf("Cache-Control = %q, want one no-store", got)
	}
	a = c.want(http.StatusOK, "POST", "/pay/checkout", `{"order":"redirect-1"}`,
		"Content-Type", "application/json", "Accept", "application/json", "X-Buyer", "ani")
	var reply struct {
		PaymentURL string `json:"payment_url"`
	}
	if err := json.Unmarshal(a.body, &reply); err != nil || reply.PaymentURL != o.PaymentURL {
		t.Errorf("JSON answer %s (%v), want payment_url %s", a.body, err, o.PaymentURL)
	}
	if got := a.header.Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type = %q", got)
	}
}

// pay: a payment at DOKU reaches the host's handler through the mounted notification route.
func (s *suite) pay(t *testing.T) {
	c := s.host(t, App{})
	c.checkout("/pay/checkout", "pay-1", "ani")
	s.shop.DOKU.SetNotificationURL(c.base + "/pay/notifications")
	s.shop.Pay("pay-1")
	e := s.shop.Wait("pay-1", kredivo.PaymentSucceeded)
	if e.OrderStatus != kredivo.Paid {
		t.Errorf("order status = %s, want PAID", e.OrderStatus)
	}
	a := c.want(http.StatusConflict, "POST", "/pay/checkout?order=pay-1", "", "Accept", "application/json", "X-Buyer", "ani")
	if a.code() != "already_paid" {
		t.Errorf("code = %q, want already_paid", a.code())
	}
}

// orderReference: query and form reach the hook decoded, once, and unharmed.
func (s *suite) orderReference(t *testing.T) {
	seen := make(chan string, 1)
	c := s.host(t, App{Order: func(_ Native, ref string) (kredivo.Order, error) {
		seen <- ref
		return kredivo.Order{}, kredivo.ErrOrderNotFound
	}})
	const ref = "a b+c&d=é/%2F\"<"
	form := url.Values{"order": {ref}}.Encode()
	for name, send := range map[string]func() answer{
		"query": func() answer { return c.do("POST", "/pay/checkout?x=1&"+form, "", "X-Buyer", "ani") },
		"form": func() answer {
			return c.do("POST", "/pay/checkout?x=1", "y=2&"+form, "Content-Type", "application/x-www-form-urlencoded", "X-Buyer", "ani")
		},
	} {
		if a := send(); a.status != http.StatusNotFound || a.code() != "order_not_found" {
			t.Errorf("%s: %d %s, want 404 order_not_found", name, a.status, a.body)
		}
		if got := <-seen; got != ref {
			t.Errorf("%s: the hook got %q, want %q", name, got, ref)
		}
	}
	c.want(http.StatusNotFound, "POST", "/pay/checkout", "", "X-Buyer", "ani")
	if got := <-seen; got != "" {
		t.Errorf("the hook got %q for a request without a reference", got)
	}
}

// hookErrors: each error of a hook has its answer, and a cause is never shown.
func (s *suite) hookErrors(t *testing.T) {
	c := s.host(t, App{
		Order: func(n Native, ref string) (kredivo.Order, error) {
			switch n.Header("X-Case") {
			case "unknown":
				return kredivo.Order{}, fmt.Errorf("the cart: %w", kredivo.ErrOrderNotFound)
			case "broken":
				return kredivo.Order{}, errors.New("the shop's secret trouble")
			case "invalid":
				return kredivo.Order{ID: ref, Buyer: "ani"}, nil
			default:
				return kredivotest.Order(ref, "budi"), nil
			}
		},
		Buyer: func(n Native) (string, error) {
			if n.Header("X-Case") == "nobody" {
				return "", errors.New("the shop's secret trouble")
			}
			return n.Header("X-Buyer"), nil
		},
	})
	for _, tt := range []struct {
		name, buyer string
		status      int
		code        string
	}{
		{"unknown", "ani", 404, "order_not_found"},
		{"broken", "ani", 500, "internal_error"},
		{"invalid", "ani", 422, "invalid_order"},
		{"of another buyer", "ani", 404, "order_not_found"},
		{"nobody", "ani", 401, "not_authorized"},
		{"empty buyer", "", 401, "not_authorized"},
	} {
		a := c.want(tt.status, "POST", "/pay/checkout?order=hook-errors", "", "X-Case", tt.name, "X-Buyer", tt.buyer)
		if a.code() != tt.code || a.header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %s %s, want the problem %s", tt.name, a.header.Get("Content-Type"), a.body, tt.code)
		}
		page := c.want(tt.status, "POST", "/pay/checkout?order=hook-errors", "", "X-Case", tt.name, "X-Buyer", tt.buyer, "Accept", "text/html")
		if !strings.HasPrefix(page.header.Get("Content-Type"), "text/html") {
			t.Errorf("%s: a browser got %q", tt.name, page.header.Get("Content-Type"))
		}
		if strings.Contains(string(a.body)+string(page.body), "secret") {
			t.Errorf("%s: the cause is shown", tt.name)
		}
		if !a.ours() || !page.ours() {
			t.Errorf("%s: the answer lacks the plugin's marker", tt.name)
		}
	}
}

// hookPanics: a panic is one failed request; http.ErrAbortHandler ends the connection without an answer.
func (s *suite) hookPanics(t *testing.T) {
	c := s.host(t, App{
		Order: func(n Native, ref string) (kredivo.Order, error) {
			switch n.Header("X-Case") {
			case "order":
				var cart *kredivo.Order
				return *cart, nil
			case "abort":
				panic(http.ErrAbortHandler)
			default:
				return kredivotest.Order(ref, "ani"), nil
			}
		},
		Buyer: func(n Native) (string, error) {
			if n.Header("X-Case") == "buyer" {
				panic("no session")
			}
			return "ani", nil
		},
	})
	for _, name := range []string{"order", "buyer"} {
		if a := c.want(http.StatusInternalServerError, "POST", "/pay/checkout?order=panics", "", "X-Case", name); a.code() != "internal_error" {
			t.Errorf("%s: %s", name, a.body)
		}
	}
	// Twice, because net/http's client repeats nothing but its own lost idle connections.
	for range 2 {
		if a, err := c.raw(request("/pay/checkout?order=panics", []string{"X-Case: abort", "Content-Length: 0"}, nil)); err == nil {
			t.Errorf("http.ErrAbortHandler was answered with %d", a.status)
		}
	}
	c.checkout("/pay/checkout", "panics", "ani")
}

// hooksReadTheBody: each hook may read the body, after the adapter and after the other hook.
func (s *suite) hooksReadTheBody(t *testing.T) {
	const body = "order=reads-1&session=ani"
	var raw atomic.Value
	c := s.host(t, App{
		Order: func(n Native, ref string) (kredivo.Order, error) {
			raw.Store(string(n.Body()))
			return kredivotest.Order(ref, "ani"), nil
		},
		Buyer: func(n Native) (string, error) { return n.Form("session"), nil },
	})
	c.want(http.StatusSeeOther, "POST", "/pay/checkout", body, "Content-Type", "application/x-www-form-urlencoded")
	if got := raw.Load(); got != body {
		t.Errorf("the Order hook read %q, want %q", got, body)
	}
}

// returnAndStatus: the routes with a token work with GET and POST, in two languages, and tell strangers nothing.
func (s *suite) returnAndStatus(t *testing.T) {
	c := s.host(t, App{})
	c.checkout("/pay/checkout", "return-1", "ani")
	o, _ := s.shop.DOKU.Order(s.shop.Invoice("return-1"))
	back, cancel := strings.TrimPrefix(o.CallbackURL, "https://shop.example"), strings.TrimPrefix(o.CallbackURLCancel, "https://shop.example")
	for _, method := range []string{"GET", "POST"} {
		for _, path := range []string{back, cancel} {
			a := c.want(http.StatusOK, method, path+"?lang=en", "", "Accept", "text/html")
			if !a.ours() || !strings.Contains(string(a.body), `lang="en"`) {
				t.Errorf("%s %s: not the plugin's English page: %.300s", method, path, a.body)
			}
		}
	}
	status := strings.Replace(back, "/return/", "/status/", 1)
	if a := c.want(http.StatusOK, "GET", status, "", "X-Buyer", "ani"); !strings.Contains(string(a.body), `"status":"checking"`) {
		t.Errorf("status: %s", a.body)
	}
	c.want(http.StatusNotFound, "GET", status, "", "X-Buyer", "budi")
	c.want(http.StatusNotFound, "GET", status+"x", "", "X-Buyer", "ani")
}

// prefixes: routes work at the root, under one segment and deep inside groups. DOKU's signature does
// not depend on where the host has mounted them.
func (s *suite) prefixes(t *testing.T) {
	for i, prefix := range []string{"", "/pay", "/v1/shop/pay", "/a.b-c_d~1"} {
		c := s.host(t, App{Mounts: []Mount{{Prefix: prefix}}})
		order := fmt.Sprintf("prefix-%d", i)
		c.checkout(prefix+"/checkout", order, "ani")
		body := s.shop.Notification(order, "PENDING")
		a := c.want(http.StatusOK, "POST", prefix+"/notifications", string(body), pairs(s.shop.Sign(body))...)
		if !a.ours() {
			t.Errorf("prefix %q: the answer lacks the plugin's marker", prefix)
		}
		o, _ := s.shop.DOKU.Order(s.shop.Invoice(order))
		c.want(http.StatusOK, "GET", prefix+strings.TrimPrefix(o.CallbackURL, kredivotest.PublicURL), "")
		c.want(http.StatusNotFound, "POST", prefix+"/other", "")
	}
}

// groupsAndMiddleware: notifications, mounted first, are outside of the middleware that the checkout routes
// under the same prefix run in; that runs outermost first, and ends the chain when it answers.
func (s *suite) groupsAndMiddleware(t *testing.T) {
	mark := func(name string) Middleware {
		return func(n Native) bool { n.AddHeader("X-Passed", name); return true }
	}
	login := func(n Native) bool {
		if n.Header("X-Buyer") == "" {
			n.Send(http.StatusForbidden, "log in first")
			return false
		}
		return true
	}
	var asked atomic.Int32
	c := s.host(t, App{
		Buyer: func(n Native) (string, error) { asked.Add(1); return n.Header("X-Buyer"), nil },
		Mounts: []Mount{
			{Prefix: "/pay", Group: kredivo.NotificationRoutes},
			{Prefix: "/pay", Group: kredivo.CheckoutRoutes, Middleware: []Middleware{mark("outer"), login, mark("inner")}},
			{Prefix: "/admin/kredivo", Group: kredivo.AdminRoutes},
		},
	})
	a := c.want(http.StatusForbidden, "POST", "/pay/checkout?order=groups-1", "")
	if string(a.body) != "log in first" || a.ours() || asked.Load() != 0 {
		t.Errorf("the chain went on after the login refused: %s, %d hooks", a.body, asked.Load())
	}
	a = c.checkout("/pay/checkout", "groups-1", "ani")
	if got, want := a.header["X-Passed"], []string{"outer", "inner"}; !slices.Equal(got, want) {
		t.Errorf("middleware ran as %q, want %q", got, want)
	}
	body := []byte(`{"any":"thing"}`)
	a = c.want(http.StatusOK, "POST", "/pay/notifications", string(body), pairs(s.shop.Sign(body))...)
	if got := a.header["X-Passed"]; len(got) != 0 {
		t.Errorf("the notification ran through %q, which belongs to the shoppers", got)
	}
	c.want(http.StatusOK, "GET", "/admin/kredivo/health", "")
	c.want(http.StatusNotFound, "GET", "/pay/health", "", "X-Buyer", "ani")
}

// hostHeadersArrive: cookies that the host sets on the way come along with our redirect.
func (s *suite) hostHeadersArrive(t *testing.T) {
	cookies := []string{"session=a1; Path=/; HttpOnly", "theme=dark", "empty="}
	c := s.host(t, App{Mounts: []Mount{{Prefix: "/pay", Middleware: []Middleware{func(n Native) bool {
		for _, cookie := range cookies {
			n.AddHeader("Set-Cookie", cookie)
		}
		n.AddHeader("Cache-Control", "public, max-age=600")
		n.AddHeader("X-Host", "shop")
		return true
	}}}}})
	a := c.checkout("/pay/checkout", "headers-1", "ani")
	if got := a.header["Set-Cookie"]; !slices.Equal(got, cookies) {
		t.Errorf("Set-Cookie = %q, want %q", got, cookies)
	}
	if len(a.header["Location"]) != 1 {
		t.Errorf("Location = %q", a.header["Location"])
	}
	if got := a.header["X-Host"]; !slices.Equal(got, []string{"shop"}) {
		t.Errorf("X-Host = %q", got)
	}
	if got := a.header["Cache-Control"]; !slices.Equal(got, []string{"no-store"}) {
		t.Errorf("Cache-Control = %q: the plugin's must replace the host's", got)
	}
}
