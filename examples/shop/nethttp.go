package main

import (
	"context"
	"net/http"

	"github.com/paylater-go/paylater/adapters/kredivohttp"
	"github.com/paylater-go/paylater/examples/internal/demo"
	"github.com/paylater-go/paylater/kredivo"
)

func serveNetHTTP(ctx context.Context, app *demo.App, p *kredivo.Plugin, pages *pages) error {
	shop, mux := app.Shop, http.NewServeMux()
	for _, page := range pages.routes() {
		mux.Handle(page.method+" "+page.path, page.handler)
	}
	mux.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		shop.PostOrder(r.Context(), buyer(r), r.Header.Get("Accept-Language"), r.Body).Write(w)
	})
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		shop.GetOrder(r.Context(), p, r.PathValue("id")).Write(w)
	})
	mux.HandleFunc("GET /orders/{id}/events", func(w http.ResponseWriter, r *http.Request) {
		shop.GetEvents(r.Context(), p, r.PathValue("id")).Write(w)
	})
	err := kredivohttp.Mount(mux, "/pay", p, kredivohttp.Hooks{
		Order: func(r *http.Request, ref string) (kredivo.Order, error) {
			return shop.Order(r.Context(), ref, buyer(r))
		},
		Buyer: func(r *http.Request) (string, error) { return buyer(r), nil },
	})
	if err != nil {
		return err
	}
	return app.ServeHTTP(ctx, p, mux)
}
