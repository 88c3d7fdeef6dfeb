package network

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

func TestDOKU(t *testing.T) {
	t.Parallel()
	s := newShop(t)
	for _, f := range faults {
		s.buy(t, f)
	}
	s.buy(t, fault{})
	s.cut(t, 151, true)
	s.cut(t, 37, false)
	t.Logf("%d orders, %d of them at the first try, %d that DOKU had and we did not know", s.orders, s.atOnce, s.silent)
	if s.silent == 0 {
		t.Error("no order was ever made without an answer: the test shows less than it should")
	}
}

// A linked shop is one with a link to DOKU.
type linkedShop struct {
	*link
	*kredivotest.Shop

	orders, atOnce int
	silent         int // made at DOKU by a call that failed
}

func newShop(t *testing.T) *linkedShop {
	t.Helper()
	s := &linkedShop{}
	var once sync.Once
	s.Shop = kredivotest.New(t, func(c *kredivotest.Config) {
		c.ServeSimulator = true
		c.Plugin.DOKU.Timeout, c.Plugin.DOKU.TryTimeout, c.Plugin.DOKU.MaxTries = 2*time.Second, time.Second, 1
		c.Plugin.DOKU.Transport = &http.Transport{DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			once.Do(func() { s.link = newLink(t, address) }) // whose port is not known before
			return new(net.Dialer).DialContext(ctx, network, s.address())
		}}
	})
	s.buy(t, fault{}) // makes the link
	return s
}

// buy begins to pay for a new order over a link with a fault, and tries again when the link is whole. However
// the first try ended, it is one attempt and one order at DOKU.
func (s *linkedShop) buy(t *testing.T, f fault) (atOnce bool) {
	t.Helper()
	if f != (fault{}) {
		s.breakIt(t, f)
	}
	s.orders++
	order := kredivotest.Order(fmt.Sprint(1000+s.orders), "buyer-7")
	_, err := s.Plugin.Checkout(t.Context(), order)
	if err == nil {
		s.atOnce++
	} else {
		s.checkRefusal(t, f, err)
		if len(s.DOKU.Orders()) == s.orders {
			s.silent++
		}
	}
	if f != (fault{}) {
		s.heal(t)
	}
	s.untilStarted(t, order)

	payment, payErr := s.Plugin.Payment(t.Context(), order.ID)
	if payErr != nil || len(payment.Attempts) != 1 || payment.Status != kredivo.Pending {
		t.Errorf("%v: %d attempts, %s (%v), want one that is PENDING", f, len(payment.Attempts), payment.Status, payErr)
	}
	if got := len(s.DOKU.Orders()); got != s.orders {
		t.Fatalf("%v: DOKU has %d orders, want %d", f, got, s.orders)
	}
	return err == nil
}

// checkRefusal checks what the shop is told while DOKU cannot be reached.
func (s *linkedShop) checkRefusal(t *testing.T, f fault, err error) {
	t.Helper()
	e, ok := errors.AsType[*kredivo.Error](err)
	if !ok || e.Code != kredivo.CodeUnavailable || e.Detail == "" {
		t.Errorf("%v: %v, want %s with an explanation", f, err, kredivo.CodeUnavailable)
	}
}

// untilStarted tries again until the shopper has a payment page.
func (s *linkedShop) untilStarted(t *testing.T, order kredivo.Order) {
	t.Helper()
	for end := time.Now().Add(limit); ; {
		c, err := s.Plugin.Checkout(t.Context(), order)
		if err == nil && c.PaymentURL != "" {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the plugin does not recover: %v", err)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// cut has connections end after more and more bytes, until a payment is started at once.
func (s *linkedShop) cut(t *testing.T, step int, upstream bool) {
	t.Helper()
	for n := 0; n < 100_000; n += step {
		if s.buy(t, cutAfter(n, upstream)) {
			return
		}
	}
	t.Error("never started")
}
