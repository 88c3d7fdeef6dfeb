package main

import (
	"bytes"
	"context"
	"net/http"
	"strings"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/adaptor"
	"github.com/gofiber/fiber/v2/middleware/recover"

	"github.com/paylater-go/paylater/adapters/kredivofiber"
	"github.com/paylater-go/paylater/examples/internal/demo"
	"github.com/paylater-go/paylater/examples/internal/tinyshop"
	"github.com/paylater-go/paylater/kredivo"
)

func serveFiber(ctx context.Context, app *demo.App, p *kredivo.Plugin, pages *pages) error {
	f := fiber.New(fiber.Config{
		DisableStartupMessage: true,
		ReadTimeout:           demo.ReadTimeout, // fiber has none by itself
		BodyLimit:             1 << 20,          // fiber holds a whole body before it asks anybody
		WriteTimeout:          demo.WriteTimeout,
		IdleTimeout:           demo.IdleTimeout,
	})
	f.Use(recover.New()) // a panic would end the process
	for _, page := range pages.routes() {
		path := strings.TrimSuffix(page.path, "{$}")
		f.Add(page.method, strings.Replace(path, "{id}", ":id", 1), adaptor.HTTPHandler(detached(page.handler)))
	}
	shop := app.Shop
	buyer := func(c *fiber.Ctx) string { return tinyshop.Buyer(c.Cookies(tinyshop.SessionCookie)) }
	send := func(c *fiber.Ctx, r tinyshop.Reply) error {
		c.Set("Content-Type", r.Type)
		return c.Status(r.Status).Send(r.Body)
	}
	f.Post("/orders", func(c *fiber.Ctx) error {
		return send(c, shop.PostOrder(c.UserContext(), buyer(c), c.Get("Accept-Language"), bytes.NewReader(c.BodyRaw())))
	})
	f.Get("/orders/:id", func(c *fiber.Ctx) error { return send(c, shop.GetOrder(c.UserContext(), p, c.Params("id"))) })
	f.Get("/orders/:id/events", func(c *fiber.Ctx) error { return send(c, shop.GetEvents(c.UserContext(), p, c.Params("id"))) })
	err := kredivofiber.Mount(f.Group("/pay"), p, kredivofiber.Hooks{
		Order: func(c *fiber.Ctx, ref string) (kredivo.Order, error) {
			return shop.Order(c.UserContext(), ref, buyer(c))
		},
		Buyer: func(c *fiber.Ctx) (string, error) { return buyer(c), nil },
	})
	if err != nil {
		return err
	}
	return app.Serve(ctx, p, f.Listener, f.ShutdownWithContext)
}

// detached gives h a context of its own: the one that fiber's bridge to net/http hands over belongs to a
// buffer that the next request reuses, and the database driver may still look at it then.
func detached(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(context.Background()))
	})
}
