package storetest

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/paylater-go/paylater/kredivo"
)

var receiveTests = []test{
	{"a copy is left alone, whatever became of the first", func(p *place) {
		s := p.store()
		again := func(name string) {
			p.Helper()
			copied := message(name)
			copied.Body, copied.ReceivedAt = []byte("another body"), after(time.Hour)
			added, err := s.Receive(p.Context(), copied)
			p.ok(err)
			if added {
				p.Errorf("a copy of %s was added", name)
			}
		}
		for _, o := range []kredivo.Outcome{done, parked} {
			name := string(o.State)
			p.receive(s, message(name))
			again(name)
			m := p.message(s, claim("t-"+name, start, 10))
			p.same(string(m.Body), name)
			again(name)
			_, err := settle(p, s, m, o)
			p.ok(err)
			again(name)
		}
		p.same(p.bodies(s, claim("last", after(24*time.Hour), 10)), []string(nil))
		p.backlog(s, kredivo.Backlog{Events: 2, ParkedMessages: 1})
	}},

	{"hashes are compared to the last bit", func(p *place) {
		s := p.store()
		m := message("m")
		for i := range 16 {
			m.Dedupe[len(m.Dedupe)-1] = byte(i)
			p.receive(s, m)
		}
		p.backlog(s, kredivo.Backlog{Messages: 16})
	}},

	{"of a hundred copies at once one is added, and the others wait for its commit", func(p *place) {
		stores := []kredivo.Store{p.store(), p.store()}
		var added atomic.Int64
		parallel(100, func(i int) {
			isNew, err := stores[i%2].Receive(p.Context(), message("m"))
			switch {
			case err != nil:
				p.Error(err)
			case isNew:
				added.Add(1)
			default:
				if b, err := stores[(i+1)%2].Backlog(p.Context()); err != nil || b.Messages != 1 {
					p.Errorf("told that a copy exists, but the other store sees %+v, %v", b, err)
				}
			}
		})
		if added.Load() != 1 {
			p.Errorf("added %d times, want 1", added.Load())
		}
	}},

	{"the id, tries and token that are given are ignored", func(p *place) {
		s := p.store()
		p.receive(s, message("first"))
		m := message("second")
		m.ID, m.Tries, m.Token = 1, 7, "mine"
		p.receive(s, m)
		all := p.messages(s, claim("t", start, 10))
		if len(all) != 2 || all[0].ID == all[1].ID || all[1].Tries != 1 || all[1].Token != "t" {
			p.Errorf("claimed %+v", all)
		}
	}},
}

var messageTests = []test{
	{"come oldest due first and up to the limit", func(p *place) {
		s := p.store()
		for _, i := range []int{3, 1, 2, 0, 4} {
			m := message(fmt.Sprint("m", i))
			m.ReceivedAt = after(time.Duration(i) * time.Microsecond)
			p.receive(s, m)
		}
		p.same(p.bodies(s, claim("none", after(time.Hour), 0)), []string(nil))
		p.same(p.bodies(s, claim("a", after(time.Hour), 2)), []string{"m0", "m1"})
		p.same(p.bodies(s, claim("b", after(time.Hour), 2)), []string{"m2", "m3"})
		p.same(p.bodies(s, claim("c", after(time.Hour), 2)), []string{"m4"})
		p.same(p.bodies(s, claim("d", after(time.Hour), 2)), []string(nil))
	}},

	{"come back when the lease is over, and every claim counts", func(p *place) {
		s := p.store()
		p.receive(s, message("m"))
		for try := range 5 {
			now := after(time.Duration(try) * time.Minute)
			m := p.message(s, claim(fmt.Sprint("t", try), now, 1))
			if m.Tries != try+1 || m.Token != fmt.Sprint("t", try) {
				p.Fatalf("tries = %d and token = %s at claim %d", m.Tries, m.Token, try+1)
			}
			p.same(p.bodies(s, claim("early", now.Add(time.Minute-time.Microsecond), 1)), []string(nil))
		}
	}},

	{"come back at RunAt and not before", func(p *place) {
		s := p.store()
		p.receive(s, message("m"))
		m := p.message(s, claim("a", start, 1))
		at := after(time.Second) // before the lease ends: the claim is over with the outcome
		p.ok(s.Change(p.Context(), about(m), decision(kredivo.Decision{Message: retry(at)})))
		p.same(p.bodies(s, claim("b", at.Add(-time.Microsecond), 1)), []string(nil))
		if m = p.message(s, claim("c", at, 1)); m.Tries != 2 {
			p.Errorf("tries = %d, want 2", m.Tries)
		}
	}},

	{"never come back when they are done or parked", func(p *place) {
		s := p.store()
		for _, o := range []kredivo.Outcome{done, parked} {
			p.receive(s, message(string(o.State)))
			m := p.message(s, claim("t-"+string(o.State), start, 1))
			p.ok(s.Change(p.Context(), about(m), decision(kredivo.Decision{Message: o})))
		}
		p.same(p.bodies(s, claim("late", after(10000*time.Hour), 10)), []string(nil))
		p.backlog(s, kredivo.Backlog{ParkedMessages: 1})
	}},

	{"are held by one claim at a time", func(p *place) {
		stores := []kredivo.Store{p.store(), p.store()}
		const n = 120
		for i := range n {
			p.receive(stores[i%2], message(fmt.Sprint("m", i)))
		}
		var mu sync.Mutex
		var got []string
		parallel(8, func(worker int) {
			for round := range rounds {
				all, err := stores[worker%2].ClaimMessages(p.Context(), claim(fmt.Sprintf("w%d-%d", worker, round), start, 7))
				if err != nil {
					p.Error(err)
				}
				if len(all) == 0 {
					return
				}
				mu.Lock()
				for _, m := range all {
					got = append(got, string(m.Body))
				}
				mu.Unlock()
			}
		})
		slices.Sort(got)
		if len(got) != n || len(slices.Compact(got)) != n {
			p.Errorf("%d messages were claimed %d times", n, len(got))
		}
	}},

	{"a slice that was given or returned is not kept", func(p *place) {
		s := p.store()
		m := message("m")
		p.receive(s, m)
		clear(m.Body)
		m.Header["Request-Id"][0] = "changed"
		for try := range 2 {
			got := p.message(s, claim(fmt.Sprint("t", try), after(time.Duration(try)*time.Hour), 1))
			p.same(got.Body, []byte("m"))
			p.same(got.Header, message("m").Header)
			clear(got.Body)
			got.Header["Request-Id"][0] = "changed"
		}
	}},
}
