// Command once is a shop whose tables are in another database than the store. It remembers each event in
// the transaction of its effect, so an order is marked as paid exactly once.
//
//	go run ./examples/once
//
// keeps payments in kredivo.db, or at KREDIVO_STORE, and the shop in shop.db. What it serves is in
// demo.App.ServeBooks.
package main

import (
	"context"
	"database/sql"
	"errors"
	"os"

	_ "modernc.org/sqlite" // the shop's own database

	"github.com/paylater-go/paylater/examples/internal/demo"
	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/store"
)

func main() { os.Exit(demo.MainWithBooks(run)) }

func run(ctx context.Context, app *demo.App) error {
	shop, err := open(ctx, app.ShopDB)
	if err != nil {
		return err
	}
	defer func() { _ = shop.db.Close() }()
	st, err := store.Open(ctx, app.Store)
	if err != nil {
		return err
	}
	defer st.Close()
	p, err := kredivo.New(kredivo.Config{DOKU: app.DOKU, PublicURL: app.PublicURL, Store: st, OnEvent: shop.Apply})
	if err != nil {
		return err
	}
	return app.ServeBooks(ctx, p, shop)
}

// books are the shop's orders.
type books struct{ db *sql.DB }

func open(ctx context.Context, file string) (*books, error) {
	db, err := sql.Open("sqlite", "file:"+file+"?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)")
	if err != nil {
		return nil, err
	}
	_, err = db.ExecContext(ctx, kredivo.OnceTable+`; CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, payments INTEGER NOT NULL)`)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &books{db}, nil
}

func (b *books) Add(ctx context.Context, id string) error {
	_, err := b.db.ExecContext(ctx, `INSERT INTO orders (id, payments) VALUES (?, 0)`, id)
	return err
}

func (b *books) Payments(ctx context.Context, id string) (n int, err error) {
	err = b.db.QueryRowContext(ctx, `SELECT payments FROM orders WHERE id = ?`, id).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		err = kredivo.ErrOrderNotFound
	}
	return n, err
}

// snippet:start apply

// Apply is OnEvent: it takes effect once, however often an event comes.
func (b *books) Apply(ctx context.Context, e kredivo.Event) error {
	tx, err := b.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if err := kredivo.Once(ctx, tx, e.ID); errors.Is(err, kredivo.ErrAlreadyApplied) {
		return nil
	} else if err != nil {
		return err // and the event comes again
	}
	if e.Kind == kredivo.PaymentSucceeded {
		_, err = tx.ExecContext(ctx, `UPDATE orders SET payments = payments + 1 WHERE id = ?`, e.OrderID)
	}
	if err != nil {
		return err
	}
	return tx.Commit()
}

// snippet:end apply
