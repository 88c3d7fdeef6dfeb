// Command nethttp is a shop on net/http that takes Kredivo payments.
package main

import (
	"context"
	"net/http"
	"os"

	"github.com/paylater-go/paylater/adapters/kredivohttp"
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

	mux := http.NewServeMux()
	shopRoutes(mux, shop, p)

	// snippet:start mount
	err = kredivohttp.Mount(mux, "/pay", p, kredivohttp.Hooks{
		Order: func(r *http.Request, ref string) (kredivo.Order, error) {
			return shop.Order(r.Context(), ref, buyer(r)) // amount and lines from the shop's database
		},
		Buyer: func(r *http.Request) (string, error) { return buyer(r), nil },
	})
	// snippet:end mount
	if err != nil {
		return err
	}
	return app.ServeHTTP(ctx, p, mux)
}

// buyer is who asks: whatever the shop knows its visitors by.
func buyer(r *http.Request) string {
	session, err := r.Cookie(tinyshop.SessionCookie)
	if err != nil {
		return tinyshop.Guest
	}
	return tinyshop.Buyer(session.Value)
}

// shopRoutes are the shop's own.
func shopRoutes(mux *http.ServeMux, shop *tinyshop.Shop, p *kredivo.Plugin) {
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		if buyer(r) == tinyshop.Guest {
			http.SetCookie(w, shop.NewSession())
		}
		shop.Welcome().Write(w)
	})
	mux.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		shop.PostOrder(r.Context(), buyer(r), r.Header.Get("Accept-Language"), r.Body).Write(w)
	})
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		shop.GetOrder(r.Context(), p, r.PathValue("id")).Write(w)
	})
	mux.HandleFunc("GET /orders/{id}/events", func(w http.ResponseWriter, r *http.Request) {
		shop.GetEvents(r.Context(), p, r.PathValue("id")).Write(w)
	})
}
