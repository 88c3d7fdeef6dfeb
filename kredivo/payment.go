package kredivo

import (
	"cmp"
	"crypto/sha256"
	"slices"
	"time"

	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/money"
)

// A Status is where one attempt, or a whole payment, stands.
type Status string

// The statuses in the order of their rank. An attempt only ever moves to a status of higher rank, so
// the end is the same whatever the order, repetition or delay of the messages about it.
const (
	Created  Status = "CREATED"  // on disk; DOKU's answer is not known yet
	Pending  Status = "PENDING"  // DOKU gave a payment URL; the shopper has not finished
	Failed   Status = "FAILED"   // refused or given up. Not final at DOKU: a later SUCCESS wins
	Expired  Status = "EXPIRED"  // the time to pay is over. A later SUCCESS still wins, marked Late
	Review   Status = "REVIEW"   // DOKU reports success with another amount; a person must look
	Paid     Status = "PAID"     // DOKU reports success with exactly our amount
	Voided   Status = "VOIDED"   // cancelled after payment
	Refunded Status = "REFUNDED" // paid back
)

// rank is THE transition table: a status may be replaced only by one further right in this list.
// FAILED sits below PAID because DOKU's status table says FAILED is not final; EXPIRED sits above
// FAILED because DOKU calls it final; REVIEW below PAID so that wrong-then-right evidence and
// right-then-wrong evidence end alike; nothing takes PAID back but VOIDED and REFUNDED.
var rank = [...]Status{Created, Pending, Failed, Expired, Review, Paid, Voided, Refunded}

// Rank is the status's place in the transition table, from 0; -1 for an unknown status.
func (s Status) Rank() int { return slices.Index(rank[:], s) }

// CanBecome reports whether an attempt may move from s to next.
func (s Status) CanBecome(next Status) bool { return next.Rank() > s.Rank() }

// Open reports whether an attempt in this status may still be waiting for its shopper. An order has at
// most one open attempt.
func (s Status) Open() bool { return s == Created || s == Pending }

// A Hash is the SHA-256 of something that must not rest in the store in clear.
type Hash [sha256.Size]byte

func hashOf(s string) Hash { return sha256.Sum256([]byte(s)) }

// An Attempt is one generate-order call for a shop order: own invoice number, own Request-Id, own
// reference. It is on disk before the first byte goes to DOKU. Times are UTC.
type Attempt struct {
	ID                      string
	OrderID                 string // the shop's order
	Number                  int    // 1 for the order's first attempt
	InvoiceNumber           string // order.invoice_number at DOKU, unique
	RequestID               string // Request-Id of the generate-order call, unique
	MerchantUniqueReference string // the acquirer's order id, unique
	ClientID                string
	Environment             doku.Environment
	Amount                  money.Amount
	Status                  Status
	Late                    bool // paid after FAILED or EXPIRED
	Buyer                   Hash // of the host's buyer key
	Token                   Hash // of the token in the return, cancel and status paths

	// Body is the exact generate-order body. It holds personal data, so it is kept only until DOKU's
	// answer is recorded; after that no retry can need it.
	Body []byte

	PaymentURL  string            // Kredivo's page; empty until DOKU answered PENDING
	Identifiers []doku.Identifier // references of the acquirer, for support and finance
	FailureCode string            // DOKU's error code, or "refused", when DOKU refused the order in its answer

	CreatedAt time.Time
	UpdatedAt time.Time
	ExpiresAt time.Time // when the payment URL stops working
	PaidAt    time.Time // zero until paid; DOKU's transaction date

	// NextCheckAt is when DOKU's status is to be asked next; zero for never. Checks counts the asks.
	NextCheckAt time.Time
	Checks      int

	// CallToken and CallUntil are the lease of whoever is calling generate-order for this attempt now.
	CallToken string
	CallUntil time.Time
}

// A Payment is all that is known about paying one shop order.
type Payment struct {
	OrderID  string
	Status   Status // see paymentStatus
	Amount   money.Amount
	Attempts []Attempt // oldest first

	// HostRefused says that the shop's own handler has refused an event of this order for good. When Status
	// is Paid, the money is there and the shop's books may not say so: see Plugin.Parked.
	HostRefused bool
}

// Paid returns the attempt that paid the order, and whether there is one. When the order was paid
// twice it is the earlier attempt.
func (p Payment) Paid() (Attempt, bool) {
	for _, a := range p.Attempts {
		if a.Status == Paid {
			return a, true
		}
	}
	return Attempt{}, false
}

func newPayment(orderID string, attempts []Attempt) Payment {
	p := Payment{OrderID: orderID, Status: paymentStatus(attempts), Attempts: attempts}
	if n := len(attempts); n > 0 {
		p.Amount = attempts[n-1].Amount
	}
	return p
}

// paymentStatus sums up an order's attempts: one paid attempt makes the order paid whatever the
// others say (also when a second payment was refunded); then what a person must look at; then what is
// over; then what is running; else the latest attempt's status.
func paymentStatus(attempts []Attempt) Status {
	if len(attempts) == 0 {
		return ""
	}
	for _, s := range []Status{Paid, Review, Refunded, Voided, Pending, Created} {
		if slices.ContainsFunc(attempts, func(a Attempt) bool { return a.Status == s }) {
			return s
		}
	}
	return slices.MaxFunc(attempts, func(a, b Attempt) int { return cmp.Compare(a.Number, b.Number) }).Status
}
