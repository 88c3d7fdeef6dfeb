package main

import (
	"database/sql"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/paylater-go/paylater/examples/internal/demotest"
	"github.com/paylater-go/paylater/kredivo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// databases are those that the example knows, each with what makes an empty one.
var databases = map[string]func(*testing.T) string{
	"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "shop.db") },
	"postgres": demotest.Postgres,
}

func TestBuy(t *testing.T) {
	t.Parallel()
	for name, database := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			demotest.Buy(t, run, database(t))
		})
	}
}

// TestApplyIsUndone: what the handler wrote goes when the transaction it was given does.
func TestApplyIsUndone(t *testing.T) {
	t.Parallel()
	for name, database := range databases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			db, st, err := open(ctx, database(t))
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			defer st.Close()
			shop := &books{db}
			if _, err := db.ExecContext(ctx, schema); err != nil {
				t.Fatal(err)
			}
			if err := shop.Add(ctx, "1001"); err != nil {
				t.Fatal(err)
			}
			for i, end := range []func(*sql.Tx) error{(*sql.Tx).Rollback, (*sql.Tx).Commit} {
				tx, err := db.BeginTx(ctx, nil)
				if err != nil {
					t.Fatal(err)
				}
				if err := shop.Apply(ctx, tx, kredivo.Event{Kind: kredivo.PaymentSucceeded, OrderID: "1001"}); err != nil {
					t.Fatal(err)
				}
				if err := end(tx); err != nil {
					t.Fatal(err)
				}
				if n, err := shop.Payments(ctx, "1001"); n != i || err != nil {
					t.Errorf("payments = %d, %v, want %d", n, err, i)
				}
			}
		})
	}
}
