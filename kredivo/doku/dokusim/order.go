package dokusim

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/paylater-go/paylater/money"
)

// The statuses of an order, in DOKU's words.
const (
	Pending  = "PENDING"
	Success  = "SUCCESS"
	Failed   = "FAILED"
	Expired  = "EXPIRED"
	Refunded = "REFUNDED"
)

// Errors of the methods that move an order.
var (
	// ErrUnknownInvoice means that no order has this invoice number.
	ErrUnknownInvoice = errors.New("unknown invoice")
	// ErrWrongStatus means that the order's status does not allow it, such as paying what is paid.
	ErrWrongStatus = errors.New("not possible in this status")
)

// An Order is what a merchant has had generated, and what became of it.
type Order struct {
	Invoice           string       `json:"invoice"`
	Reference         string       `json:"reference"`   // merchant_unique_reference
	RequestID         string       `json:"request_id"`  // of the call that made the order
	RequestIDs        []string     `json:"request_ids"` // of all calls that named the invoice, also of replays and refused ones
	Calls             int          `json:"calls"`       // how many those were
	Amount            money.Amount `json:"amount"`
	Lines             []Line       `json:"lines"`
	Status            string       `json:"status"`
	PaymentURL        string       `json:"payment_url"` // "" if DOKU answered FAILED
	CallbackURL       string       `json:"callback_url"`
	CallbackURLCancel string       `json:"callback_url_cancel"`
	NotificationURL   string       `json:"notification_url"` // the order's override; "" for the configured one
	CreatedAt         time.Time    `json:"created_at"`
	ExpiresAt         time.Time    `json:"expires_at"`
	ChangedAt         time.Time    `json:"changed_at"` // when it took its present status
	Left              int          `json:"left"`       // how often the shopper left the page
	Tenor             string       `json:"tenor"`      // chosen on the page, such as "3_months"; "" if paid by [Simulator.Pay]
	Body              []byte       `json:"-"`          // of the call that made it, byte for byte
}

// A Line is one line item of an order.
type Line struct {
	ID       string       `json:"id"`
	Name     string       `json:"name"`
	Type     string       `json:"type"`
	URL      string       `json:"url"`
	Price    money.Amount `json:"price"`
	Quantity int          `json:"quantity"`
}

// order is an Order with what only the simulator knows.
type order struct {
	Order
	token      string        // of the payment URL
	lifetime   time.Duration // from peer_to_peer_info.expired_time
	identifier []pair        // Kredivo's references
	before     string        // the status before the present one
}

type pair struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Orders returns all orders, oldest first.
func (s *Simulator) Orders() []Order {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]Order, len(s.orders))
	for i, o := range s.orders {
		list[i] = s.snapshot(o)
	}
	return list
}

// Order returns the order with this invoice number, and whether there is one.
func (s *Simulator) Order(invoice string) (Order, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.byInvoice[invoice]
	if !ok {
		return Order{}, false
	}
	return s.snapshot(o), true
}

func (s *Simulator) snapshot(o *order) Order {
	s.expireIfDue(o)
	c := o.Order
	c.RequestIDs, c.Lines, c.Body = slices.Clone(c.RequestIDs), slices.Clone(c.Lines), slices.Clone(c.Body)
	return c
}

// Pay pays a PENDING order, as the shopper does on Kredivo's page. The notification follows after [Config].NotifyAfter.
func (s *Simulator) Pay(invoice string) error { return s.move(invoice, "", Success, Pending) }

// PayLate pays an order that is FAILED or EXPIRED: SUCCESS after FAILED, or after EXPIRED.
func (s *Simulator) PayLate(invoice string) error {
	return s.move(invoice, "", Success, Failed, Expired)
}

// Refuse lets Kredivo decline the credit of a PENDING order.
func (s *Simulator) Refuse(invoice string) error { return s.move(invoice, "", Failed, Pending) }

// Expire ends an unpaid order before its time.
func (s *Simulator) Expire(invoice string) error {
	return s.move(invoice, "", Expired, Pending, Failed)
}

// Refund gives a paid order back, as DOKU's staff does on a ticket, and sends REFUNDED.
func (s *Simulator) Refund(invoice string) error { return s.move(invoice, "", Refunded, Success) }

// Leave lets the shopper leave Kredivo's page. Nothing else happens: the order stays payable.
func (s *Simulator) Leave(invoice string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.byInvoice[invoice]
	if !ok {
		return fmt.Errorf("dokusim: %w", ErrUnknownInvoice)
	}
	o.Left++
	return nil
}

// move takes an order to a status if it has one of those in from, and queues the notification.
func (s *Simulator) move(invoice, tenor, to string, from ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.byInvoice[invoice]
	if !ok {
		return fmt.Errorf("dokusim: %w", ErrUnknownInvoice)
	}
	s.expireIfDue(o)
	if !slices.Contains(from, o.Status) {
		return fmt.Errorf("dokusim: order is %s, cannot become %s: %w", o.Status, to, ErrWrongStatus)
	}
	if tenor != "" {
		o.Tenor = tenor
	}
	s.change(o, to, s.now())
	return nil
}

// change sets the status and queues the notification that tells of it.
func (s *Simulator) change(o *order, to string, at time.Time) {
	o.before, o.Status, o.ChangedAt = o.Status, to, at
	s.log.Info("order changed", "invoice", o.Invoice, "from", o.before, "to", to)
	if to == Expired && !s.cfg.NotifyExpired {
		return
	}
	s.announce(o)
}

// expireIfDue makes a PENDING order EXPIRED once its time is over.
func (s *Simulator) expireIfDue(o *order) {
	if o.Status == Pending && !s.now().Before(o.ExpiresAt) {
		s.change(o, Expired, o.ExpiresAt)
	}
}
