package kredivo

import (
	"context"
	"errors"
	"slices"
	"time"
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
	// closeAfter is how long after its expiry an attempt that nobody reported is closed.
	closeAfter = 48 * time.Hour
)

// firstChecks and lastChecks frame the steady ones: from the attempt's creation, and from its expiry.
// The last ones come after DOKU's own last retry; then an attempt that nobody reported is closed.
var (
	firstChecks = [...]time.Duration{firstCheck, 5 * time.Minute, 10 * time.Minute, 20 * time.Minute, 30 * time.Minute}
	lastChecks  = [...]time.Duration{expiryGrace, 6 * time.Hour, 18*time.Hour + 30*time.Minute, closeAfter}
)

// nextCheck is the first scheduled check of a after now; zero when the schedule is over.
func nextCheck(a Attempt, now time.Time) time.Time {
	if now.Before(a.ExpiresAt) {
		for _, d := range firstChecks {
			if at := a.CreatedAt.Add(d); at.After(now) && at.Before(now.Add(steadyCheck)) {
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

// scheduled is nextCheck by DOKU's clock when it has just told the time and ours is far off: by ours the time to
// pay may seem over, and the next check be a day away.
func scheduled(a Attempt, told, now time.Time) time.Time {
	off := now.Sub(told)
	if told.IsZero() || off.Abs() < time.Minute {
		return nextCheck(a, now)
	}
	next := nextCheck(a, told)
	if next.IsZero() {
		return next
	}
	return next.Add(off)
}

// checkPass asks DOKU about the attempts that are due. While DOKU is known not to answer it claims none, so
// that they stay due.
func (p *Plugin) checkPass(ctx context.Context) (more bool, err error) {
	limit := p.asking.room(checkBatch)
	if limit == 0 {
		return false, nil
	}
	sctx, cancel := detached(ctx)
	defer cancel()
	due, err := p.store.ClaimChecks(sctx, Claim{Token: newID(), Now: p.now(), Lease: checkLease, Limit: limit})
	if err != nil {
		return false, err
	}
	for _, a := range due {
		if !p.owns(a) {
			continue // another plugin on the same store has the credentials to ask
		}
		if err := p.asking.turn(ctx); err != nil {
			return false, nil // we are stopping; the lease brings the rest back
		}
		if err := p.checkAttempt(ctx, a); err != nil {
			p.log.WarnContext(ctx, "status check failed", "invoice_number", a.InvoiceNumber, "checks", a.Checks, "error", err)
		}
	}
	return len(due) == limit, nil
}

// checkAttempt asks DOKU about one attempt, files the answer and sets the next check.
func (p *Plugin) checkAttempt(ctx context.Context, a Attempt) error {
	asked, askErr := p.askStatus(ctx, a)
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
		x.NextCheckAt = scheduled(x, asked.at, now)
		switch {
		case !x.NextCheckAt.IsZero():
		case askErr != nil, orNow(asked.at, now).Before(x.ExpiresAt.Add(closeAfter)):
			// Only an answer ends the asking, and only DOKU's clock says that it is time: ours may be days ahead.
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
