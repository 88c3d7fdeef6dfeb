package storetest

import (
	"fmt"
	"time"

	"github.com/paylater-go/paylater/kredivo"
)

// settled receives messages, one a minute from the start on, and settles them.
func (p *place) settled(s kredivo.Store, n int) {
	p.Helper()
	for i := range n {
		m := message(fmt.Sprint("settled", i))
		m.ReceivedAt = after(time.Duration(i) * time.Minute)
		p.receive(s, m)
		m = p.message(s, claim(fmt.Sprint("settle", i), m.ReceivedAt, 1))
		p.ok(s.Change(p.Context(), about(m), decision(kredivo.Decision{Message: done})))
	}
}

// prune prunes and fails the test unless it was want.
func (p *place) prune(s kredivo.Store, before time.Time, limit, want int) {
	p.Helper()
	got, err := s.Prune(p.Context(), before, limit)
	p.ok(err)
	p.same(got, want)
}

var pruneTests = []test{
	{"takes done messages from before a time, up to the limit, once", func(p *place) {
		s := p.store()
		p.settled(s, 7)
		p.prune(s, start, 10, 0)
		p.prune(s, after(5*time.Minute), 0, 0)
		p.prune(s, after(5*time.Minute), -1, 0)
		p.prune(s, after(5*time.Minute), 3, 3)
		p.prune(s, after(5*time.Minute), 3, 2)
		p.prune(s, after(5*time.Minute), 3, 0)
		p.prune(s, after(5*time.Minute+time.Microsecond), 3, 1)
	}},

	{"leaves every message that is not done as it was", func(p *place) {
		s := p.store()
		messages, _ := p.park(s, 1)
		p.receive(s, message("claimed"), message("new"))
		claimed := p.message(s, claim("t", start, 1))
		p.prune(s, after(1000*time.Hour), 10, 0)
		p.redrive(s, kredivo.Work{}, start, 2)
		m := p.messages(s, claim("u", start, 10))
		if len(m) != 2 || string(m[0].Body) == "" || string(m[1].Body) == "" || len(m[0].Header) == 0 {
			p.Errorf("claimed %+v", m)
		}
		p.same(messages[0].Body, message("parked0").Body)
		p.ok(s.Change(p.Context(), about(claimed), decision(kredivo.Decision{Message: done})))
		p.prune(s, after(1000*time.Hour), 10, 1)
	}},

	{"knows a copy for ever", func(p *place) {
		s := p.store()
		p.settled(s, 3)
		p.prune(s, after(time.Hour), 10, 3)
		for i := range 3 {
			added, err := s.Receive(p.Context(), message(fmt.Sprint("settled", i)))
			p.ok(err)
			if added {
				p.Errorf("a copy of message %d was added", i)
			}
		}
		p.same(p.bodies(s, claim("t", after(1000*time.Hour), 10)), []string(nil))
		p.backlog(s, kredivo.Backlog{})
		p.prune(s, after(time.Hour), 10, 0)
	}},

	{"at once by many takes each once", func(p *place) {
		stores := []kredivo.Store{p.store(), p.store()}
		p.settled(stores[0], 30)
		results := make(chan int, 6)
		parallel(6, func(worker int) {
			sum := 0
			for range rounds {
				n, err := stores[worker%2].Prune(p.Context(), after(time.Hour), 4)
				if err != nil {
					p.Error(err)
				}
				if sum += n; n == 0 {
					break
				}
			}
			results <- sum
		})
		sum := 0
		for range 6 {
			sum += <-results
		}
		p.same(sum, 30)
	}},
}
