package kredivo

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/validation"
)

// A Checkout is where to send the shopper.
type Checkout struct {
	PaymentURL string    // Kredivo's page: redirect the browser to it unchanged
	StatusURL  string    // JSON status of this attempt, for pages that poll; empty after its secret was rotated away
	ExpiresAt  time.Time // when PaymentURL stops working; UTC
	Attempt    Attempt
	Resumed    bool // the payment had been started before
}

const (
	// callTimeout is how long a shopper waits for DOKU at most, tries included.
	callTimeout = 30 * time.Second
	// callLease is how long a generate-order call owns its attempt without a sign of life; one is given
	// every third of it, so that a crash holds up the shopper's next click no longer than this.
	callLease = 12 * time.Second
	// longestLease is what no lease of a call lasts: one that ends later was given by a clock that is ahead of
	// ours, perhaps by hours, and is not waited for. Two calls at once do no harm, they send the same bytes.
	longestLease = 5 * callLease
	// joinEvery is how often a second click looks whether the first one has its answer.
	joinEvery = 150 * time.Millisecond
	// joinTries bounds that to a little more than one call to DOKU takes.
	joinTries = int(callTimeout/joinEvery) + 50
	// settleTries is how often it looks whether DOKU's answer about an expired attempt has been settled.
	settleTries = 20
	// expiryGrace is how long after its expiry an attempt may still turn out to be paid without anyone
	// being late: a shopper who pressed pay in the last second.
	expiryGrace = 15 * time.Minute
)

// Checkout starts paying an order, or resumes what was started, and returns where to send the
// shopper. It is what POST /checkout calls, for hosts without our routes; the caller has made sure
// that the order is the shopper's own.
//
// The attempt is on disk before DOKU is called. When DOKU does not answer, the error is
// ErrUnavailable and the same attempt, with the same Request-Id and bytes, is tried again by the next
// call for this order, on any instance; clicks at the same time share one attempt. A new attempt is
// made only after FAILED or EXPIRED. Other errors: ErrInvalidOrder with every field that is wrong,
// ErrAlreadyPaid, ErrOrderChanged, ErrInReview, ErrNotPayable, ErrPaymentRefused.
func (p *Plugin) Checkout(ctx context.Context, o Order) (Checkout, error) {
	o = o.normalise()
	if err := o.check(); err != nil {
		return Checkout{}, err
	}
	if n, err := validation.ParsePhone("+" + o.Customer.Phone); err == nil && n.Landline {
		p.log.WarnContext(ctx, "the customer's phone is a fixed line; Kredivo knows people by their mobile phone", "order_id", o.ID)
	}
	asked, settling := false, 0
	for range joinTries {
		a, step, err := p.nextStep(ctx, o)
		if err != nil {
			return Checkout{}, err
		}
		switch {
		case step == stepCall:
			return p.call(ctx, a)
		case step == stepResume && !p.now().After(a.ExpiresAt):
			return p.checkoutOf(a, true), nil
		case step == stepResume && !asked:
			// Our clock says that the URL is dead. Only DOKU's word closes the attempt; with it closed the
			// next round makes a new one.
			asked = true
			told, err := p.askStatus(ctx, a)
			if err != nil {
				return Checkout{}, err
			}
			if !told.news {
				return p.checkoutOf(a, true), nil
			}
		case step == stepResume && settling >= settleTries:
			return Checkout{}, newError(CodeUnavailable, nil, "DOKU says that this attempt is over, but its answer cannot be settled")
		default:
			// Somebody else is calling DOKU for this attempt, or is settling what DOKU said.
			settling++
			if err := p.pause(ctx, joinEvery); err != nil {
				return Checkout{}, newError(CodeUnavailable, err, "another request is starting this payment")
			}
		}
	}
	return Checkout{}, newError(CodeUnavailable, nil, "another request is starting this payment")
}

// A step is what Checkout does next.
type step int

const (
	stepCall   step = iota + 1 // we own the attempt: call DOKU
	stepResume                 // DOKU gave a payment URL already
	stepWait                   // somebody else is calling DOKU for this attempt
)

// nextStep looks at the order's attempts under the store's lock and claims what is to be done.
func (p *Plugin) nextStep(ctx context.Context, o Order) (Attempt, step, error) {
	now := p.now()
	fresh, err := p.newAttempt(o, now)
	if err != nil {
		return Attempt{}, 0, err
	}
	var a, closed Attempt
	var next step
	decide := func(attempts []Attempt) (Decision, error) {
		if err := p.payable(attempts, o); err != nil {
			return Decision{}, err
		}
		i := slices.IndexFunc(attempts, func(a Attempt) bool { return a.Status.Open() })
		if i < 0 || !p.owns(attempts[i]) {
			var d Decision
			if i >= 0 {
				// Begun under other credentials or in the other environment: nobody here can ask about it, and
				// its page, or its request, must not reach this environment's shopper.
				foreign, _ := advance(attempts[i], attempts, Expired, time.Time{}, now)
				foreign.NextCheckAt = time.Time{}
				d.Update, closed = []Attempt{foreign}, foreign
			}
			var err error
			if a, err = p.numbered(fresh, o, len(attempts)+1); err != nil {
				return Decision{}, err
			}
			d.Create, next = &a, stepCall
			return d, nil
		}
		a = attempts[i]
		switch {
		case a.Status == Pending:
			next = stepResume
			return Decision{}, nil
		case a.CallUntil.After(now) && a.CallUntil.Before(now.Add(longestLease)):
			next = stepWait
			return Decision{}, nil
		default:
			a.CallToken, a.CallUntil = fresh.CallToken, fresh.CallUntil
			next = stepCall
			return Decision{Update: []Attempt{a}}, nil
		}
	}
	err = p.store.Change(ctx, Scope{OrderID: o.ID, Now: now}, decide)
	switch {
	case errors.Is(err, ErrConflict):
		return Attempt{}, stepWait, nil // another click was first; look again
	case err == nil:
		if closed.ID != "" {
			p.log.WarnContext(ctx, "an open attempt of other credentials or of the other environment was given up: if its page is still paid, only DOKU's Back Office will tell",
				"order_id", o.ID, "invoice_number", closed.InvoiceNumber, "environment", closed.Environment)
		}
		return a, next, nil
	}
	if refusal, ok := errors.AsType[*Error](err); ok {
		return Attempt{}, 0, refusal
	}
	return Attempt{}, 0, storeFailed(err)
}

// payable refuses orders that are paid, over, or waiting for a person, and orders whose amount is not
// what an earlier attempt asked for: that attempt's page may be paid late, and its amount must still be
// the order's.
func (p *Plugin) payable(attempts []Attempt, o Order) error {
	switch paymentStatus(p.sameEnvironment(attempts)) {
	case Paid:
		return newError(CodeAlreadyPaid, nil, "this order is paid")
	case Review:
		return newError(CodeInReview, nil, "a payment of this order came with another amount and must be looked at by a person")
	case Refunded, Voided:
		return newError(CodeNotPayable, nil, "this order was paid and paid back; start a new order")
	default:
	}
	for _, a := range p.sameEnvironment(attempts) {
		refused := a.Status == Failed && a.FailureCode != "" && a.PaymentURL == "" // by DOKU's answer: there is no page
		if mayBePaid := !refused; mayBePaid && !a.Amount.Equal(o.Amount) {
			return newError(CodeOrderChanged, nil,
				"a payment of another amount was started for this order; give the changed order a new ID")
		}
	}
	return nil
}

// owns reports whether a was begun with the credentials and in the environment of this plugin.
func (p *Plugin) owns(a Attempt) bool {
	return a.ClientID == p.cfg.DOKU.ClientID && a.Environment == p.client.Environment()
}

// sameEnvironment leaves out what happened in the other environment: play money pays no real order.
func (p *Plugin) sameEnvironment(attempts []Attempt) []Attempt {
	return inEnvironment(p.client.Environment(), attempts)
}

func inEnvironment(e doku.Environment, attempts []Attempt) []Attempt {
	return slices.DeleteFunc(slices.Clone(attempts), func(a Attempt) bool { return a.Environment != e })
}

// newAttempt is an attempt of o without a number yet.
func (p *Plugin) newAttempt(o Order, now time.Time) (Attempt, error) {
	a := Attempt{
		ID:          newID(),
		OrderID:     o.ID,
		RequestID:   newID(),
		ClientID:    p.cfg.DOKU.ClientID,
		Environment: p.client.Environment(),
		Amount:      o.Amount,
		Status:      Created,
		Buyer:       hashOf(o.Buyer),
		CreatedAt:   now,
		UpdatedAt:   now,
		ExpiresAt:   now.Add(p.cfg.Expiry),
		NextCheckAt: now.Add(firstCheck),
		CallToken:   newID(),
		CallUntil:   now.Add(callLease),
	}
	a.Token = hashOf(token(p.cfg.DOKU.SecretKey, a.ID))
	return a, nil
}

// numbered completes a fresh attempt with its number, its references and the body that will be sent.
func (p *Plugin) numbered(a Attempt, o Order, number int) (Attempt, error) {
	a.Number = number
	a.InvoiceNumber = invoiceNumber(o.ID, number, a.ID)
	a.MerchantUniqueReference = a.InvoiceNumber
	t := token(p.cfg.DOKU.SecretKey, a.ID)
	req, err := o.request(a, callbacks{
		back:   p.cfg.PublicURL + "/return/" + t,
		cancel: p.cfg.PublicURL + "/cancel/" + t,
		notify: p.cfg.NotificationURL,
		shop:   p.cfg.ShopURL,
	}, int(p.cfg.Expiry/time.Minute))
	if err != nil {
		return Attempt{}, err
	}
	a.Body, err = req.Encode()
	if err != nil {
		return Attempt{}, invalidRequest(err)
	}
	return a, nil
}

// invoiceNumber makes an attempt's invoice number from the shop's order id: readable, within DOKU's 64
// characters, of characters that need no escaping in the status path, and unique through a piece of
// the attempt's random id, so that a shop whose test database was emptied does not reuse a number.
// Nothing ever parses it; the store knows whose it is.
func invoiceNumber(orderID string, number int, attemptID string) string {
	const maxOrderPart = 40
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z', r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
			return r
		default:
			return '-'
		}
	}, orderID)
	if len(clean) > maxOrderPart {
		clean = clean[:maxOrderPart]
	}
	sum := sha256.Sum256([]byte(attemptID))
	return fmt.Sprintf("%s-%d-%s", clean, number, hex.EncodeToString(sum[:5]))
}

func (p *Plugin) checkoutOf(a Attempt, resumed bool) Checkout {
	c := Checkout{PaymentURL: a.PaymentURL, ExpiresAt: a.ExpiresAt, Attempt: a, Resumed: resumed}
	if t := p.tokenOf(a); t != "" {
		c.StatusURL = p.cfg.PublicURL + "/status/" + t
	}
	return c
}

// pause waits for d in real time or until ctx ends.
func (p *Plugin) pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
