// Command quickstart is the host that the README builds: a shop on net/http, with nothing around the plugin
// that the README leaves out. It is configured by its environment: PUBLIC_URL, DOKU_CLIENT_ID,
// DOKU_SECRET_KEY, and DOKU_BASE_URL for a simulator.
package main

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	_ "modernc.org/sqlite" // the shop's own database

	"github.com/paylater-go/paylater/adapters/kredivohttp"
	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/kredivo/store"
	"github.com/paylater-go/paylater/money"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	l, err := net.Listen("tcp", "127.0.0.1:8080")
	if err == nil {
		err = run(ctx, l)
	}
	if err != nil {
		slog.Error("the shop ended", "error", err)
		os.Exit(1)
	}
}

// run serves the shop on l until ctx ends.
func run(ctx context.Context, l net.Listener) error {
	shop, err := openShop(ctx, "file:shop.db?_txlock=immediate&_pragma=busy_timeout(5000)")
	if err != nil {
		return err
	}
	defer func() { _ = shop.db.Close() }()

	// snippet:start plugin
	st, err := store.Open(ctx, "") // the SQLite file kredivo.db; elsewhere: "sqlite:/var/lib/shop/kredivo.db"
	if err != nil {
		return err
	}
	defer st.Close()
	p, err := kredivo.New(kredivo.Config{
		DOKU:      doku.Config{ClientID: os.Getenv("DOKU_CLIENT_ID"), SecretKey: doku.Secret(os.Getenv("DOKU_SECRET_KEY")), BaseURL: os.Getenv("DOKU_BASE_URL")},
		PublicURL: os.Getenv("PUBLIC_URL"), // of the mounted routes, such as https://shop.example/pay
		Store:     st,
		OnEvent:   shop.Apply, // marks the order as paid, once for each Event.ID
	})
	if err != nil {
		return err
	}
	// snippet:end plugin

	mux := http.NewServeMux()
	mux.HandleFunc("GET /orders/{id}", shop.show)
	err = kredivohttp.Mount(mux, "/pay", p, kredivohttp.Hooks{
		Order: func(r *http.Request, ref string) (kredivo.Order, error) { return shop.Order(r.Context(), ref) },
		Buyer: func(r *http.Request) (string, error) { return buyer(r), nil },
	})
	if err != nil {
		return err
	}

	ops := http.NewServeMux()
	err = kredivohttp.MountGroup(ops, "/ops", p, kredivo.AdminRoutes, kredivohttp.Hooks{}) // GET /ops/health
	if err != nil {
		return err
	}
	mux.Handle("/ops/", operatorsOnly(ops)) // its own authorisation

	// snippet:start run
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	worked := make(chan error, 1)
	go func() { worked <- p.Run(work) }() // once per process

	err = serve(ctx, l, mux) // until SIGTERM, and until the requests that run then have ended
	stop()
	return errors.Join(err, <-worked) // the events in hand are done, and the store may be closed
	// snippet:end run
}

// serve serves h until ctx ends, and lets running requests finish.
func serve(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	err := server.Shutdown(end)
	if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

// buyer is who asks: a real shop reads its session.
func buyer(*http.Request) string { return "user-7" }

// operatorsOnly is the shop's own access control. Without a token in OPS_TOKEN nobody gets in.
func operatorsOnly(h http.Handler) http.Handler {
	want := "Bearer " + os.Getenv("OPS_TOKEN")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if want == "Bearer " || subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte(want)) != 1 {
			http.Error(w, http.StatusText(http.StatusForbidden), http.StatusForbidden)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// A Shop is the shop's own books.
type Shop struct{ db *sql.DB }

// openShop opens the books. Order 1001 is in them from the start.
func openShop(ctx context.Context, dsn string) (*Shop, error) {
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("quickstart: %w", err)
	}
	_, err = db.ExecContext(ctx, `
		CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, status TEXT NOT NULL);
		CREATE TABLE IF NOT EXISTS payment_event (id TEXT PRIMARY KEY);
		INSERT INTO orders (id, status) VALUES ('1001', 'unpaid') ON CONFLICT DO NOTHING`)
	if err != nil {
		return nil, fmt.Errorf("quickstart: %w", errors.Join(err, db.Close()))
	}
	return &Shop{db: db}, nil
}

// Status is the status of an order in the books, or kredivo.ErrOrderNotFound.
func (s *Shop) Status(ctx context.Context, id string) (status string, err error) {
	err = s.db.QueryRowContext(ctx, `SELECT status FROM orders WHERE id = ?`, id).Scan(&status)
	if errors.Is(err, sql.ErrNoRows) {
		return "", kredivo.ErrOrderNotFound
	}
	return status, err
}

// show answers GET /orders/{id} with the order's status and, while it is unpaid, the button.
func (s *Shop) show(w http.ResponseWriter, r *http.Request) {
	status, err := s.Status(r.Context(), r.PathValue("id"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	page := "<!DOCTYPE html>\n<p>" + status + "</p>\n"
	if status == "unpaid" {
		page += button
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, page) // the browser may be gone
}

const button = `<form method="post" action="/pay/checkout">
  <input type="hidden" name="order" value="1001">
  <button>Bayar dengan Kredivo</button>
</form>
`

// Order is the plugin's Order hook.
func (s *Shop) Order(ctx context.Context, id string) (kredivo.Order, error) {
	if _, err := s.Status(ctx, id); err != nil {
		return kredivo.Order{}, err
	}
	// snippet:start order
	order := kredivo.Order{
		ID: id, Buyer: "user-7", Amount: money.Rupiah(308_000), // 2 × 149,000 - 10,000 + 20,000
		Items: []kredivo.Item{{
			SKU: "KAOS-1", Name: "Kaos polos", Category: "Fashion", URL: "https://shop.example/p/kaos-1",
			Price: money.Rupiah(149_000), Quantity: 2,
		}},
		Discount: money.Rupiah(10_000), Charges: []kredivo.Charge{{Kind: kredivo.Shipping, Amount: money.Rupiah(20_000)}},
		Customer:        kredivo.Customer{FirstName: "Siti", Phone: "0812-3456-7890", Email: "siti@shop.example"},
		ShippingAddress: &kredivo.Address{Address: "Jl. Melati 1", City: "Bandung", PostalCode: "40111"},
	}
	// snippet:end order
	return order, nil
}

// snippet:start apply

// Apply is OnEvent: it takes effect once, however often an event comes.
func (s *Shop) Apply(ctx context.Context, e kredivo.Event) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	r, err := tx.ExecContext(ctx, `INSERT INTO payment_event (id) VALUES (?) ON CONFLICT DO NOTHING`, e.ID)
	if err != nil {
		return err
	}
	if n, err := r.RowsAffected(); err != nil || n == 0 {
		return err // seen before
	}
	if e.Kind == kredivo.PaymentSucceeded {
		_, err = tx.ExecContext(ctx, `UPDATE orders SET status = 'paid' WHERE id = ?`, e.OrderID)
	}
	if err != nil {
		return err
	}
	return tx.Commit()
}

// snippet:end apply
