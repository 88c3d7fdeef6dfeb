package e2e

import (
	"net/http"
	"strings"
	"testing"

	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
	"github.com/paylater-go/paylater/money"
)

// TestNotifications sends what DOKU sends, what it should not send, and what others send in its name.
func TestNotifications(t *testing.T) {
	onEvery(t, func(t *testing.T, p program) {
		h := newHost(t, p)
		t.Run("duplicates and reordering", func(t *testing.T) { duplicated(t, h) })
		t.Run("late failure", func(t *testing.T) { lateFailure(t, h) })
		t.Run("forged or altered", func(t *testing.T) { forged(t, h) })
		t.Run("signed nonsense", func(t *testing.T) { nonsense(t, h) })
		t.Run("wrong amount", func(t *testing.T) { wrongAmount(t, h) })
		t.Run("unknown status", func(t *testing.T) { unknownStatus(t, h) })
		if code := h.terminate(); code != 0 {
			t.Errorf("exit code after SIGTERM = %d, want 0\n%s", code, h.log.String())
		}
	})
}

// answers returns what the shop answered to the tries of the order's notifications since the first n ones.
func (h *host) answers(invoice string, n int) (statuses []int) {
	for _, d := range h.sim.Deliveries()[n:] {
		if d.Invoice == invoice {
			statuses = append(statuses, d.AnswerStatus)
		}
	}
	return statuses
}

// tell sends one notification and returns the shop's answer.
func (h *host) tell(t *testing.T, invoice string, n dokusim.Notice) int {
	t.Helper()
	before := len(h.sim.Deliveries())
	n.Once = true
	must(t, h.sim.Send(invoice, n))
	answers := h.answers(invoice, before)
	if len(answers) == 0 {
		t.Fatal("nothing was sent")
	}
	return answers[0]
}

func duplicated(t *testing.T, h *host) {
	id, invoice := h.invoice(t)
	other, otherInvoice := h.invoice(t)
	h.sim.NotifyFaults(dokusim.NotifyFault{Duplicates: 4, Reorder: true})
	must(t, h.sim.Pay(invoice))
	must(t, h.sim.Pay(otherInvoice)) // goes first
	h.becomes(t, other, "paid")
	h.becomes(t, id, "paid")
	// The same thing said again, under the same Request-Id and under new ones.
	for range 3 {
		if got := h.tell(t, invoice, dokusim.Notice{Duplicates: 2}); got != http.StatusOK {
			t.Errorf("a repeated notification: %d, want 200", got)
		}
	}
	// A second order's event shows that the handler has seen everything before.
	last, lastInvoice := h.invoice(t)
	must(t, h.sim.Pay(lastInvoice))
	h.becomes(t, last, "paid")
	h.hears(t, id, "payment.succeeded")
	h.hears(t, other, "payment.succeeded")
}

func lateFailure(t *testing.T, h *host) {
	id, invoice := h.invoice(t)
	must(t, h.sim.Pay(invoice))
	h.becomes(t, id, "paid")
	for _, status := range []string{dokusim.Failed, dokusim.Expired, dokusim.Pending} {
		if got := h.tell(t, invoice, dokusim.Notice{Status: status}); got != http.StatusOK {
			t.Errorf("%s after SUCCESS: %d, want 200", status, got)
		}
	}
	h.settled(t)
	h.becomes(t, id, "paid")
	h.hears(t, id, "payment.succeeded")
}

// settled waits until the program has worked off what it has received.
func (h *host) settled(t *testing.T) {
	t.Helper()
	eventually(t, "the inbox to be worked off", func() bool {
		return h.stored(`kredivo_inbox WHERE state = 'new'`)+h.stored(`kredivo_event WHERE state = 'new'`) == 0
	})
}

func forged(t *testing.T, h *host) {
	id, invoice := h.invoice(t)
	h.settled(t)
	stored := h.stored("kredivo_inbox")

	for name, n := range map[string]dokusim.Notice{
		"another key":        {Status: dokusim.Success, BadSignature: true},
		"another path":       {Status: dokusim.Success, Target: "/elsewhere/notifications"},
		"no signature":       {Status: dokusim.Success, Header: http.Header{"Signature": nil}},
		"two signatures":     {Status: dokusim.Success, Header: http.Header{"Signature": {"HMACSHA256=AAAA", "HMACSHA256=BBBB"}}},
		"another client":     {Status: dokusim.Success, Header: http.Header{"Client-Id": {"MCH-9999"}}},
		"another request id": {Status: dokusim.Success, Header: http.Header{"Request-Id": {"changed-after-signing"}}},
		"no timestamp":       {Status: dokusim.Success, Header: http.Header{"Request-Timestamp": nil}},
	} {
		if got := h.tell(t, invoice, n); got != http.StatusUnauthorized {
			t.Errorf("%s: %d, want 401", name, got)
		}
	}

	// A real notification, with one digit changed on the way.
	real, realInvoice := h.invoice(t)
	must(t, h.sim.Pay(realInvoice))
	h.becomes(t, real, "paid")
	stored++
	sent := h.sim.Deliveries()
	d := sent[len(sent)-1]
	header := []string{"Content-Type", acceptJSON}
	for _, name := range []string{"Client-Id", "Request-Id", "Request-Timestamp", "Signature"} {
		header = append(header, name, d.Header.Get(name))
	}
	altered := strings.Replace(string(d.Body), "313000.00", "313001.00", 1)
	if altered == string(d.Body) {
		t.Fatalf("no amount to alter in %s", d.Body)
	}
	if a := send(t, newProgram(t), "POST", h.url+"/pay/notifications", altered, header...); a.status != http.StatusUnauthorized {
		t.Errorf("altered body: %d, want 401", a.status)
	}
	if a := send(t, newProgram(t), "POST", h.url+"/pay/notifications", string(d.Body), header...); a.status != http.StatusOK {
		t.Errorf("the unaltered body: %d, want 200", a.status)
	}

	if got := h.stored("kredivo_inbox"); got != stored {
		t.Errorf("%d messages stored, want %d: forged ones must leave nothing", got, stored)
	}
	if o := h.look(t, id); o.Status != "unpaid" || len(h.events(t, id)) != 0 {
		t.Errorf("order = %+v, want it untouched", o)
	}
}

func nonsense(t *testing.T, h *host) {
	id, invoice := h.invoice(t)
	parked := `kredivo_inbox WHERE state = 'dead'`
	before := h.stored(parked)
	bodies := []string{"not json", "{}", "[1,2]", `{"order":{"invoice_number":"` + invoice + `","amount":"1e5x"},"transaction":{"status":"SUCCESS"}}`}
	for _, body := range bodies {
		if got := h.tell(t, invoice, dokusim.Notice{Body: []byte(body)}); got != http.StatusOK {
			t.Errorf("signed %s: %d, want 200", body, got)
		}
	}
	eventually(t, "the nonsense to be parked", func() bool { return h.stored(parked) == before+len(bodies) })
	must(t, h.sim.Pay(invoice)) // and the order can still be paid
	h.becomes(t, id, "paid")
	h.hears(t, id, "payment.succeeded")
}

func wrongAmount(t *testing.T, h *host) {
	id, invoice := h.invoice(t)
	if got := h.tell(t, invoice, dokusim.Notice{Status: dokusim.Success, Amount: money.Rupiah(313_001)}); got != http.StatusOK {
		t.Errorf("one rupiah more: %d, want 200", got)
	}
	h.becomes(t, id, "review")
	h.hears(t, id, "alarm.amount_mismatch")
	if a := h.tryCheckout(t, newProgram(t), id); a.status != http.StatusConflict || !strings.Contains(a.body, "in_review") {
		t.Errorf("paying meanwhile: %d %s, want 409 in_review", a.status, a.body)
	}
	must(t, h.sim.Pay(invoice)) // matching evidence
	h.becomes(t, id, "paid")
	h.hears(t, id, "alarm.amount_mismatch", "payment.succeeded")
}

func unknownStatus(t *testing.T, h *host) {
	id, invoice := h.invoice(t)
	if got := h.tell(t, invoice, dokusim.Notice{Status: "MAYBE"}); got != http.StatusOK {
		t.Errorf("an unknown status: %d, want 200", got)
	}
	h.settled(t)
	if o := h.look(t, id); o.Status != "unpaid" || len(h.events(t, id)) != 0 {
		t.Errorf("order = %+v, want it untouched", o)
	}
}
