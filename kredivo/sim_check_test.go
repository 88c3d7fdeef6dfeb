package kredivo_test

import (
	"encoding/json"
	"time"

	"github.com/paylater-go/paylater/kredivo"
)

// The promises, as they are checked: some after every change, the rest when the world is at rest.

// A witness is what the simulation itself has seen happen.
type witness struct {
	acknowledged []*notice
	settled      map[string]int            // messages done, by their bytes
	finished     map[string]int            // events done, by ID
	highest      map[string]kredivo.Status // of each attempt
}

func newWitness() witness {
	return witness{settled: map[string]int{}, finished: map[string]int{}, highest: map[string]kredivo.Status{}}
}

// checkAcknowledged: what was answered with 200 is in the store, byte for byte, and once.
func (w *world) checkAcknowledged(n *notice) {
	if n.act.forged {
		w.violation("%s is forged and was acknowledged", n.name)
	}
	rows := w.database.received(n.requestID, n.body)
	if pruned := w.settled[messageKey(n.requestID, n.body)] > 0; rows == 0 && !pruned {
		w.violation("%s was acknowledged and is not in the store", n.name)
	}
	if rows > 1 && w.off != dedupe {
		w.violation("%s is in the store %d times", n.name, rows)
	}
	w.acknowledged = append(w.acknowledged, n)
}

// checkChange: a message is worked in once, and the attempts are where the evidence puts them.
func (w *world) checkChange(scope kredivo.Scope, before []kredivo.Attempt, d kredivo.Decision) {
	if m := scope.Message; m != nil && d.Message.State == kredivo.WorkDone {
		key := messageKey(m.Header.Get("Request-Id"), m.Body)
		if m.Source == kredivo.FromStatus {
			key = string(m.Dedupe[:])
		}
		w.settled[key]++
		if w.settled[key] > 1 && w.off != dedupe && w.off != fence {
			w.violation("message %d was worked in %d times", m.ID, w.settled[key])
		}
		w.checkApplied(m)
	}
	if d.Message.State == kredivo.WorkParked {
		w.reach("a message was parked")
	}
	if d.Message.State == kredivo.WorkRetry && d.Message.Error == "unknown invoice" {
		w.reach("a message about an unknown invoice waited")
	}
	orderID := scope.OrderID
	if len(before) > 0 {
		orderID = before[0].OrderID
	}
	if len(d.Update) > 0 || d.Create != nil {
		w.checkAttempts(orderID)
	}
	for _, e := range d.Emit {
		w.note("emitted: %s", eventName(e))
		w.reach("emitted " + string(e.Kind))
	}
}

// checkApplied: a message is done when its attempt is where it says, or further.
func (w *world) checkApplied(m *kredivo.Message) {
	n := w.bank.sent[m.Header.Get("Request-Id")]
	if n == nil || !n.genuine() || w.off == guard {
		return
	}
	for s, word := range evidence {
		if status := w.statusOf(n.o.invoice); word == n.act.says && status.Rank() < s.Rank() {
			w.violation("%s is done, and its attempt is %s", n.name, status)
		}
	}
}

func (w *world) statusOf(invoice string) (s kredivo.Status) {
	w.database.one(`SELECT status FROM kredivo_attempt WHERE invoice_number = ?`, []any{invoice}, &s)
	return s
}

// messageKey tells messages apart.
func messageKey(requestID string, body []byte) string { return requestID + "\n" + string(body) }

// checkAttempts: a status never falls, and rests on evidence.
func (w *world) checkAttempts(orderID string) {
	open := 0
	w.database.each(`SELECT id, invoice_number, status, late FROM kredivo_attempt WHERE order_id = ?`, []any{orderID}, func(scan func(...any)) {
		var id, invoice string
		var status kredivo.Status
		var late bool
		scan(&id, &invoice, &status, &late)
		if status.Open() {
			open++
		}
		was, known := w.highest[id]
		if known && was == status {
			return
		}
		w.note("%s is %s", nameOf(invoice), status)
		if known && status.Rank() < was.Rank() && w.off != guard {
			w.violation("%s fell from %s to %s", nameOf(invoice), was, status)
		}
		if known && was == kredivo.Failed && status == kredivo.Paid {
			w.reach("FAILED, then PAID")
		}
		if known && was == kredivo.Review && status == kredivo.Paid {
			w.reach("REVIEW, then PAID")
		}
		if late {
			w.reach("paid late")
		}
		w.highest[id] = status
		w.checkEvidence(invoice, status)
	})
	if open > 1 {
		w.violation("%s has %d open attempts", orderID, open)
	}
}

// evidence is DOKU's word for a status.
var evidence = map[kredivo.Status]string{
	kredivo.Paid: "SUCCESS", kredivo.Failed: "FAILED", kredivo.Refunded: "REFUNDED", kredivo.Voided: "VOIDED",
}

func (w *world) checkEvidence(invoice string, status kredivo.Status) {
	o := w.bank.byInvoice[invoice]
	switch status {
	case kredivo.Created:
	case kredivo.Expired:
		if o != nil && !o.told["EXPIRED"] && time.Now().Before(o.expires) {
			w.violation("%s is EXPIRED, but can be paid until %s from now", o.name, time.Until(o.expires))
		}
	case kredivo.Pending:
		if o == nil || o.declined {
			w.violation("%s is PENDING without an order at DOKU", nameOf(invoice))
		}
	case kredivo.Review:
		if o == nil || !o.toldWrong {
			w.violation("%s is in REVIEW without cause", nameOf(invoice))
		}
	default:
		if o == nil || !o.told[evidence[status]] {
			w.violation("%s is %s, which DOKU has never said", nameOf(invoice), status)
		}
	}
}

// checkOrder: an event is handed out when every earlier one of its order is done.
func (w *world) checkOrder(e kredivo.Event) {
	var n int
	w.database.one(`SELECT COUNT(*) FROM kredivo_event AS x, kredivo_event AS e
		WHERE e.event_id = ? AND x.stream = e.stream AND x.id < e.id AND x.state <> 'done'`, []any{e.ID}, &n)
	if n > 0 {
		w.violation("%s was delivered before %d earlier events of its order", eventName(e), n)
	}
}

// checkFinished: an event is done once, in a transaction together with its one effect, and given up only
// with an alarm, after all patience.
func (w *world) checkFinished(d kredivo.Delivery, o kredivo.Outcome, emit []kredivo.Event) {
	switch o.State {
	case kredivo.WorkParked:
		w.reach("an event was parked")
		if len(emit) == 0 && d.Event.Kind != kredivo.HostRefused {
			w.violation("%s was given up without an alarm", eventName(d.Event))
		}
		const ladder = 13
		if n := w.shop.tries[d.Event.ID]; n < ladder && !w.shop.final[d.Event.ID] {
			w.violation("%s was given up after %d tries", eventName(d.Event), n)
		}
		w.shop.tries[d.Event.ID], w.shop.final[d.Event.ID] = 0, false
		return
	case kredivo.WorkRetry:
		w.reach("an event was refused")
		return
	case kredivo.WorkDone:
	}
	id := d.Event.ID
	w.finished[id]++
	if w.finished[id] > 1 {
		w.violation("%s was done %d times", eventName(d.Event), w.finished[id])
	}
	if n := w.effectsOf(id); n == 0 || w.tx && n > 1 {
		w.violation("%s is done and had %d effects", eventName(d.Event), n)
	}
}

func (w *world) effectsOf(eventID string) int {
	if !w.tx {
		return w.shop.effects[eventID]
	}
	var n int
	w.database.one(`SELECT COUNT(*) FROM shop_effect WHERE event_id = ?`, []any{eventID}, &n)
	return n
}

// checkEnd: nothing that DOKU said is lost, and nothing is left to do.
func (w *world) checkEnd() {
	for name, at := range w.database.due() {
		if name != "check" || w.off == nothing {
			w.violation("%s still has work, due in %s", name, time.Until(at))
		}
	}
	w.checkMessages()
	events := w.checkEvents()
	if w.off == guard {
		return // where an attempt ends is the guard's promise
	}
	for _, o := range w.bank.orders {
		w.checkOutcome(o, events)
	}
}

// checkMessages: every acknowledged message ended as done; parked if nobody can read it, or make sense of it.
func (w *world) checkMessages() {
	state := map[string]string{}
	w.database.each(`SELECT header, state FROM kredivo_inbox WHERE source = 'notification'`, nil, func(scan func(...any)) {
		var header, s string
		scan(&header, &s)
		var h map[string][]string
		if err := json.Unmarshal([]byte(header), &h); err != nil || len(h["Request-Id"]) == 0 {
			return // pruned
		}
		if id := h["Request-Id"][0]; state[id] == "" || s != string(kredivo.WorkDone) {
			state[id] = s
		}
	})
	for _, n := range w.acknowledged {
		switch s := kredivo.WorkState(state[n.requestID]); {
		case n.act.body != "" && s != kredivo.WorkParked:
			w.violation("%s cannot be read and was not parked", n.name)
		case s == kredivo.WorkDone, s == "" && w.settled[messageKey(n.requestID, n.body)] > 0: // the latter is pruned
		case s == kredivo.WorkParked && !n.genuine():
			w.reach("parked for good")
		default:
			w.violation("%s was acknowledged and ended as %q", n.name, s)
		}
	}
}

// checkEvents: every event is done and had its effect; in a transaction, once. It returns the kinds by invoice.
func (w *world) checkEvents() map[string]map[kredivo.EventKind]int {
	events := map[string]map[kredivo.EventKind]int{}
	w.database.each(`SELECT event_id, state, payload FROM kredivo_event`, nil, func(scan func(...any)) {
		var id, payload string
		var state kredivo.WorkState
		scan(&id, &state, &payload)
		var e kredivo.Event
		if err := json.Unmarshal([]byte(payload), &e); err != nil {
			panic(err)
		}
		if state != kredivo.WorkDone {
			w.violation("%s ended as %q", eventName(e), state)
		}
		if n := w.effectsOf(id); n == 0 || w.tx && n > 1 {
			w.violation("%s had %d effects", eventName(e), n)
		}
		if events[e.InvoiceNumber] == nil {
			events[e.InvoiceNumber] = map[kredivo.EventKind]int{}
		}
		events[e.InvoiceNumber][e.Kind]++
		again := w.off == guard || e.Kind == kredivo.HostRefused || e.Kind == kredivo.UnknownInvoice && w.off == dedupe
		if n := events[e.InvoiceNumber][e.Kind]; n > 1 && !again {
			w.violation("%s was emitted %d times", eventName(e), n)
		}
	})
	return events
}

// checkOutcome: an order's attempt ends where DOKU's word puts it, and the shop was told.
func (w *world) checkOutcome(o *bankOrder, events map[string]map[kredivo.EventKind]int) {
	status, least := w.statusOf(o.invoice), kredivo.Created
	raise := func(s kredivo.Status) {
		if s.Rank() > least.Rank() {
			least = s
		}
	}
	for s, word := range evidence {
		if o.acked[word] || w.off == nothing && o.status == word && (word == "SUCCESS" || word == "FAILED") {
			raise(s)
		}
	}
	if w.off == nothing || o.acked["EXPIRED"] {
		if o.status == "EXPIRED" || o.status == "PENDING" {
			raise(kredivo.Failed)
		}
	}
	if status.Rank() < least.Rank() {
		w.violation("%s ended as %s, and should be %s at least; DOKU says %s", o.name, status, least, o.status)
	}
	told := events[o.invoice]
	if status == kredivo.Paid && told[kredivo.PaymentSucceeded]+told[kredivo.PaidTwice] != 1 {
		w.violation("%s is PAID, and the shop was told %v", o.name, told)
	}
}
