package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"time"

	"github.com/paylater-go/paylater/adapters/kredivohttp"
	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/kredivo/store"
	"github.com/paylater-go/paylater/money"
)

// This file is the process that is killed: a whole shop, with its HTTP server, the plugin, its workers and
// its store.

const (
	// settingVariable holds a setting, in the environment of a shop process and nowhere else.
	settingVariable = "KREDIVO_TORTURE_SHOP"

	clientID  = "MCH-0001-TORTURE"
	secretKey = "SK-torture-not-a-secret"
	prefix    = "/pay"
)

// A setting tells a shop process what to serve.
type setting struct {
	Place     place
	DOKU      string        // base URL of the simulator
	Public    string        // where the routes are mounted
	Ahead     time.Duration // how far the clocks are ahead
	OnEventTx bool          // share the store's transactions, else OnEvent on a database of its own
	Mutant    string        // how the shop is broken on purpose; empty for not at all
}

// shop runs the process of a shop if this is one, and reports whether it was. It ends by being killed, or
// with an error.
func shop() (bool, error) {
	text, ok := os.LookupEnv(settingVariable)
	if !ok {
		return false, nil
	}
	var s setting
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return true, err
	}
	return true, s.serve(context.Background())
}

func (s setting) serve(ctx context.Context) error {
	listener, err := net.FileListener(os.NewFile(listenerFile, "listener")) // the parent's, so that callers wait while we are dead
	if err != nil {
		return err
	}
	cfg, err := s.config(ctx)
	if err != nil {
		return err
	}
	p, err := kredivo.New(cfg)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	if err := kredivohttp.MountGroup(mux, prefix, p, kredivo.NotificationRoutes, kredivohttp.Hooks{}); err != nil {
		return err
	}
	mux.HandleFunc("POST /start", func(w http.ResponseWriter, r *http.Request) {
		c, err := p.Checkout(r.Context(), order(r.FormValue("order")))
		answer(w, started{c.Attempt.InvoiceNumber, c.Attempt.RequestID, c.Attempt.Amount}, err)
	})
	mux.HandleFunc("GET /state", func(w http.ResponseWriter, r *http.Request) {
		b, err := cfg.Store.Backlog(r.Context())
		answer(w, state{b, runtime.NumGoroutine()}, err)
	})
	go func() { _ = p.Run(ctx) }()
	if _, err := fmt.Fprintln(os.Stdout, readyLine); err != nil {
		return err
	}
	server := http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	return server.Serve(listener)
}

// config opens the databases, however long that takes: a server may be down just now.
func (s setting) config(ctx context.Context) (kredivo.Config, error) {
	st, err := patiently(ctx, func() (kredivo.Store, error) { return store.Open(ctx, s.Place.Store) })
	if err != nil {
		return kredivo.Config{}, err
	}
	cfg := kredivo.Config{
		DOKU:      doku.Config{BaseURL: s.DOKU, ClientID: clientID, SecretKey: secretKey},
		PublicURL: s.Public,
		Store:     st,
		Expiry:    60 * 24 * time.Hour, // no order expires, however far the clocks are moved
		PollEvery: 200 * time.Millisecond,
		Logger:    slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Now:       func() time.Time { return time.Now().Add(s.Ahead) },
	}
	if s.OnEventTx {
		cfg.OnEventTx = func(ctx context.Context, tx *sql.Tx, e kredivo.Event) error { return s.Place.ship(ctx, tx, e) }
		return s.mutate(cfg)
	}
	db, err := sql.Open(s.Place.Driver, s.Place.Shop)
	if err != nil {
		return kredivo.Config{}, err
	}
	db.SetMaxOpenConns(shopConns)
	db.SetMaxIdleConns(shopConns)
	cfg.OnEvent = func(ctx context.Context, e kredivo.Event) error { return s.Place.shipOnce(ctx, db, e) }
	return s.mutate(cfg)
}

// shopConns is how many connections the shop's own pool keeps.
const shopConns = 8

// patiently tries until it succeeds, for a minute.
func patiently[T any](ctx context.Context, try func() (T, error)) (value T, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		if value, err = try(); err == nil {
			return value, nil
		}
		if !rest(ctx, 100*time.Millisecond) {
			return value, err
		}
	}
}

// rest waits; it reports whether ctx still runs.
func rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// started is the answer of POST /start.
type started struct {
	Invoice   string
	RequestID string
	Amount    money.Amount
}

// state is the answer of GET /state.
type state struct {
	Backlog    kredivo.Backlog
	Goroutines int
}

func answer(w http.ResponseWriter, value any, err error) {
	if err != nil {
		status := http.StatusInternalServerError
		if e, ok := errors.AsType[*kredivo.Error](err); ok {
			status = e.HTTPStatus()
		}
		http.Error(w, err.Error(), status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value)
}

// order is what the shop sells.
func order(id string) kredivo.Order {
	return kredivo.Order{
		ID: id, Buyer: "ani", Amount: money.Rupiah(150_000),
		Items: []kredivo.Item{{
			SKU: "KAOS-1", Name: "Kaos polos", Category: "Fashion", URL: "https://shop.example/p/kaos-1",
			Price: money.Rupiah(150_000), Quantity: 1,
		}},
		Customer:        kredivo.Customer{FirstName: "Ani", LastName: "Contoh", Phone: "081234567890", Email: "ani@shop.example"},
		ShippingAddress: &kredivo.Address{Address: "Jalan Contoh 1", City: "Jakarta", PostalCode: "10110"},
	}
}
