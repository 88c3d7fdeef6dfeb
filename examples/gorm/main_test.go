package main

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/paylater-go/paylater/examples/internal/demotest"
	"github.com/paylater-go/paylater/kredivo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBuy(t *testing.T) {
	t.Parallel()
	demotest.Buy(t, run, demotest.Postgres(t))
}

// TestApplyIsUndone: what GORM wrote goes when the transaction that it was given does, and its own
// pool sees nothing of it before the commit.
func TestApplyIsUndone(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	shop, pool, err := open(ctx, demotest.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if err := shop.Add(ctx, "1001"); err != nil {
		t.Fatal(err)
	}
	payments := func(want int) {
		t.Helper()
		if n, err := shop.Payments(ctx, "1001"); n != want || err != nil {
			t.Errorf("payments = %d, %v, want %d", n, err, want)
		}
	}
	for _, commit := range []bool{false, true} {
		tx, err := pool.BeginTx(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback()
		if err := shop.Apply(ctx, tx, kredivo.Event{Kind: kredivo.PaymentSucceeded, OrderID: "1001"}); err != nil {
			t.Fatal(err)
		}
		payments(0)
		end := tx.Rollback
		if commit {
			end = tx.Commit
		}
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
	payments(1)
}
