package kredivo_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

const (
	// clickLimit is the shopper's longest wait: one call to DOKU and one question about it.
	clickLimit = 2*30*time.Second + 10*time.Second
	// learnedWithin is how soon a payment that nobody reports is known once DOKU answers: the pause between
	// two checks with its spread, and the breaker's.
	learnedWithin = 35 * time.Minute
)

// unreported is a shop in a bubble whose notifications never come.
func unreported(t *testing.T, change ...func(*kredivotest.Config)) *kredivotest.Shop {
	t.Helper()
	shop := kredivotest.New(t, append([]func(*kredivotest.Config){func(c *kredivotest.Config) {
		c.Plugin.PollEvery, c.Plugin.Logger = 5*time.Second, slog.New(slog.DiscardHandler)
	}}, change...)...)
	shop.DOKU.NotifyFaults(dokusim.NotifyFault{Never: true, Times: dokusim.Always})
	return shop
}

// heal takes all faults back but the missing notifications.
func heal(shop *kredivotest.Shop) {
	shop.DOKU.Heal()
	shop.DOKU.NotifyFaults(dokusim.NotifyFault{Never: true, Times: dokusim.Always})
}

// eachFault runs test in a bubble for everything that can go wrong with a call to DOKU, before DOKU has done
// what it was asked for and after.
func eachFault(t *testing.T, endpoint dokusim.Endpoint, test func(t *testing.T, f dokusim.Fault)) {
	t.Helper()
	for _, kind := range dokusim.FaultKinds() {
		for _, after := range []bool{false, true} {
			f := dokusim.Fault{Kind: kind, Endpoint: endpoint, AfterCommit: after, Times: dokusim.Always}
			t.Run(fmt.Sprintf("%s, after commit %v", kind, after), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { test(t, f) })
			})
		}
	}
}

// Whatever DOKU answers to generate-order, the shopper hears something clear in time, and the next click
// after that leads to the one order that can be paid.
func TestMisbehavingGenerateOrder(t *testing.T) {
	t.Parallel()
	eachFault(t, dokusim.GenerateOrder, func(t *testing.T, f dokusim.Fault) {
		shop := unreported(t)
		shop.DOKU.Fail(f)
		want, attempts := kredivo.ErrUnavailable, 1
		switch f.Kind {
		case dokusim.BusinessFailure:
			want, attempts = kredivo.ErrPaymentRefused, 3
		case dokusim.Slow:
			want = nil
		default:
		}
		for range 2 {
			start := time.Now()
			_, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani"))
			if (want != nil || err != nil) && !errors.Is(err, want) {
				t.Errorf("checkout = %v, want %v", err, want)
			}
			if took := time.Since(start); took > clickLimit {
				t.Errorf("the shopper waited %v", took)
			}
			if a := status(t, shop, "1001"); a == kredivo.Failed != (f.Kind == dokusim.BusinessFailure) {
				t.Errorf("status = %s", a)
			}
		}
		heal(shop)
		c := checkout(t, shop, "1001")
		if c.Attempt.Number != attempts || payable(shop) != 1 {
			t.Errorf("attempt %d with %d payable orders at DOKU, want %d and 1", c.Attempt.Number, payable(shop), attempts)
		}
		shop.Pay("1001")
		<-time.After(learnedWithin)
		if got := status(t, shop, "1001"); got != kredivo.Paid {
			t.Errorf("status = %s without a notification, want PAID", got)
		}
	})
}

// Whatever DOKU answers to check-status for two hours, nothing of it is read as a failure, and the payment is known
// once DOKU answers.
func TestMisbehavingCheckStatus(t *testing.T) {
	t.Parallel()
	eachFault(t, dokusim.CheckStatus, func(t *testing.T, f dokusim.Fault) {
		shop := unreported(t)
		checkout(t, shop, "1001")
		shop.Pay("1001")
		shop.DOKU.Fail(f)
		for range 24 {
			<-time.After(5 * time.Minute)
			if got := status(t, shop, "1001"); got != kredivo.Pending && got != kredivo.Paid {
				t.Fatalf("status = %s although it is paid", got)
			}
		}
		want := kredivo.Pending
		switch f.Kind {
		case dokusim.Slow, dokusim.WrongResponseSignature, dokusim.BusinessFailure: // an answer all the same
			want = kredivo.Paid
		default:
		}
		if got := status(t, shop, "1001"); got != want {
			t.Errorf("status = %s after two hours of that, want %s", got, want)
		}
		heal(shop)
		<-time.After(learnedWithin)
		if got := status(t, shop, "1001"); got != kredivo.Paid {
			t.Errorf("status = %s after DOKU is well again, want PAID", got)
		}
	})
}

// DOKU's answer to a repeated call may be the answer to some other order.
func TestConflictThatShowsAnotherOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var other atomic.Value // the answer to the other order
		shop := unreported(t, func(c *kredivotest.Config) { c.Plugin.DOKU.MaxTries = 1 })
		listener := sibling(t, shop, func(c *kredivo.Config) {
			c.DOKU.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
				resp, err := shop.DOKU.Transport().RoundTrip(r)
				if err != nil {
					return nil, err
				}
				body, err := io.ReadAll(resp.Body)
				other.Store(string(body))
				resp.Body = io.NopCloser(strings.NewReader(string(body)))
				return resp, errors.Join(err, resp.Body.Close())
			})
		})
		theirs, err := listener.Checkout(t.Context(), kredivotest.Order("other", "ani"))
		if err != nil {
			t.Fatal(err)
		}
		shop.DOKU.Fail(dokusim.Fault{Kind: dokusim.AnswerStatus, Status: 409, Body: other.Load().(string), Endpoint: dokusim.GenerateOrder})
		c, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani"))
		if !errors.Is(err, kredivo.ErrPaymentRefused) {
			t.Fatalf("checkout = %+v, %v; want ErrPaymentRefused", c, err)
		}
		if c = checkout(t, shop, "1001"); c.PaymentURL == theirs.PaymentURL || c.Attempt.Number != 2 || payable(shop) != 2 {
			t.Errorf("attempt %d at %q with %d payable orders, want a page of its own", c.Attempt.Number, c.PaymentURL, payable(shop))
		}
	})
}

// A shop whose clock DOKU refuses goes on with DOKU's time; when DOKU does not say it, the merchant is told, and
// the same attempt goes on when the clock is set.
func TestClockThatDOKURefuses(t *testing.T) {
	t.Parallel()
	for _, told := range []bool{true, false} {
		t.Run(fmt.Sprintf("told %v", told), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var ahead atomic.Int64
				ahead.Store(int64(2 * time.Hour))
				var sim http.RoundTripper
				shop := unreported(t, func(c *kredivotest.Config) {
					c.Plugin.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
					c.Plugin.DOKU.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
						resp, err := sim.RoundTrip(r)
						if err == nil && !told {
							resp.Header.Del("Date")
						}
						return resp, err
					})
				})
				sim = shop.DOKU.Transport()
				_, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani"))
				if e, _ := errors.AsType[*kredivo.Error](err); told != (err == nil) || !told && e.Code != kredivo.CodeMisconfigured {
					t.Errorf("checkout with a clock two hours ahead = %v", err)
				}
				ahead.Store(0)
				if c := checkout(t, shop, "1001"); c.Attempt.Number != 1 || len(shop.DOKU.Orders()) != 1 {
					t.Errorf("attempt %d with %d orders at DOKU, want 1 and 1", c.Attempt.Number, len(shop.DOKU.Orders()))
				}
				shop.Pay("1001")
				<-time.After(3 * time.Hour) // the clock was set back by two
				if got := status(t, shop, "1001"); got != kredivo.Paid {
					t.Errorf("status = %s without a notification, want PAID", got)
				}
			})
		})
	}
}
