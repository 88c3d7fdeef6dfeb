package kredivofiber_test

import (
	"net"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"
	"go.uber.org/goleak"

	"github.com/paylater-go/paylater/adapters/adaptertest"
	"github.com/paylater-go/paylater/adapters/kredivofiber"
	"github.com/paylater-go/paylater/kredivo"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		// The cleaner of a fasthttp server that was shut down sleeps up to 10 seconds before it sees that.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		// One per process, for the Date header; it never ends.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
	)
}

// TestMount is the suite on fiber as most hosts run it, and with the settings that change what it hands out.
func TestMount(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]fiber.Config{
		"default":           {},
		"StreamRequestBody": {StreamRequestBody: true},
		"strict":            {StrictRouting: true, CaseSensitive: true},
		"unescaping":        {UnescapePath: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config.DisableStartupMessage = true
			config.ReadTimeout = time.Minute
			adaptertest.Run(t, func(t *testing.T, app adaptertest.App) string { return start(t, config, app) })
		})
	}
}

func start(t *testing.T, config fiber.Config, app adaptertest.App) string {
	shop := fiber.New(config)
	register(shop, app, app.Before)
	for _, m := range app.Mounts {
		var chain []fiber.Handler
		for _, run := range m.Middleware {
			chain = append(chain, func(c *fiber.Ctx) error {
				if !run(native{c}) {
					return nil
				}
				return c.Next()
			})
		}
		group := shop.Group(m.Prefix, chain...)
		var err error
		if m.Group == 0 {
			err = kredivofiber.Mount(group, app.Plugin, hooks(app))
		} else {
			err = kredivofiber.MountGroup(group, app.Plugin, m.Group, hooks(app))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	register(shop, app, app.After)
	return serve(t, shop)
}

func hooks(app adaptertest.App) kredivofiber.Hooks {
	return kredivofiber.Hooks{
		Order: func(c *fiber.Ctx, ref string) (kredivo.Order, error) { return app.Order(native{c}, ref) },
		Buyer: func(c *fiber.Ctx) (string, error) { return app.Buyer(native{c}) },
	}
}

func register(shop *fiber.App, app adaptertest.App, list []adaptertest.Route) {
	for _, rt := range list {
		var chain []fiber.Handler
		if rt.Paid != nil {
			chain = append(chain, kredivofiber.RequirePaid(app.Plugin, func(c *fiber.Ctx) string { return rt.Paid(native{c}) }))
		}
		if rt.Verified {
			chain = append(chain, kredivofiber.VerifySignature(app.Plugin))
		}
		chain = append(chain, func(c *fiber.Ctx) error { rt.Handle(native{c}); return nil })
		switch {
		case rt.CatchAll:
			shop.All("/*", chain...)
		case rt.Method == "":
			shop.All(rt.Path, chain...)
		default:
			shop.Add(rt.Method, rt.Path, chain...)
		}
	}
}

func serve(t testing.TB, shop *fiber.App) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- shop.Listener(l) }()
	t.Cleanup(func() {
		if err := shop.ShutdownWithTimeout(time.Second); err != nil {
			t.Logf("shutdown: %v", err) // a client may still hold a connection
		}
		_ = l.Close()
		<-done
	})
	return "http://" + l.Addr().String()
}

// native is a request in fiber's hands, with strings over fiber's memory.
type native struct{ c *fiber.Ctx }

func (n native) Header(name string) string    { return n.c.Get(name) }
func (n native) Query(name string) string     { return n.c.Query(name) }
func (n native) Form(name string) string      { return n.c.FormValue(name) }
func (n native) Body() []byte                 { return n.c.BodyRaw() }
func (n native) AddHeader(name, value string) { n.c.Response().Header.Add(name, value) }
func (n native) Send(status int, body string) { _ = n.c.Status(status).SendString(body) }
