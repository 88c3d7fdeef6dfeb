package kredivo_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

// Handlers end in stranger ways than with an error. Each of these is one failed try and no effect, with and
// without a transaction, and the next try succeeds.
func TestHandlerThatEndsStrangely(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func() error{
		"goexit":            func() error { runtime.Goexit(); return nil },
		"nil panic":         func() error { panic(errors.Unwrap(errors.New("wraps nothing"))) }, // nil
		"panic in a defer":  func() error { defer func() { panic("second") }(); panic("first") },
		"goexit in a panic": func() error { defer runtime.Goexit(); panic("first") },
		"index off":         func() error { return errors.New(strings.Fields("")[0]) },
		"panicking error":   func() error { panic(fmt.Errorf("wrapped: %w", context.Canceled)) },
	} {
		for _, tx := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, in a transaction %v", name, tx), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					calls := 0
					strange := func() error {
						if calls++; calls == 1 {
							return end()
						}
						return nil
					}
					l, shared := inLedger(t, func(context.Context, *sql.Tx, kredivo.Event) error { return strange() })
					shop := kredivotest.New(t, shared, func(c *kredivotest.Config) {
						if c.Plugin.PollEvery = time.Second; !tx {
							c.Plugin.OnEventTx = nil
							c.Plugin.OnEvent = func(context.Context, kredivo.Event) error { return strange() }
						}
					})
					checkout(t, shop, "1001")
					shop.Pay("1001")
					shop.Wait("1001", kredivo.PaymentSucceeded)
					idle(t, shop)
					synctest.Wait()
					r := record(t, shop, "1001", kredivo.PaymentSucceeded)
					if calls != 2 || r.Tries != 2 || r.Failures != 1 || r.State != kredivo.WorkDone {
						t.Errorf("%d calls, %+v; want done at the second try after one failure", calls, r)
					}
					if n := l.effects("1001"); tx && n != 1 {
						t.Errorf("%d effects, want 1", n)
					}
				})
			})
		}
	}
}

// A transaction that a handler keeps is of no use to it afterwards.
func TestTransactionEndsWithItsHandler(t *testing.T) {
	t.Parallel()
	var kept *sql.Tx
	l, shared := inLedger(t, func(_ context.Context, tx *sql.Tx, _ kredivo.Event) error {
		kept = tx
		return nil
	})
	shop := kredivotest.New(t, shared)
	checkout(t, shop, "1001")
	shop.Pay("1001")
	shop.Wait("1001", kredivo.PaymentSucceeded)
	if _, err := kept.ExecContext(t.Context(), `INSERT INTO effect VALUES ('again', '1001')`); !errors.Is(err, sql.ErrTxDone) {
		t.Errorf("a write after the handler = %v, want sql.ErrTxDone", err)
	}
	if err := errors.Join(kept.Commit(), kept.Rollback()); !errors.Is(err, sql.ErrTxDone) {
		t.Errorf("the end of it = %v, want sql.ErrTxDone", err)
	}
	if n := l.effects("1001"); n != 1 {
		t.Errorf("%d effects, want 1", n)
	}
	checkout(t, shop, "1002")
	shop.Pay("1002")
	shop.Wait("1002", kredivo.PaymentSucceeded)
}

// Orders whose handler fails, panics or hangs hold up no other.
func TestPoisonStaysWithItsOrder(t *testing.T) {
	t.Parallel()
	const each = 20
	for name, poison := range map[string]func(ctx context.Context) error{
		"fails":  func(context.Context) error { return errors.New("order was swept") },
		"panics": func(context.Context) error { panic("the cart is nil") },
		"hangs":  func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var mu sync.Mutex
				good := map[string]int{}
				shop := kredivotest.New(t, func(c *kredivotest.Config) {
					c.Plugin.PollEvery, c.Plugin.HandlerTimeout = 5*time.Second, time.Second
					c.Plugin.OnEvent = func(ctx context.Context, e kredivo.Event) error {
						if strings.HasPrefix(e.OrderID, "poison") {
							return poison(ctx)
						}
						mu.Lock()
						defer mu.Unlock()
						good[e.OrderID]++
						return nil
					}
				})
				for i := range each { // all of the poison in front
					checkout(t, shop, fmt.Sprint("poison-", i))
					checkout(t, shop, fmt.Sprint("good-", i))
				}
				for _, kind := range []string{"poison-", "good-"} {
					for i := range each {
						shop.Pay(fmt.Sprint(kind, i))
					}
				}
				<-time.After(10 * time.Second) // hanging ones take all places, for a second each
				synctest.Wait()
				if len(good) != each {
					t.Errorf("%d of %d good orders have had their event", len(good), each)
				}
				<-time.After(time.Hour)
				synctest.Wait()
				for id, n := range good {
					if n != 1 {
						t.Errorf("%s had its event %d times, want once", id, n)
					}
				}
				if b := backlog(t, shop); b != (kredivo.Backlog{Events: each}) {
					t.Errorf("backlog = %+v, want the %d poisoned events", b, each)
				}
			})
		})
	}
}

// A host that refuses everything about an order, the alarm too: the whole ladder by the clock, then all is
// parked and nothing is lost, and what is redriven comes in order.
func TestLadderByTheClock(t *testing.T) {
	t.Parallel()
	pauses := []time.Duration{
		5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour,
		3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 24 * time.Hour, 24 * time.Hour,
	}
	const poll = 2 * time.Minute
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		calls := map[kredivo.EventKind][]time.Time{}
		closed := true
		shop := kredivotest.New(t, func(c *kredivotest.Config) {
			c.Plugin.PollEvery = poll
			c.Plugin.OnEvent = func(_ context.Context, e kredivo.Event) error {
				mu.Lock()
				defer mu.Unlock()
				calls[e.Kind] = append(calls[e.Kind], time.Now())
				if closed {
					return errors.New("no such order")
				}
				return nil
			}
		})
		checkout(t, shop, "1001")
		shop.Pay("1001")
		<-time.After(time.Minute)
		if err := shop.DOKU.Refund(shop.Invoice("1001")); err != nil {
			t.Fatal(err)
		}
		<-time.After(75 * time.Hour)
		if b := backlog(t, shop); b.ParkedEvents != 0 {
			t.Error("an event was parked before its time")
		}
		<-time.After(150 * time.Hour) // and as long again for the alarm
		synctest.Wait()
		paid := calls[kredivo.PaymentSucceeded]
		if len(paid) != len(pauses)+1 {
			t.Fatalf("%d tries, want %d", len(paid), len(pauses)+1)
		}
		for i, want := range pauses {
			if got := paid[i+1].Sub(paid[i]); got < want*4/5 || got > want*6/5+poll*6/5 {
				t.Errorf("pause %d was %v, want about %v", i+1, got, want)
			}
		}
		if n, behind := len(calls[kredivo.HostRefused]), len(calls[kredivo.PaymentRefunded]); n != len(pauses)+1 || behind != 0 {
			t.Errorf("%d tries of the alarm and %d of the event behind, want %d and none", n, behind, len(pauses)+1)
		}
		if b := backlog(t, shop); b != (kredivo.Backlog{Events: 1, ParkedEvents: 2}) {
			t.Errorf("backlog = %+v, want the event and its alarm parked, and one behind", b)
		}

		mu.Lock()
		closed = false
		mu.Unlock()
		if n, err := shop.Plugin.RedriveAll(t.Context()); n != 2 || err != nil {
			t.Errorf("redriven %d, %v; want 2", n, err)
		}
		<-time.After(time.Minute)
		var order []kredivo.EventKind
		for _, e := range shop.Events() {
			if e.Kind != kredivo.HostRefused {
				order = append(order, e.Kind)
			}
		}
		if diff := cmp.Diff([]kredivo.EventKind{kredivo.PaymentSucceeded, kredivo.PaymentRefunded}, order); diff != "" {
			t.Errorf("after redrive (-want +got):\n%s", diff)
		}
		if !slices.ContainsFunc(shop.Events(), func(e kredivo.Event) bool { return e.Kind == kredivo.HostRefused }) {
			t.Error("the alarm was not redriven")
		}
		if b := backlog(t, shop); b != (kredivo.Backlog{}) {
			t.Errorf("backlog = %+v, want none", b)
		}
	})
}
