package demo

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/paylater-go/paylater/adapters/kredivohttp"
	"github.com/paylater-go/paylater/examples/internal/tinyshop"
	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
	"github.com/paylater-go/paylater/kredivo/store"
)

// TestRunLeavesNothingBehind runs a whole shop in this process, pays an order at the built-in simulator and
// ends it: every goroutine is gone.
func TestRunLeavesNothingBehind(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	printed := &strings.Builder{}
	c := Config{Addr: "127.0.0.1:0", Store: filepath.Join(dir, "kredivo.db"), ShopDB: filepath.Join(dir, "shop.db")}
	err := Run(ctx, c, printed, func(ctx context.Context, app *App) error {
		st, err := store.Open(ctx, app.Store)
		if err != nil {
			return err
		}
		defer st.Close()
		paid := make(chan string, 1)
		p, err := kredivo.New(kredivo.Config{
			DOKU: app.DOKU, PublicURL: app.PublicURL, Store: st,
			OnEvent: func(ctx context.Context, e kredivo.Event) error {
				err := app.Shop.Apply(ctx, e)
				if err == nil && e.Kind == kredivo.PaymentSucceeded {
					paid <- e.OrderID
				}
				return err
			},
		})
		if err != nil {
			return err
		}
		mux := http.NewServeMux()
		hooks := kredivohttp.Hooks{
			Order: func(r *http.Request, ref string) (kredivo.Order, error) {
				return app.Shop.Order(r.Context(), ref, tinyshop.Guest)
			},
			Buyer: func(*http.Request) (string, error) { return tinyshop.Guest, nil },
		}
		if err := kredivohttp.Mount(mux, "/pay", p, hooks); err != nil {
			return err
		}
		ctx, stop := context.WithCancel(ctx)
		bought := make(chan error, 1)
		go func() {
			bought <- buy(ctx, app, paid)
			stop()
		}()
		if err := app.ServeHTTP(ctx, p, mux); err != nil {
			return err
		}
		return <-bought
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, word := range []string{"shop ", "/pay\n", "/_sim/"} {
		if !strings.Contains(printed.String(), word) {
			t.Errorf("printed %q, want %q in it", printed, word)
		}
	}
}

// buy orders a shirt, pays for it on Kredivo's page and waits until the shop has heard of it.
func buy(ctx context.Context, app *App, paid <-chan string) error {
	order := app.Shop.PostOrder(ctx, tinyshop.Guest, "", strings.NewReader(`{"items":[{"sku":"KAOS-1","quantity":1}],
		"customer":{"first_name":"Siti","phone":"081234567890","email":"siti@example.com"},
		"shipping_address":{"address":"Jl. Melati 1","city":"Bandung","postal_code":"40111"}}`))
	_, id, _ := strings.Cut(string(order.Body), `"id":"`)
	id, _, _ = strings.Cut(id, `"`)

	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	page, err := post(ctx, client, app.PublicURL+"/checkout", url.Values{"order": {id}})
	if err != nil {
		return err
	}
	u, err := url.Parse(page)
	if err != nil {
		return err
	}
	_, err = post(ctx, client, page, url.Values{
		"tk": {u.Query().Get("tk")}, "action": {"pay"}, "tenor": {"30_days"},
		"phone": {dokusim.TestPhone}, "pin": {dokusim.TestPIN}, "otp": {dokusim.TestOTP},
	})
	if err != nil {
		return err
	}
	select {
	case got := <-paid:
		if got != id {
			return fmt.Errorf("order %s was paid, want %s", got, id)
		}
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// post sends a form and returns where the answer leads.
func post(ctx context.Context, client *http.Client, target string, form url.Values) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusSeeOther {
		return "", fmt.Errorf("POST %s: %d %s %w", target, resp.StatusCode, body, err)
	}
	return resp.Header.Get("Location"), err
}
