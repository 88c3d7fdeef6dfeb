package kredivo_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
	"github.com/paylater-go/paylater/kredivo/store"
	"github.com/paylater-go/paylater/money"
)

// quiet keeps log lines out of the examples' output.
var quiet = slog.New(slog.DiscardHandler)

// A whole payment, with DOKU played by the simulator. A shop mounts the routes with an adapter instead of
// calling Checkout, and leaves DOKU.Transport alone.
func Example() {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	dir, err := os.MkdirTemp("", "kredivo")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	sim, err := dokusim.New(dokusim.Config{ClientID: "MCH-1", SecretKey: "secret"})
	if err != nil {
		panic(err)
	}
	st, err := store.Open(ctx, filepath.Join(dir, "kredivo.db"))
	if err != nil {
		panic(err)
	}
	defer func() { _ = st.Close() }()

	p, err := kredivo.New(kredivo.Config{
		DOKU:      doku.Config{ClientID: "MCH-1", SecretKey: "secret", Transport: sim.Transport(), Logger: quiet},
		PublicURL: "https://shop.example/pay",
		Store:     st,
		OnEvent: func(_ context.Context, e kredivo.Event) error {
			fmt.Println(e.Kind, e.OrderID, e.Amount.Format())
			return nil // anything else, and the event comes again
		},
		Logger: quiet,
	})
	if err != nil {
		panic(err)
	}

	c, err := p.Checkout(ctx, kredivo.Order{
		ID: "1001", Buyer: "ani", Amount: money.Rupiah(150_000),
		Items: []kredivo.Item{{
			SKU: "KAOS-1", Name: "Kaos polos", Category: "Fashion", URL: "https://shop.example/p/kaos-1",
			Price: money.Rupiah(65_000), Quantity: 2,
		}},
		Charges:         []kredivo.Charge{{Kind: kredivo.Shipping, Amount: money.Rupiah(20_000)}},
		Customer:        kredivo.Customer{FirstName: "Ani", Phone: "0812-3456-7890", Email: "ani@shop.example"},
		ShippingAddress: &kredivo.Address{Address: "Jl. Contoh 1", City: "Jakarta", PostalCode: "10110"},
	})
	if err != nil {
		panic(err)
	}
	fmt.Println(c.Attempt.Status, p.CheckPaid(ctx, "1001") == nil)
	// Output: PENDING false
}

// Every field that is wrong is named at once, with a path, a stable code and a sentence in two languages.
func ExampleError() {
	err := error(&kredivo.Error{Code: kredivo.CodeOrderChanged, Detail: "give the changed order a new ID"})
	fmt.Println(errors.Is(err, kredivo.ErrOrderChanged))
	fmt.Println(err)
	// Output:
	// true
	// kredivo: order_changed: give the changed order a new ID
}

// New lists everything that is wrong with a configuration.
func ExampleNew() {
	_, err := kredivo.New(kredivo.Config{
		DOKU:      doku.Config{ClientID: "MCH-1", SecretKey: "secret"},
		PublicURL: "http://shop.example/pay",
	})
	fmt.Println(err)
	// Output:
	// kredivo: Config.Store is missing: store.Open(ctx, "") from paylater/kredivo/store keeps payments in the file kredivo.db
	// kredivo: Config.OnEvent is missing: without it, or OnEventTx, the shop never learns that an order is paid
	// kredivo: Config.PublicURL must be https (plain http only on loopback, in the sandbox)
}

// Some seconds after the start, when the routes are served, a shop can look whether payments will work. Here
// nothing listens at the shop's address.
func ExamplePlugin_SelfCheck() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "kredivo")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	sim, err := dokusim.New(dokusim.Config{ClientID: "MCH-1", SecretKey: "secret"})
	if err != nil {
		panic(err)
	}
	st, err := store.Open(ctx, filepath.Join(dir, "kredivo.db"))
	if err != nil {
		panic(err)
	}
	defer func() { _ = st.Close() }()
	p, err := kredivo.New(kredivo.Config{
		DOKU:      doku.Config{ClientID: "MCH-1", SecretKey: "secret", Transport: sim.Transport(), Logger: quiet},
		PublicURL: "http://127.0.0.1:1/pay",
		Store:     st,
		OnEvent:   func(context.Context, kredivo.Event) error { return nil },
		Logger:    quiet,
	})
	if err != nil {
		panic(err)
	}

	// snippet:start selfcheck
	report := p.SelfCheck(ctx)
	for _, f := range report.Findings {
		fmt.Println(f.State, f.Check)
	}
	// snippet:end selfcheck
	fmt.Println(report.OK())
	// Output:
	// failed notification_url
	// ok doku
	// ok clock
	// ok store
	// ok work
	// warning run
	// false
}
