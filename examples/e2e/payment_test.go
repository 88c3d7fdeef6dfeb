package e2e

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
)

// TestPayments walks every path that a shopper can take, on every program.
func TestPayments(t *testing.T) {
	onEvery(t, func(t *testing.T, p program) {
		h := newHost(t, p)
		t.Run("pay", func(t *testing.T) { pay(t, h) })
		t.Run("refuse, then pay", func(t *testing.T) { refuseThenPay(t, h) })
		t.Run("leave, then resume", func(t *testing.T) { leaveThenResume(t, h) })
		t.Run("expire, then pay again", func(t *testing.T) { expireThenPay(t, h) })
		t.Run("pay late", func(t *testing.T) { payLate(t, h) })
		t.Run("two tabs, one attempt", func(t *testing.T) { twoTabs(t, h) })
		t.Run("two attempts, both paid", func(t *testing.T) { paidTwice(t, h) })
		t.Run("another buyer", func(t *testing.T) { anotherBuyer(t, h) })
		t.Run("refund", func(t *testing.T) { refund(t, h) })
		if code := h.terminate(); code != 0 {
			t.Errorf("exit code after SIGTERM = %d, want 0\n%s", code, h.log.String())
		}
		if personal := []string{"Siti", "6281234567890", "0812-3456-7890", "siti@example.com", "Melati 1", secretKey}; containsAny(h.log.String(), personal) {
			t.Errorf("the log holds one of %q:\n%s", personal, h.log.String())
		}
	})
}

func containsAny(text string, parts []string) bool {
	for _, p := range parts {
		if strings.Contains(text, p) {
			return true
		}
	}
	return false
}

// pay goes the whole way as a browser does: redirect to Kredivo, sign in, come back, wait for "paid".
func pay(t *testing.T, h *host) {
	browser := newBrowser(t)
	id := h.order(t, browser)

	a := send(t, newProgram(t), "POST", h.url+"/pay/checkout", "order="+id, "Content-Type", form, "Accept", acceptHTML)
	location := a.header.Get("Location")
	if a.status != http.StatusSeeOther || !strings.HasPrefix(location, h.simURL+"/") {
		t.Fatalf("POST /pay/checkout = %d, Location %q, want 303 to %s", a.status, location, h.simURL)
	}
	if a = send(t, browser, "GET", location, "", "Accept-Language", "en"); a.status != http.StatusOK || !strings.Contains(a.body, "Simulator") {
		t.Fatalf("Kredivo's page: %d %s", a.status, a.body)
	}
	a = press(t, browser, location, "pay")
	if a.status != http.StatusOK || !strings.HasPrefix(a.url, h.url+"/pay/return/") {
		t.Fatalf("after paying: %d at %s\n%s", a.status, a.url, a.body)
	}
	back := a.url
	eventually(t, "the return page to say paid", func() bool {
		a := send(t, browser, "GET", back, "", "Accept", acceptHTML)
		return strings.Contains(a.body, `data-state="paid"`)
	})
	h.becomes(t, id, "paid")
	h.hears(t, id, "payment.succeeded")
	if o := h.look(t, id); o.Attempts != 1 || o.Amount != 2*149_000+15_000 {
		t.Errorf("order = %+v, want 1 attempt of Rp313.000", o)
	}

	var status struct {
		Order, Status string
		Final         bool
	}
	send(t, browser, "GET", strings.Replace(back, "/return/", "/status/", 1), "").into(t, &status)
	if status.Order != id || status.Status != "paid" || !status.Final {
		t.Errorf("status = %+v, want paid and final", status)
	}
	if a := h.tryCheckout(t, newProgram(t), id); a.status != http.StatusConflict || !strings.Contains(a.body, "already_paid") {
		t.Errorf("paying again: %d %s, want 409 already_paid", a.status, a.body)
	}
	a = send(t, newProgram(t), "POST", h.url+"/pay/checkout", "order="+id, "Content-Type", form, "Accept", acceptHTML)
	if a.status != http.StatusSeeOther || !strings.HasPrefix(a.header.Get("Location"), h.url+"/pay/return/") {
		t.Errorf("paying again in a browser: %d to %q, want 303 to the page that says paid", a.status, a.header.Get("Location"))
	}
}

func refuseThenPay(t *testing.T, h *host) {
	id, invoice := h.invoice(t)
	must(t, h.sim.Refuse(invoice))
	h.hears(t, id, "payment.failed")
	if o := h.look(t, id); o.Status != "unpaid" {
		t.Fatalf("status after a refusal = %s, want unpaid", o.Status)
	}
	h.checkout(t, id)
	if second := h.last(t, id); second == invoice {
		t.Fatal("the second attempt has the first one's invoice number")
	} else {
		must(t, h.sim.Pay(second))
	}
	h.becomes(t, id, "paid")
	h.hears(t, id, "payment.failed", "payment.succeeded")
	if o := h.look(t, id); o.Attempts != 2 {
		t.Errorf("attempts = %d, want 2", o.Attempts)
	}
}

func leaveThenResume(t *testing.T, h *host) {
	id := h.order(t, newProgram(t))
	first := h.checkout(t, id)
	a := press(t, newBrowser(t), first, "leave")
	if a.status != http.StatusOK || !strings.HasPrefix(a.url, h.url+"/pay/cancel/") || !strings.Contains(a.body, `id="resume"`) {
		t.Fatalf("after leaving: %d at %s, want the page that offers to resume\n%s", a.status, a.url, a.body)
	}
	if again := h.checkout(t, id); again != first {
		t.Errorf("payment URL after leaving = %s, want the first one again, %s", again, first)
	}
	if known := h.orders(id); len(known) != 1 || known[0].Calls != 1 {
		t.Errorf("DOKU got %d orders, want 1 call for 1 order", len(known))
	}
	press(t, newBrowser(t), first, "pay")
	h.becomes(t, id, "paid")
	h.hears(t, id, "payment.succeeded")
}

func expireThenPay(t *testing.T, h *host) {
	id, invoice := h.invoice(t)
	must(t, h.sim.Expire(invoice))
	h.hears(t, id, "payment.expired")
	h.checkout(t, id)
	must(t, h.sim.Pay(h.last(t, id)))
	h.becomes(t, id, "paid")
	h.hears(t, id, "payment.expired", "payment.succeeded")
	if o := h.look(t, id); o.Attempts != 2 {
		t.Errorf("attempts = %d, want 2", o.Attempts)
	}
}

func payLate(t *testing.T, h *host) {
	id, invoice := h.invoice(t)
	must(t, h.sim.Expire(invoice))
	h.hears(t, id, "payment.expired")
	must(t, h.sim.PayLate(invoice))
	h.becomes(t, id, "paid")
	h.hears(t, id, "payment.expired", "payment.succeeded", "alarm.paid_after_expiry")

	id, invoice = h.invoice(t)
	must(t, h.sim.Refuse(invoice))
	h.hears(t, id, "payment.failed")
	must(t, h.sim.PayLate(invoice))
	h.becomes(t, id, "paid")
	h.hears(t, id, "payment.failed", "payment.succeeded")
}

// twoTabs presses the button many times at once: DOKU sees one order.
func twoTabs(t *testing.T, h *host) {
	id := h.order(t, newProgram(t))
	h.sim.Fail(dokusim.Fault{Kind: dokusim.Slow, Wait: 100e6, Endpoint: dokusim.GenerateOrder}) // so that the clicks meet
	urls := make([]string, 6)
	var clicks sync.WaitGroup
	for i := range urls {
		clicks.Go(func() {
			a := h.tryCheckout(t, newProgram(t), id)
			var c struct {
				PaymentURL string `json:"payment_url"`
			}
			a.into(t, &c)
			urls[i] = c.PaymentURL
		})
	}
	clicks.Wait()
	for _, u := range urls {
		if u == "" || u != urls[0] {
			t.Fatalf("payment URLs = %q, want one and the same", urls)
		}
	}
	if known := h.orders(id); len(known) != 1 || known[0].Calls != 1 {
		t.Fatalf("DOKU got %d orders, want 1 call for 1 order", len(known))
	}
	// Both tabs show Kredivo's page; the second one to pay is told that it is done.
	press(t, newBrowser(t), urls[0], "pay")
	if a := press(t, newBrowser(t), urls[0], "pay"); !strings.Contains(a.body, "already been paid") {
		t.Errorf("the second tab: %d at %s", a.status, a.url)
	}
	h.becomes(t, id, "paid")
	h.hears(t, id, "payment.succeeded")
}

// paidTwice pays a second attempt and then the first one, which had been refused: the shop hears of it.
func paidTwice(t *testing.T, h *host) {
	id, first := h.invoice(t)
	must(t, h.sim.Refuse(first))
	h.hears(t, id, "payment.failed")
	h.checkout(t, id)
	must(t, h.sim.Pay(h.last(t, id)))
	h.hears(t, id, "payment.failed", "payment.succeeded")
	must(t, h.sim.PayLate(first))
	h.hears(t, id, "payment.failed", "payment.succeeded", "alarm.paid_twice")
	if o := h.look(t, id); o.Status != "paid" || o.Attempts != 2 {
		t.Errorf("order = %+v, want paid, 2 attempts", o)
	}
}

// anotherBuyer keeps an order that was made in one browser session from being paid in another.
func anotherBuyer(t *testing.T, h *host) {
	siti, budi := newBrowser(t), newBrowser(t)
	for _, b := range []*http.Client{siti, budi} {
		if a := send(t, b, "GET", h.url+"/", ""); a.status != http.StatusOK {
			t.Fatalf("GET /: %d", a.status)
		}
	}
	id := h.order(t, siti)
	unknown := h.tryCheckout(t, budi, "NOSUCHORDER1")
	if unknown.status != http.StatusNotFound {
		t.Errorf("an unknown order: %d %s, want 404", unknown.status, unknown.body)
	}
	for who, client := range map[string]*http.Client{"another session": budi, "no session": newProgram(t)} {
		a := h.tryCheckout(t, client, id)
		if a.status != http.StatusNotFound || strings.Contains(a.body, id) {
			t.Errorf("%s: %d %s, want 404", who, a.status, a.body)
		}
	}
	if o := h.look(t, id); o.Attempts != 0 || len(h.orders(id)) != 0 {
		t.Errorf("attempts = %d, DOKU knows %d orders, want none", o.Attempts, len(h.orders(id)))
	}
	if a := h.tryCheckout(t, siti, id); a.status != http.StatusOK {
		t.Errorf("the owner: %d %s, want 200", a.status, a.body)
	}
	// The page of the payment does not show itself to another session either.
	var c struct {
		StatusURL string `json:"status_url"`
	}
	h.tryCheckout(t, siti, id).into(t, &c)
	if a := send(t, budi, "GET", c.StatusURL, ""); a.status != http.StatusNotFound {
		t.Errorf("another session's status: %d %s, want 404", a.status, a.body)
	}
}

// refund takes the money back: the order needs a person's eye.
func refund(t *testing.T, h *host) {
	id, invoice := h.invoice(t)
	must(t, h.sim.Pay(invoice))
	h.becomes(t, id, "paid")
	must(t, h.sim.Refund(invoice))
	h.becomes(t, id, "review")
	h.hears(t, id, "payment.succeeded", "payment.refunded")
	if a := h.tryCheckout(t, newProgram(t), id); a.status != http.StatusConflict {
		t.Errorf("paying a refunded order: %d %s, want 409", a.status, a.body)
	}
}
