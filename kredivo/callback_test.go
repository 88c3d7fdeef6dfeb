package kredivo_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

// Everything that a handler may want of the plugin works from OnEvent.
func TestOnEventMayCallThePlugin(t *testing.T) {
	t.Parallel()
	var shop *kredivotest.Shop
	said := make(chan error, 1)
	shop = kredivotest.New(t, func(c *kredivotest.Config) {
		c.Plugin.OnEvent = func(ctx context.Context, e kredivo.Event) error {
			p := shop.Plugin
			_, other := p.Checkout(ctx, kredivotest.Order("next", "ani"))
			_, same := p.Checkout(ctx, kredivotest.Order(e.OrderID, "ani"))
			if errors.Is(same, kredivo.ErrAlreadyPaid) {
				same = nil
			}
			payment, asked := p.ReconcileOrder(ctx, e.OrderID)
			if payment.Status != kredivo.Paid {
				asked = errors.Join(asked, errors.New("status "+string(payment.Status)))
			}
			_, events := p.Events(ctx, e.OrderID)
			_, redriven := p.Redrive(ctx, kredivo.Work{EventID: e.ID})
			said <- errors.Join(other, same, asked, p.CheckPaid(ctx, e.OrderID), events, redriven)
			return nil
		}
	})
	checkout(t, shop, "1001")
	shop.Pay("1001")
	shop.Wait("1001", kredivo.PaymentSucceeded)
	if err := <-said; err != nil {
		t.Errorf("from the handler: %v", err)
	}
}

// From OnEventTx the plugin may be read. What writes waits, on SQLite, for the handler's own transaction: it
// ends at a deadline, whatever context it is given, with a word in the log, and the shop goes on.
func TestOnEventTxThatWaitsForItself(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		call func(ctx context.Context, p *kredivo.Plugin, e kredivo.Event) error
		ends bool // at once, and well
	}{
		{"payment", func(ctx context.Context, p *kredivo.Plugin, e kredivo.Event) error {
			_, err := p.Payment(ctx, e.OrderID)
			return errors.Join(err, p.CheckPaid(ctx, e.OrderID))
		}, true},
		{"checkout", func(ctx context.Context, p *kredivo.Plugin, _ kredivo.Event) error {
			_, err := p.Checkout(ctx, kredivotest.Order("next", "ani"))
			return err
		}, false},
		{"checkout for ever", func(ctx context.Context, p *kredivo.Plugin, _ kredivo.Event) error {
			_, err := p.Checkout(context.WithoutCancel(ctx), kredivotest.Order("next", "ani"))
			return err
		}, false},
		{"question with news", func(ctx context.Context, p *kredivo.Plugin, _ kredivo.Event) error {
			_, err := p.ReconcileOrder(ctx, "unreported")
			return err
		}, false},
		{"redrive for ever", func(ctx context.Context, p *kredivo.Plugin, _ kredivo.Event) error {
			_, err := p.RedriveAll(context.WithoutCancel(ctx))
			return err
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var shop *kredivotest.Shop
				var log lockedBuffer
				calls := 0
				l, shared := inLedger(t, func(ctx context.Context, _ *sql.Tx, e kredivo.Event) error {
					if e.OrderID != "1001" {
						return nil
					}
					if calls++; calls > 1 {
						return nil
					}
					return tt.call(ctx, shop.Plugin, e)
				})
				shop = kredivotest.New(t, shared, func(c *kredivotest.Config) {
					c.Plugin.PollEvery, c.Plugin.Logger = time.Second, slog.New(slog.NewTextHandler(&log, nil))
				})
				checkout(t, shop, "1001")
				checkout(t, shop, "unreported")
				shop.DOKU.NotifyFaults(dokusim.NotifyFault{Never: true})
				shop.Pay("unreported")
				shop.Pay("1001")
				<-time.After(2 * time.Minute)
				synctest.Wait()
				if want := map[bool]int{true: 1, false: 2}[tt.ends]; calls != want {
					t.Errorf("%d calls, want %d", calls, want)
				}
				if n := l.effects("1001"); n != 1 {
					t.Errorf("%d effects, want 1", n)
				}
				if r := record(t, shop, "1001", kredivo.PaymentSucceeded); r.Failures != calls-1 || r.Tries != calls {
					t.Errorf("%+v, want each call but the last to be a failure", r)
				}
				if told := strings.Contains(log.String(), "waits for its own transaction"); told == tt.ends {
					t.Errorf("the log explains it: %v\n%s", told, log.String())
				}
				checkout(t, shop, "good")
				shop.Pay("good")
				shop.Wait("good", kredivo.PaymentSucceeded)
			})
		})
	}
}

// A handler that hangs on its transaction climbs the ladder like any other, although the claim of its event
// cannot be renewed meanwhile: SQLite has one writer, and the handler holds it.
func TestHangingTransactionClimbsTheLadder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, shared := inLedger(t, func(ctx context.Context, _ *sql.Tx, e kredivo.Event) error {
			if e.OrderID == "hangs" {
				<-ctx.Done()
			}
			return ctx.Err()
		})
		shop := kredivotest.New(t, shared, func(c *kredivotest.Config) { c.Plugin.PollEvery = time.Second })
		for _, id := range []string{"hangs", "good"} {
			checkout(t, shop, id)
			shop.Pay(id)
		}
		<-time.After(2 * time.Minute)
		if n := l.effects("good"); n != 1 {
			t.Errorf("%d effects of the order beside, want 1", n)
		}
		<-time.After(time.Hour)
		r := record(t, shop, "hangs", kredivo.PaymentSucceeded)
		if r.Failures != r.Tries || r.Failures < 5 || r.Failures > 7 {
			t.Errorf("%d tries with %d failures in an hour, want six of both", r.Tries, r.Failures)
		}
		if r := record(t, shop, "good", kredivo.PaymentSucceeded); r.Failures != 0 {
			t.Errorf("the order beside has %d failures that were not its own", r.Failures)
		}
	})
}

// A lockedBuffer may be written and read at the same time.
type lockedBuffer struct {
	mu     sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buffer.String()
}
