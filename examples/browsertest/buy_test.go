package browsertest

import (
	"strings"
	"testing"

	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
)

// order puts a shirt into the cart and goes through the form to the order's page.
func (s *shop) order(b *tab) {
	b.t.Helper()
	b.visit(s.url + "/")
	b.fits("catalogue")
	b.click("#add-KAOS-1", "#checkout")
	b.fits("cart")
	b.click("#checkout", "#place")
	b.fits("delivery")
	b.types("#name", "Siti Rahmawati", "#phone", "0812-3456-7890", "#email", "siti@example.com",
		"#address", "Jl. Melati No. 1", "#city", "Kota Bandung", "#postal_code", "40114")
	b.click("#place", `#status[data-status="unpaid"]`)
}

// signIn fills in Kredivo's page as the test shopper.
func signIn(b *tab) {
	b.t.Helper()
	b.types("#phone", dokusim.TestPhone, "#pin", dokusim.TestPIN, "#otp", dokusim.TestOTP)
}

const (
	atKredivo = "#otp"                        // only Kredivo's page has it
	paidPage  = `#payment[data-state="paid"]` // the plugin's page
	paidOrder = `#status[data-status="paid"]` // the shop's page
	leftPage  = `#payment[data-state="checking"] #resume`
)

// TestBuy buys a shirt on a wide screen and sees "paid".
func TestBuy(t *testing.T) {
	frameworks(t, func(t *testing.T, s *shop) {
		b := newShopper(t)
		b.desktop()
		s.order(b)
		if got := b.text("#total"); got != "Rp164.000" {
			t.Errorf("total = %q, want Rp164.000", got)
		}
		number := b.text("#order-number")
		b.click("#pay", atKredivo)
		if got := b.text("#amount"); got != "Rp164.000" {
			t.Errorf("Kredivo asks for %q, want Rp164.000", got)
		}
		signIn(b)
		b.click("#pay", "#payment")
		b.sees(paidPage) // by itself
		b.click("#back", paidOrder)
		if got := b.text("#order-number"); got != number {
			t.Errorf("back at order %s, want %s", got, number)
		}
		if got := b.text("#status h2"); got != "Lunas" {
			t.Errorf("the order page says %q, want Lunas", got)
		}
	})
}

// TestPhone buys on a small phone, in both languages, and looks at every page on the way.
func TestPhone(t *testing.T) {
	frameworks(t, func(t *testing.T, s *shop) {
		for _, lang := range []string{"id", "en"} {
			b := newShopper(t)
			b.phone()
			b.asksFor(lang)
			see := func(step, page string) { b.t.Helper(); b.fits(lang + "-" + step + "-" + page) }
			b.visit(s.url + "/cart")
			see("0", "empty cart")
			b.visit(s.url + "/")
			see("1", "catalogue")
			b.click("#add-BATIK-1", "#checkout")
			b.visit(s.url + "/")
			b.click("#add-KAOS-1", "#checkout")
			see("2", "cart")
			b.click("#checkout", "#place")
			b.types("#phone", "telepon saya")
			b.click("#place", "#problems")
			see("3", "mistakes")
			b.forgive() // the browser notes that the answer was 422
			b.visit(s.url + "/checkout?example=1")
			see("4", "delivery")
			b.click("#place", `#status[data-status="unpaid"]`)
			see("5", "order")
			b.click("#pay", atKredivo)
			see("6", "kredivo")
			b.click("#leave", leftPage)
			see("7", "left")
			b.click("#back", `#status[data-state="started"]`)
			see("8", "started")
			b.click("#pay", atKredivo)
			signIn(b)
			b.click("#pay", "#payment")
			see("9", "back")
			b.sees(paidPage)
			see("10", "paid")
			b.click("#back", paidOrder)
			b.press("summary")
			see("11", "paid order")
			want := map[string]string{"id": "Lunas", "en": "Paid"}[lang]
			if got := b.text("#status h2"); got != want {
				t.Errorf("the order page says %q, want %q", got, want)
			}
		}
	})
}

// TestWithoutScript buys with JavaScript switched off.
func TestWithoutScript(t *testing.T) {
	frameworks(t, func(t *testing.T, s *shop) {
		b := newShopper(t)
		b.withoutScripts()
		b.visit("data:text/html,<p id=off>off</p><script>document.getElementById('off').id='on'</script>")
		b.sees("#off")
		s.order(b)
		b.click("#pay", atKredivo)
		signIn(b)
		b.click("#pay", "#payment")
		b.sees(paidPage)
		b.click("#back", paidOrder)
	})
}

// TestRefuse is declined and tries again.
func TestRefuse(t *testing.T) {
	frameworks(t, func(t *testing.T, s *shop) {
		b := newShopper(t)
		s.order(b)
		b.click("#pay", atKredivo)
		b.click("#refuse", "#payment")
		b.sees(`#payment[data-state="failed"]`)
		b.picture("failed")
		b.click("#back", `#status[data-state="failed"]`)
		b.picture("failed order")
		b.click("#pay", atKredivo)
		signIn(b)
		b.click("#pay", "#payment")
		b.sees(paidPage)
		b.click("#back", `#status[data-status="paid"][data-attempts="2"]`)
	})
}

// TestLeave leaves Kredivo's page, comes back to the same one and pays.
func TestLeave(t *testing.T) {
	frameworks(t, func(t *testing.T, s *shop) {
		b := newShopper(t)
		s.order(b)
		b.click("#pay", atKredivo)
		page := b.at()
		b.click("#leave", leftPage)
		b.click("#resume", atKredivo)
		if got := b.at(); got != page {
			t.Errorf("resumed at %s, want %s", got, page)
		}
		b.click("#leave", leftPage)
		b.click("#back", `#status[data-state="started"]`)
		b.click("#pay", atKredivo)
		if got := b.at(); got != page {
			t.Errorf("resumed from the shop at %s, want %s", got, page)
		}
		signIn(b)
		b.click("#pay", "#payment")
		b.sees(paidPage)
		b.click("#back", `#status[data-status="paid"][data-attempts="1"]`)
	})
}

// TestExpire lets the time run out and pays with a new attempt.
func TestExpire(t *testing.T) {
	frameworks(t, func(t *testing.T, s *shop) {
		b := newShopper(t)
		s.order(b)
		b.click("#pay", atKredivo)
		first := b.at()
		b.click("#expire", "#payment")
		b.sees(`#payment[data-state="expired"]`)
		b.picture("expired")
		b.click("#back", `#status[data-state="expired"]`)
		b.click("#pay", atKredivo)
		if b.at() == first {
			t.Error("the new attempt has the old page")
		}
		signIn(b)
		b.click("#pay", "#payment")
		b.sees(paidPage)
		b.click("#back", `#status[data-status="paid"][data-attempts="2"]`)
	})
}

// TestPayLate pays what had expired: the order page turns to paid by itself.
func TestPayLate(t *testing.T) {
	frameworks(t, func(t *testing.T, s *shop) {
		b := newShopper(t)
		s.order(b)
		number := b.text("#order-number")
		b.click("#pay", atKredivo)
		b.click("#expire", "#payment")
		b.sees(`#payment[data-state="expired"]`)
		b.click("#back", `#status[data-state="expired"]`)
		if err := s.sim.PayLate(s.invoice(t, number)); err != nil {
			t.Fatal(err)
		}
		b.sees(paidOrder)
		b.press("summary")
		if events := b.text("#events ol"); !strings.Contains(events, "alarm.paid_after_expiry") {
			t.Errorf("the shop heard %q, want alarm.paid_after_expiry in it", events)
		}
	})
}

// invoice is the invoice number of the order's only attempt.
func (s *shop) invoice(t *testing.T, order string) string {
	t.Helper()
	for _, o := range s.sim.Orders() {
		if strings.HasPrefix(o.Invoice, order+"-") {
			return o.Invoice
		}
	}
	t.Fatalf("DOKU knows nothing of order %s", order)
	return ""
}

// TestTwoTabs opens Kredivo's page twice, pays in one tab and then presses pay in the other: one payment.
// A third tab with the order's page turns to paid by itself.
func TestTwoTabs(t *testing.T) {
	frameworks(t, func(t *testing.T, s *shop) {
		first := newShopper(t)
		s.order(first)
		number, page := first.text("#order-number"), first.at()
		second, third := first.another(), first.another()
		first.click("#pay", atKredivo)
		second.visit(page)
		second.click("#pay", atKredivo)
		if a, b := first.at(), second.at(); a != b {
			t.Errorf("two payment pages, %s and %s, want one", a, b)
		}
		third.visit(page)
		third.sees(`#status[data-state="started"]`)

		signIn(first)
		signIn(second)
		first.click("#pay", "#payment")
		second.click("#pay", `#state[data-status="SUCCESS"]`)
		third.sees(paidOrder)
		first.sees(paidPage)
		second.click("#back", paidPage)
		if o := s.sim.Orders(); len(o) != 1 || o[0].Calls != 1 {
			t.Errorf("DOKU has %d orders, want 1 after 1 call", len(o))
		}
		if events := third.text("#events summary"); !strings.Contains(events, "(1)") {
			t.Errorf("order %s: %q, want 1 event", number, events)
		}
	})
}
