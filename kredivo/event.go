package kredivo

import (
	"time"

	"github.com/paylater-go/paylater/money"
)

// An EventKind says what happened. Kinds are stable and may be compared.
type EventKind string

// What happened to a payment, and the alarms: outcomes that are somebody's job, not log lines.
const (
	PaymentSucceeded EventKind = "payment.succeeded" // the order is paid: ship
	PaymentFailed    EventKind = "payment.failed"    // this attempt failed; the order stays payable
	PaymentExpired   EventKind = "payment.expired"   // this attempt's time is over; the order stays payable
	PaymentVoided    EventKind = "payment.voided"    // cancelled after it was paid
	PaymentRefunded  EventKind = "payment.refunded"  // paid back

	PaidTwice       EventKind = "alarm.paid_twice"        // a second attempt of a paid order succeeded: pay one back
	PaidAfterExpiry EventKind = "alarm.paid_after_expiry" // paid although it had expired here; follows PaymentSucceeded

	// Success reported with another amount, or for another Request-Id than the attempt's: the attempt is
	// in REVIEW and the order unpaid, unless matching evidence comes too.
	AmountMismatch    EventKind = "alarm.amount_mismatch"
	ReferenceMismatch EventKind = "alarm.reference_mismatch"

	UnknownInvoice EventKind = "alarm.unknown_invoice" // an authentic message about an invoice that is not ours

	// The host's handler refuses an event, named in RefusedEventID, and is called with it no more until somebody
	// redrives it. When that was PaymentSucceeded, the order is paid and the shop does not know. The alarm does
	// not wait for the order's other events.
	HostRefused EventKind = "alarm.host_refused"
)

// Alarm reports whether somebody must act on events of this kind.
func (k EventKind) Alarm() bool {
	switch k {
	case PaidTwice, PaidAfterExpiry, AmountMismatch, ReferenceMismatch, UnknownInvoice, HostRefused:
		return true
	default:
		return false
	}
}

// An Event is one accepted change, handed to Config.OnEvent at least once and, for one order, one at a
// time and in order. ID is the same in every redelivery, on every instance and after every restart:
// it is the key to remember when the effect must happen once.
type Event struct {
	ID      string    `json:"id"`
	Kind    EventKind `json:"kind"`
	OrderID string    `json:"order_id,omitempty"` // empty for UnknownInvoice

	Attempt                 int          `json:"attempt,omitempty"`
	InvoiceNumber           string       `json:"invoice_number"`
	RequestID               string       `json:"request_id,omitempty"`
	MerchantUniqueReference string       `json:"merchant_unique_reference,omitempty"`
	Amount                  money.Amount `json:"amount"`                 // the attempt's amount, whole rupiah
	Status                  Status       `json:"status,omitempty"`       // of the attempt
	OrderStatus             Status       `json:"order_status,omitempty"` // of the whole order: PAID when another attempt paid it
	Late                    bool         `json:"late,omitempty"`

	// ReportedAmount is what DOKU reported, when that is the news (AmountMismatch, UnknownInvoice).
	ReportedAmount *money.Amount `json:"reported_amount,omitempty"`
	// OtherInvoiceNumber is the attempt that had paid the order already (PaidTwice).
	OtherInvoiceNumber string `json:"other_invoice_number,omitempty"`
	// RefusedEventID is the event that the host does not take (HostRefused).
	RefusedEventID string `json:"refused_event_id,omitempty"`

	At time.Time `json:"at"` // DOKU's transaction date when it gave one, else when we learned of it; UTC
}

// eventOf makes the event of kind for a, which has its new status already; order is the status of the
// whole order. The ID is the invoice number, which is unique, and the kind,
// so the same change found twice is the same event.
func eventOf(kind EventKind, a Attempt, order Status, at time.Time) Event {
	return Event{
		ID:                      a.InvoiceNumber + ":" + string(kind),
		Kind:                    kind,
		OrderID:                 a.OrderID,
		Attempt:                 a.Number,
		InvoiceNumber:           a.InvoiceNumber,
		RequestID:               a.RequestID,
		MerchantUniqueReference: a.MerchantUniqueReference,
		Amount:                  a.Amount,
		Status:                  a.Status,
		OrderStatus:             order,
		Late:                    a.Late,
		At:                      at,
	}
}
