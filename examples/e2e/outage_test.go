package e2e

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
)

// TestOutages lets DOKU fail in every way while a shopper presses the button, and then lets the shopper
// press it again: the same attempt goes on, and DOKU has one order.
func TestOutages(t *testing.T) {
	onEvery(t, func(t *testing.T, p program) {
		h := newHost(t, p)
		for name, fault := range map[string]dokusim.Fault{
			"down":                    {Kind: dokusim.ServerError, Status: 503},
			"down after it took note": {Kind: dokusim.ServerError, Status: 500, AfterCommit: true},
			"answers cut":             {Kind: dokusim.DropAnswerAfterCommit},
			"half an answer":          {Kind: dokusim.Truncated},
			"no answer":               {Kind: dokusim.Timeout, Wait: 50 * time.Millisecond},
			"a proxy's page":          {Kind: dokusim.HTML},
			"garbage":                 {Kind: dokusim.Garbage},
			"endless":                 {Kind: dokusim.Endless},
			"somebody else answers":   {Kind: dokusim.WrongResponseSignature},
		} {
			t.Run(name, func(t *testing.T) { outage(t, h, fault) })
		}
		t.Run("down, for a program", func(t *testing.T) { downForProgram(t, h) })
		t.Run("slow", func(t *testing.T) { slow(t, h) })
		t.Run("refused", func(t *testing.T) { refused(t, h) })
	})
}

func outage(t *testing.T, h *host, fault dokusim.Fault) {
	id := h.order(t, newProgram(t))
	calls := len(h.sim.Calls())
	fault.Endpoint, fault.Times = dokusim.GenerateOrder, dokusim.Always
	h.sim.Fail(fault)
	a := send(t, newProgram(t), "POST", h.url+"/pay/checkout", "order="+id, "Content-Type", form, "Accept", acceptHTML, "Accept-Language", "en")
	if a.status != http.StatusServiceUnavailable || !strings.Contains(a.body, "Your order is kept") {
		t.Errorf("a shopper gets %d\n%s\nwant 503 and a page that says to try again", a.status, a.body)
	}
	h.sim.Heal()

	h.checkout(t, id)
	known := h.orders(id)
	if len(known) != 1 {
		t.Fatalf("DOKU has %d orders, want 1", len(known))
	}
	var requests []string
	for _, c := range h.sim.Calls()[calls:] {
		requests = append(requests, c.RequestID)
	}
	if slices.Sort(requests); requests[0] != requests[len(requests)-1] {
		t.Errorf("Request-Ids = %q, want one and the same", requests)
	}
	if o := h.look(t, id); o.Attempts != 1 || o.Status != "unpaid" {
		t.Errorf("order = %+v, want 1 attempt, unpaid", o)
	}
	must(t, h.sim.Pay(known[0].Invoice))
	h.becomes(t, id, "paid")
	h.hears(t, id, "payment.succeeded")
}

// downForProgram is an outage as a program sees it.
func downForProgram(t *testing.T, h *host) {
	id := h.order(t, newProgram(t))
	h.sim.Fail(dokusim.Fault{Kind: dokusim.ServerError, Times: dokusim.Always})
	var p problem
	a := h.tryCheckout(t, newProgram(t), id)
	h.sim.Heal()
	if a.into(t, &p); a.status != http.StatusServiceUnavailable || p.Code != "unavailable" || a.header.Get("Retry-After") == "" {
		t.Errorf("a program gets %d %s, want 503 unavailable with Retry-After", a.status, a.body)
	}
}

// slow is a DOKU that takes its time: the shopper waits and gets there.
func slow(t *testing.T, h *host) {
	id := h.order(t, newProgram(t))
	h.sim.Fail(dokusim.Fault{Kind: dokusim.Slow, Wait: 300 * time.Millisecond, Endpoint: dokusim.GenerateOrder})
	h.checkout(t, id)
	if known := h.orders(id); len(known) != 1 || known[0].Calls != 1 {
		t.Errorf("DOKU has %d orders, want 1 after 1 call", len(known))
	}
}

// refused is DOKU saying no for good: the next click is a new attempt.
func refused(t *testing.T, h *host) {
	id := h.order(t, newProgram(t))
	h.sim.Fail(dokusim.Fault{Kind: dokusim.BusinessFailure})
	if a := h.tryCheckout(t, newProgram(t), id); a.status != http.StatusConflict || !strings.Contains(a.body, "payment_refused") {
		t.Errorf("checkout: %d %s, want 409 payment_refused", a.status, a.body)
	}
	h.hears(t, id, "payment.failed")
	h.checkout(t, id)
	must(t, h.sim.Pay(h.last(t, id)))
	h.becomes(t, id, "paid")
	if o := h.look(t, id); o.Attempts != 2 {
		t.Errorf("attempts = %d, want 2", o.Attempts)
	}
}
