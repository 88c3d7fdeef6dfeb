// Command fiber is a shop on fiber v2 that takes Kredivo payments.
package main

import (
	"bytes"
	"context"
	"os"

	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/recover"

	"github.com/paylater-go/paylater/adapters/kredivofiber"
	"github.com/paylater-go/paylater/examples/internal/demo"
	"github.com/paylater-go/paylater/examples/internal/tinyshop"
	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/store"
)

func main() { os.Exit(demo.Main(run)) }

func run(ctx context.Context, app *demo.App) error {
	shop := app.Shop
	// snippet:start plugin
	st, err := store.Open(ctx, app.Store) // "" is the SQLite file kredivo.db
	if err != nil {
		return err
	}
	defer st.Close()
	p, err := kredivo.New(kredivo.Config{
		DOKU:      app.DOKU,      // Client-Id and secret key of the Back Office
		PublicURL: app.PublicURL, // such as https://shop.example/pay
		Store:     st,
		OnEvent:   shop.Apply, // marks the order as paid, once for each Event.ID
	})
	if err != nil {
		return err
	}
	// snippet:end plugin

	f := fiber.New(fiber.Config{
		DisableStartupMessage: true,
		ReadTimeout:           demo.ReadTimeout, // fiber has none by itself
		BodyLimit:             1 << 20,          // fiber holds a whole body before it asks anybody
		WriteTimeout:          demo.WriteTimeout,
		IdleTimeout:           demo.IdleTimeout,
	})
	f.Use(recover.New()) // a panic would end the process
	shopRoutes(f, shop, p)

	// snippet:start mount
	err = kredivofiber.Mount(f.Group("/pay"), p, kredivofiber.Hooks{
		Order: func(c *fiber.Ctx, ref string) (kredivo.Order, error) {
			return shop.Order(c.UserContext(), ref, buyer(c)) // amount and lines from the shop's database
		},
		Buyer: func(c *fiber.Ctx) (string, error) { return buyer(c), nil },
	})
	// snippet:end mount
	if err != nil {
		return err
	}
	return app.Serve(ctx, p, f.Listener, f.ShutdownWithContext)
}

// buyer is who asks: whatever the shop knows its visitors by.
func buyer(c *fiber.Ctx) string { return tinyshop.Buyer(c.Cookies(tinyshop.SessionCookie)) }

// shopRoutes are the shop's own.
func shopRoutes(f fiber.Router, shop *tinyshop.Shop, p *kredivo.Plugin) {
	f.Get("/", func(c *fiber.Ctx) error {
		if buyer(c) == tinyshop.Guest {
			c.Response().Header.Add("Set-Cookie", shop.NewSession().String())
		}
		return send(c, shop.Welcome())
	})
	f.Post("/orders", func(c *fiber.Ctx) error {
		return send(c, shop.PostOrder(c.UserContext(), buyer(c), c.Get("Accept-Language"), bytes.NewReader(c.BodyRaw())))
	})
	f.Get("/orders/:id", func(c *fiber.Ctx) error { return send(c, shop.GetOrder(c.UserContext(), p, c.Params("id"))) })
	f.Get("/orders/:id/events", func(c *fiber.Ctx) error { return send(c, shop.GetEvents(c.UserContext(), p, c.Params("id"))) })
}

func send(c *fiber.Ctx, r tinyshop.Reply) error {
	c.Set("Content-Type", r.Type)
	return c.Status(r.Status).Send(r.Body)
}
