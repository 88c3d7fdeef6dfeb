package storetest

import (
	"bytes"
	"errors"
	"sync/atomic"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/money"
)

var changeTests = []test{
	{"writes everything together", func(p *place) {
		s := p.store()
		p.receive(s, message("m"))
		m := p.message(s, claim("t", start, 1))
		a := attempt("A", 1)
		scope := order("A")
		scope.Message = &m
		p.ok(s.Change(p.Context(), scope, decision(kredivo.Decision{
			Create: &a, Emit: []kredivo.Event{event("A", "e")}, Message: done,
		})))
		p.same(p.attempts(s, "A"), []kredivo.Attempt{a})
		p.backlog(s, kredivo.Backlog{Events: 1})
	}},

	{"an error of decide comes back unchanged and nothing is written", func(p *place) {
		s := p.store()
		p.create(s, attempt("A", 1))
		p.receive(s, message("m"))
		m := p.message(s, claim("t", start, 1))
		refusal := errors.New("refused")
		b := attempt("B", 1)
		scope := order("A")
		scope.Message = &m
		err := s.Change(p.Context(), scope, func(all []kredivo.Attempt) (kredivo.Decision, error) {
			return kredivo.Decision{
				Create: &b, Update: []kredivo.Attempt{with(all[0], kredivo.Paid)},
				Emit: []kredivo.Event{event("A", "e")}, Message: done,
			}, refusal
		})
		if err != refusal {
			p.Fatalf("error = %v, want the very error of decide", err)
		}
		p.same(p.attempts(s, "A"), []kredivo.Attempt{attempt("A", 1)})
		p.same(p.attempts(s, "B"), []kredivo.Attempt(nil))
		p.backlog(s, kredivo.Backlog{Messages: 1})
		p.ok(s.Change(p.Context(), about(m), decision(kredivo.Decision{Message: done}))) // still claimed
	}},

	{"a panic of decide writes nothing and leaves no lock", func(p *place) {
		s := p.store()
		p.create(s, attempt("A", 1))
		func() {
			defer func() {
				if recover() != "boom" {
					p.Error("the panic did not come through")
				}
			}()
			_ = s.Change(p.Context(), order("A"), func([]kredivo.Attempt) (kredivo.Decision, error) { panic("boom") })
		}()
		p.update(s, with(attempt("A", 1), kredivo.Pending))
		p.same(p.attempts(s, "A"), []kredivo.Attempt{with(attempt("A", 1), kredivo.Pending)})
	}},

	{"what fails late undoes what went before", func(p *place) {
		s := p.store()
		p.create(s, attempt("A", 1), attempt("B", 1))
		p.receive(s, message("m"))
		m := p.message(s, claim("t", start, 1))
		clash := attempt("B", 1)
		scope := order("A")
		scope.Message = &m
		err := s.Change(p.Context(), scope, decision(kredivo.Decision{
			Update: []kredivo.Attempt{with(attempt("A", 1), kredivo.Paid)}, Create: &clash,
			Emit: []kredivo.Event{event("A", "e")}, Message: done,
		}))
		p.is(err, kredivo.ErrConflict)
		p.same(p.attempts(s, "A"), []kredivo.Attempt{attempt("A", 1)})
		p.backlog(s, kredivo.Backlog{Messages: 1})
	}},

	{"an update of an unknown attempt is an error and nothing is written", func(p *place) {
		s := p.store()
		p.create(s, attempt("A", 1))
		err := s.Change(p.Context(), order("A"), decision(kredivo.Decision{
			Update: []kredivo.Attempt{with(attempt("A", 1), kredivo.Paid), attempt("A", 2)},
		}))
		if err == nil {
			p.Fatal("no error")
		}
		p.same(p.attempts(s, "A"), []kredivo.Attempt{attempt("A", 1)})
	}},

	{"the zero decision writes nothing", func(p *place) {
		s := p.store()
		p.receive(s, message("m"))
		m := p.message(s, claim("t", start, 1))
		p.ok(s.Change(p.Context(), about(m), decision(kredivo.Decision{})))
		p.backlog(s, kredivo.Backlog{Messages: 1})
		p.ok(s.Change(p.Context(), about(m), decision(kredivo.Decision{Message: done}))) // still claimed
	}},

	{"the outcome is ignored without a message", func(p *place) {
		s := p.store()
		p.receive(s, message("m"))
		p.ok(s.Change(p.Context(), order("A"), decision(kredivo.Decision{Message: done})))
		p.backlog(s, kredivo.Backlog{Messages: 1})
	}},

	{"unknown orders and invoices give no attempts", func(p *place) {
		s := p.store()
		p.create(s, attempt("A", 1))
		for _, scope := range []kredivo.Scope{order("B"), {InvoiceNumber: "no such invoice", Now: start}, {Now: start}} {
			called := false
			p.ok(s.Change(p.Context(), scope, func(all []kredivo.Attempt) (kredivo.Decision, error) {
				called = true
				p.same(all, []kredivo.Attempt(nil))
				return kredivo.Decision{}, nil
			}))
			if !called {
				p.Errorf("decide was not called for %+v", scope)
			}
		}
		p.same(p.attempts(s, "B"), []kredivo.Attempt(nil))
	}},

	{"an order or an invoice gives all attempts of the order, oldest first", func(p *place) {
		s := p.store()
		var want []kredivo.Attempt
		for n := range 12 { // 10 sorts before 2 as text
			a := with(attempt("A", n+1), kredivo.Failed)
			p.create(s, a, with(attempt("B", n+1), kredivo.Failed))
			want = append(want, a)
		}
		for _, scope := range []kredivo.Scope{order("A"), {InvoiceNumber: want[5].InvoiceNumber, Now: start}} {
			p.ok(s.Change(p.Context(), scope, func(all []kredivo.Attempt) (kredivo.Decision, error) {
				p.same(all, want)
				return kredivo.Decision{}, nil
			}))
		}
		p.same(p.attempts(s, "A"), want)
	}},

	{"decide is given copies", func(p *place) {
		s := p.store()
		p.create(s, attempt("A", 1))
		p.ok(s.Change(p.Context(), order("A"), func(all []kredivo.Attempt) (kredivo.Decision, error) {
			all[0].Status = kredivo.Paid
			clear(all[0].Body)
			return kredivo.Decision{}, nil
		}))
		p.same(p.attempts(s, "A"), []kredivo.Attempt{attempt("A", 1)})
	}},

	{"an update writes every field but the fixed ones", func(p *place) {
		s := p.store()
		p.create(s, attempt("A", 1))
		want := full("A", 1)
		p.update(s, want)
		p.same(p.attempts(s, "A"), []kredivo.Attempt{want})

		wrong := want
		wrong.OrderID, wrong.Number, wrong.InvoiceNumber = "Z", 9, "other invoice"
		wrong.RequestID, wrong.Amount = "other request", money.Rupiah(1)
		_ = s.Change(p.Context(), order("A"), decision(kredivo.Decision{Update: []kredivo.Attempt{wrong}}))
		p.same(p.attempts(s, "A"), []kredivo.Attempt{want})
		p.same(p.attempts(s, "Z"), []kredivo.Attempt(nil))
	}},

	{"changes of one order come one after another", func(p *place) {
		stores := []kredivo.Store{p.store(), p.store()}
		p.create(stores[0], attempt("A", 1))
		const n = 20
		var failed atomic.Pointer[error]
		parallel(n, func(i int) {
			err := stores[i%2].Change(p.Context(), order("A"), func(all []kredivo.Attempt) (kredivo.Decision, error) {
				all[0].Checks++
				return kredivo.Decision{Update: all}, nil
			})
			if err != nil {
				failed.Store(&err)
			}
		})
		if err := failed.Load(); err != nil {
			p.Fatal(*err)
		}
		if got := p.attempts(stores[0], "A")[0].Checks; got != n {
			p.Errorf("%d of %d increments are left: some were lost", got, n)
		}
	}},

	{"changes that waited see what the ones before them created", func(p *place) {
		stores := []kredivo.Store{p.store(), p.store()}
		p.create(stores[0], with(attempt("A", 0), kredivo.Failed))
		const n = 20
		parallel(n, func(i int) {
			err := stores[i%2].Change(p.Context(), order("A"), func(all []kredivo.Attempt) (kredivo.Decision, error) {
				a := with(attempt("A", 100+i), kredivo.Failed) // names of its own
				a.Number = len(all)
				return kredivo.Decision{Create: &a}, nil
			})
			if err != nil {
				p.Error(err)
			}
		})
		for i, a := range p.attempts(stores[0], "A") {
			if a.Number != i {
				p.Errorf("attempt %d was made by a change that saw %d", i, a.Number)
			}
		}
	}},

	{"names that nothing can have are unknown", func(p *place) {
		s := p.store()
		p.create(s, attempt("A", 1))
		for _, name := range []string{"A\x00", "\x00", "A\xff"} {
			for _, scope := range []kredivo.Scope{order(name), {InvoiceNumber: name, Now: start}} {
				p.ok(s.Change(p.Context(), scope, func(all []kredivo.Attempt) (kredivo.Decision, error) {
					p.same(all, []kredivo.Attempt(nil))
					return kredivo.Decision{}, nil
				}))
			}
			p.same(p.attempts(s, name), []kredivo.Attempt(nil))
		}
		p.receive(s, message("m"))
		m := p.message(s, claim("t", start, 1))
		o := kredivo.Outcome{State: kredivo.WorkParked, Error: "cannot read \x00\xff"}
		p.ok(s.Change(p.Context(), about(m), decision(kredivo.Decision{Message: o})))
		p.backlog(s, kredivo.Backlog{ParkedMessages: 1})
	}},

	{"a slice that was given is not kept", func(p *place) {
		s := p.store()
		a := attempt("A", 1)
		p.ok(s.Change(p.Context(), order("A"), decision(kredivo.Decision{Create: &a})))
		clear(a.Body)
		got := p.attempts(s, "A")
		if !bytes.Equal(got[0].Body, attempt("A", 1).Body) {
			p.Error("the stored body changed with the caller's slice")
		}
		clear(got[0].Body)
		p.same(p.attempts(s, "A"), []kredivo.Attempt{attempt("A", 1)})
	}},
}
