package kredivo

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/paylater-go/paylater/kredivo/doku"
)

// call sends a's order to DOKU and records the answer. It finishes what it began when the shopper's
// connection ends: the answer is worth more than the request that asked for it.
func (p *Plugin) call(ctx context.Context, a Attempt) (Checkout, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*p.cfg.DOKU.Timeout+storeTimeout)
	defer cancel()
	stop := keepAlive(ctx, callLease/3, func(ctx context.Context) error { return p.keepCall(ctx, a) })
	defer stop()
	answer, callErr := p.client.GenerateOrder(ctx, a.RequestID, a.Body)
	refused := p.refusedForGood(ctx, a, callErr)
	stop()

	recorded, err := p.recordAnswer(ctx, a, answer, callErr, refused)
	switch {
	case err != nil:
		return Checkout{}, storeFailed(err)
	case callErr == nil && recorded.Status != Pending:
		return Checkout{}, newError(CodeUnavailable, nil, "this attempt has ended meanwhile; the next try looks at the order anew")
	case callErr == nil:
		p.log.InfoContext(ctx, "payment started", "order_id", a.OrderID, "invoice_number", a.InvoiceNumber,
			"request_id", a.RequestID, "attempt", a.Number, "replayed", answer.Replayed)
		return p.checkoutOf(recorded, false), nil
	case recorded.Status == Pending:
		// Ours was a late call: whoever took over while we were stalled has the answer.
		return p.checkoutOf(recorded, true), nil
	default:
		return Checkout{}, p.callFailed(ctx, a, callErr, refused)
	}
}

// keepCall tells other instances that the call for a is still running.
func (p *Plugin) keepCall(ctx context.Context, a Attempt) error {
	now := p.now()
	return p.store.Change(ctx, Scope{OrderID: a.OrderID, Now: now}, func(attempts []Attempt) (Decision, error) {
		i := slices.IndexFunc(attempts, func(x Attempt) bool { return x.ID == a.ID })
		if i < 0 || attempts[i].CallToken != a.CallToken {
			return Decision{}, ErrClaimLost
		}
		x := attempts[i]
		x.CallUntil = now.Add(callLease)
		return Decision{Update: []Attempt{x}}, nil
	})
}

// refusedForGood reports whether nothing that a shopper could pay exists under the attempt, so that the
// next click may make a new one. DOKU saying FAILED is that, and so is a Request-Id that turns out to
// be another order's. A 4xx alone is not: an earlier try of the same request, whose answer was lost, may
// have made the order. Then DOKU's status is asked, and any doubt keeps the attempt.
func (p *Plugin) refusedForGood(ctx context.Context, a Attempt, callErr error) bool {
	switch {
	case errors.Is(callErr, doku.ErrFailed), errors.Is(callErr, doku.ErrForeignReplay):
		return true
	case errors.Is(callErr, doku.ErrRejected):
		_, err := p.client.CheckStatus(ctx, a.InvoiceNumber)
		return errors.Is(err, doku.ErrUnknownOrder)
	case errors.Is(callErr, doku.ErrConflict):
		// DOKU repeats an error as its first answer, and will repeat it for ever: the payment URL, if there
		// is one, has never been told to anybody. Only money that arrived all the same would count.
		answer, err := p.client.CheckStatus(ctx, a.InvoiceNumber)
		if err != nil {
			return errors.Is(err, doku.ErrUnknownOrder)
		}
		to, known := statusOf(answer.Status)
		return !known || to == Failed || to == Expired
	default:
		return false
	}
}

// recordAnswer writes what DOKU answered into the attempt. An answer that settles nothing (a timeout,
// a 5xx, a refusal of our credentials) only frees the attempt for the next try, and a refusal counts only
// while the attempt is still this call's own.
func (p *Plugin) recordAnswer(ctx context.Context, a Attempt, answer *doku.GenerateOrderResponse, callErr error, refused bool) (Attempt, error) {
	now := p.now()
	var recorded Attempt
	decide := func(attempts []Attempt) (Decision, error) {
		var d Decision
		i := slices.IndexFunc(attempts, func(x Attempt) bool { return x.ID == a.ID })
		if i < 0 {
			return d, ErrNotFound
		}
		recorded = attempts[i]
		own := recorded.CallToken == a.CallToken
		if own {
			recorded.CallToken, recorded.CallUntil = "", time.Time{}
		}
		switch {
		case callErr == nil && recorded.PaymentURL == "":
			recorded.PaymentURL = answer.PaymentURL
			recorded.Identifiers = answer.Identifiers
			recorded.ExpiresAt = p.expiry(answer, recorded, now)
			recorded, d.Emit = advance(recorded, attempts, Pending, time.Time{}, now)
		case refused && own && recorded.Status == Created:
			recorded.FailureCode = errorCode(callErr)
			recorded, d.Emit = advance(recorded, attempts, Failed, time.Time{}, now)
		}
		recorded.UpdatedAt = now
		d.Update = []Attempt{recorded}
		return d, nil
	}
	if err := p.store.Change(ctx, Scope{OrderID: a.OrderID, Now: now}, decide); err != nil {
		return Attempt{}, err
	}
	wake(p.deliver)
	return recorded, nil
}

// expiry is when the payment URL stops working: DOKU's word, unless its contradictory date fields were
// misread (gone by already, or far beyond what was asked for). Then it is our own reckoning from the call
// that made the order, which for a replayed answer was an earlier one. DOKU's clock decides what is gone by
// when its answer has the time: ours may be wrong.
func (p *Plugin) expiry(answer *doku.GenerateOrderResponse, a Attempt, now time.Time) time.Time {
	began := a.CreatedAt
	if !answer.AnsweredAt.IsZero() {
		if now = answer.AnsweredAt; !answer.Replayed {
			began = now
		}
	}
	at, latest := answer.ExpiresAt, now.Add(p.cfg.Expiry)
	switch {
	case at.After(began) && at.Before(latest.Add(time.Hour)):
		return at
	case answer.Replayed:
		return a.ExpiresAt
	default:
		return latest
	}
}

// errorCode is what an attempt keeps of a refusal; never empty.
func errorCode(err error) string {
	if e, ok := errors.AsType[*doku.Error](err); ok && e.Code != "" {
		return e.Code
	}
	return "refused"
}

// callFailed turns the client's error into ours: what the shopper can do about it decides.
func (p *Plugin) callFailed(ctx context.Context, a Attempt, err error, refused bool) error {
	e := newError(CodeUnavailable, err, "DOKU did not answer usefully; the next try resumes the same attempt")
	level := slog.LevelWarn
	switch {
	case refused:
		e = newError(CodePaymentRefused, err, "DOKU refused this payment; the next try makes a new attempt")
	case errors.Is(err, doku.ErrUnauthorized), errors.Is(err, doku.ErrClock):
		e = newError(CodeMisconfigured, err, "DOKU refuses Config.DOKU's ClientID or SecretKey for this environment, or the machine's clock; see the log")
		level = slog.LevelError
	}
	e.logged = true
	p.log.Log(ctx, level, "payment not started", "order_id", a.OrderID, "invoice_number", a.InvoiceNumber,
		"request_id", a.RequestID, "attempt", a.Number, "error", e)
	return e
}
