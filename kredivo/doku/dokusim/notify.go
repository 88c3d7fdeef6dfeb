package dokusim

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/paylater-go/paylater/money"
)

// A Notice is a notification made by hand. The zero value tells the order's present status rightly.
type Notice struct {
	Status            string        // any text; default: the order's status
	Amount            money.Amount  // default (also for zero): the order's amount
	InvoiceNumber     string        // in the body; default: the order's
	OriginalRequestID string        // in the body; default: the order's
	Body              []byte        // the whole body instead, signed rightly whatever it is
	RequestID         string        // default: a new one. Give an earlier one to play a resend that keeps it
	BadSignature      bool          // sign with another key
	Target            string        // sign this Request-Target instead of the path of the URL
	Age               time.Duration // how old the Request-Timestamp is; negative: in the future
	Header            http.Header   // replaces the simulator's headers after signing; an empty list removes one, several values send several
	Delay             time.Duration // send later instead of now
	Duplicates        int           // further copies with the same Request-Id and bytes
	Once              bool          // no retries
}

// A message is one notification on its way.
type message struct {
	due      time.Time
	sequence uint64
	expiry   *order // not a notification: look whether this order has expired

	followers []*message // held back; fall due when this one has been tried

	invoice, status, requestID string
	url                        string // the order's override
	body                       []byte
	try                        int // tries made
	drop                       int // tries that get lost
	once                       bool
	badSignature               bool
	target                     string
	age                        time.Duration
	header                     http.Header
}

// Send sends a notification made by hand; the order does not change. Without a Delay it has been tried once when Send returns,
// duplicates too, and [Simulator.Deliveries] tells what became of it; a failed try is repeated like any other. With a Delay it is
// queued. The error is for an unknown invoice or a missing notification URL only.
func (s *Simulator) Send(invoice string, n Notice) error {
	s.mu.Lock()
	o, ok := s.byInvoice[invoice]
	if !ok {
		s.mu.Unlock()
		return fmt.Errorf("dokusim: %w", ErrUnknownInvoice)
	}
	if s.notifyURL == nil {
		s.mu.Unlock()
		return fmt.Errorf("dokusim: no notification URL is set")
	}
	s.expireIfDue(o)
	messages := s.messages(o, n)
	s.overtake(messages[0])
	if n.Delay > 0 {
		s.pushAll(messages)
	}
	s.mu.Unlock()
	if n.Delay > 0 {
		return nil
	}
	for _, m := range messages {
		s.deliver(context.Background(), m)
	}
	return nil
}

// messages makes the message and its duplicates. The caller holds mu.
func (s *Simulator) messages(o *order, n Notice) []*message {
	status := cmp.Or(n.Status, o.Status)
	amount := o.Amount
	if !n.Amount.IsZero() {
		amount = n.Amount
	}
	at := o.ChangedAt
	if status != o.Status {
		at = s.now()
	}
	e := o.notification(status, amount.String(), at).decorated(o)
	e.Order.InvoiceNumber = cmp.Or(n.InvoiceNumber, o.Invoice)
	e.Transaction.OriginalRequestID = cmp.Or(n.OriginalRequestID, o.RequestID)
	m := message{
		due: s.now().Add(n.Delay), invoice: o.Invoice, status: status, requestID: n.RequestID, url: o.NotificationURL,
		body: n.Body, once: n.Once, badSignature: n.BadSignature, target: n.Target, age: n.Age, header: n.Header.Clone(),
	}
	if m.requestID == "" {
		m.requestID = s.newID()
	}
	if m.body == nil {
		m.body = encodeIndent(e, "  ")
	}
	list := []*message{&m}
	for range n.Duplicates {
		twin := m
		twin.once = true // the first copy is the one that is retried
		list = append(list, &twin)
	}
	return list
}

// announce queues the notification of an order's present status, with whatever fault is next. The caller holds mu.
func (s *Simulator) announce(o *order) {
	f := s.takeNotifyFault()
	if f.Never {
		return
	}
	list := s.messages(o, Notice{
		Status: f.Status, Amount: f.Amount, BadSignature: f.BadSignature, Duplicates: f.Duplicates, Delay: s.cfg.NotifyAfter + f.Delay,
	})
	list[0].drop = f.Drop
	if f.Reorder {
		s.held = append(s.held, list...)
		return
	}
	s.overtake(list[0])
	s.pushAll(list)
}

// overtake lets m go before everything that was held back. The caller holds mu.
func (s *Simulator) overtake(m *message) { m.followers, s.held = s.held, nil }

func (s *Simulator) pushAll(list []*message) {
	for _, m := range list {
		s.push(m)
	}
}
