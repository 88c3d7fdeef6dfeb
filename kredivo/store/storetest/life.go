package storetest

import (
	"context"
	"fmt"
	"time"

	"github.com/paylater-go/paylater/kredivo"
)

// calls are all methods that use the database.
var calls = map[string]func(ctx context.Context, s kredivo.Store) error{
	"Change": func(ctx context.Context, s kredivo.Store) error {
		a := attempt("changed", 1)
		return s.Change(ctx, order("changed"), decision(kredivo.Decision{Create: &a, Emit: []kredivo.Event{event("A", "emitted")}}))
	},
	"Attempts": func(ctx context.Context, s kredivo.Store) error { _, err := s.Attempts(ctx, "A"); return err },
	"AttemptByToken": func(ctx context.Context, s kredivo.Store) error {
		_, err := s.AttemptByToken(ctx, attempt("A", 1).Token)
		return err
	},
	"Receive": func(ctx context.Context, s kredivo.Store) error {
		_, err := s.Receive(ctx, message("received"))
		return err
	},
	"ClaimMessages": func(ctx context.Context, s kredivo.Store) error {
		_, err := s.ClaimMessages(ctx, claim("call", start, 1))
		return err
	},
	"ClaimEvents": func(ctx context.Context, s kredivo.Store) error {
		_, err := s.ClaimEvents(ctx, claim("call", start, 1))
		return err
	},
	"ClaimChecks": func(ctx context.Context, s kredivo.Store) error {
		_, err := s.ClaimChecks(ctx, claim("call", after(time.Hour), 1))
		return err
	},
	"Due": func(ctx context.Context, s kredivo.Store) error { _, err := s.Due(ctx, start); return err },
	"ListAttempts": func(ctx context.Context, s kredivo.Store) error {
		_, err := s.ListAttempts(ctx, kredivo.AttemptQuery{Limit: 1})
		return err
	},
	"Events": func(ctx context.Context, s kredivo.Store) error { _, err := s.Events(ctx, "A"); return err },
	"Parked": func(ctx context.Context, s kredivo.Store) error { _, _, err := s.Parked(ctx, 1); return err },
	"Redrive": func(ctx context.Context, s kredivo.Store) error {
		_, err := s.Redrive(ctx, kredivo.Work{}, start)
		return err
	},
	"Prune": func(ctx context.Context, s kredivo.Store) error {
		_, err := s.Prune(ctx, after(time.Hour), 1)
		return err
	},
	"Backlog": func(ctx context.Context, s kredivo.Store) error { _, err := s.Backlog(ctx); return err },
}

// fill puts one of everything into a store.
func (p *place) fill(s kredivo.Store) {
	p.Helper()
	p.create(s, attempt("A", 1))
	p.receive(s, message("m"))
	p.emit(s, event("A", "e"))
}

// filled fails the test unless the store holds what fill wrote and nothing else, untouched.
func (p *place) filled(s kredivo.Store) {
	p.Helper()
	p.same(p.attempts(s, "A"), []kredivo.Attempt{attempt("A", 1)})
	p.backlog(s, kredivo.Backlog{Messages: 1, Events: 1})
	if m := p.message(s, claim("filled", start, 10)); m.Tries != 1 || string(m.Body) != "m" {
		p.Errorf("message %q with %d tries", m.Body, m.Tries)
	}
	if d := p.event(s, claim("filled", start, 10)); d.Tries != 1 || d.Event.ID != "e" {
		p.Errorf("event %s with %d tries", d.Event.ID, d.Tries)
	}
}

var lifeTests = []test{
	{"a new place is empty", func(p *place) {
		s := p.store()
		p.backlog(s, kredivo.Backlog{})
		p.same(p.attempts(s, "A"), []kredivo.Attempt(nil))
		p.same(p.bodies(s, claim("t", start, 10)), []string(nil))
		p.same(ids(p.events(s, claim("t", start, 10))), []string(nil))
		p.same(p.orders(s, claim("t", start, 10)), []string(nil))
	}},

	{"the backlog counts what is not done", func(p *place) {
		s := p.store()
		for i, o := range []kredivo.Outcome{done, parked, retry(after(time.Hour)), {}} {
			p.receive(s, message(fmt.Sprint(i)))
			m := p.message(s, claim(fmt.Sprint(i), start, 1))
			id := fmt.Sprint("order", i)
			p.emit(s, event(id, id))
			d := p.event(s, claim(fmt.Sprint(i), start, 1))
			if o.State != "" { // else it stays claimed
				p.ok(s.Change(p.Context(), about(m), decision(kredivo.Decision{Message: o})))
				p.finish(s, d, o)
			}
		}
		p.receive(s, message("untouched"))
		p.emit(s, event("untouched", "untouched"))
		p.backlog(s, kredivo.Backlog{Messages: 3, Events: 3, ParkedMessages: 1, ParkedEvents: 1})
	}},

	{"everything is there after closing and opening again", func(p *place) {
		s := p.store()
		p.fill(s)
		p.receive(s, message("claimed"))
		p.ok(s.Close())
		s = p.store()
		p.same(p.bodies(s, claim("t", start, 1)), []string{"m"})
		p.ok(s.Close())
		s = p.store()
		p.same(p.bodies(s, claim("u", start, 10)), []string{"claimed"}) // the lease is remembered
		m := p.messages(s, claim("v", after(time.Minute), 10))
		if len(m) != 2 || m[0].Tries != 2 {
			p.Errorf("claimed %+v", m)
		}
		p.same(p.attempts(s, "A"), []kredivo.Attempt{attempt("A", 1)})
		if added, err := s.Receive(p.Context(), message("m")); added || err != nil {
			p.Errorf("a copy after reopening: added %v, error %v", added, err)
		}
	}},

	{"what one store committed another sees at once", func(p *place) {
		a, b := p.store(), p.store()
		for n := range 20 {
			id := fmt.Sprint("order", n)
			p.create(a, attempt(id, 1))
			p.same(p.attempts(b, id), []kredivo.Attempt{attempt(id, 1)})
			a, b = b, a
		}
	}},

	{"a cancelled context is an error and writes nothing", func(p *place) {
		s := p.store()
		p.fill(s)
		ctx, cancel := context.WithCancel(p.Context())
		cancel()
		for name, call := range calls {
			if err := call(ctx, s); err == nil {
				p.Errorf("%s: no error", name)
			}
		}
		p.filled(s)
	}},

	{"a context that ends in decide writes nothing", func(p *place) {
		s := p.store()
		p.fill(s)
		ctx, cancel := context.WithCancel(p.Context())
		defer cancel()
		a := attempt("B", 1)
		err := s.Change(ctx, order("B"), func([]kredivo.Attempt) (kredivo.Decision, error) {
			cancel()
			return kredivo.Decision{Create: &a}, nil
		})
		if err == nil {
			p.Error("no error")
		}
		p.same(p.attempts(s, "B"), []kredivo.Attempt(nil))
		p.filled(s)
	}},

	{"contexts that end at any moment leave the store as good as new", func(p *place) {
		s := p.store()
		acknowledged := 0
		for n := range 150 {
			ctx, cancel := context.WithCancel(p.Context())
			go cancel()
			if added, err := s.Receive(ctx, message(fmt.Sprint(n))); err == nil {
				if !added {
					p.Errorf("message %d is not new", n)
				}
				acknowledged++
			}
			go func() { _, _ = s.ClaimMessages(ctx, claim(fmt.Sprint(n), start, 1)) }()
		}
		p.receive(s, message("last"))
		b, err := s.Backlog(p.Context())
		p.ok(err)
		if b.Messages < acknowledged+1 {
			p.Errorf("%d messages are left of %d that were acknowledged", b.Messages, acknowledged+1)
		}
		p.create(s, attempt("A", 1))
		p.same(p.attempts(s, "A"), []kredivo.Attempt{attempt("A", 1)})
	}},

	{"calls after Close fail", func(p *place) {
		s := p.store()
		p.fill(s)
		d := p.event(s, claim("t", start, 1))
		p.ok(s.Close())
		for name, call := range calls {
			if err := call(p.Context(), s); err == nil {
				p.Errorf("%s: no error", name)
			}
		}
		if err := s.FinishEvent(p.Context(), d, done); err == nil {
			p.Error("FinishEvent: no error")
		}
		if err := s.KeepEvent(p.Context(), d, claim("t", start, 1)); err == nil {
			p.Error("KeepEvent: no error")
		}
	}},
}
