package storetest

import (
	"errors"
	"slices"
	"sync/atomic"

	"github.com/paylater-go/paylater/kredivo"
)

var conflictTests = []test{
	{"a created attempt that shares a name", func(p *place) {
		s := p.store()
		old := with(attempt("A", 1), kredivo.Failed)
		p.create(s, old)
		for name, share := range map[string]func(a *kredivo.Attempt){
			"id":        func(a *kredivo.Attempt) { a.ID = old.ID },
			"invoice":   func(a *kredivo.Attempt) { a.InvoiceNumber = old.InvoiceNumber },
			"request":   func(a *kredivo.Attempt) { a.RequestID = old.RequestID },
			"reference": func(a *kredivo.Attempt) { a.MerchantUniqueReference = old.MerchantUniqueReference },
			"token":     func(a *kredivo.Attempt) { a.Token = old.Token },
		} {
			a := attempt("B", 1)
			share(&a)
			err := s.Change(p.Context(), order("B"), decision(kredivo.Decision{Create: &a}))
			if !errors.Is(err, kredivo.ErrConflict) {
				p.Errorf("same %s: error = %v, want ErrConflict", name, err)
			}
		}
		p.same(p.attempts(s, "B"), []kredivo.Attempt(nil))
		p.create(s, attempt("B", 1)) // nothing is left over
	}},

	{"a second open attempt of an order", func(p *place) {
		s := p.store()
		for _, first := range []kredivo.Status{kredivo.Created, kredivo.Pending} {
			id := string(first)
			p.create(s, with(attempt(id, 1), first))
			for _, second := range []kredivo.Status{kredivo.Created, kredivo.Pending} {
				a := with(attempt(id, 2), second)
				err := s.Change(p.Context(), order(id), decision(kredivo.Decision{Create: &a}))
				p.is(err, kredivo.ErrConflict)
			}
		}
		p.create(s, attempt("other", 1))
	}},

	{"an attempt that is not open hinders none", func(p *place) {
		s := p.store()
		number := 0
		for _, status := range []kredivo.Status{kredivo.Failed, kredivo.Expired, kredivo.Review, kredivo.Paid, kredivo.Voided, kredivo.Refunded} {
			number += 2
			p.create(s, with(attempt("A", number), status), with(attempt("A", number+1), status))
		}
		p.create(s, attempt("A", 100))
	}},

	{"one change may close an attempt and open the next", func(p *place) {
		s := p.store()
		p.create(s, attempt("A", 1))
		next := attempt("A", 2)
		p.ok(s.Change(p.Context(), order("A"), decision(kredivo.Decision{
			Update: []kredivo.Attempt{with(attempt("A", 1), kredivo.Expired)}, Create: &next,
		})))
		p.same(p.attempts(s, "A"), []kredivo.Attempt{with(attempt("A", 1), kredivo.Expired), next})
	}},

	{"twenty that create at once make one attempt", func(p *place) {
		stores := []kredivo.Store{p.store(), p.store()}
		var created, conflicts atomic.Int64
		parallel(20, func(i int) {
			a := attempt("A", i+1) // each has its own names: only the order is the same
			switch err := stores[i%2].Change(p.Context(), order("A"), decision(kredivo.Decision{Create: &a})); {
			case err == nil:
				created.Add(1)
			case errors.Is(err, kredivo.ErrConflict):
				conflicts.Add(1)
			default:
				p.Error(err)
			}
		})
		if created.Load() != 1 || conflicts.Load() != 19 {
			p.Errorf("%d created and %d conflicts, want 1 and 19", created.Load(), conflicts.Load())
		}
		if n := len(p.attempts(stores[0], "A")); n != 1 {
			p.Errorf("the order has %d attempts, want 1", n)
		}
	}},

	{"twenty that look before they create make one attempt", func(p *place) {
		stores := []kredivo.Store{p.store(), p.store()}
		open := func(a kredivo.Attempt) bool { return a.Status.Open() }
		parallel(20, func(i int) {
			fresh := attempt("A", i+1)
			for range rounds {
				err := stores[i%2].Change(p.Context(), order("A"), func(all []kredivo.Attempt) (kredivo.Decision, error) {
					if slices.ContainsFunc(all, open) {
						return kredivo.Decision{}, nil
					}
					return kredivo.Decision{Create: &fresh}, nil
				})
				if errors.Is(err, kredivo.ErrConflict) {
					continue // somebody was first: read again
				}
				if err != nil {
					p.Error(err)
				}
				return
			}
		})
		if n := len(p.attempts(stores[1], "A")); n != 1 {
			p.Errorf("the order has %d attempts, want 1", n)
		}
	}},
}
