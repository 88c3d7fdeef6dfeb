package kredivotest_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

func TestPay(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	c, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(c.PaymentURL, "https://") {
		t.Errorf("payment URL %q", c.PaymentURL)
	}
	if err := shop.Plugin.CheckPaid(t.Context(), "1001"); !errors.Is(err, kredivo.ErrNotPaid) {
		t.Errorf("before: %v, want ErrNotPaid", err)
	}
	shop.Pay("1001")
	e := shop.Wait("1001", kredivo.PaymentSucceeded)
	if e.OrderStatus != kredivo.Paid || len(shop.Events()) != 1 {
		t.Errorf("events %v", shop.Events())
	}
	if err := shop.Plugin.CheckPaid(t.Context(), "1001"); err != nil {
		t.Errorf("after: %v", err)
	}
}

// The host's own handler is called, and an event counts when it has succeeded.
func TestOnEvent(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	shop := kredivotest.New(t, func(c *kredivotest.Config) {
		c.Plugin.OnEvent = func(context.Context, kredivo.Event) error {
			calls.Add(1)
			return nil
		}
	})
	if _, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani")); err != nil {
		t.Fatal(err)
	}
	shop.Pay("1001")
	shop.Wait("1001", kredivo.PaymentSucceeded)
	if n := calls.Load(); n != 1 {
		t.Errorf("%d calls", n)
	}
}

// Signed bodies are verified as DOKU's are, under the path of any PublicURL.
func TestSign(t *testing.T) {
	t.Parallel()
	for _, public := range []string{kredivotest.PublicURL, "https://other.example", "https://other.example/v1/pay/"} {
		shop := kredivotest.New(t, func(c *kredivotest.Config) { c.Plugin.PublicURL = public })
		if _, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani")); err != nil {
			t.Fatal(err)
		}
		body := shop.Notification("1001", doku.Success)
		notify := shop.Plugin.Routes(kredivo.NotificationRoutes)[0]
		good := &kredivo.Request{Method: "POST", Header: shop.Sign(body), Body: body}
		if resp := notify.Serve(t.Context(), good); resp.Status != http.StatusOK {
			t.Errorf("%s: status %d: %s", public, resp.Status, resp.Body)
		}
		shop.Wait("1001", kredivo.PaymentSucceeded)
		bad := &kredivo.Request{Method: "POST", Header: shop.Sign(body), Body: bytes.ToUpper(body)}
		if resp := notify.Serve(t.Context(), bad); resp.Status != http.StatusUnauthorized {
			t.Errorf("%s: status %d for an altered body", public, resp.Status)
		}
	}
}

// With a port, the payment page is there for a browser.
func TestServeSimulator(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t, func(c *kredivotest.Config) { c.ServeSimulator = true })
	c, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani"))
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), "GET", c.PaymentURL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK || !strings.HasPrefix(c.PaymentURL, "http://127.0.0.1:") {
		t.Errorf("%s: status %d", c.PaymentURL, resp.StatusCode)
	}
}

// Everything that a Shop starts ends with its test. Not parallel: it looks at all goroutines.
func TestNothingIsLeft(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Run("use", func(t *testing.T) {
		shop := kredivotest.New(t, func(c *kredivotest.Config) { c.ServeSimulator = true })
		if _, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani")); err != nil {
			t.Fatal(err)
		}
		shop.Pay("1001")
		shop.Wait("1001", kredivo.PaymentSucceeded)
	})
	goleak.VerifyNone(t, before)
}
