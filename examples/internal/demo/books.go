package demo

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"github.com/paylater-go/paylater/adapters/kredivohttp"
	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/money"
)

// Books are the orders of an example that is about databases rather than pages.
type Books interface {
	// Add writes down a new order, which nobody has paid.
	Add(ctx context.Context, id string) error
	// Payments is how often the order was marked as paid: one is right, two is a parcel too many.
	// kredivo.ErrOrderNotFound for an order that is not in the books.
	Payments(ctx context.Context, id string) (int, error)
}

// ServeBooks is a shop on net/http over books. Everybody may buy its one shirt:
//
//	POST /orders         {"id": "...", "payments": 0}
//	GET /orders/{id}     the same, as it is now
//	POST /pay/checkout   and the plugin's other routes
func (a *App) ServeBooks(ctx context.Context, p *kredivo.Plugin, books Books) error {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /orders", func(w http.ResponseWriter, r *http.Request) {
		id := rand.Text()[:12]
		answer(w, http.StatusCreated, id, 0, books.Add(r.Context(), id))
	})
	mux.HandleFunc("GET /orders/{id}", func(w http.ResponseWriter, r *http.Request) {
		n, err := books.Payments(r.Context(), r.PathValue("id"))
		answer(w, http.StatusOK, r.PathValue("id"), n, err)
	})
	const anybody = "guest"
	err := kredivohttp.Mount(mux, "/pay", p, kredivohttp.Hooks{
		Order: func(r *http.Request, id string) (kredivo.Order, error) {
			_, err := books.Payments(r.Context(), id)
			return shirt(id, anybody, a.Origin), err
		},
		Buyer: func(*http.Request) (string, error) { return anybody, nil },
	})
	if err != nil {
		return err
	}
	return a.ServeHTTP(ctx, p, mux)
}

func answer(w http.ResponseWriter, status int, id string, payments int, err error) {
	switch {
	case errors.Is(err, kredivo.ErrOrderNotFound):
		http.Error(w, http.StatusText(http.StatusNotFound), http.StatusNotFound)
		return
	case err != nil:
		slog.Error("the books failed", "error", err)
		http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"id": id, "payments": payments}) // the client may be gone
}

// shirt is an order of one T-shirt.
func shirt(id, buyer, origin string) kredivo.Order {
	return kredivo.Order{
		ID: id, Buyer: buyer, Amount: money.Rupiah(149_000),
		Items: []kredivo.Item{{
			SKU: "KAOS-1", Name: "Kaos katun hitam", Category: "Fashion", URL: origin + "/",
			Price: money.Rupiah(149_000), Quantity: 1,
		}},
		Customer:        kredivo.Customer{FirstName: "Siti", Phone: "0812-3456-7890", Email: "siti@example.com"},
		ShippingAddress: &kredivo.Address{Address: "Jl. Melati 1", City: "Bandung", PostalCode: "40111"},
	}
}
