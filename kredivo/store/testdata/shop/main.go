// Command shop is a shop for tests that need several processes, or processes of several versions: it is
// compiled into the source of each. Its arguments are the address of the store, of DOKU, and the public URL
// of its routes. It prints the address that it listens on, then one line for each event that it was told, and
// ends with its standard input.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/paylater-go/paylater/adapters/kredivohttp"
	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/kredivo/store"
	"github.com/paylater-go/paylater/money"
)

func main() {
	go func() { // the parent holds the other end: when it dies, so do we
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, "shop:", err)
		os.Exit(1)
	}
}

func run(dsn, dokuURL, publicURL string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	st, err := store.Open(ctx, dsn)
	if err != nil {
		return err
	}
	defer st.Close()
	p, err := kredivo.New(kredivo.Config{
		DOKU:      doku.Config{ClientID: "MCH-0001-TEST", SecretKey: "SK-test-not-a-secret", BaseURL: dokuURL},
		PublicURL: publicURL, Store: st, PollEvery: 50 * time.Millisecond,
		Logger: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError + 1})),
		OnEvent: func(_ context.Context, e kredivo.Event) error {
			_, err := fmt.Println("event", e.OrderID, e.Kind, e.ID)
			return err
		},
	})
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	if err := kredivohttp.MountGroup(mux, "/pay", p, kredivo.NotificationRoutes, kredivohttp.Hooks{}); err != nil {
		return err
	}
	mux.HandleFunc("POST /start/{order}", func(w http.ResponseWriter, r *http.Request) {
		c, err := p.Checkout(r.Context(), order(r.PathValue("order")))
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, c.Attempt.InvoiceNumber)
	})

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = server.Serve(l) }()
	fmt.Println("listening", l.Addr())
	err = p.Run(ctx) // until SIGTERM
	_ = server.Close()
	return err
}

func order(id string) kredivo.Order {
	return kredivo.Order{
		ID: id, Buyer: "buyer of " + id, Amount: money.Rupiah(150_000),
		Items: []kredivo.Item{{
			SKU: "KAOS-1", Name: "Kaos polos", Category: "Fashion", URL: "https://shop.example/p/kaos-1",
			Price: money.Rupiah(150_000), Quantity: 1,
		}},
		Customer:        kredivo.Customer{FirstName: "Ani", LastName: "Contoh", Phone: "081234567890", Email: "ani@shop.example"},
		ShippingAddress: &kredivo.Address{Address: "Jalan Contoh 1", City: "Jakarta", PostalCode: "10110"},
	}
}
