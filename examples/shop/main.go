// Command shop is a small shop with pages: a catalogue, a cart, a checkout form and an order page that
// turns to "paid" by itself.
//
//	go run ./examples/shop
//
// opens it on http://127.0.0.1:8080/ together with a simulator of DOKU and Kredivo. It needs no account.
// The flag -framework picks gin, fiber or nethttp; shoppers see no difference.
package main

import (
	"context"
	"flag"
	"fmt"
	"net/url"
	"os"

	"github.com/paylater-go/paylater/examples/internal/demo"
	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/store"
)

func main() {
	framework := flag.String("framework", "gin", "`name` of the framework: gin, fiber or nethttp")
	flag.Parse()
	os.Exit(demo.Main(func(ctx context.Context, app *demo.App) error { return run(ctx, app, *framework) }))
}

func run(ctx context.Context, app *demo.App, framework string) error {
	serve, ok := map[string]func(context.Context, *demo.App, *kredivo.Plugin, *pages) error{
		"gin": serveGin, "fiber": serveFiber, "nethttp": serveNetHTTP,
	}[framework]
	if !ok {
		return fmt.Errorf("shop: -framework must be gin, fiber or nethttp, not %q", framework)
	}
	st, err := store.Open(ctx, app.Store)
	if err != nil {
		return err
	}
	defer st.Close()
	p, err := kredivo.New(kredivo.Config{
		DOKU:      app.DOKU,
		PublicURL: app.PublicURL,
		Store:     st,
		OnEvent:   app.Shop.Apply,
		OrderURL:  func(id string) string { return app.Shop.Origin + "/order/" + url.PathEscape(id) },
	})
	if err != nil {
		return err
	}
	pages, err := newPages(app.Shop, p, app.Simulator)
	if err != nil {
		return err
	}
	return serve(ctx, app, p, pages)
}
