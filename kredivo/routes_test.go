package kredivo_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

// serve sends req to the route with that method and path; a {token} is filled in from the request.
func serve(t *testing.T, p *kredivo.Plugin, method, path string, req *kredivo.Request) *kredivo.Response {
	t.Helper()
	req.Method = method
	if req.Header == nil {
		req.Header = http.Header{}
	}
	for _, rt := range p.Routes(kredivo.CheckoutRoutes | kredivo.NotificationRoutes | kredivo.AdminRoutes) {
		if rt.Method == method && rt.Path == path {
			resp := rt.Serve(t.Context(), req)
			if resp.Header.Get(kredivo.Marker) == "" {
				t.Errorf("%s %s answered without %s", method, path, kredivo.Marker)
			}
			return resp
		}
	}
	t.Fatalf("no route %s %s", method, path)
	return nil
}

// click is a shopper's click on "pay with Kredivo" for an order of ani's.
func click(ref string) *kredivo.Request {
	return &kredivo.Request{
		Host: "shop.example", Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		Body: []byte(url.Values{"order": {ref}, "amount": {"1"}}.Encode()),
		Hooks: kredivo.Hooks{
			Order: func(ref string) (kredivo.Order, error) {
				if ref != "1001" {
					return kredivo.Order{}, kredivo.ErrOrderNotFound
				}
				return kredivotest.Order(ref, "ani"), nil
			},
			Buyer: func() (string, error) { return "ani", nil },
		},
	}
}

func problem(t *testing.T, resp *kredivo.Response) (code string, fields []map[string]string) {
	t.Helper()
	var doc struct {
		Type, Title, Code, Detail string
		Status                    int
		Errors                    []map[string]string
	}
	if err := json.Unmarshal(resp.Body, &doc); err != nil {
		t.Fatalf("not a problem document: %v\n%s", err, resp.Body)
	}
	if ct := resp.Header.Get("Content-Type"); ct != "application/problem+json" || doc.Status != resp.Status || doc.Title == "" || doc.Type == "" {
		t.Errorf("problem %+v with status %d and type %q", doc, resp.Status, ct)
	}
	return doc.Code, doc.Errors
}

func token(t *testing.T, callback string) string {
	t.Helper()
	return callback[strings.LastIndexByte(callback, '/')+1:]
}

func TestCheckoutRouteRedirects(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	resp := serve(t, shop.Plugin, "POST", "/checkout", click("1001"))
	o := shop.DOKU.Orders()[0]
	if resp.Status != http.StatusSeeOther || resp.Header.Get("Location") != o.PaymentURL {
		t.Errorf("answered %d to %q, want 303 to %q", resp.Status, resp.Header.Get("Location"), o.PaymentURL)
	}
	if o.Amount.Int64() != 150_000 {
		t.Errorf("DOKU was asked for %s: the amount is the host's, not the browser's", o.Amount)
	}
	if !strings.HasPrefix(o.CallbackURL, "https://shop.example/pay/return/") || len(token(t, o.CallbackURL)) < 22 {
		t.Errorf("callback_url = %q", o.CallbackURL)
	}
}

func TestCheckoutRouteReadsTheReference(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, contentType, body, query string
		status                         int
		code                           string
	}{
		{"form", "application/x-www-form-urlencoded", "order=1001", "", 200, ""},
		{"form with charset", "application/x-www-form-urlencoded; charset=utf-8", "x=1&order=1001", "", 200, ""},
		{"json", "application/json", `{"order":"1001"}`, "", 200, ""},
		{"json number", "application/json; charset=utf-8", `{"order":1001}`, "", 200, ""},
		{"query", "", "", "order=1001", 200, ""},
		{"unknown order", "application/json", `{"order":"9"}`, "", 404, "order_not_found"},
		{"no order", "application/json", `{}`, "", 404, "order_not_found"},
		{"broken json", "application/json", `{"order":`, "", 400, "invalid_request"},
		{"json array", "application/json", `{"order":["1001"]}`, "", 400, "invalid_request"},
		{"broken form", "application/x-www-form-urlencoded", "order=%zz", "", 400, "invalid_request"},
		{"xml", "application/xml", "<order/>", "", 415, "unsupported_body"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			shop := kredivotest.New(t)
			req := click("")
			req.Header = http.Header{"Content-Type": {tt.contentType}, "Accept": {"application/json"}}
			req.Body = []byte(tt.body)
			req.Query, _ = url.ParseQuery(tt.query)
			resp := serve(t, shop.Plugin, "POST", "/checkout", req)
			if resp.Status != tt.status {
				t.Fatalf("status = %d, want %d: %s", resp.Status, tt.status, resp.Body)
			}
			if tt.code != "" {
				if code, _ := problem(t, resp); code != tt.code {
					t.Errorf("code = %s, want %s", code, tt.code)
				}
				return
			}
			var doc struct {
				PaymentURL string `json:"payment_url"`
				StatusURL  string `json:"status_url"`
			}
			if err := json.Unmarshal(resp.Body, &doc); err != nil || doc.PaymentURL != shop.DOKU.Orders()[0].PaymentURL || doc.StatusURL == "" {
				t.Errorf("answer = %s, %v", resp.Body, err)
			}
		})
	}
}

func TestCheckoutRouteGuards(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*kredivo.Request)
		status int
		code   string
	}{
		{"another buyer's order", func(r *kredivo.Request) { r.Hooks.Buyer = func() (string, error) { return "budi", nil } }, 404, "order_not_found"},
		{"nobody", func(r *kredivo.Request) { r.Hooks.Buyer = func() (string, error) { return "", nil } }, 401, "not_authorized"},
		{"session lost", func(r *kredivo.Request) {
			r.Hooks.Buyer = func() (string, error) { return "", errors.New("no session of ani@shop.example") }
		}, 401, "not_authorized"},
		{"cross-site form", func(r *kredivo.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, 403, "cross_origin"},
		{"foreign origin", func(r *kredivo.Request) { r.Header.Set("Origin", "https://evil.example") }, 403, "cross_origin"},
		{"null origin", func(r *kredivo.Request) { r.Header.Set("Origin", "null") }, 403, "cross_origin"},
		{"hook fails", func(r *kredivo.Request) {
			r.Hooks.Order = func(string) (kredivo.Order, error) { return kredivo.Order{}, errors.New("db: ani@shop.example") }
		}, 500, "internal_error"},
		{"hook panics", func(r *kredivo.Request) {
			r.Hooks.Order = func(string) (kredivo.Order, error) { panic("ani@shop.example") }
		}, 500, "internal_error"},
		{"no hook", func(r *kredivo.Request) { r.Hooks.Order = nil }, 500, "internal_error"},
		{"too large", func(r *kredivo.Request) { r.Body = make([]byte, 17<<10) }, 413, "body_too_large"},
		{"drained by a middleware", func(r *kredivo.Request) { r.Body, r.Header["Content-Length"] = nil, []string{"10"} }, 500, "internal_error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			shop := kredivotest.New(t)
			req := click("1001")
			tt.change(req)
			resp := serve(t, shop.Plugin, "POST", "/checkout", req)
			if code, _ := problem(t, resp); resp.Status != tt.status || code != tt.code {
				t.Errorf("answered %d %s, want %d %s", resp.Status, code, tt.status, tt.code)
			}
			if strings.Contains(string(resp.Body), "ani@shop.example") {
				t.Errorf("the cause is shown: %s", resp.Body)
			}
			if n := len(shop.DOKU.Calls()); n != 0 {
				t.Errorf("DOKU was called %d times", n)
			}
		})
	}
	t.Run("own origin behind a proxy", func(t *testing.T) {
		t.Parallel()
		shop := kredivotest.New(t)
		req := click("1001")
		req.Host = "10.0.0.7:8080"
		req.Header.Set("Origin", "https://shop.example")
		if resp := serve(t, shop.Plugin, "POST", "/checkout", req); resp.Status != 303 {
			t.Errorf("answered %d, want 303", resp.Status)
		}
	})
}

func TestAbortHandlerPassesThrough(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	req := click("1001")
	req.Hooks.Order = func(string) (kredivo.Order, error) { panic(http.ErrAbortHandler) }
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("recovered %v, want http.ErrAbortHandler", v)
		}
	}()
	serve(t, shop.Plugin, "POST", "/checkout", req)
}

func TestInvalidOrderInTwoLanguages(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	for lang, want := range map[string]string{"id-ID,id;q=0.9,en;q=0.5": "wajib", "en-GB": "required", "": "wajib"} {
		req := click("1001")
		req.Header.Set("Accept-Language", lang)
		req.Hooks.Order = func(ref string) (kredivo.Order, error) {
			o := kredivotest.Order(ref, "ani")
			o.Customer.FirstName = ""
			return o, nil
		}
		resp := serve(t, shop.Plugin, "POST", "/checkout", req)
		_, fields := problem(t, resp)
		if resp.Status != 422 || len(fields) != 1 || fields[0]["path"] != "order.customer.first_name" || fields[0]["code"] != "required" || !strings.Contains(fields[0]["message"], want) {
			t.Errorf("%q: %d %v, want one error that says %q", lang, resp.Status, fields, want)
		}
	}
}

func TestPeopleGetPages(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	req := click("9")
	req.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	req.Header.Set("Accept-Language", "en")
	resp := serve(t, shop.Plugin, "POST", "/checkout", req)
	if resp.Status != 404 || !strings.Contains(string(resp.Body), "Order not found") || !strings.Contains(string(resp.Body), "https://shop.example/") {
		t.Errorf("%d %s", resp.Status, resp.Body)
	}
	csp := resp.Header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("Content-Security-Policy = %q", csp)
	}
}

// page fetches the return or cancel page of an order's latest attempt.
func page(t *testing.T, shop *kredivotest.Shop, method, route, orderID string) string {
	t.Helper()
	o, _ := shop.DOKU.Order(shop.Invoice(orderID))
	resp := serve(t, shop.Plugin, method, route, &kredivo.Request{
		Token: token(t, o.CallbackURL), Header: http.Header{"Accept": {"text/html"}, "Accept-Language": {"en"}},
	})
	if resp.Status != 200 || resp.Header.Get("Cache-Control") != "no-store" || resp.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("%s %s answered %d %v", method, route, resp.Status, resp.Header)
	}
	return string(resp.Body)
}

func TestReturnPageProvesNothing(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	checkout(t, shop, "1001")
	for _, method := range []string{"GET", "POST"} {
		if html := page(t, shop, method, "/return/{token}", "1001"); !strings.Contains(html, "We are checking your payment") || !strings.Contains(html, `http-equiv="refresh"`) {
			t.Errorf("%s return page before any word from DOKU:\n%s", method, html)
		}
		if html := page(t, shop, method, "/cancel/{token}", "1001"); !strings.Contains(html, "not finished") || !strings.Contains(html, `id="resume"`) || strings.Contains(html, `http-equiv="refresh"`) {
			t.Errorf("%s cancel page:\n%s", method, html)
		}
	}
	if got := status(t, shop, "1001"); got != kredivo.Pending {
		t.Errorf("status = %s after visits of our pages, want PENDING", got)
	}
	shop.Pay("1001")
	shop.Wait("1001", kredivo.PaymentSucceeded)
	for _, route := range []string{"/return/{token}", "/cancel/{token}"} {
		if html := page(t, shop, "GET", route, "1001"); !strings.Contains(html, "Payment received") || !strings.Contains(html, "Rp150.000") || strings.Contains(html, `http-equiv="refresh"`) {
			t.Errorf("%s of a paid order:\n%s", route, html)
		}
	}
}

func TestPageOfEveryState(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t, func(c *kredivotest.Config) { c.Simulator.NotifyExpired = true })
	states := []struct {
		act   func(invoice string) error
		wait  kredivo.EventKind
		state string
		says  string
	}{
		{shop.DOKU.Refuse, kredivo.PaymentFailed, "failed", "did not go through"},
		{shop.DOKU.Expire, kredivo.PaymentExpired, "expired", "time to pay is over"},
		{func(i string) error {
			return shop.DOKU.Send(i, dokusim.Notice{Status: "SUCCESS", OriginalRequestID: "x"})
		}, kredivo.ReferenceMismatch, "review", "being looked at"},
		{func(i string) error { return shop.DOKU.Send(i, dokusim.Notice{Status: "REFUNDED"}) }, kredivo.PaymentRefunded, "refunded", "returned"},
	}
	for _, s := range states {
		checkout(t, shop, s.state)
		if err := s.act(shop.Invoice(s.state)); err != nil {
			t.Fatal(err)
		}
		shop.Wait(s.state, s.wait)
		if html := page(t, shop, "GET", "/return/{token}", s.state); !strings.Contains(html, s.says) {
			t.Errorf("%s: the page does not say %q:\n%s", s.state, s.says, html)
		}
		o, _ := shop.DOKU.Order(shop.Invoice(s.state))
		resp := serve(t, shop.Plugin, "GET", "/status/{token}", &kredivo.Request{Token: token(t, o.CallbackURL)})
		if !strings.Contains(string(resp.Body), `"status":"`+s.state+`"`) {
			t.Errorf("status = %s, want %s", resp.Body, s.state)
		}
	}
}

func TestTokensAreGuarded(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	checkout(t, shop, "1001")
	o, _ := shop.DOKU.Order(shop.Invoice("1001"))
	own := token(t, o.CallbackURL)
	buyer := func(key string, err error) kredivo.Hooks {
		return kredivo.Hooks{Buyer: func() (string, error) { return key, err }}
	}
	tests := []struct {
		name   string
		req    kredivo.Request
		status int
	}{
		{"own", kredivo.Request{Token: own, Hooks: buyer("ani", nil)}, 200},
		{"no session", kredivo.Request{Token: own, Hooks: buyer("", errors.New("none"))}, 200},
		{"another buyer", kredivo.Request{Token: own, Hooks: buyer("budi", nil)}, 404},
		{"guessed", kredivo.Request{Token: "AAAAAAAAAAAAAAAAAAAAAA"}, 404},
		{"empty", kredivo.Request{}, 404},
		{"order id", kredivo.Request{Token: "1001"}, 404},
	}
	var refused []string
	for _, tt := range tests {
		resp := serve(t, shop.Plugin, "GET", "/status/{token}", &tt.req)
		if resp.Status != tt.status || resp.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d, want %d", tt.name, resp.Status, tt.status)
		}
		if resp.Status == 404 {
			refused = append(refused, string(resp.Body))
		}
	}
	for _, body := range refused {
		if body != refused[0] {
			t.Errorf("refusals differ:\n%s\n%s", body, refused[0])
		}
	}
}

func TestReturningShopperHasDOKUAskedAfterAMinute(t *testing.T) {
	t.Parallel()
	clock := dokusim.NewManualClock(time.Date(2026, 3, 1, 5, 0, 0, 0, time.UTC))
	shop := kredivotest.New(t, func(c *kredivotest.Config) { c.Plugin.Now, c.Simulator.Clock = clock.Now, clock })
	shop.DOKU.NotifyFaults(dokusim.NotifyFault{Never: true, Times: dokusim.Always})
	checkout(t, shop, "1001")
	shop.Pay("1001")
	clock.Advance(10 * time.Second)
	page(t, shop, "GET", "/return/{token}", "1001")
	a, err := shop.Store.Attempts(t.Context(), "1001")
	if err != nil || !a[0].NextCheckAt.Equal(clock.Now().Add(time.Minute)) {
		t.Fatalf("next check at %v, %v; want a minute after the return, DOKU's least", a[0].NextCheckAt, err)
	}
	clock.Advance(30 * time.Second)
	page(t, shop, "GET", "/return/{token}", "1001") // reloading does not put it off
	clock.Advance(31 * time.Second)
	shop.Wait("1001", kredivo.PaymentSucceeded)
	for _, call := range shop.DOKU.Calls() {
		if call.Endpoint == dokusim.CheckStatus && call.At.Before(time.Date(2026, 3, 1, 5, 1, 10, 0, time.UTC)) {
			t.Errorf("DOKU was asked at %v", call.At)
		}
	}
}

func TestNotificationRoute(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	checkout(t, shop, "1001")
	body := shop.Notification("1001", doku.Pending)
	good := func() http.Header { return shop.Sign(body) }
	with := func(name string, values ...string) http.Header {
		h := good()
		h[name] = values
		return h
	}
	nonsense := []byte("not json")
	signed := func(age time.Duration, body []byte) http.Header {
		return doku.SignNotification(kredivotest.SecretKey, kredivotest.ClientID, "r-1", time.Now().Add(-age), kredivotest.NotificationPath, body)
	}
	tests := []struct {
		name   string
		header http.Header
		body   []byte
		status int
		code   string
	}{
		{"good", good(), body, 200, ""},
		{"signed half a day ago", signed(12*time.Hour, body), body, 200, ""}, // DOKU repeats itself, and may not sign anew
		{"signed nonsense", signed(0, nonsense), nonsense, 200, ""},          // stored first, read later
		{"altered", good(), append([]byte(" "), body...), 401, "bad_signature"},
		{"no signature", with("Signature"), body, 401, "bad_signature"},
		{"two signatures", with("Signature", good().Get("Signature"), good().Get("Signature")), body, 401, "bad_signature"},
		{"other client", with("Client-Id", "MCH-9"), body, 401, "bad_signature"},
		{"gzip", with("Content-Encoding", "gzip"), body, 415, "unsupported_body"},
		{"identity", with("Content-Encoding", "identity"), body, 200, ""},
		{"drained by a middleware", with("Content-Length", "210"), nil, 500, "internal_error"},
		{"too large", good(), make([]byte, 64<<10+1), 413, "body_too_large"},
	}
	for _, tt := range tests {
		resp := serve(t, shop.Plugin, "POST", "/notifications", &kredivo.Request{Header: tt.header, Body: tt.body})
		if resp.Status != tt.status {
			t.Errorf("%s: status %d, want %d", tt.name, resp.Status, tt.status)
		}
		if tt.code != "" {
			if code, _ := problem(t, resp); code != tt.code {
				t.Errorf("%s: code %s, want %s", tt.name, code, tt.code)
			}
		} else if len(resp.Body) != 0 {
			t.Errorf("%s: body %q, want none", tt.name, resp.Body)
		}
	}
}

// stuckStore receives nothing.
type stuckStore struct {
	kredivo.Store
	err error
}

func (s stuckStore) Receive(context.Context, kredivo.Message) (bool, error) { return true, s.err }

func TestNotificationThatCannotBeStoredIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	checkout(t, shop, "1001")
	broken, err := kredivo.New(kredivo.Config{
		DOKU:      doku.Config{ClientID: kredivotest.ClientID, SecretKey: kredivotest.SecretKey},
		PublicURL: kredivotest.PublicURL, Store: stuckStore{shop.Store, errors.New("disk I/O error")},
		OnEvent: func(context.Context, kredivo.Event) error { return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	body := shop.Notification("1001", doku.Success)
	resp := serve(t, broken, "POST", "/notifications", &kredivo.Request{Header: shop.Sign(body), Body: body})
	if resp.Status != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("answered %d %v, want 503 with Retry-After", resp.Status, resp.Header)
	}
}

func TestHangUpDoesNotLoseANotification(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	checkout(t, shop, "1001")
	body := shop.Notification("1001", doku.Success)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	resp := shop.Plugin.Routes(kredivo.NotificationRoutes)[0].Serve(ctx, &kredivo.Request{Method: "POST", Header: shop.Sign(body), Body: body})
	if resp.Status != 200 {
		t.Fatalf("answered %d after the caller hung up, want 200", resp.Status)
	}
	shop.Wait("1001", kredivo.PaymentSucceeded)
}

func TestHealth(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	checkout(t, shop, "1001")
	if resp := serve(t, shop.Plugin, "GET", "/health", &kredivo.Request{}); resp.Status != 200 || !strings.Contains(string(resp.Body), `"status":"ok"`) {
		t.Errorf("%d %s", resp.Status, resp.Body)
	}
	send(t, shop, "1001", dokusim.Notice{Body: []byte("nonsense"), Once: true})
	eventually(t, "attention", func() bool {
		return strings.Contains(string(serve(t, shop.Plugin, "GET", "/health", &kredivo.Request{}).Body), `"status":"attention"`)
	})
}
