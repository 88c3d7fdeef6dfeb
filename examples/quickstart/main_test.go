package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestApply has the plugin call the shop's own handler, and then calls it with the same event again.
func TestApply(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	shop, err := openShop(ctx, "file:"+t.TempDir()+"/shop.db?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer shop.db.Close()
	order, err := shop.Order(ctx, "1001")
	if err != nil {
		t.Fatal(err)
	}
	pay := kredivotest.New(t, func(c *kredivotest.Config) { c.Plugin.OnEvent = shop.Apply })
	if _, err := pay.Plugin.Checkout(ctx, order); err != nil {
		t.Fatal(err)
	}
	pay.Pay(order.ID)
	e := pay.Wait(order.ID, kredivo.PaymentSucceeded)
	if status, err := shop.Status(ctx, order.ID); err != nil || status != "paid" {
		t.Errorf("status = %q, %v, want paid", status, err)
	}
	if _, err := shop.db.ExecContext(ctx, `UPDATE orders SET status = 'shipped'`); err != nil {
		t.Fatal(err)
	}
	if err := shop.Apply(ctx, e); err != nil {
		t.Error(err)
	}
	if status, err := shop.Status(ctx, order.ID); err != nil || status != "shipped" {
		t.Errorf("status after the same event again = %q, %v, want shipped", status, err)
	}
}

// TestRun runs the whole host, with a simulator on a port beside it: a form, a payment, an order that is
// paid, a look at its health, and a clean end.
func TestRun(t *testing.T) {
	sim, err := dokusim.New(dokusim.Config{ClientID: "MCH-1", SecretKey: "SK-1", NotifyAfter: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	gateway := httptest.NewServer(sim)
	defer gateway.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	origin := "http://" + l.Addr().String()
	sim.SetNotificationURL(origin + "/pay/notifications")
	for name, value := range map[string]string{
		"DOKU_CLIENT_ID": "MCH-1", "DOKU_SECRET_KEY": "SK-1", "DOKU_BASE_URL": gateway.URL,
		"PUBLIC_URL": origin + "/pay", "OPS_TOKEN": "let-me-in",
	} {
		t.Setenv(name, value)
	}
	t.Chdir(t.TempDir()) // for shop.db and kredivo.db

	ctx, stop := context.WithTimeout(context.Background(), time.Minute) // far more than it takes
	defer stop()
	ended := make(chan error, 2)
	go func() { ended <- run(ctx, l) }()
	go func() { ended <- sim.Run(ctx) }()
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	get := func(method, path, body string, header ...string) (int, string, http.Header) {
		t.Helper()
		req, err := http.NewRequestWithContext(ctx, method, origin+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for i := 0; i < len(header); i += 2 {
			req.Header.Set(header[i], header[i+1])
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(b), resp.Header
	}

	if code, body, h := get("POST", "/pay/checkout", "order=1001"); code != http.StatusSeeOther || !strings.HasPrefix(h.Get("Location"), gateway.URL) {
		t.Fatalf("checkout: %d to %q\n%s", code, h.Get("Location"), body)
	}
	if err := sim.Pay(sim.Orders()[0].Invoice); err != nil {
		t.Fatal(err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		_, page, _ := get("GET", "/orders/1001", "")
		if strings.Contains(page, "<p>paid</p>") {
			break
		}
		if !strings.Contains(page, button) {
			t.Fatalf("no button on the page of an unpaid order:\n%s", page)
		}
		select {
		case <-tick.C:
		case err := <-ended:
			t.Fatalf("it ended before the order was paid: %v", err)
		}
	}
	if code, _, _ := get("GET", "/ops/health", ""); code != http.StatusForbidden {
		t.Errorf("health without authorisation: %d, want 403", code)
	}
	var health struct{ Status string }
	code, body, _ := get("GET", "/ops/health", "", "Authorization", "Bearer let-me-in")
	if err := json.Unmarshal([]byte(body), &health); err != nil || code != http.StatusOK || health.Status != "ok" {
		t.Errorf("health: %d %s", code, body)
	}
	stop()
	for range 2 {
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}
