package tinyshop

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/paylater-go/paylater/kredivo"
)

func open(t *testing.T) *Shop {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "shop.db"), "http://127.0.0.1:8080/")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func placed(t *testing.T, s *Shop, owner string) Record {
	t.Helper()
	f, err := readForm(strings.NewReader(`{"items":[{"sku":"KAOS-1","quantity":3}],
		"customer":{"first_name":"Siti","phone":"0812-3456-7890","email":"siti@example.com"},
		"shipping_address":{"address":"Jl. Melati 1","city":"Bandung","postal_code":"40111","country_code":"id"}}`))
	if err != nil {
		t.Fatal(err)
	}
	r, err := s.Place(t.Context(), owner, "en", f)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestApplyOnce sends one event many times at once: one row, one change.
func TestApplyOnce(t *testing.T) {
	t.Parallel()
	s := open(t)
	r := placed(t, s, Guest)
	e := kredivo.Event{ID: "inv-1:payment.succeeded", Kind: kredivo.PaymentSucceeded, OrderID: r.ID, OrderStatus: kredivo.Paid}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if err := s.Apply(context.Background(), e); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	events, parcels, err := s.Events(t.Context(), r.ID)
	if err != nil || len(events) != 1 || parcels != 1 {
		t.Errorf("%d events, %d parcels, %v, want 1 and 1", len(events), parcels, err)
	}
	if got, err := s.Record(t.Context(), r.ID); err != nil || got.Status != Paid {
		t.Errorf("status = %s, %v, want paid", got.Status, err)
	}
}

func TestApplyMovesTheOrder(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		events []kredivo.Event
		want   string
	}{
		"failed":                   {[]kredivo.Event{{Kind: kredivo.PaymentFailed, OrderStatus: kredivo.Failed}}, Unpaid},
		"failed, then paid":        {[]kredivo.Event{{Kind: kredivo.PaymentFailed, OrderStatus: kredivo.Failed}, {Kind: kredivo.PaymentSucceeded, OrderStatus: kredivo.Paid}}, Paid},
		"wrong amount":             {[]kredivo.Event{{Kind: kredivo.AmountMismatch, OrderStatus: kredivo.Pending}}, Review},
		"wrong, then right":        {[]kredivo.Event{{Kind: kredivo.AmountMismatch, OrderStatus: kredivo.Pending}, {Kind: kredivo.PaymentSucceeded, OrderStatus: kredivo.Paid}}, Paid},
		"right, then wrong":        {[]kredivo.Event{{Kind: kredivo.PaymentSucceeded, OrderStatus: kredivo.Paid}, {Kind: kredivo.AmountMismatch, OrderStatus: kredivo.Paid}}, Paid},
		"refunded":                 {[]kredivo.Event{{Kind: kredivo.PaymentSucceeded, OrderStatus: kredivo.Paid}, {Kind: kredivo.PaymentRefunded, OrderStatus: kredivo.Refunded}}, Review},
		"one of two paid back":     {[]kredivo.Event{{Kind: kredivo.PaymentSucceeded, OrderStatus: kredivo.Paid}, {Kind: kredivo.PaidTwice, OrderStatus: kredivo.Paid}, {Kind: kredivo.PaymentRefunded, OrderStatus: kredivo.Paid}}, Paid},
		"voided after it was paid": {[]kredivo.Event{{Kind: kredivo.PaymentSucceeded, OrderStatus: kredivo.Paid}, {Kind: kredivo.PaymentVoided, OrderStatus: kredivo.Voided}}, Review},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			r := placed(t, s, Guest)
			for i, e := range test.events {
				e.ID, e.OrderID = string(rune('a'+i)), r.ID
				if err := s.Apply(t.Context(), e); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := s.Record(t.Context(), r.ID); err != nil || got.Status != test.want {
				t.Errorf("status = %s, %v, want %s", got.Status, err, test.want)
			}
		})
	}
}

// TestApplyUnknownOrder makes the plugin try again, and leaves no row that would look like success.
func TestApplyUnknownOrder(t *testing.T) {
	t.Parallel()
	s := open(t)
	e := kredivo.Event{ID: "x", Kind: kredivo.PaymentSucceeded, OrderID: "NOSUCHORDER1"}
	for range 2 {
		if err := s.Apply(t.Context(), e); err == nil {
			t.Error("no error for an order that is not in the books")
		}
	}
	if events, _, err := s.Events(t.Context(), e.OrderID); err != nil || len(events) != 0 {
		t.Errorf("%d events, %v, want none", len(events), err)
	}
	if err := s.Apply(t.Context(), kredivo.Event{ID: "y", Kind: kredivo.UnknownInvoice}); err != nil {
		t.Errorf("an alarm without an order: %v", err)
	}
}

func TestOrderKnowsItsOwner(t *testing.T) {
	t.Parallel()
	s := open(t)
	siti, budi := Buyer(s.NewSession().Value), Buyer(s.NewSession().Value)
	if siti == budi || siti == Guest {
		t.Fatalf("sessions %q and %q", siti, budi)
	}
	hers, open := placed(t, s, siti), placed(t, s, Guest)
	for _, test := range []struct{ id, buyer, owner string }{
		{hers.ID, siti, siti}, {hers.ID, budi, siti}, {hers.ID, Guest, siti}, {open.ID, budi, budi}, {open.ID, Guest, Guest},
	} {
		o, err := s.Order(t.Context(), test.id, test.buyer)
		if err != nil || o.Buyer != test.owner {
			t.Errorf("order's buyer = %q, %v, want %q", o.Buyer, err, test.owner)
		}
	}
	if _, err := s.Order(t.Context(), "NOSUCHORDER1", siti); !errors.Is(err, kredivo.ErrOrderNotFound) {
		t.Errorf("unknown order: %v, want ErrOrderNotFound", err)
	}
	for _, forged := range []string{"", "guest", "session-x", strings.Repeat("a", 26), strings.Repeat("A", 27)} {
		if got := Buyer(forged); got != Guest {
			t.Errorf("Buyer(%q) = %q, want guest", forged, got)
		}
	}
}

func TestOrderIsNormalised(t *testing.T) {
	t.Parallel()
	s := open(t)
	r := placed(t, s, Guest)
	o, err := s.Order(t.Context(), r.ID, Guest)
	if err != nil {
		t.Fatal(err)
	}
	if o.Customer.Phone != "6281234567890" || o.ShippingAddress.CountryCode != "IDN" {
		t.Errorf("phone %q, country %q", o.Customer.Phone, o.ShippingAddress.CountryCode)
	}
	if o.Amount.Int64() != 3*149_000+15_000 {
		t.Errorf("amount = %s", o.Amount.Format())
	}
}

func TestCart(t *testing.T) {
	t.Parallel()
	s := open(t)
	ctx := t.Context()
	for _, err := range []error{
		s.AddToCart(ctx, "a", "KAOS-1", 1), s.AddToCart(ctx, "a", "KAOS-1", 9999), s.AddToCart(ctx, "a", "NONE", 1),
		s.SetCart(ctx, "a", "TAS-1", 2), s.SetCart(ctx, "a", "TOPI-1", 2), s.SetCart(ctx, "a", "TOPI-1", -1), s.AddToCart(ctx, "b", "TAS-1", 1),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	lines, err := s.Cart(ctx, "a")
	if err != nil || len(lines) != 2 || lines[0].Quantity != 9999 || lines[1].Quantity != 2 {
		t.Errorf("cart = %+v, %v", lines, err)
	}
	if err := s.EmptyCart(ctx, "a"); err != nil {
		t.Fatal(err)
	}
	if lines, err := s.Cart(ctx, "a"); err != nil || len(lines) != 0 {
		t.Errorf("cart = %+v, %v, want none", lines, err)
	}
	if lines, err := s.Cart(ctx, "b"); err != nil || len(lines) != 1 {
		t.Errorf("the other cart = %+v, %v", lines, err)
	}
}

func TestFileIsPrivateAndSettingsStay(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a shop?.db")
	for _, offered := range []string{"first", "second"} {
		s, err := Open(t.Context(), path, "https://shop.example")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Setting(t.Context(), "secret", offered); err != nil || got != "first" {
			t.Errorf("setting = %q, %v, want the first one", got, err)
		}
		if !s.NewSession().Secure {
			t.Error("the cookie of an https shop is not Secure")
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, %v, want 0600", info.Mode(), err)
	}
}
