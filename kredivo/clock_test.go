package kredivo_test

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

const day = 24 * time.Hour

// wrongClocks turn the right time into a wrong one.
var wrongClocks = map[string]func(right time.Time) time.Time{
	"a day and an hour ahead": func(t time.Time) time.Time { return t.Add(day + time.Hour) },
	"a day behind":            func(t time.Time) time.Time { return t.Add(-day) },
	"three days ahead":        func(t time.Time) time.Time { return t.Add(3 * day) },
	"three days behind":       func(t time.Time) time.Time { return t.Add(-3 * day) },
	"in another zone":         func(t time.Time) time.Time { return t.In(time.FixedZone("WIB", 7*3600)) },
	"steps back and forth": func(t time.Time) time.Time {
		if t.Minute()/10%2 == 0 {
			return t.Add(3 * day)
		}
		return t.Add(-3 * day)
	},
}

// A wrong clock ends no payment, makes no second order at DOKU and loses no news, notified or not.
func TestWrongClock(t *testing.T) {
	t.Parallel()
	for name, wrong := range wrongClocks {
		for _, notified := range []bool{true, false} {
			t.Run(name+map[bool]string{true: ", notified", false: ", silent"}[notified], func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					shop := unreported(t, func(c *kredivotest.Config) {
						c.Plugin.PollEvery = 30 * time.Second
						c.Plugin.Now = func() time.Time { return wrong(time.Now()) }
					})
					if notified {
						shop.DOKU.Heal()
					}
					c := checkout(t, shop, "1001")
					if o, _ := shop.DOKU.Order(c.Attempt.InvoiceNumber); !c.ExpiresAt.Equal(o.ExpiresAt) {
						t.Errorf("expires at %v, and at DOKU at %v", c.ExpiresAt, o.ExpiresAt)
					}
					for range 20 {
						<-time.After(time.Hour)
						if got := status(t, shop, "1001"); got != kredivo.Pending {
							t.Fatalf("status = %s while the page can be paid, want PENDING", got)
						}
					}
					again := checkout(t, shop, "1001")
					if again.PaymentURL != c.PaymentURL || len(shop.DOKU.Orders()) != 1 {
						t.Errorf("the next click leads to %q with %d orders at DOKU", again.PaymentURL, len(shop.DOKU.Orders()))
					}
					shop.Pay("1001")
					<-time.After(2 * time.Hour)
					if e := shop.Wait("1001", kredivo.PaymentSucceeded); e.Late {
						t.Error("the payment was in time")
					}
					if b := backlog(t, shop); b != (kredivo.Backlog{}) {
						t.Errorf("backlog = %+v, want none", b)
					}
				})
			})
		}
	}
}

// To a clock that is a day ahead a fresh notification looks like a replay. It waits until DOKU confirms it,
// however long DOKU is silent.
func TestFreshNotificationThatLooksOldIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shop := kredivotest.New(t, func(c *kredivotest.Config) {
			c.Plugin.PollEvery = 30 * time.Second
			c.Plugin.Now = func() time.Time { return time.Now().Add(25 * time.Hour) }
		})
		checkout(t, shop, "1001")
		shop.DOKU.Fail(dokusim.Fault{Kind: dokusim.ServerError, Endpoint: dokusim.CheckStatus, Times: dokusim.Always})
		shop.Pay("1001")
		for range 10 {
			<-time.After(time.Hour)
			if got, b := status(t, shop, "1001"), backlog(t, shop); got != kredivo.Pending || b.Messages != 1 {
				t.Fatalf("status = %s with %+v before DOKU confirms it, want PENDING and the message", got, b)
			}
		}
		shop.DOKU.Heal()
		<-time.After(day)
		if got, b := status(t, shop, "1001"), backlog(t, shop); got != kredivo.Paid || b != (kredivo.Backlog{}) {
			t.Errorf("status = %s with %+v, want PAID and nothing left", got, b)
		}
	})
}

// A clock that jumps gives up neither a message about an invoice that may still become known, nor, in one
// step, the whole patience with it.
func TestJumpOfTheClockParksNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var ahead atomic.Int64
		shop := kredivotest.New(t, func(c *kredivotest.Config) {
			c.Plugin.PollEvery = 30 * time.Second
			c.Plugin.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		})
		checkout(t, shop, "1001")
		send(t, shop, "1001", dokusim.Notice{InvoiceNumber: "nobody-1", Status: dokusim.Success, Once: true})
		<-time.After(time.Minute)
		ahead.Store(int64(3 * day))
		<-time.After(10 * time.Minute)
		if b := backlog(t, shop); b.Messages != 1 || b.ParkedMessages != 0 {
			t.Errorf("backlog = %+v ten minutes after it came, want the message kept", b)
		}
		ahead.Store(0)
		<-time.After(8 * day)
		if b := backlog(t, shop); b.Messages != 0 || b.ParkedMessages != 1 {
			t.Errorf("backlog = %+v after eight days, want the message parked", b)
		}
	})
}
