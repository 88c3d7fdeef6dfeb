package adaptertest

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

const many = 300 // requests over one connection: enough for every buffer to be used again

// notificationsAreKept: what the core was given of a request is still the same 300 requests later.
func (s *suite) notificationsAreKept(t *testing.T) {
	s.kept.keepOnly(t)
	c := s.host(t, App{})
	from := s.kept.stored()
	var sent []http.Header
	var bodies [][]byte
	for i := range many {
		body := fmt.Appendf(nil, `{"kept":"%06d"}`, i)
		header := s.shop.Sign(body)
		c.want(http.StatusOK, "POST", "/pay/notifications", string(body), pairs(header)...)
		sent, bodies = append(sent, header), append(bodies, body)
	}
	s.kept.mu.Lock()
	defer s.kept.mu.Unlock()
	kept := s.kept.messages[from:]
	if len(kept) != many {
		t.Fatalf("%d notifications stored, want %d", len(kept), many)
	}
	for i, m := range kept {
		if !bytes.Equal(m.Body, bodies[i]) || m.ClientID != kredivotest.ClientID {
			t.Fatalf("body %d of client %q became %s, it was %s", i, m.ClientID, m.Body, bodies[i])
		}
		for _, name := range signedNames {
			if got, want := m.Header.Get(name), sent[i].Get(name); got != want {
				t.Fatalf("%s of request %d became %q, it was %q", name, i, got, want)
			}
		}
	}
}

// hookResultsAreKept: strings that hooks take from the framework without copying them are still the same
// 300 requests later, in what is kept and in what DOKU was sent.
func (s *suite) hookResultsAreKept(t *testing.T) {
	s.kept.keepOnly(t)
	c := s.host(t, App{Order: func(n Native, _ string) (kredivo.Order, error) {
		o := kredivotest.Order(n.Header("X-Order"), n.Header("X-Buyer"))
		o.Items[0].Name, o.Items[0].SKU = n.Header("X-Name"), n.Header("X-Order")
		o.Customer.FirstName, o.ShippingAddress.City = n.Header("X-Name"), n.Header("X-Name")
		return o, nil
	}})
	s.kept.mu.Lock()
	from := len(s.kept.attempts)
	s.kept.mu.Unlock()
	for i := range many {
		c.want(http.StatusSeeOther, "POST", "/pay/checkout", "", "X-Order", fmt.Sprintf("kept-%06d", i),
			"X-Buyer", fmt.Sprintf("buyer-%06d", i), "X-Name", fmt.Sprintf("name-%06d", i))
	}
	s.kept.mu.Lock()
	defer s.kept.mu.Unlock()
	kept := s.kept.attempts[from:]
	if len(kept) != many {
		t.Fatalf("%d attempts, want %d", len(kept), many)
	}
	for i, a := range kept {
		if want := fmt.Sprintf("kept-%06d", i); a.OrderID != want {
			t.Fatalf("order id %d became %q", i, a.OrderID)
		}
		if a.Buyer != kredivo.Hash(sha256.Sum256(fmt.Appendf(nil, "buyer-%06d", i))) {
			t.Fatalf("buyer %d was another one", i)
		}
		o, ok := s.shop.DOKU.Order(a.InvoiceNumber)
		if want := fmt.Sprintf("name-%06d", i); !ok || o.Lines[0].Name != want || bytes.Count(o.Body, []byte(want)) < 3 {
			t.Fatalf("DOKU got for order %d: %s", i, o.Body)
		}
	}
}

// parallelNotifications: many connections at once do not mix up their bytes.
func (s *suite) parallelNotifications(t *testing.T) {
	s.kept.keepOnly(t)
	c := s.host(t, App{})
	before := s.kept.stored()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for j := range 25 {
				body := fmt.Appendf(nil, `{"parallel":"%03d %03d"}`, i, j)
				if a, err := c.try("POST", "/pay/notifications", string(body), pairs(s.shop.Sign(body))...); err != nil || a.status != http.StatusOK {
					t.Errorf("status %d, error %v: %s", a.status, err, a.body)
				}
			}
		})
	}
	wg.Wait()
	if got := s.kept.stored() - before; got != 8*25 {
		t.Errorf("%d notifications stored, want %d", got, 8*25)
	}
}
