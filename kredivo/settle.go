package kredivo

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/paylater-go/paylater/kredivo/doku"
)

// Every change of an attempt's status goes through advance, whoever brought the news: a notification,
// a status check, the answer to generate-order, or the clock.

// advance moves a to status to if the transition table allows it, and returns a as it is then with the
// events that the host must see. Siblings are all attempts of the order, a's old self among them. At is
// DOKU's date of the change, zero when unknown.
func advance(a Attempt, siblings []Attempt, to Status, at, now time.Time) (Attempt, []Event) {
	if !a.Status.CanBecome(to) {
		return a, nil
	}
	from := a.Status
	if at.IsZero() {
		at = now
	}
	a.Status, a.UpdatedAt = to, now
	a.Body = nil // nothing will be sent again, and it holds personal data
	others := slices.DeleteFunc(inEnvironment(a.Environment, siblings), func(s Attempt) bool { return s.ID == a.ID })
	order := paymentStatus(append(slices.Clone(others), a))

	switch to {
	case Paid:
		a.PaidAt, a.NextCheckAt = at, time.Time{}
		a.Late = from == Failed || from == Expired
		return a, paidEvents(a, others, from, order, at)
	case Review:
		// It goes on being asked about: DOKU may know of matching evidence that never reached us.
		return a, nil // the alarm is raised by whoever saw the evidence, also when the status stays
	case Voided:
		a.NextCheckAt = time.Time{}
		return a, []Event{eventOf(PaymentVoided, a, order, at)}
	case Refunded:
		a.NextCheckAt = time.Time{}
		return a, []Event{eventOf(PaymentRefunded, a, order, at)}
	case Failed, Expired:
		if order != a.Status {
			return a, nil // the order lives on in another attempt: no news for the host
		}
		kind := PaymentFailed
		if to == Expired {
			kind = PaymentExpired
		}
		return a, []Event{eventOf(kind, a, order, at)}
	default:
		return a, nil
	}
}

// paidEvents tells the host of a paid attempt: the first one of an order pays it, any other is money
// to be paid back.
func paidEvents(a Attempt, others []Attempt, from, order Status, at time.Time) []Event {
	if i := slices.IndexFunc(others, func(o Attempt) bool { return o.Status.Rank() >= Paid.Rank() }); i >= 0 {
		e := eventOf(PaidTwice, a, order, at)
		e.OtherInvoiceNumber = others[i].InvoiceNumber
		return []Event{e}
	}
	events := []Event{eventOf(PaymentSucceeded, a, order, at)}
	if from == Expired {
		events = append(events, eventOf(PaidAfterExpiry, a, order, at))
	}
	return events
}

// freshFor is the age up to which a notification is believed by itself. DOKU's own retries end within 18
// hours; an older one may be a replay from somebody's log, so DOKU is asked first.
const freshFor = 24 * time.Hour

// settleMessage works one claimed message into the payment it is about. The message's own row, the
// attempt and the events commit together.
func (p *Plugin) settleMessage(ctx context.Context, m Message) error {
	now := p.now()
	parse := doku.ParseNotification
	if m.Source == FromStatus {
		parse = doku.ParseStatus
	}
	n, err := parse(m.Body)
	if err != nil {
		p.log.ErrorContext(ctx, "message parked: it cannot be read", "message", m.ID, "source", m.Source, "error", err)
		return p.store.Change(ctx, Scope{Message: &m, Now: now}, func([]Attempt) (Decision, error) {
			return Decision{Message: Outcome{State: WorkParked, Error: err.Error()}}, nil
		})
	}

	var result judgement
	err = p.store.Change(ctx, Scope{InvoiceNumber: n.InvoiceNumber, Message: &m, Now: now}, func(attempts []Attempt) (Decision, error) {
		result = p.judge(m, n, attempts, now)
		return result.Decision, nil
	})
	if err != nil {
		return err
	}
	p.log.InfoContext(ctx, "message settled", "message", m.ID, "source", m.Source, "invoice_number", n.InvoiceNumber,
		"reported", n.Status, "from", result.from, "to", result.to, "outcome", result.Message.State, "reason", result.Message.Error)
	if len(result.Emit) > 0 {
		wake(p.deliver)
	}
	if result.askDOKU {
		wake(p.check)
	}
	return nil
}

// A judgement is a Decision with what the log line says of it.
type judgement struct {
	Decision
	from, to Status
	askDOKU  bool
}

// judge decides what a message means for the attempts of its order. It is a pure function.
func (p *Plugin) judge(m Message, n *doku.Notification, attempts []Attempt, now time.Time) judgement {
	i := slices.IndexFunc(attempts, func(a Attempt) bool { return a.InvoiceNumber == n.InvoiceNumber })
	if i < 0 {
		return unknownInvoice(m, n, now)
	}
	a := attempts[i]
	j := judgement{from: a.Status, to: a.Status}
	to, known := statusOf(n.Status)
	switch {
	case a.ClientID != m.ClientID || a.Environment != p.client.Environment():
		j.Message = Outcome{State: WorkParked, Error: "the attempt belongs to other credentials or another environment"}
		return j
	case !known:
		j.Message = Outcome{State: WorkDone, Error: "the status changes nothing"}
		return j
	}

	foreign := n.OriginalRequestID != "" && n.OriginalRequestID != a.RequestID && to != Refunded && to != Voided
	var alarms []Event
	switch {
	case to == Paid && (foreign || !n.Amount.Equal(a.Amount)):
		kind := AmountMismatch
		if foreign {
			kind = ReferenceMismatch
		}
		to = Review
		alarm := eventOf(kind, a, paymentStatus(inEnvironment(a.Environment, attempts)), orNow(n.Date, now))
		alarm.ReportedAmount = &n.Amount
		alarms = append(alarms, alarm)
	case foreign:
		j.Message = Outcome{State: WorkParked, Error: "original_request_id is not the attempt's"}
		return j
	}

	j.Message = Outcome{State: WorkDone}
	if a.Status.CanBecome(to) && stale(m) {
		a.NextCheckAt = now
		j.Update = []Attempt{a}
		j.askDOKU = true
		// It stays until DOKU's answer has made it no news: it may be fresh after all, and our clock days ahead.
		j.Message = hostPatience.next(m.Failures+1, m.ReceivedAt, now, "older than a day: DOKU is asked first")
		return j
	}
	changed, events := advance(a, attempts, to, n.Date, now)
	if changed.Status != a.Status {
		if len(n.Identifiers) > 0 {
			changed.Identifiers = n.Identifiers
		}
		j.Update = []Attempt{changed}
	}
	for k := range alarms {
		alarms[k].Status = changed.Status
	}
	j.to = changed.Status
	j.Emit = append(events, alarms...)
	return j
}

// unknownInvoice keeps a message whose invoice nobody here knows: tried again for a day, in case it
// overtook the shop's own commit on a lagging database, then parked with an alarm.
func unknownInvoice(m Message, n *doku.Notification, now time.Time) judgement {
	o := unknownPatience.next(m.Failures+1, m.ReceivedAt, now, "unknown invoice")
	if o.State == WorkRetry {
		return judgement{Decision: Decision{Message: o}}
	}
	return judgement{Decision: Decision{
		Message: o,
		Emit: []Event{{
			ID:             "message-" + shortHash(m.Dedupe) + ":" + string(UnknownInvoice),
			Kind:           UnknownInvoice,
			InvoiceNumber:  n.InvoiceNumber,
			RequestID:      n.OriginalRequestID,
			ReportedAmount: &n.Amount,
			At:             orNow(n.Date, now),
		}},
	}}
}

// statusOf translates DOKU's status. PENDING, TIMEOUT and REDIRECT are no news, and a status that we
// do not know is none either: both are acknowledged and change nothing.
func statusOf(s doku.Status) (Status, bool) {
	switch s {
	case doku.Success:
		return Paid, true
	case doku.Failed:
		return Failed, true
	case doku.Expired:
		return Expired, true
	case doku.Refunded:
		return Refunded, true
	case doku.Voided:
		return Voided, true
	default:
		return "", false
	}
}

// stale reports whether a notification was signed more than freshFor before it arrived. Answers to our
// own questions are never stale.
func stale(m Message) bool {
	if m.Source == FromStatus {
		return false
	}
	signed, err := time.Parse(time.RFC3339, m.Header.Get("Request-Timestamp"))
	return err == nil && m.ReceivedAt.Sub(signed) > freshFor
}

func orNow(at, now time.Time) time.Time {
	if at.IsZero() {
		return now
	}
	return at
}

// claimLost reports errors that mean someone else has the work: nothing to do and nothing to log.
func claimLost(err error) bool { return errors.Is(err, ErrClaimLost) }
