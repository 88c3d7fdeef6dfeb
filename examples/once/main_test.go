package main

import (
	"path/filepath"
	"testing"

	"go.uber.org/goleak"

	"github.com/paylater-go/paylater/examples/internal/demotest"
	"github.com/paylater-go/paylater/kredivo"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBuy(t *testing.T) {
	t.Parallel()
	demotest.Buy(t, run, filepath.Join(t.TempDir(), "kredivo.db"))
}

// TestApplyOnce delivers one event again, as the plugin does when a crash came after the shop's commit.
func TestApplyOnce(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	shop, err := open(ctx, filepath.Join(t.TempDir(), "shop.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer shop.db.Close()
	if err := shop.Add(ctx, "1001"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := shop.Apply(ctx, kredivo.Event{ID: "1001-1:payment.succeeded", Kind: kredivo.PaymentSucceeded, OrderID: "1001"}); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := shop.Payments(ctx, "1001"); n != 1 || err != nil {
		t.Errorf("payments = %d, %v, want 1", n, err)
	}
}
