package storetest

import (
	"fmt"
	"time"

	"github.com/paylater-go/paylater/kredivo"
)

// list names the attempts that q selects.
func (p *place) list(s kredivo.Store, q kredivo.AttemptQuery) []string {
	p.Helper()
	all, err := s.ListAttempts(p.Context(), q)
	p.ok(err)
	var names []string
	for _, a := range all {
		names = append(names, a.ID)
	}
	return names
}

// createdAt is an attempt with an ID of its own, created some seconds after the start.
func createdAt(id string, seconds int, watched bool) kredivo.Attempt {
	a := attempt("order of "+id, 1)
	a.ID, a.CreatedAt = id, after(time.Duration(seconds)*time.Second)
	if !watched {
		a.NextCheckAt = time.Time{}
	}
	return a
}

var listTests = []test{
	{"comes by CreatedAt and then ID, from a time on, up to the limit", func(p *place) {
		s := p.store()
		p.create(s, createdAt("d", 2, true), createdAt("b", 1, false), createdAt("a", 3, true), createdAt("c", 1, true))
		p.same(p.list(s, kredivo.AttemptQuery{Limit: 10}), []string{"b", "c", "d", "a"})
		p.same(p.list(s, kredivo.AttemptQuery{Limit: 3}), []string{"b", "c", "d"})
		p.same(p.list(s, kredivo.AttemptQuery{}), []string(nil))
		p.same(p.list(s, kredivo.AttemptQuery{Limit: -1}), []string(nil))
		p.same(p.list(s, kredivo.AttemptQuery{Limit: 10, CreatedSince: after(2 * time.Second)}), []string{"d", "a"})
		p.same(p.list(s, kredivo.AttemptQuery{Limit: 10, CreatedSince: after(2*time.Second + time.Microsecond)}), []string{"a"})
		p.same(p.list(s, kredivo.AttemptQuery{Limit: 10, CreatedSince: after(time.Hour)}), []string(nil))
	}},

	{"may be of watched attempts only", func(p *place) {
		s := p.store()
		p.create(s, createdAt("a", 2, true), createdAt("b", 1, false), createdAt("c", 0, true))
		p.same(p.list(s, kredivo.AttemptQuery{Watched: true, Limit: 10}), []string{"c", "a"})
		a, b := createdAt("a", 2, false), createdAt("b", 1, true)
		p.update(s, a)
		p.update(s, b)
		p.same(p.list(s, kredivo.AttemptQuery{Watched: true, Limit: 10}), []string{"c", "b"})
		p.same(p.list(s, kredivo.AttemptQuery{Watched: true, Limit: 10, CreatedSince: after(time.Second)}), []string{"b"})
		got, err := s.ListAttempts(p.Context(), kredivo.AttemptQuery{Limit: 10, CreatedSince: after(time.Second)})
		p.ok(err)
		p.same(got, []kredivo.Attempt{b, a})
	}},

	{"goes on behind any attempt, and misses none", func(p *place) {
		s := p.store()
		var want []string
		var attempts []kredivo.Attempt
		for i := range 40 { // many at the same time
			a := createdAt(fmt.Sprintf("id%02d", i), i/15, true)
			attempts = append(attempts, a)
			want = append(want, a.ID)
		}
		for i := range attempts {
			p.create(s, attempts[i*17%len(attempts)]) // in another order than they are listed
		}
		for _, watched := range []bool{false, true} {
			for _, limit := range []int{1, 7, 40} {
				var got []string
				q := kredivo.AttemptQuery{Watched: watched, Limit: limit}
				for range rounds {
					page, err := s.ListAttempts(p.Context(), q)
					p.ok(err)
					if len(page) == 0 {
						break
					}
					for _, a := range page {
						got = append(got, a.ID)
						q.AfterID, q.CreatedSince = a.ID, a.CreatedAt
					}
				}
				p.same(got, want)
			}
		}
	}},

	{"goes on behind an attempt that nobody has", func(p *place) {
		s := p.store()
		p.create(s, createdAt("b", 1, true))
		since := after(time.Second)
		p.same(p.list(s, kredivo.AttemptQuery{Limit: 10, CreatedSince: since, AfterID: "a"}), []string{"b"})
		p.same(p.list(s, kredivo.AttemptQuery{Limit: 10, CreatedSince: since, AfterID: "c"}), []string(nil))
		p.same(p.list(s, kredivo.AttemptQuery{Limit: 10, CreatedSince: start, AfterID: "c"}), []string{"b"})
	}},
}
