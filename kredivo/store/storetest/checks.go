package storetest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/paylater-go/paylater/kredivo"
)

// orders claims checks and names the orders.
func (p *place) orders(s kredivo.Store, c kredivo.Claim) []string {
	p.Helper()
	all, err := s.ClaimChecks(p.Context(), c)
	p.ok(err)
	var names []string
	for _, a := range all {
		names = append(names, a.OrderID)
	}
	return names
}

// checkAt is an attempt that is to be checked some minutes after the start.
func checkAt(orderID string, minutes int) kredivo.Attempt {
	a := attempt(orderID, 1)
	a.NextCheckAt = after(time.Duration(minutes) * time.Minute)
	return a
}

var checkTests = []test{
	{"come earliest first, when due, up to the limit", func(p *place) {
		s := p.store()
		p.create(s, checkAt("C", 3), checkAt("A", 1), checkAt("B", 2), checkAt("D", 10))
		p.same(p.orders(s, claim("", after(time.Minute-time.Microsecond), 10)), []string(nil))
		p.same(p.orders(s, claim("", after(5*time.Minute), 0)), []string(nil))
		p.same(p.orders(s, claim("", after(5*time.Minute), 2)), []string{"A", "B"})
		p.same(p.orders(s, claim("", after(5*time.Minute), 2)), []string{"C"})
		p.same(p.orders(s, claim("", after(5*time.Minute), 2)), []string(nil))
	}},

	{"move NextCheckAt by the lease and nothing else", func(p *place) {
		s := p.store()
		want := full("A", 1)
		want.NextCheckAt = start
		p.create(s, want, checkAt("B", 60))
		want.NextCheckAt = after(time.Hour + time.Minute)
		got, err := s.ClaimChecks(p.Context(), claim("t", after(time.Hour), 1))
		p.ok(err)
		p.same(got, []kredivo.Attempt{want})
		p.same(p.attempts(s, "A"), []kredivo.Attempt{want})
		p.same(p.attempts(s, "B"), []kredivo.Attempt{checkAt("B", 60)})
	}},

	{"come back when the lease is over", func(p *place) {
		s := p.store()
		p.create(s, checkAt("A", 0))
		p.same(p.orders(s, claim("a", start, 1)), []string{"A"})
		p.same(p.orders(s, claim("b", after(time.Minute-time.Microsecond), 1)), []string(nil))
		p.same(p.orders(s, claim("c", after(time.Minute), 1)), []string{"A"})
	}},

	{"are never due without NextCheckAt", func(p *place) {
		s := p.store()
		never := attempt("A", 1)
		never.NextCheckAt = time.Time{}
		p.create(s, never, checkAt("B", 0))
		stop := checkAt("B", 0)
		stop.NextCheckAt = time.Time{}
		p.update(s, stop)
		p.same(p.orders(s, claim("t", after(10000*time.Hour), 10)), []string(nil))
		p.update(s, checkAt("A", 5))
		p.same(p.orders(s, claim("t", after(10000*time.Hour), 10)), []string{"A"})
	}},

	{"are given to one caller at a time", func(p *place) {
		stores := []kredivo.Store{p.store(), p.store()}
		const n = 60
		for i := range n {
			p.create(stores[i%2], checkAt(fmt.Sprint("order", i), 0))
		}
		var mu sync.Mutex
		var got []string
		parallel(6, func(worker int) {
			for range rounds {
				all, err := stores[worker%2].ClaimChecks(p.Context(), claim("t", start, 7))
				if err != nil {
					p.Error(err)
				}
				if len(all) == 0 {
					return
				}
				mu.Lock()
				for _, a := range all {
					got = append(got, a.OrderID)
				}
				mu.Unlock()
			}
		})
		slices.Sort(got)
		if len(got) != n || len(slices.Compact(got)) != n {
			p.Errorf("%d attempts were given out %d times", n, len(got))
		}
	}},
}
