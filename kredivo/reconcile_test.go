package kredivo_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
	"github.com/paylater-go/paylater/kredivo/store/sqlite"
	"github.com/paylater-go/paylater/money"
)

// silent is a shop whose notifications never come, with a clock that only the test moves.
func silent(t *testing.T) (*kredivotest.Shop, *dokusim.ManualClock) {
	t.Helper()
	clock := dokusim.NewManualClock(time.Date(2026, 3, 1, 5, 0, 0, 0, time.UTC))
	shop := kredivotest.New(t, quick, func(c *kredivotest.Config) {
		c.Plugin.Now, c.Simulator.Clock, c.Plugin.ChecksPerSecond = clock.Now, clock, 1000
	})
	shop.DOKU.NotifyFaults(dokusim.NotifyFault{Never: true, Times: dokusim.Always})
	return shop, clock
}

func TestReconcileFindsWhatNobodyReported(t *testing.T) {
	t.Parallel()
	shop, _ := silent(t)
	for i := range 5 {
		checkout(t, shop, fmt.Sprint(i))
	}
	shop.Pay("1")
	shop.Pay("3")
	r, err := shop.Plugin.Reconcile(t.Context())
	if want := (kredivo.Reconciled{Asked: 5, News: 2}); err != nil || r != want {
		t.Fatalf("reconciled %+v, %v; want %+v", r, err, want)
	}
	shop.Wait("1", kredivo.PaymentSucceeded)
	shop.Wait("3", kredivo.PaymentSucceeded)
	if r, err = shop.Plugin.Reconcile(t.Context()); err != nil || r != (kredivo.Reconciled{Asked: 3}) {
		t.Errorf("reconciled again: %+v, %v; want the 3 open ones asked", r, err)
	}
}

// After a loss even what counts as over here is asked about.
func TestReconcileSinceAsksAboutAllStatuses(t *testing.T) {
	t.Parallel()
	shop, clock := silent(t)
	old := checkout(t, shop, "old")
	clock.Advance(time.Hour)
	since := clock.Now()
	failed := checkout(t, shop, "failed")
	checkout(t, shop, "paid")
	shop.Pay("paid")
	if err := shop.DOKU.Refuse(failed.Attempt.InvoiceNumber); err != nil {
		t.Fatal(err)
	}
	if _, err := shop.Plugin.Reconcile(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := status(t, shop, "failed"); got != kredivo.Failed {
		t.Fatalf("status = %s, want FAILED", got)
	}
	for _, invoice := range []string{failed.Attempt.InvoiceNumber, old.Attempt.InvoiceNumber} {
		if err := shop.DOKU.PayLate(invoice); err != nil && shop.DOKU.Pay(invoice) != nil {
			t.Fatal(err)
		}
	}
	r, err := shop.Plugin.ReconcileSince(t.Context(), since)
	if want := (kredivo.Reconciled{Asked: 2, News: 1}); err != nil || r != want {
		t.Fatalf("reconciled %+v, %v; want %+v", r, err, want)
	}
	if e := shop.Wait("failed", kredivo.PaymentSucceeded); !e.Late {
		t.Error("a success after FAILED is not marked late")
	}
	if got := status(t, shop, "old"); got != kredivo.Pending {
		t.Errorf("an attempt from before was asked about: %s", got)
	}
}

func TestReconcileOrder(t *testing.T) {
	t.Parallel()
	shop, _ := silent(t)
	if _, err := shop.Plugin.ReconcileOrder(t.Context(), "1001"); !errors.Is(err, kredivo.ErrOrderNotFound) {
		t.Errorf("an unknown order: %v", err)
	}
	checkout(t, shop, "1001")
	shop.Pay("1001")
	shop.DOKU.Fail(dokusim.Fault{Kind: dokusim.ServerError, Endpoint: dokusim.CheckStatus})
	if _, err := shop.Plugin.ReconcileOrder(t.Context(), "1001"); !errors.Is(err, kredivo.ErrUnavailable) {
		t.Errorf("with DOKU down: %v", err)
	}
	p, err := shop.Plugin.ReconcileOrder(t.Context(), "1001")
	if err != nil || p.Status != kredivo.Paid {
		t.Errorf("payment = %s, %v; want PAID", p.Status, err)
	}
}

func TestCanRelease(t *testing.T) {
	t.Parallel()
	shop, clock := silent(t)
	is := func(orderID string, want bool) {
		t.Helper()
		got, err := shop.Plugin.CanRelease(t.Context(), orderID)
		if err != nil || got != want {
			t.Errorf("CanRelease(%s) = %v, %v; want %v", orderID, got, err, want)
		}
	}
	is("never started", true)

	paid := checkout(t, shop, "paid")
	refused := checkout(t, shop, "refused")
	checkout(t, shop, "open")
	is("paid", false) // the page is open
	shop.Pay("paid")
	if err := shop.DOKU.Refuse(refused.Attempt.InvoiceNumber); err != nil {
		t.Fatal(err)
	}
	is("paid", false)
	is("refused", true)
	if got := status(t, shop, "paid"); got != kredivo.Paid {
		t.Errorf("what DOKU said about a paid order is lost: %s", got)
	}
	if err := shop.DOKU.Refund(paid.Attempt.InvoiceNumber); err != nil {
		t.Fatal(err)
	}
	is("paid", true) // and paid back

	shop.DOKU.Fail(dokusim.Fault{Kind: dokusim.Garbage, Endpoint: dokusim.CheckStatus})
	if ok, err := shop.Plugin.CanRelease(t.Context(), "open"); ok || !errors.Is(err, kredivo.ErrUnavailable) {
		t.Errorf("CanRelease without an answer = %v, %v", ok, err)
	}
	is("open", false)
	clock.Advance(24*time.Hour + 10*time.Minute) // its time is over, but somebody may have pressed pay in the last second
	shop.DOKU.Fail(dokusim.Fault{Kind: dokusim.AnswerStatus, Status: 404, Endpoint: dokusim.CheckStatus, Times: dokusim.Always})
	is("open", false)
	clock.Advance(10 * time.Minute)
	is("open", true)

	// A request that DOKU does not know may still be under way for as long as its signature holds.
	shop.DOKU.Heal()
	shop.DOKU.Fail(dokusim.Fault{Kind: dokusim.ServerError, Endpoint: dokusim.GenerateOrder})
	if _, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("unsent", "ani")); !errors.Is(err, kredivo.ErrUnavailable) {
		t.Fatalf("checkout with DOKU down = %v", err)
	}
	is("unsent", false)
	clock.Advance(time.Hour + time.Minute)
	is("unsent", true)
}

// DOKU says that the refused order was paid after all, and the store fails just when that is settled: nobody may
// sell its goods.
func TestGoodsAreKeptUntilTheAnswerIsSettled(t *testing.T) {
	t.Parallel()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "kredivo.db"))
	if err != nil {
		t.Fatal(err)
	}
	shop := kredivotest.New(t, quick, func(c *kredivotest.Config) {
		c.Plugin.Store = brokenChange{st, []byte(`"SUCCESS"`)}
	})
	shop.DOKU.NotifyFaults(dokusim.NotifyFault{Never: true, Times: dokusim.Always})
	c := checkout(t, shop, "1001")
	if err := shop.DOKU.Refuse(c.Attempt.InvoiceNumber); err != nil {
		t.Fatal(err)
	}
	if p, err := shop.Plugin.ReconcileOrder(t.Context(), "1001"); err != nil || p.Status != kredivo.Failed {
		t.Fatalf("payment = %s, %v; want FAILED", p.Status, err)
	}
	if err := shop.DOKU.PayLate(c.Attempt.InvoiceNumber); err != nil {
		t.Fatal(err)
	}
	if ok, err := shop.Plugin.CanRelease(t.Context(), "1001"); ok || !errors.Is(err, kredivo.ErrUnavailable) {
		t.Errorf("CanRelease = %v, %v; want false and ErrUnavailable", ok, err)
	}
	if _, err := shop.Plugin.ReconcileOrder(t.Context(), "1001"); !errors.Is(err, kredivo.ErrUnavailable) {
		t.Errorf("ReconcileOrder = %v, want ErrUnavailable", err)
	}
}

// A report of another amount puts the attempt in REVIEW; DOKU's own books, when asked on the schedule, take it
// out again.
func TestReviewEndsWithDOKUsBooks(t *testing.T) {
	t.Parallel()
	shop, clock := silent(t)
	checkout(t, shop, "1001")
	send(t, shop, "1001", dokusim.Notice{Status: dokusim.Success, Amount: money.Rupiah(1), Once: true})
	shop.Wait("1001", kredivo.AmountMismatch)
	shop.Pay("1001")
	clock.Advance(5 * time.Minute)
	shop.Wait("1001", kredivo.PaymentSucceeded)
}

// While DOKU does not answer it is left alone, and what is due stays due.
func TestBreakerLeavesDOKUAlone(t *testing.T) {
	t.Parallel()
	shop, clock := silent(t)
	for i := range 12 {
		checkout(t, shop, fmt.Sprint(i))
	}
	shop.Pay("11")
	shop.DOKU.Fail(dokusim.Fault{Kind: dokusim.ServerError, Endpoint: dokusim.CheckStatus, Times: dokusim.Always})
	calls := func() (n int) {
		for _, c := range shop.DOKU.Calls() {
			if c.Endpoint == dokusim.CheckStatus {
				n++
			}
		}
		return n
	}
	clock.Advance(4 * time.Minute)
	eventually(t, "five failed checks", func() bool { return calls() == 5 })
	if r, err := shop.Plugin.Reconcile(t.Context()); !errors.Is(err, kredivo.ErrUnavailable) || r.Asked != 0 {
		t.Errorf("Reconcile with DOKU down = %+v, %v", r, err)
	}
	for range 20 {
		if _, err := shop.Plugin.CheckPass(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := calls(); n != 5 {
		t.Errorf("%d calls while the breaker is open, want 5", n)
	}
}
