// Package demotest drives an example over HTTP, as a shopper does, for the tests of the examples that keep
// their own books.
package demotest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/paylater-go/paylater/examples/internal/demo"
	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
)

// patience is how long anything may take; most of it takes a second or two.
const patience = time.Minute

// Buy runs an example with its files in a new directory and its payments in store, orders, pays, and returns
// when the order is marked as paid. Then it ends the example and lets it start once more on the same
// data. It fails the test unless the order stays marked as paid exactly once.
func Buy(t *testing.T, run func(context.Context, *demo.App) error, store string) {
	t.Helper()
	dir := t.TempDir()
	c := demo.Config{Addr: "127.0.0.1:0", Store: store, ShopDB: filepath.Join(dir, "shop.db"), OwnBooks: true}
	var id string
	start(t, c, run, func(shop string) {
		id = fetch[order](t, "POST", shop+"/orders", "").ID
		page := fetch[struct {
			URL string `json:"payment_url"`
		}](t, "POST", shop+"/pay/checkout", "order="+id).URL
		pay(t, page)
		waitPaid(t, shop, id)
	})
	start(t, c, run, func(shop string) {
		if n := waitPaid(t, shop, id); n != 1 {
			t.Errorf("after a restart the order is marked as paid %d times, want once", n)
		}
	})
}

type order struct {
	ID       string `json:"id"`
	Payments int    `json:"payments"`
}

// start runs the example while use does.
func start(t *testing.T, c demo.Config, run func(context.Context, *demo.App) error, use func(shop string)) {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	printed, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := demo.Run(ctx, c, out, run)
		_ = out.CloseWithError(io.EOF)
		ended <- err
	}()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the example ended with %v", err)
		}
	}()
	address := make([]byte, 1<<10)
	n, err := printed.Read(address) // one write has the shop's address in its first line
	if err != nil {
		t.Error("the example ended before it listened")
		return
	}
	go func() { _, _ = io.Copy(io.Discard, printed) }()
	shop := regexp.MustCompile(`^shop\s+(http\S+)/\n`).FindSubmatch(address[:n])
	if shop == nil {
		t.Errorf("no address in what it printed: %q", address[:n])
		return
	}
	use(string(shop[1]))
}

// pay presses the button on Kredivo's page.
func pay(t *testing.T, page string) {
	t.Helper()
	u, err := url.Parse(page)
	if err != nil || page == "" {
		t.Fatalf("no payment page: %q", page)
	}
	fields := url.Values{
		"tk": {u.Query().Get("tk")}, "action": {"pay"}, "tenor": {"30_days"},
		"phone": {dokusim.TestPhone}, "pin": {dokusim.TestPIN}, "otp": {dokusim.TestOTP},
	}
	send(t, "POST", page, fields.Encode())
}

// waitPaid waits until the order is marked as paid, and returns how often it is.
func waitPaid(t *testing.T, shop, id string) int {
	t.Helper()
	limit, tick := time.After(patience), time.NewTicker(20*time.Millisecond)
	defer tick.Stop()
	for {
		if n := fetch[order](t, "GET", shop+"/orders/"+id, "").Payments; n > 0 {
			return n
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatal("the order was not marked as paid")
		}
	}
}

// fetch is send with an answer in JSON.
func fetch[T any](t *testing.T, method, target, form string) (v T) {
	t.Helper()
	if body := send(t, method, target, form); json.Unmarshal(body, &v) != nil {
		t.Fatalf("%s %s: %s", method, target, body)
	}
	return v
}

func send(t *testing.T, method, target, form string) []byte {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode >= http.StatusBadRequest {
		t.Fatalf("%s %s: %d %s", method, target, resp.StatusCode, body)
	}
	return body
}
