// Command tx is a shop whose tables are in the database of the store. Its handler gets the transaction that
// ends the event, so an order is marked as paid exactly once, without a table to remember events.
//
//	go run ./examples/tx
//	KREDIVO_STORE=postgres://user:password@host/database go run ./examples/tx
//
// The first keeps both in the SQLite file shop.db. What it serves is in demo.App.ServeBooks.
package main

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"os"
	"strings"

	_ "modernc.org/sqlite" // the shop's own pool on the same file

	"github.com/paylater-go/paylater/examples/internal/demo"
	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/store/postgres"
	"github.com/paylater-go/paylater/kredivo/store/sqlite"
)

func main() { os.Exit(demo.MainWithBooks(run)) }

func run(ctx context.Context, app *demo.App) error {
	db, st, err := open(ctx, cmp.Or(app.Store, app.ShopDB))
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	defer st.Close()
	shop := &books{db}
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return err
	}
	p, err := kredivo.New(kredivo.Config{DOKU: app.DOKU, PublicURL: app.PublicURL, Store: st, OnEventTx: shop.Apply})
	if err != nil {
		return err
	}
	return app.ServeBooks(ctx, p, shop)
}

// open opens one database twice: as the shop's pool, and as the store.
func open(ctx context.Context, address string) (*sql.DB, kredivo.Store, error) {
	if strings.HasPrefix(address, "postgres") {
		db, err := sql.Open("pgx", address)
		if err != nil {
			return nil, nil, err
		}
		st, err := postgres.New(ctx, db, postgres.Config{}) // on the shop's pool
		if err != nil {
			return nil, nil, errors.Join(err, db.Close())
		}
		return db, st, nil
	}
	st, err := sqlite.Open(ctx, address) // first: it makes the file, readable only by its owner
	if err != nil {
		return nil, nil, err
	}
	db, err := sql.Open("sqlite", "file:"+address+"?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=synchronous(FULL)")
	if err != nil {
		return nil, nil, errors.Join(err, st.Close())
	}
	return db, st, nil
}

const schema = `CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY, payments INTEGER NOT NULL)`

// books are the shop's orders.
type books struct{ db *sql.DB }

func (b *books) Add(ctx context.Context, id string) error {
	_, err := b.db.ExecContext(ctx, `INSERT INTO orders (id, payments) VALUES ($1, 0)`, id)
	return err
}

func (b *books) Payments(ctx context.Context, id string) (n int, err error) {
	err = b.db.QueryRowContext(ctx, `SELECT payments FROM orders WHERE id = $1`, id).Scan(&n)
	if errors.Is(err, sql.ErrNoRows) {
		err = kredivo.ErrOrderNotFound
	}
	return n, err
}

// snippet:start apply

// Apply is OnEventTx: the end of the event commits with what it writes through tx, or not at all.
func (b *books) Apply(ctx context.Context, tx *sql.Tx, e kredivo.Event) error {
	if e.Kind != kredivo.PaymentSucceeded {
		return nil
	}
	_, err := tx.ExecContext(ctx, `UPDATE orders SET payments = payments + 1 WHERE id = $1`, e.OrderID)
	return err // and the event comes again
}

// snippet:end apply
