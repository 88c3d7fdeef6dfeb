package kredivo

import (
	"context"
	"errors"
	"time"

	"github.com/sony/gobreaker/v2"
)

// reconcilePage is how many attempts one look at the store brings.
const reconcilePage = 100

// A Reconciled says what a round of questions brought.
type Reconciled struct {
	Asked      int // attempts that DOKU was asked about
	News       int // of them those whose status DOKU knew better
	Unanswered int // of them those that DOKU did not answer about; ask again later
}

// Reconcile asks DOKU about every attempt of this plugin that may still change, at once instead of on the
// schedule of Run, and settles the answers. It asks Config.ChecksPerSecond, so many attempts take their
// time, and it may be run again or beside Run without harm. An error says that it stopped before the end:
// ctx ended, the store failed, or DOKU does not answer at all (ErrUnavailable).
func (p *Plugin) Reconcile(ctx context.Context) (Reconciled, error) {
	return p.reconcile(ctx, AttemptQuery{Watched: true})
}

// ReconcileSince does the same for every attempt created at or after t, whatever its status is here. It is
// for the day after the store lost something: a backup was restored, or a replica that lagged took over. All
// that DOKU knows is then known here again. Choose t generously, a few days before the loss: what was
// created before it may have been paid after it.
func (p *Plugin) ReconcileSince(ctx context.Context, t time.Time) (Reconciled, error) {
	return p.reconcile(ctx, AttemptQuery{CreatedSince: t})
}

func (p *Plugin) reconcile(ctx context.Context, q AttemptQuery) (Reconciled, error) {
	var r Reconciled
	q.Limit = reconcilePage
	for {
		page, err := p.store.ListAttempts(ctx, q)
		if err != nil {
			return r, storeFailed(err)
		}
		for _, a := range page {
			q.CreatedSince, q.AfterID = a.CreatedAt, a.ID
			if !p.owns(a) {
				continue
			}
			if err := p.askInTurn(ctx, a, &r); err != nil {
				return r, err
			}
		}
		if len(page) < q.Limit {
			return r, nil
		}
	}
}

// askInTurn asks about one attempt and counts what came of it.
func (p *Plugin) askInTurn(ctx context.Context, a Attempt, r *Reconciled) error {
	if err := p.asking.turn(ctx); err != nil {
		return err
	}
	asked, err := p.askStatus(ctx, a)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, gobreaker.ErrOpenState), errors.Is(err, gobreaker.ErrTooManyRequests):
		return newError(CodeUnavailable, err, "DOKU does not answer; run it again later")
	}
	r.Asked++
	if asked.news {
		r.News++
	}
	if err != nil {
		r.Unanswered++
		p.log.WarnContext(ctx, "status check failed", "invoice_number", a.InvoiceNumber, "error", err)
	}
	return nil
}

// ReconcileOrder asks DOKU about every attempt of one order and returns the payment as it is then. It is
// for a support case, and for a shop that does not want to wait for the schedule. ErrOrderNotFound when no
// payment of the order was started here, ErrUnavailable when DOKU or the store did not answer.
func (p *Plugin) ReconcileOrder(ctx context.Context, orderID string) (Payment, error) {
	payment, _, err := p.askAbout(ctx, orderID)
	return payment, err
}

// askAbout asks about every attempt of an order and returns the payment after that, with DOKU's answers by
// attempt ID.
func (p *Plugin) askAbout(ctx context.Context, orderID string) (Payment, map[string]asked, error) {
	before, err := p.Payment(ctx, orderID)
	if err != nil {
		return Payment{}, nil, err
	}
	answers := make(map[string]asked)
	for _, a := range before.Attempts {
		if !p.owns(a) {
			continue
		}
		if answers[a.ID], err = p.askStatus(ctx, a); err != nil {
			return Payment{}, nil, err
		}
	}
	after, err := p.Payment(ctx, orderID)
	if err != nil {
		return Payment{}, nil, err
	}
	for _, a := range after.Attempts {
		if a.Status != Review && a.Status.CanBecome(answers[a.ID].to) {
			return Payment{}, nil, newError(CodeUnavailable, nil, "what DOKU says is stored, but not settled yet; ask again")
		}
	}
	return after, answers, nil
}

// CanRelease asks DOKU whether an order may still be paid, for shops that hold goods for it: ask before you
// cancel the order and sell them to somebody else. It is true when nobody can pay any more (every attempt was
// refused, ran out at DOKU, or never reached it) or the money went back, also when no payment was ever
// started. It is false when the order is paid, is in review, or a page to pay it may still be open. An error
// means that DOKU or the store did not answer, and nothing is known: keep the goods and ask again.
//
// It cannot speak for payments that start after it: cancel the order in the shop's own books first, so that
// the Order hook refuses it, and take that back when the answer is false.
func (p *Plugin) CanRelease(ctx context.Context, orderID string) (bool, error) {
	payment, answers, err := p.askAbout(ctx, orderID)
	if errors.Is(err, ErrOrderNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	for _, a := range payment.Attempts {
		if p.holdsGoods(a, answers[a.ID]) {
			return false, nil
		}
	}
	return true, nil
}

// signedFor is how long DOKU accepts a request after it was signed: its Request-Timestamp may be an hour
// off.
const signedFor = time.Hour

// holdsGoods reports whether an attempt is paid or may still be. DOKU's clock decides where it said the time.
func (p *Plugin) holdsGoods(a Attempt, told asked) bool {
	now := orNow(told.at, p.now())
	switch {
	case a.Status == Paid, a.Status == Review:
		return true
	case !a.Status.Open() || !p.owns(a):
		return false
	case told.unknown && a.Status == Created:
		last := a.UpdatedAt // of our calls
		if a.CallUntil.After(last) {
			last = a.CallUntil
		}
		return now.Before(last.Add(signedFor)) // the request may still be under way
	default:
		return now.Before(a.ExpiresAt.Add(expiryGrace))
	}
}
