package storetest

import (
	"fmt"
	"time"

	"github.com/paylater-go/paylater/kredivo"
)

// refused is the alarm about an event of an order that was parked.
func refused(orderID, id string) kredivo.Event {
	return kredivo.Event{ID: id, Kind: kredivo.HostRefused, OrderID: orderID, At: after(time.Minute)}
}

// givenBack is the outcome of work that was not tried to its end.
var givenBack = kredivo.Outcome{State: kredivo.WorkRetry, RunAt: start}

var finishTests = []test{
	{"with events queues them in the same transaction", func(p *place) {
		s := p.store()
		p.emit(s, event("A", "a1"), event("A", "a2"))
		d := p.event(s, claim("t", start, 10))
		p.ok(s.FinishEvent(p.Context(), d, done, event("A", "a3"), event("B", "b1"), event("A", "a1")))
		p.same(ids(p.events(s, claim("u", start, 10))), []string{"a2", "b1"}) // a1 exists, a3 waits for a2
		p.backlog(s, kredivo.Backlog{Events: 3})
	}},

	{"of a lost claim queues nothing", func(p *place) {
		s := p.store()
		p.emit(s, event("A", "a1"))
		old := p.event(s, claim("old", start, 1))
		fresh := p.event(s, claim("new", after(time.Minute), 1))
		p.is(s.FinishEvent(p.Context(), old, parked, event("B", "b1")), kredivo.ErrClaimLost)
		p.backlog(s, kredivo.Backlog{Events: 1})
		p.finish(s, fresh, done)
		p.is(s.FinishEvent(p.Context(), fresh, parked, event("B", "b1")), kredivo.ErrClaimLost)
		p.backlog(s, kredivo.Backlog{})
	}},

	{"queues the alarm about a parked event past the order that it holds up", func(p *place) {
		s := p.store()
		p.emit(s, event("A", "a1"), event("A", "a2"))
		d := p.event(s, claim("t", start, 10))
		p.ok(s.FinishEvent(p.Context(), d, parked, refused("A", "alarm")))
		p.same(ids(p.events(s, claim("early", after(time.Minute-time.Microsecond), 10))), []string(nil)) // due At
		alarm := p.event(s, claim("u", after(time.Minute), 10))
		p.same(alarm, kredivo.Delivery{Event: refused("A", "alarm"), EmittedAt: after(time.Minute), Tries: 1, Token: "u"})
		p.finish(s, alarm, parked) // and holds up nothing itself
		p.emit(s, refused("A", "second alarm"))
		p.same(ids(p.events(s, claim("v", after(time.Hour), 10))), []string{"second alarm"})
	}},

	{"counts the failures of an event, and no work that is given back", func(p *place) {
		s := p.store()
		p.emit(s, event("A", "a"))
		failures := 0
		for try, o := range []kredivo.Outcome{retry(start), givenBack, retry(start), retry(start), givenBack, givenBack} {
			d := p.event(s, claim(fmt.Sprint(try), start, 1))
			if d.Tries != try+1 || d.Failures != failures {
				p.Errorf("%d tries and %d failures, want %d and %d", d.Tries, d.Failures, try+1, failures)
			}
			p.finish(s, d, o)
			if o.Error != "" {
				failures++
			}
		}
		p.events(s, claim("never finished", start, 1)) // is no failure either
		d := p.event(s, claim("last", after(time.Minute), 1))
		p.same(d.Failures, 3)
		all, err := s.Events(p.Context(), "A")
		p.ok(err)
		p.same(all[0].LastError, "again") // what is given back keeps the reason of the failure before
	}},

	{"counts the failures of a message, and no work that is given back", func(p *place) {
		s := p.store()
		p.receive(s, message("m"))
		failures := 0
		for try, o := range []kredivo.Outcome{retry(start), givenBack, retry(start), {}, retry(start)} {
			now := after(time.Duration(try) * time.Hour) // the zero outcome leaves the claim
			m := p.message(s, claim(fmt.Sprint(try), now, 1))
			if m.Tries != try+1 || m.Failures != failures {
				p.Errorf("%d tries and %d failures, want %d and %d", m.Tries, m.Failures, try+1, failures)
			}
			p.ok(s.Change(p.Context(), about(m), decision(kredivo.Decision{Message: o})))
			if o.Error != "" {
				failures++
			}
		}
		p.same(p.message(s, claim("last", after(24*time.Hour), 1)).Failures, 3)
	}},
}
