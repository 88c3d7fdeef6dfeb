package storetest

import (
	"fmt"
	"time"

	"github.com/paylater-go/paylater/kredivo"
)

// due fails the test unless the store says want.
func (p *place) due(s kredivo.Store, now time.Time, want kredivo.Due) {
	p.Helper()
	got, err := s.Due(p.Context(), now)
	p.ok(err)
	p.same(got, want)
}

// soon is a moment too early for what is due at t.
func soon(t time.Time) time.Time { return t.Add(-time.Microsecond) }

var dueTests = []test{
	{"are messages from the time on that a claim finds them", func(p *place) {
		s := p.store()
		p.due(s, after(time.Hour), kredivo.Due{})
		p.receive(s, message("m"))
		p.due(s, soon(start), kredivo.Due{})
		p.due(s, start, kredivo.Due{Messages: true})
		p.message(s, claim("t", start, 1))
		p.due(s, soon(after(time.Minute)), kredivo.Due{})
		p.due(s, after(time.Minute), kredivo.Due{Messages: true})
		m := p.message(s, claim("u", after(time.Minute), 1))
		p.ok(s.Change(p.Context(), about(m), decision(kredivo.Decision{Message: retry(after(time.Hour))})))
		p.due(s, soon(after(time.Hour)), kredivo.Due{})
		p.due(s, after(time.Hour), kredivo.Due{Messages: true})
		m = p.message(s, claim("v", after(time.Hour), 1))
		p.ok(s.Change(p.Context(), about(m), decision(kredivo.Decision{Message: done})))
		p.due(s, after(1000*time.Hour), kredivo.Due{})
	}},

	{"are events from the time on that a claim finds them", func(p *place) {
		s := p.store()
		p.emit(s, event("A", "a"))
		p.due(s, soon(start), kredivo.Due{})
		p.due(s, start, kredivo.Due{Events: true})
		d := p.event(s, claim("t", start, 1))
		p.due(s, soon(after(time.Minute)), kredivo.Due{})
		p.due(s, after(time.Minute), kredivo.Due{Events: true})
		p.finish(s, d, retry(after(time.Hour)))
		p.due(s, soon(after(time.Hour)), kredivo.Due{})
		p.due(s, after(time.Hour), kredivo.Due{Events: true})
		p.finish(s, p.event(s, claim("u", after(time.Hour), 1)), parked)
		p.due(s, after(1000*time.Hour), kredivo.Due{})
		p.redrive(s, kredivo.Work{}, after(time.Hour), 1)
		p.due(s, after(time.Hour), kredivo.Due{Events: true})
	}},

	{"are checks from the time on that a claim finds them", func(p *place) {
		s := p.store()
		never := attempt("B", 1)
		never.NextCheckAt = time.Time{}
		p.create(s, checkAt("A", 5), never)
		p.due(s, soon(after(5*time.Minute)), kredivo.Due{})
		p.due(s, after(5*time.Minute), kredivo.Due{Checks: true})
		p.same(p.orders(s, claim("t", after(5*time.Minute), 1)), []string{"A"})
		p.due(s, soon(after(6*time.Minute)), kredivo.Due{})
		p.due(s, after(6*time.Minute), kredivo.Due{Checks: true})
	}},

	{"is never silent about what a claim gives out", func(p *place) {
		s := p.store()
		for i := range 4 {
			p.receive(s, message(fmt.Sprint(i)))
			p.emit(s, event("A", fmt.Sprint("a", i)), event(fmt.Sprint("order", i), fmt.Sprint("b", i)))
			p.create(s, checkAt(fmt.Sprint("order", i), i))
		}
		given := 0
		for i := range 100 {
			now := after(time.Duration(i) * 7 * time.Second)
			said, err := s.Due(p.Context(), now)
			p.ok(err)
			c := claim(fmt.Sprint("t", i), now, 1)
			found := kredivo.Due{
				Messages: len(p.messages(s, c)) > 0, Checks: len(p.orders(s, c)) > 0,
			}
			for _, d := range p.events(s, c) {
				found.Events = true
				if i%3 == 0 {
					p.finish(s, d, []kredivo.Outcome{done, parked, retry(now.Add(time.Minute))}[i/3%3])
				}
			}
			if found.Messages && !said.Messages || found.Events && !said.Events || found.Checks && !said.Checks {
				p.Fatalf("said %+v, but claims found %+v", said, found)
			}
			if found != (kredivo.Due{}) {
				given++
			}
		}
		if given < 20 {
			p.Errorf("only %d of the claims found anything", given)
		}
	}},
}
