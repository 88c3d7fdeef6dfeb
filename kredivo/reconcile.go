package kredivo

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paylater-go/paylater/kredivo/doku"
)

// DOKU gives up a notification after three retries, and may send none. So every attempt is asked about
// on a schedule; the answer goes the same way as a notification.

const (
	// firstCheck is when a new attempt is first asked about.
	firstCheck = 3 * time.Minute
	// checkDelay is how long DOKU wants to be left alone after a payment before its status is asked.
	checkDelay = 60 * time.Second
	// steadyCheck is the pause between checks after the first half hour.
	steadyCheck = 30 * time.Minute
)

// firstChecks and lastChecks frame the steady ones: from the attempt's creation, and from its expiry.
// The last ones come after DOKU's own last retry; then an attempt that nobody reported is closed.
var (
	firstChecks = [...]time.Duration{firstCheck, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 30 * time.Minute}
	lastChecks  = [...]time.Duration{expiryGrace, 6 * time.Hour, 18*time.Hour + 30*time.Minute, 48 * time.Hour}
)

// nextCheck is the first scheduled check of a after now; zero when the schedule is over.
func nextCheck(a Attempt, now time.Time) time.Time {
	if now.Before(a.ExpiresAt) {
		for _, d := range firstChecks {
			if at := a.CreatedAt.Add(d); at.After(now) {
				return at
			}
		}
		if at := now.Add(steadyCheck); at.Before(a.ExpiresAt) {
			return at
		}
	}
	for _, d := range lastChecks {
		if at := a.ExpiresAt.Add(d); at.After(now) {
			return at
		}
	}
	return time.Time{}
}

// checkPass asks DOKU about the attempts that are due.
func (p *Plugin) checkPass(ctx context.Context) (more bool, err error) {
	sctx, cancel := detached(ctx)
	defer cancel()
	due, err := p.store.ClaimChecks(sctx, Claim{Token: newID(), Now: p.now(), Lease: checkLease, Limit: checkBatch})
	if err != nil {
		return false, err
	}
	for _, a := range due {
		if ctx.Err() != nil {
			return false, nil // the lease brings the rest back
		}
		if err := p.checkAttempt(ctx, a); err != nil {
			p.log.WarnContext(ctx, "status check failed", "invoice_number", a.InvoiceNumber, "checks", a.Checks, "error", err)
		}
	}
	return len(due) == checkBatch, nil
}

// checkAttempt asks DOKU about one attempt, files the answer and sets the next check.
func (p *Plugin) checkAttempt(ctx context.Context, a Attempt) error {
	if !p.owns(a) {
		return nil // another plugin on the same store has the credentials to ask
	}
	_, askErr := p.askStatus(ctx, a)
	sctx, cancel := detached(ctx)
	defer cancel()
	now := p.now()
	err := p.store.Change(sctx, Scope{OrderID: a.OrderID, Now: now}, func(attempts []Attempt) (Decision, error) {
		i := slices.IndexFunc(attempts, func(x Attempt) bool { return x.ID == a.ID })
		if i < 0 || attempts[i].NextCheckAt.IsZero() {
			return Decision{}, nil // the answer was final
		}
		x := attempts[i]
		x.Checks++
		var events []Event
		x.NextCheckAt = nextCheck(x, now)
		switch {
		case !x.NextCheckAt.IsZero():
		case askErr != nil: // only an answer ends the asking
			x.NextCheckAt = now.Add(steadyCheck)
		case x.Status.Open():
			x, events = advance(x, attempts, Expired, time.Time{}, now)
		}
		return Decision{Update: []Attempt{x}, Emit: events}, nil
	})
	if err == nil {
		wake(p.deliver)
	}
	return errors.Join(askErr, err)
}

// askStatus asks DOKU for the status of one attempt and, if that is news, stores the answer and
// settles it, or leaves it to whoever is settling the same answer already. Only an answer about our invoice counts; an unknown invoice, an error page or silence
// tell nothing and are never read as failure.
func (p *Plugin) askStatus(ctx context.Context, a Attempt) (news bool, err error) {
	answer, err := p.client.CheckStatus(ctx, a.InvoiceNumber)
	if errors.Is(err, doku.ErrUnknownOrder) {
		return false, nil
	}
	if err != nil {
		return false, newError(CodeUnavailable, err, "DOKU did not say how this payment stands")
	}
	if answer.InvoiceNumber != a.InvoiceNumber {
		return false, newError(CodeUnavailable, nil, "DOKU answered about another invoice")
	}
	if to, known := statusOf(answer.Status); !known || !a.Status.CanBecome(to) {
		return false, nil
	}
	sctx, cancel := detached(ctx)
	defer cancel()
	_, err = p.store.Receive(sctx, Message{
		Source:     FromStatus,
		Dedupe:     hashOf(strings.Join([]string{"status", p.cfg.DOKU.ClientID, a.ID, string(a.Status), strconv.Itoa(a.Checks), string(answer.Raw)}, "\n")),
		ClientID:   p.cfg.DOKU.ClientID,
		Header:     http.Header{},
		Body:       answer.Raw,
		ReceivedAt: p.now(),
	})
	if err != nil {
		return false, storeFailed(err)
	}
	if _, err := p.settlePass(ctx); err != nil {
		wake(p.settle)
	}
	return true, nil
}

// askSoon brings an attempt's next check forward: the shopper is back, so there may be news. Not
// before DOKU wants to be asked, and at most once a minute.
func (p *Plugin) askSoon(ctx context.Context, a Attempt) error {
	now := p.now()
	at := now.Add(checkDelay)
	if a.Status.Rank() >= Review.Rank() || (!a.NextCheckAt.IsZero() && !a.NextCheckAt.After(at)) {
		return nil
	}
	return p.store.Change(ctx, Scope{OrderID: a.OrderID, Now: now}, func(attempts []Attempt) (Decision, error) {
		i := slices.IndexFunc(attempts, func(x Attempt) bool { return x.ID == a.ID })
		if i < 0 || attempts[i].Status.Rank() >= Review.Rank() {
			return Decision{}, nil
		}
		x := attempts[i]
		if x.NextCheckAt.IsZero() || x.NextCheckAt.After(at) {
			x.NextCheckAt = at
		}
		return Decision{Update: []Attempt{x}}, nil
	})
}
