package storetest

import (
	"time"

	"github.com/paylater-go/paylater/kredivo"
)

// settle finishes m and emits an event; decided tells whether decide was asked.
func settle(p *place, s kredivo.Store, m kredivo.Message, o kredivo.Outcome) (decided bool, err error) {
	scope := order("A")
	scope.Message = &m
	err = s.Change(p.Context(), scope, func([]kredivo.Attempt) (kredivo.Decision, error) {
		decided = true
		return kredivo.Decision{Emit: []kredivo.Event{event("A", "e-"+m.Token)}, Message: o}, nil
	})
	return decided, err
}

// lost fails the test unless m's claim is lost and settling it writes nothing.
func lost(p *place, s kredivo.Store, m kredivo.Message) {
	p.Helper()
	before, err := s.Backlog(p.Context())
	p.ok(err)
	decided, err := settle(p, s, m, done)
	p.is(err, kredivo.ErrClaimLost)
	if decided {
		p.Error("decide was asked about work that is somebody else's")
	}
	p.backlog(s, before)
}

var fenceTests = []test{
	{"a message that nobody claimed", func(p *place) {
		s := p.store()
		p.receive(s, message("m"))
		id := p.message(s, claim("t", start, 1)).ID
		other := p.store()
		p.receive(other, message("n"))
		lost(p, s, kredivo.Message{ID: id, Token: ""})
		lost(p, s, kredivo.Message{ID: id + 1, Token: ""})
		lost(p, s, kredivo.Message{ID: id + 1, Token: "t"})
		lost(p, s, kredivo.Message{ID: id + 1000, Token: "t"})
	}},

	{"a message under another token", func(p *place) {
		s := p.store()
		p.receive(s, message("m"))
		m := p.message(s, claim("t", start, 1))
		for _, token := range []string{"", "T", "t ", "other"} {
			lost(p, s, kredivo.Message{ID: m.ID, Token: token})
		}
		_, err := settle(p, s, m, done)
		p.ok(err)
	}},

	{"a message is finished once", func(p *place) {
		s := p.store()
		for _, o := range []kredivo.Outcome{done, parked, retry(after(time.Hour))} {
			p.receive(s, message(string(o.State)))
			m := p.message(s, claim("t-"+string(o.State), start, 1))
			_, err := settle(p, s, m, o)
			p.ok(err)
			lost(p, s, m)
		}
	}},

	{"an old token after the lease", func(p *place) {
		s := p.store()
		p.receive(s, message("m"))
		old := p.message(s, claim("old", start, 1))
		fresh := p.message(s, claim("new", after(time.Minute), 1))
		lost(p, s, old)
		_, err := settle(p, s, fresh, done)
		p.ok(err)
		lost(p, s, fresh)
		p.backlog(s, kredivo.Backlog{Events: 1})
	}},

	{"the token is the fence, not the time", func(p *place) {
		s := p.store()
		p.receive(s, message("m"))
		m := p.message(s, claim("t", start, 1))
		scope := about(m)
		scope.Now = after(time.Hour) // the lease is long over, but nobody else came
		p.ok(s.Change(p.Context(), scope, decision(kredivo.Decision{Message: done})))
		p.backlog(s, kredivo.Backlog{})
	}},

	{"of all that hold a message one finishes it", func(p *place) {
		stores := []kredivo.Store{p.store(), p.store()}
		p.receive(stores[0], message("m"))
		m := p.message(stores[0], claim("t", start, 1))
		results := make(chan error, 10)
		parallel(10, func(i int) {
			results <- stores[i%2].Change(p.Context(), about(m), decision(kredivo.Decision{Message: done}))
		})
		finished := 0
		for range 10 {
			if err := <-results; err == nil {
				finished++
			} else {
				p.is(err, kredivo.ErrClaimLost)
			}
		}
		if finished != 1 {
			p.Errorf("finished %d times, want 1", finished)
		}
	}},

	{"an event that is finished, unclaimed, unknown or another's", func(p *place) {
		s := p.store()
		p.emit(s, event("A", "e1"), event("A", "e2"), event("B", "p"), event("C", "r"))
		unclaimed := kredivo.Delivery{Event: event("A", "e1")}
		p.is(s.FinishEvent(p.Context(), unclaimed, done), kredivo.ErrClaimLost)

		all := p.events(s, claim("t", start, 10))
		p.same(ids(all), []string{"e1", "p", "r"})
		for _, token := range []string{"", "T", "t "} {
			d := all[0]
			d.Token = token
			p.is(s.FinishEvent(p.Context(), d, done), kredivo.ErrClaimLost)
		}
		unknown := all[0]
		unknown.Event.ID = "E1"
		p.is(s.FinishEvent(p.Context(), unknown, done), kredivo.ErrClaimLost)
		p.backlog(s, kredivo.Backlog{Events: 4})

		for i, o := range []kredivo.Outcome{done, parked, retry(after(time.Hour))} {
			p.finish(s, all[i], o)
			p.is(s.FinishEvent(p.Context(), all[i], done), kredivo.ErrClaimLost)
		}
		p.backlog(s, kredivo.Backlog{Events: 2, ParkedEvents: 1})
	}},

	{"an old token of an event after the lease", func(p *place) {
		s := p.store()
		p.emit(s, event("A", "e"))
		old := p.event(s, claim("old", start, 1))
		fresh := p.event(s, claim("new", after(time.Minute), 1))
		p.is(s.FinishEvent(p.Context(), old, done), kredivo.ErrClaimLost)
		p.finish(s, fresh, done)
		p.backlog(s, kredivo.Backlog{})
	}},
}
