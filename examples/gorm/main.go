// Command gorm is a shop on GORM whose tables are in the PostgreSQL database of the store. Its handler hands
// the transaction that ends the event to GORM, so an order is marked as paid exactly once.
//
//	cd examples/gorm
//	KREDIVO_STORE=postgres://user:password@host/database go run .
//
// What it serves is in demo.App.ServeBooks.
package main

import (
	"context"
	"database/sql"
	"errors"
	"os"

	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/paylater-go/paylater/examples/internal/demo"
	"github.com/paylater-go/paylater/kredivo"
	store "github.com/paylater-go/paylater/kredivo/store/postgres"
)

func main() { os.Exit(demo.MainWithBooks(run)) }

func run(ctx context.Context, app *demo.App) error {
	shop, pool, err := open(ctx, app.Store)
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }()
	st, err := store.New(ctx, pool, store.Config{}) // on GORM's own pool
	if err != nil {
		return err
	}
	defer st.Close()
	p, err := kredivo.New(kredivo.Config{DOKU: app.DOKU, PublicURL: app.PublicURL, Store: st, OnEventTx: shop.Apply})
	if err != nil {
		return err
	}
	return app.ServeBooks(ctx, p, shop)
}

// An Order is a row of the shop's.
type Order struct {
	ID       string `gorm:"primaryKey"`
	Payments int
}

// books are the shop's orders.
type books struct{ db *gorm.DB }

func open(ctx context.Context, address string) (*books, *sql.DB, error) {
	db, err := gorm.Open(postgres.Open(address), &gorm.Config{TranslateError: true})
	if err != nil {
		return nil, nil, err
	}
	pool, err := db.DB()
	if err != nil {
		return nil, nil, err
	}
	if err := db.WithContext(ctx).AutoMigrate(&Order{}); err != nil {
		return nil, nil, errors.Join(err, pool.Close())
	}
	return &books{db}, pool, nil
}

func (b *books) Add(ctx context.Context, id string) error {
	return b.db.WithContext(ctx).Create(&Order{ID: id}).Error
}

func (b *books) Payments(ctx context.Context, id string) (int, error) {
	var o Order
	err := b.db.WithContext(ctx).Take(&o, "id = ?", id).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		err = kredivo.ErrOrderNotFound
	}
	return o.Payments, err
}

// snippet:start apply

// Apply is OnEventTx: the end of the event commits with what it writes through tx, or not at all.
func (b *books) Apply(ctx context.Context, tx *sql.Tx, e kredivo.Event) error {
	if e.Kind != kredivo.PaymentSucceeded {
		return nil
	}
	return within(ctx, b.db, tx).Model(&Order{ID: e.OrderID}).
		Update("payments", gorm.Expr("payments + 1")).Error // and the event comes again
}

// within is db on a transaction that somebody else began and will end.
func within(ctx context.Context, db *gorm.DB, tx *sql.Tx) *gorm.DB {
	session := db.Session(&gorm.Session{NewDB: true, Context: ctx, SkipDefaultTransaction: true})
	session.Statement.ConnPool = tx
	return session
}

// snippet:end apply
