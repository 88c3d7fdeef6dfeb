// Command nethttp is the smallest net/http host of the plugin, with a store of its own kind.
package main

import (
	"context"
	"log/slog"
	"net/http"
	"os"

	"github.com/paylater-go/paylater/adapters/kredivohttp"
	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
)

// store stands for a Store that the host opened.
var store kredivo.Store

func main() {
	p, err := kredivo.New(kredivo.Config{
		DOKU:      doku.Config{ClientID: os.Getenv("DOKU_CLIENT_ID"), SecretKey: doku.Secret(os.Getenv("DOKU_SECRET_KEY"))},
		PublicURL: os.Getenv("PUBLIC_URL"),
		Store:     store,
		OnEvent:   func(context.Context, kredivo.Event) error { return nil },
	})
	if err != nil {
		slog.Error("config", "error", err)
		return
	}
	mux := http.NewServeMux()
	err = kredivohttp.Mount(mux, "/pay", p, kredivohttp.Hooks{
		Order: func(*http.Request, string) (kredivo.Order, error) { return kredivo.Order{}, kredivo.ErrOrderNotFound },
		Buyer: func(*http.Request) (string, error) { return "guest", nil },
	})
	if err != nil {
		slog.Error("mount", "error", err)
		return
	}
	go func() { _ = p.Run(context.Background()) }()
	slog.Error("server ended", "error", http.ListenAndServe(os.Getenv("ADDR"), mux))
}
