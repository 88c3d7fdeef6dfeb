package adaptertest

import (
	"net/http"
	"strings"
	"testing"

	"github.com/paylater-go/paylater/kredivo"
)

const home = "<h1>the shop's home page</h1>"

func catchAll() Route {
	return Route{CatchAll: true, Handle: func(n Native) { n.Send(http.StatusOK, home) }}
}

// catchAllAfter: a host's page for everything else does not get in the way.
func (s *suite) catchAllAfter(t *testing.T) {
	c := s.host(t, App{After: []Route{catchAll()}})
	c.checkout("/pay/checkout", "catch-after", "ani")
	body := []byte(`{"any":"thing"}`)
	before := s.kept.stored()
	if a := c.want(http.StatusOK, "POST", "/pay/notifications", string(body), pairs(s.shop.Sign(body))...); !a.ours() {
		t.Errorf("the catch-all has answered the notification: %s", a.body)
	}
	if got := s.kept.stored() - before; got != 1 {
		t.Errorf("%d notifications stored, want 1", got)
	}
	if a := c.want(http.StatusOK, "GET", "/elsewhere", ""); string(a.body) != home || a.ours() {
		t.Errorf("elsewhere: %s", a.body)
	}
}

// catchAllBefore: some frameworks let a catch-all that comes first answer in our place. Then nothing is
// stored, and the marker is missing, by which a check from outside sees it.
func (s *suite) catchAllBefore(t *testing.T) {
	c := s.host(t, App{Before: []Route{catchAll()}})
	body := []byte(`{"any":"other thing"}`)
	before := s.kept.stored()
	a := c.want(http.StatusOK, "POST", "/pay/notifications", string(body), pairs(s.shop.Sign(body))...)
	if stored := s.kept.stored() > before; stored != a.ours() {
		t.Errorf("stored: %v, but the marker says %v", stored, a.ours())
	}
}

// headAndOptions: the adapter takes no HEAD or OPTIONS route that the host wants.
func (s *suite) headAndOptions(t *testing.T) {
	own := func(n Native) { n.AddHeader("X-Host", "shop"); n.Send(http.StatusOK, "") }
	c := s.host(t, App{Before: []Route{
		{Method: "HEAD", Path: "/pay/status/abc", Handle: own},
		{Method: "OPTIONS", Path: "/pay/status/abc", Handle: own},
		{Method: "OPTIONS", Path: "/pay/checkout", Handle: own},
	}})
	for _, r := range [][2]string{{"HEAD", "/pay/status/abc"}, {"OPTIONS", "/pay/status/abc"}, {"OPTIONS", "/pay/checkout"}} {
		if a := c.want(http.StatusOK, r[0], r[1], ""); a.header.Get("X-Host") != "shop" || a.ours() {
			t.Errorf("%s %s did not reach the host's route: %v", r[0], r[1], a.header)
		}
	}
	// The routes themselves are still the plugin's.
	if a := c.want(http.StatusNotFound, "GET", "/pay/status/abc", ""); !a.ours() {
		t.Errorf("GET /pay/status/abc did not reach the plugin: %s", a.body)
	}
}

// wrongMethods: a path answers only the methods of its routes.
func (s *suite) wrongMethods(t *testing.T) {
	c := s.host(t, App{})
	body := []byte(`{"any":"method"}`)
	before, orders := s.kept.stored(), len(s.shop.DOKU.Orders())
	for _, r := range [][2]string{
		{"GET", "/pay/checkout"}, {"PUT", "/pay/checkout"}, {"PATCH", "/pay/checkout"}, {"DELETE", "/pay/checkout"},
		{"GET", "/pay/notifications"}, {"PUT", "/pay/notifications"}, {"PATCH", "/pay/notifications"}, {"DELETE", "/pay/notifications"},
		{"POST", "/pay/status/abc"}, {"PUT", "/pay/return/abc"}, {"DELETE", "/pay/cancel/abc"},
	} {
		a := c.do(r[0], r[1]+"?order=methods", string(body), append(pairs(s.shop.Sign(body)), "X-Buyer", "ani")...)
		if a.status != http.StatusMethodNotAllowed && a.status != http.StatusNotFound {
			t.Errorf("%s %s: status %d, want 405 or 404", r[0], r[1], a.status)
		}
	}
	if s.kept.stored() != before || len(s.shop.DOKU.Orders()) != orders {
		t.Error("a wrong method has had an effect")
	}
}

// paths: only the exact path, spelled plainly, is the notification route. Whatever a framework makes of
// the others, a signed notification sent to them is not taken.
func (s *suite) paths(t *testing.T) {
	c := s.host(t, App{})
	body := []byte(`{"any":"path"}`)
	before := s.kept.stored()
	for _, path := range []string{
		"/pay/notifications/", "/pay/notifications//", "//pay/notifications", "/pay//notifications", "///pay///notifications",
		"/./pay/notifications", "/pay/./notifications", "/pay/notifications/.", "/x/../pay/notifications", "/pay/x/../notifications",
		"/pay/notifications/x", "/pay/notifications/..", "/../pay/notifications", "/pay/notifications/../notifications",
		"/PAY/notifications", "/pay/Notifications", "/pay/NOTIFICATIONS", "/Pay/notifications/",
		"/pay/%6eotifications", "/pay/%6Eotifications", "/p%61y/notifications", "/%70%61%79/notifications", "/pay%2Fnotifications",
		"/pay/notification%73", "/pay/notifications%2F", "/pay/%2e/notifications", "/pay/%2e%2e/pay/notifications", "/pay%2f%2fnotifications",
		"/pay/notifications%20", "/pay/notifications%00", "/pay/notifications%0a", "/pay/notifications%0d%0aDigest:x", "/pay/notifications%3F",
		"/pay/notifications;x=1", "/pay;x=1/notifications", "/pay/notifications;", "/pay/notifications.json", "/pay/notification",
		"/pay\\notifications", "/pay/notifications\\", "/notifications", "/pay/pay/notifications", "/xpay/notifications", "/pay/xnotifications",
	} {
		a, err := c.raw(request(path, append(signedLines(s.shop.Sign(body), body), "Connection: close"), body))
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if a.status < 300 || a.status >= 500 {
			t.Errorf("%s: status %d, want a refusal or a redirect", path, a.status)
		}
		if got := s.kept.stored(); got != before {
			t.Fatalf("%s: the notification was taken", path)
		}
	}
	for _, path := range []string{"/pay/notifications", "/pay/notifications?", "/pay/notifications?x=/y", "http://shop.example/pay/notifications"} {
		if a, err := c.raw(request(path, append(signedLines(s.shop.Sign(body), body), "Connection: close"), body)); err != nil || a.status != http.StatusOK {
			t.Errorf("%s: status %d, error %v, want 200", path, a.status, err)
		}
	}
}

// requirePaid: the route behind it runs for paid orders only.
func (s *suite) requirePaid(t *testing.T) {
	ran := make(chan string, 8)
	c := s.host(t, App{After: []Route{{
		Method: "GET", Path: "/download",
		Paid:   func(n Native) string { return n.Query("order") },
		Handle: func(n Native) { ran <- strings.Clone(n.Query("order")); n.Send(http.StatusOK, "the file") },
	}}})
	c.checkout("/pay/checkout", "paid-1", "ani")
	for _, order := range []string{"paid-1", "unheard-of", ""} {
		a := c.want(http.StatusPaymentRequired, "GET", "/download?order="+order, "")
		if a.code() != "not_paid" || !a.ours() || strings.Contains(string(a.body), "the file") {
			t.Errorf("order %q: %s", order, a.body)
		}
		page := c.want(http.StatusPaymentRequired, "GET", "/download?order="+order, "", "Accept", "text/html")
		if !strings.HasPrefix(page.header.Get("Content-Type"), "text/html") || strings.Contains(string(page.body), "the file") {
			t.Errorf("order %q: a browser got %s", order, page.body)
		}
	}
	if len(ran) != 0 {
		t.Fatalf("the route ran %d times for orders that are not paid", len(ran))
	}
	s.shop.DOKU.SetNotificationURL(c.base + "/pay/notifications")
	s.shop.Pay("paid-1")
	s.shop.Wait("paid-1", kredivo.PaymentSucceeded)
	if a := c.want(http.StatusOK, "GET", "/download?order=paid-1", ""); string(a.body) != "the file" {
		t.Errorf("body %q", a.body)
	}
	if got := <-ran; got != "paid-1" {
		t.Errorf("the route saw order %q", got)
	}
}
