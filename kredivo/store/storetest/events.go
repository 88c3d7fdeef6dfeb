package storetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/paylater-go/paylater/kredivo"
)

var eventTests = []test{
	{"of one order come one after another, as emitted", func(p *place) {
		s := p.store()
		p.emit(s, event("A", "3"), event("A", "1"))
		p.emit(s, event("A", "2"))
		for i, want := range []string{"3", "1", "2"} {
			d := p.event(s, claim(fmt.Sprint("t", i), start, 10))
			p.same(d.Event.ID, want)
			p.same(ids(p.events(s, claim(fmt.Sprint("u", i), start, 10))), []string(nil)) // under way
			p.finish(s, d, done)
		}
		p.backlog(s, kredivo.Backlog{})
	}},

	{"wait for an earlier one that is retried", func(p *place) {
		s := p.store()
		p.emit(s, event("A", "a1"), event("A", "a2"))
		d := p.event(s, claim("t1", start, 10))
		p.finish(s, d, retry(after(time.Hour)))
		p.same(ids(p.events(s, claim("t2", after(time.Hour-time.Microsecond), 10))), []string(nil))
		d = p.event(s, claim("t3", after(time.Hour), 10))
		if d.Event.ID != "a1" || d.Tries != 2 || d.Token != "t3" {
			p.Errorf("got %s, tries %d, token %s", d.Event.ID, d.Tries, d.Token)
		}
		p.finish(s, d, done)
		p.same(p.event(s, claim("t4", after(time.Hour), 10)).Event.ID, "a2")
	}},

	{"wait for an earlier one whose lease ran out", func(p *place) {
		s := p.store()
		p.emit(s, event("A", "a1"), event("A", "a2"))
		p.same(p.event(s, claim("t1", start, 10)).Event.ID, "a1")
		p.same(ids(p.events(s, claim("t2", after(time.Minute-time.Microsecond), 10))), []string(nil))
		d := p.event(s, claim("t3", after(time.Minute), 10))
		p.same(d.Event.ID, "a1")
		p.same(d.Tries, 2)
	}},

	{"are kept by whoever holds them", func(p *place) {
		s := p.store()
		p.emit(s, event("A", "a1"))
		d := p.event(s, claim("t1", start, 10))
		keep := func(d kredivo.Delivery, at time.Time) error {
			return s.KeepEvent(p.Context(), d, kredivo.Claim{Now: at, Lease: time.Minute})
		}
		p.is(keep(d, after(50*time.Second)), nil)
		p.same(ids(p.events(s, claim("t2", after(109*time.Second), 10))), []string(nil))
		p.is(keep(d, after(5*time.Minute)), nil) // run out, but nobody else's
		p.same(ids(p.events(s, claim("t3", after(359*time.Second), 10))), []string(nil))
		p.is(keep(kredivo.Delivery{Event: d.Event, Token: "t9"}, start), kredivo.ErrClaimLost)
		p.is(keep(kredivo.Delivery{Event: d.Event}, start), kredivo.ErrClaimLost)
		second := p.event(s, claim("t4", after(6*time.Minute), 10))
		p.is(keep(d, after(6*time.Minute)), kredivo.ErrClaimLost)
		p.finish(s, second, done)
		p.is(keep(second, after(6*time.Minute)), kredivo.ErrClaimLost)
	}},

	{"of other orders do not wait", func(p *place) {
		s := p.store()
		p.emit(s, event("A", "a1"), event("A", "a2"), event("B", "b1"), event("C", "c1"))
		all := p.events(s, claim("t1", start, 10))
		p.same(ids(all), []string{"a1", "b1", "c1"})
		p.finish(s, all[0], retry(after(time.Hour)))
		p.finish(s, all[1], done)
		p.emit(s, event("B", "b2"))
		p.same(ids(p.events(s, claim("t2", start, 10))), []string{"b2"})
	}},

	{"behind a parked one wait for ever, other orders do not", func(p *place) {
		s := p.store()
		p.emit(s, event("A", "a1"), event("A", "a2"))
		p.finish(s, p.event(s, claim("t1", start, 10)), parked)
		p.emit(s, event("A", "a3"), event("a", "case"), event("B", "b1"))
		p.same(ids(p.events(s, claim("t2", after(10000*time.Hour), 10))), []string{"case", "b1"})
		p.backlog(s, kredivo.Backlog{Events: 4, ParkedEvents: 1})
	}},

	{"without an order wait for none", func(p *place) {
		s := p.store()
		p.emit(s, event("", "x"), event("", "y"), event("x", "ordered"))
		all := p.events(s, claim("t1", start, 10))
		p.same(ids(all), []string{"x", "y", "ordered"})
		p.finish(s, all[0], parked)
		p.emit(s, event("", "z"))
		p.same(ids(p.events(s, claim("t2", start, 10))), []string{"z"})
	}},

	{"come oldest due first and up to the limit", func(p *place) {
		s := p.store()
		for i, minutes := range []int{3, 1, 2} {
			scope := order(fmt.Sprint("order", i))
			scope.Now = after(time.Duration(minutes) * time.Minute)
			p.ok(s.Change(p.Context(), scope, decision(kredivo.Decision{
				Emit: []kredivo.Event{event(scope.OrderID, fmt.Sprint("minute", minutes))},
			})))
		}
		p.same(ids(p.events(s, claim("none", after(time.Hour), 0))), []string(nil))
		p.same(ids(p.events(s, claim("a", after(time.Hour), 2))), []string{"minute1", "minute2"})
		p.same(ids(p.events(s, claim("b", after(time.Hour), 2))), []string{"minute3"})
	}},

	{"with an ID that exists are skipped", func(p *place) {
		s := p.store()
		first := event("A", "e")
		first.Kind = kredivo.PaymentFailed
		p.emit(s, first, event("A", "e"))
		p.emit(s, event("A", "e"), event("B", "e"))
		d := p.event(s, claim("t1", start, 10))
		p.same(d.Event, first)
		p.finish(s, d, done)
		p.emit(s, event("A", "e"))
		p.same(ids(p.events(s, claim("t2", after(time.Hour), 10))), []string(nil))

		// The rest of such a change is written.
		a := attempt("A", 1)
		p.ok(s.Change(p.Context(), order("A"), decision(kredivo.Decision{
			Create: &a, Emit: []kredivo.Event{event("A", "e"), event("A", "f")},
		})))
		p.same(p.attempts(s, "A"), []kredivo.Attempt{a})
		p.same(ids(p.events(s, claim("t3", after(time.Hour), 10))), []string{"f"})
	}},

	{"are delivered in order by many workers at once", func(p *place) {
		stores := []kredivo.Store{p.store(), p.store()}
		const orders, each = 8, 5
		for n := range each {
			for o := range orders {
				id := fmt.Sprint("order", o)
				p.emit(stores[o%2], event(id, fmt.Sprintf("%s:%d", id, n)))
			}
		}
		var mu sync.Mutex
		seen := map[string][]string{} // by order
		busy := map[string]bool{}
		left := orders * each
		deliver := func(s kredivo.Store, d kredivo.Delivery) {
			id := d.Event.OrderID
			mu.Lock()
			if busy[id] {
				p.Errorf("two events of %s at once", id)
			}
			busy[id] = true
			mu.Unlock()
			o := done
			if d.Tries == 1 && d.Event.ID == id+":2" {
				o = retry(start) // one of each order is refused once
			}
			mu.Lock()
			busy[id] = false
			if o == done {
				seen[id] = append(seen[id], d.Event.ID)
				left--
			}
			mu.Unlock()
			if err := s.FinishEvent(p.Context(), d, o); err != nil {
				p.Error(err)
			}
		}
		parallel(6, func(worker int) {
			s := stores[worker%2]
			for round := range rounds {
				mu.Lock()
				finished := left == 0
				mu.Unlock()
				if finished || p.Failed() {
					return
				}
				all, err := s.ClaimEvents(p.Context(), claim(fmt.Sprintf("w%d-%d", worker, round), start, 3))
				if err != nil {
					p.Error(err)
				}
				for _, d := range all {
					deliver(s, d)
				}
			}
		})
		for o := range orders {
			id := fmt.Sprint("order", o)
			var want []string
			for n := range each {
				want = append(want, fmt.Sprintf("%s:%d", id, n))
			}
			p.same(seen[id], want)
		}
	}},
}
