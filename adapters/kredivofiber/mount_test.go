package kredivofiber_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"

	"github.com/paylater-go/paylater/adapters/adaptertest"
	"github.com/paylater-go/paylater/adapters/kredivofiber"
	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

// shopHooks sell any order to the buyer in the X-Buyer header.
var shopHooks = kredivofiber.Hooks{
	Order: func(c *fiber.Ctx, ref string) (kredivo.Order, error) {
		return kredivotest.Order(ref, c.Get("X-Buyer")), nil
	},
	Buyer: func(c *fiber.Ctx) (string, error) { return c.Get("X-Buyer"), nil },
}

func TestMountRefuses(t *testing.T) {
	t.Parallel()
	p := kredivotest.New(t).Plugin
	both := kredivo.CheckoutRoutes | kredivo.NotificationRoutes
	for _, tt := range []struct {
		name   string
		router fiber.Router
		plugin *kredivo.Plugin
		group  kredivo.Group
		hooks  kredivofiber.Hooks
		want   []string // in the error
	}{
		{"everything at once", nil, nil, both, kredivofiber.Hooks{}, []string{"router is nil", "plugin is nil", "Hooks.Order", "Hooks.Buyer"}},
		{"no such group", fiber.New(), p, 1 << 7, shopHooks, []string{"no routes in group 128"}},
		{"no buyer", fiber.New(), p, both, kredivofiber.Hooks{Order: shopHooks.Order}, []string{"Hooks.Buyer"}},
		{"fiber panics", fiber.New(fiber.Config{RequestMethods: []string{"GET"}}), p, both, shopHooks, []string{"mount /checkout"}},
	} {
		err := kredivofiber.MountGroup(tt.router, tt.plugin, tt.group, tt.hooks)
		for _, want := range tt.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v does not say %q", tt.name, err, want)
			}
		}
	}
	if err := kredivofiber.MountGroup(fiber.New(), p, kredivo.NotificationRoutes, kredivofiber.Hooks{}); err != nil {
		t.Errorf("notifications need no hooks: %v", err)
	}
}

// What fiber itself makes of paths and methods that are not quite ours, as it comes.
func TestFiberRouting(t *testing.T) {
	t.Parallel()
	shop := fiber.New()
	if err := kredivofiber.Mount(shop.Group("/pay"), kredivotest.New(t).Plugin, shopHooks); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		method, path string
		status       int
		marked       bool
	}{
		{"POST", "/pay/notifications", 401, true},
		{"POST", "/pay/notifications/", 404, true}, // matched loosely, and refused by us
		{"POST", "/PAY/Notifications", 404, true},
		{"POST", "/pay//notifications", 404, false},
		{"POST", "/pay/%6eotifications", 404, false},
		{"GET", "/pay/notifications", 405, false},
		{"HEAD", "/pay/status/abc", 405, false}, // not taken along with GET
		{"OPTIONS", "/pay/checkout", 405, false},
	} {
		status, header := serveInProcess(shop, tt.method, tt.path, nil, nil)
		if marked := header.Get(kredivo.Marker) != ""; status != tt.status || marked != tt.marked {
			t.Errorf("%s %s: %d, marker %v, want %d, %v", tt.method, tt.path, status, marked, tt.status, tt.marked)
		}
	}
}

// Order is meaning: a catch-all, and the middleware of a group, reach whatever is registered later under
// their prefix, and nothing that was there before.
func TestOrderOfMounting(t *testing.T) {
	t.Parallel()
	p := kredivotest.New(t).Plugin
	home := func(c *fiber.Ctx) error { return c.SendString("home") }
	login := func(c *fiber.Ctx) error { return c.SendStatus(fiber.StatusForbidden) }
	for name, tt := range map[string]struct {
		build  func(shop *fiber.App) error
		status int // of an unsigned notification; ours is 401
	}{
		"catch-all before": {func(shop *fiber.App) error {
			shop.All("/*", home)
			return kredivofiber.Mount(shop.Group("/pay"), p, shopHooks)
		}, 200},
		"catch-all after": {func(shop *fiber.App) error {
			defer shop.All("/*", home)
			return kredivofiber.Mount(shop.Group("/pay"), p, shopHooks)
		}, 401},
		"Use after": {func(shop *fiber.App) error {
			defer shop.Use(login)
			return kredivofiber.Mount(shop.Group("/pay"), p, shopHooks)
		}, 401},
		"notifications after a group with login": {func(shop *fiber.App) error {
			if err := kredivofiber.MountGroup(shop.Group("/pay", login), p, kredivo.CheckoutRoutes, shopHooks); err != nil {
				return err
			}
			return kredivofiber.MountGroup(shop.Group("/pay"), p, kredivo.NotificationRoutes, shopHooks)
		}, 403},
		"in a mounted app": {func(shop *fiber.App) error {
			inner := fiber.New()
			defer shop.Mount("/pay", inner)
			return kredivofiber.Mount(inner, p, shopHooks)
		}, 401},
		"in Route": {func(shop *fiber.App) (err error) {
			shop.Route("/pay", func(r fiber.Router) { err = kredivofiber.Mount(r, p, shopHooks) })
			return err
		}, 401},
	} {
		shop := fiber.New()
		if err := tt.build(shop); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		status, header := serveInProcess(shop, "POST", "/pay/notifications", nil, nil)
		if marked := header.Get(kredivo.Marker) != ""; status != tt.status || marked != (tt.status == 401) {
			t.Errorf("%s: status %d, marker %v, want %d", name, status, marked, tt.status)
		}
	}
}

// The app answers before us where a body is over its own limit: 413 too, without the marker.
func TestBodyLimitOfTheApp(t *testing.T) {
	t.Parallel()
	shop := fiber.New(fiber.Config{BodyLimit: 1 << 10, DisableStartupMessage: true})
	s := kredivotest.New(t)
	if err := kredivofiber.Mount(shop.Group("/pay"), s.Plugin, shopHooks); err != nil {
		t.Fatal(err)
	}
	body := bytes.Repeat([]byte("x"), 1<<10+1)
	req, err := http.NewRequestWithContext(t.Context(), "POST", serve(t, shop)+"/pay/notifications", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header = s.Sign(body)
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge || resp.Header.Get(kredivo.Marker) != "" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
}

// With StreamRequestBody fasthttp takes what a handler leaves unread for the next request. We close the
// connection instead.
func TestUnreadStreamIsNoRequest(t *testing.T) {
	t.Parallel()
	shop := fiber.New(fiber.Config{StreamRequestBody: true, DisableStartupMessage: true, ReadTimeout: time.Minute})
	s := kredivotest.New(t)
	smuggled := make(chan struct{}, 8)
	shop.Get("/smuggled", func(c *fiber.Ctx) error { smuggled <- struct{}{}; return nil })
	shop.Post("/own", kredivofiber.VerifySignature(s.Plugin), func(*fiber.Ctx) error { return nil })
	if err := kredivofiber.Mount(shop.Group("/pay"), s.Plugin, shopHooks); err != nil {
		t.Fatal(err)
	}
	address := strings.TrimPrefix(serve(t, shop), "http://")
	const inner = "GET /smuggled HTTP/1.1\r\nHost: shop.example\r\n\r\n"
	body := strings.Repeat("x", 128<<10) + inner
	for _, start := range []string{
		"POST /pay/notifications", "POST /pay/checkout", "POST /pay/notifications/", "GET /pay/status/abc", "POST /own",
	} {
		for _, length := range []string{fmt.Sprintf("Content-Length: %d", len(body)), "Transfer-Encoding: chunked"} {
			sent := body
			if strings.HasSuffix(length, "chunked") {
				sent = fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(body), body) + inner
			}
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
				t.Fatal(err)
			}
			go func() {
				_, _ = io.WriteString(conn, start+" HTTP/1.1\r\nHost: shop.example\r\n"+length+"\r\n\r\n"+sent)
			}()
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Errorf("%s, %s: %v", start, length, err)
			} else if _ = resp.Body.Close(); !resp.Close {
				t.Errorf("%s, %s: status %d on a connection that stays open", start, length, resp.StatusCode)
			}
			_ = conn.Close()
		}
	}
	if n := len(smuggled); n != 0 {
		t.Errorf("%d requests were smuggled in", n)
	}
}

// Without a read timeout a slow client costs a connection for ever. The app that serves decides, and
// only the first request shows which one that is.
func TestWarnsOfMissingReadTimeout(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	p := kredivotest.New(t, func(c *kredivotest.Config) { c.Plugin.Logger = slog.New(slog.NewTextHandler(&log, nil)) }).Plugin
	for timeout, want := range map[time.Duration]int{0: 1, time.Second: 0} {
		log.Reset()
		shop := fiber.New(fiber.Config{ReadTimeout: timeout})
		if err := kredivofiber.Mount(shop.Group("/pay"), p, shopHooks); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			serveInProcess(shop, "POST", "/pay/notifications", nil, nil)
		}
		if got := strings.Count(log.String(), "ReadTimeout"); got != want {
			t.Errorf("timeout %v: %d warnings, want %d: %s", timeout, got, want, &log)
		}
	}
}

func TestMiddlewareNeedsAPlugin(t *testing.T) {
	t.Parallel()
	for name, build := range map[string]func(){
		"VerifySignature": func() { kredivofiber.VerifySignature(nil) },
		"RequirePaid":     func() { kredivofiber.RequirePaid(nil, func(*fiber.Ctx) string { return "" }) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			build()
		}()
	}
}

// serveInProcess gives the app one request without a network.
func serveInProcess(shop *fiber.App, method, path string, header http.Header, body []byte) (int, http.Header) {
	var ctx fasthttp.RequestCtx
	r := &ctx.Request
	r.Header.SetMethod(method)
	r.SetRequestURI(path)
	r.Header.SetHost("shop.example")
	for name, values := range header {
		for _, v := range values {
			r.Header.Add(name, v)
		}
	}
	r.SetBody(body)
	shop.Handler()(&ctx)
	answered := http.Header{}
	ctx.Response.Header.VisitAll(func(k, v []byte) { answered.Add(string(k), string(v)) })
	return ctx.Response.StatusCode(), answered
}

func BenchmarkNotification(b *testing.B) {
	adaptertest.Benchmark(b, func(b *testing.B, p *kredivo.Plugin) func(http.Header, []byte) int {
		shop := fiber.New(fiber.Config{ReadTimeout: time.Minute})
		if err := kredivofiber.Mount(shop.Group("/pay"), p, shopHooks); err != nil {
			b.Fatal(err)
		}
		handle := shop.Handler()
		var ctx fasthttp.RequestCtx
		return func(header http.Header, body []byte) int {
			ctx.Request.Reset()
			ctx.Response.Reset()
			r := &ctx.Request
			r.Header.SetMethod(http.MethodPost)
			r.SetRequestURI("/pay/notifications")
			r.Header.SetHost("shop.example")
			for name, values := range header {
				r.Header.Set(name, values[0])
			}
			r.SetBodyRaw(body)
			handle(&ctx)
			return ctx.Response.StatusCode()
		}
	})
}
