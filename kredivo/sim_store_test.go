package kredivo_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/paylater-go/paylater/kredivo"
)

var (
	errDead   = errors.New("this process has ended")
	errOutage = errors.New("the database is away")
	errLost   = errors.New("the connection broke before the database answered")
)

// A faultyStore is how one instance sees the store that all share. Every call is a yield point, may
// fail, may be done although it fails, and may be the last thing its process does. It also watches what is
// committed, and takes away one layer of the plugin's defence in a world that has it off.
type faultyStore struct {
	kredivo.TxStore
	in *instance
}

// call runs fn, which is one call of the store, to its fate.
func (s *faultyStore) call(ctx context.Context, name, what string, fn func() error) error {
	w := s.in.w
	f := w.yield(ctx, s.in, name, what)
	switch {
	case s.in.dead.Load() || f == killBefore:
		s.in.kill()
		return errDead
	case f == hang && ends(ctx):
		<-ctx.Done()
		return ctx.Err()
	case f == hang, f == failBefore:
		return errOutage
	case ctx.Err() != nil:
		return ctx.Err() // the store was too slow
	}
	err := fn()
	switch {
	case s.in.dead.Load(): // within fn
		return errDead
	case f == killAfter:
		s.in.kill()
		return errDead
	case f == failAfter && err == nil:
		return errLost
	case errors.Is(err, kredivo.ErrClaimLost):
		w.reach("a claim was lost")
		w.note("%s: %s finds its claim lost", s.in.name, name)
	}
	return err
}

func ends(ctx context.Context) bool {
	_, ok := ctx.Deadline()
	return ok
}

func (s *faultyStore) Receive(ctx context.Context, m kredivo.Message) (added bool, err error) {
	w := s.in.w
	if w.off == dedupe && m.Source == kredivo.FromNotification {
		w.nonce++
		m.Dedupe = kredivo.Hash(slices.Repeat([]byte(fmt.Sprintf("%08d", w.nonce)), 4))
	}
	err = s.call(ctx, "Receive", string(m.Source), func() error {
		added, err = s.TxStore.Receive(ctx, m)
		if err == nil && !added {
			w.reach("a copy was acknowledged")
		}
		return err
	})
	return added, err
}

func (s *faultyStore) Change(ctx context.Context, scope kredivo.Scope, decide func([]kredivo.Attempt) (kredivo.Decision, error)) error {
	w, what := s.in.w, scope.OrderID
	if scope.Message != nil {
		what = "message " + strconv.FormatInt(scope.Message.ID, 10)
	}
	change := func() error {
		if scope.Message != nil && scope.InvoiceNumber != "" && w.chance(w.mix.lagging) {
			w.reach("an invoice was not visible yet")
			scope.InvoiceNumber = "not-replicated-yet"
		}
		var before []kredivo.Attempt
		var decision kredivo.Decision
		watched := func(attempts []kredivo.Attempt) (d kredivo.Decision, err error) {
			before = slices.Clone(attempts)
			d, err = decide(w.unguarded(scope, attempts))
			decision = w.snapped(scope, d)
			return decision, err
		}
		err := s.TxStore.Change(ctx, scope, watched)
		if errors.Is(err, kredivo.ErrClaimLost) && w.off == fence {
			w.reach("a lost claim was not noticed")
			scope.Message = nil
			err = s.TxStore.Change(ctx, scope, watched)
		}
		if err == nil {
			w.checkChange(scope, before, decision)
		}
		return err
	}
	if _, calls := s.in.calling.Load(activityOf(ctx)); calls {
		return s.beat(change) // of a call to DOKU
	}
	return s.call(ctx, "Change", what, change)
}

// snapped takes the plugin's own dice out of a decision: the spread of its retries.
func (w *world) snapped(scope kredivo.Scope, d kredivo.Decision) kredivo.Decision {
	d.Message = snap(d.Message, scope.Now)
	if w.off == guard && scope.Message != nil {
		d.Emit = slices.Clone(d.Emit)
		for i := range d.Emit {
			d.Emit[i].ID += fmt.Sprintf(" of message %d", scope.Message.ID)
		}
	}
	return d
}

// unguarded makes every message look like the first one about its attempt, in a world without the guard
// that lets an attempt's status only rise.
func (w *world) unguarded(scope kredivo.Scope, attempts []kredivo.Attempt) []kredivo.Attempt {
	if w.off != guard || scope.Message == nil {
		return attempts
	}
	attempts = slices.Clone(attempts)
	for i := range attempts {
		attempts[i].Status = kredivo.Pending
	}
	return attempts
}

// snap moves a time to try again to the middle of its spread: the product spreads it by a fifth.
func snap(o kredivo.Outcome, now time.Time) kredivo.Outcome {
	if o.State != kredivo.WorkRetry {
		return o
	}
	pause := o.RunAt.Sub(now)
	for _, rung := range []time.Duration{
		5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour,
		3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
	} {
		if pause >= rung-rung/5 && pause <= rung+rung/5 {
			o.RunAt = now.Add(rung)
		}
	}
	return o
}

func (s *faultyStore) Attempts(ctx context.Context, orderID string) (all []kredivo.Attempt, err error) {
	err = s.call(ctx, "Attempts", orderID, func() error {
		all, err = s.TxStore.Attempts(ctx, orderID)
		return err
	})
	return all, err
}

func (s *faultyStore) ClaimMessages(ctx context.Context, c kredivo.Claim) (all []kredivo.Message, err error) {
	err = s.call(ctx, "ClaimMessages", "", func() error {
		all, err = s.TxStore.ClaimMessages(ctx, c)
		s.in.found["settle"] = s.in.found["settle"] || len(all) > 0
		for _, m := range all {
			if m.Tries > 1 {
				s.in.w.reach("a message was claimed again")
			}
		}
		return err
	})
	return all, err
}

func (s *faultyStore) ClaimEvents(ctx context.Context, c kredivo.Claim) (all []kredivo.Delivery, err error) {
	err = s.call(ctx, "ClaimEvents", "", func() error {
		all, err = s.TxStore.ClaimEvents(ctx, c)
		s.in.found["deliver"] = s.in.found["deliver"] || len(all) > 0
		return err
	})
	return all, err
}

func (s *faultyStore) ClaimChecks(ctx context.Context, c kredivo.Claim) (all []kredivo.Attempt, err error) {
	err = s.call(ctx, "ClaimChecks", "", func() error {
		all, err = s.TxStore.ClaimChecks(ctx, c)
		s.in.found["check"] = s.in.found["check"] || len(all) > 0
		// What a crash left behind is due at one time, and its ids are random.
		slices.SortFunc(all, func(a, b kredivo.Attempt) int { return compareNames(a, b) })
		return err
	})
	return all, err
}

// KeepEvent is a beat, see below.
func (s *faultyStore) KeepEvent(ctx context.Context, d kredivo.Delivery, c kredivo.Claim) error {
	return s.beat(func() error { return s.TxStore.KeepEvent(ctx, d, c) })
}

// beat is a call with which something that takes long says, at its own pace, that it goes on. It is no
// yield point: one beat must have ended before the next one is due, else Go itself would choose by
// chance what comes next. While everybody stands still no beat arrives, so that leases run out.
func (s *faultyStore) beat(fn func() error) error {
	if s.in.dead.Load() {
		return errDead
	}
	if s.in.w.standstill.Load() {
		return errOutage
	}
	s.in.w.meet()
	defer s.in.w.meet()
	return fn()
}

func (s *faultyStore) FinishEvent(ctx context.Context, d kredivo.Delivery, o kredivo.Outcome, emit ...kredivo.Event) error {
	w, now := s.in.w, s.in.now()
	what := fmt.Sprintf("%s: %s", eventName(d.Event), o.State)
	if o.Error != "" && w.shop.broken[activityOf(ctx)+" "+d.Event.ID] {
		w.violation("%s was broken off, which counts as a failure: %s", eventName(d.Event), o.Error)
	}
	return s.call(ctx, "FinishEvent", what, func() error {
		err := s.TxStore.FinishEvent(ctx, d, snap(o, now), emit...)
		if errors.Is(err, kredivo.ErrClaimLost) && w.off == fence {
			return nil
		}
		if err == nil {
			w.checkFinished(d, o, emit)
		}
		return err
	})
}

func (s *faultyStore) DeliverTx(ctx context.Context, d kredivo.Delivery, handle func(context.Context, *sql.Tx) error) error {
	s.in.w.shop.tries[d.Event.ID]++
	defer s.in.w.shop.uncount(ctx, d.Event)
	return s.call(ctx, "DeliverTx", eventName(d.Event), func() error {
		err := s.TxStore.DeliverTx(ctx, d, func(ctx context.Context, tx *sql.Tx) error {
			err := handle(ctx, tx)
			if s.in.dead.Load() {
				return errDead // nothing of a process that has ended commits
			}
			return err
		})
		if err == nil {
			s.in.w.checkFinished(d, kredivo.Outcome{State: kredivo.WorkDone}, nil)
		}
		return err
	})
}

func (s *faultyStore) Redrive(ctx context.Context, k kredivo.Work, now time.Time) (n int, err error) {
	err = s.call(ctx, "Redrive", "", func() error {
		n, err = s.TxStore.Redrive(ctx, k, now)
		return err
	})
	return n, err
}

func (s *faultyStore) Prune(ctx context.Context, before time.Time, limit int) (n int, err error) {
	err = s.call(ctx, "Prune", "", func() error {
		n, err = s.TxStore.Prune(ctx, before, limit)
		return err
	})
	return n, err
}

func eventName(e kredivo.Event) string {
	return nameOf(e.InvoiceNumber) + " " + string(e.Kind)
}
