package storetest

import (
	"fmt"
	"time"

	"github.com/paylater-go/paylater/kredivo"
)

var recordTests = []test{
	{"of an order are all its events, oldest first, whatever became of them", func(p *place) {
		s := p.store()
		first := event("A", "z first")
		first.Kind = kredivo.PaymentFailed
		p.emit(s, first, event("B", "b"), event("A", "a second"), event("A", "third"))
		p.finish(s, p.event(s, claim("1", start, 1)), retry(after(time.Second)))
		p.finish(s, p.event(s, claim("2", after(time.Second), 1)), done) // b, which is due longer
		d := p.event(s, claim("3", after(time.Second), 1))
		p.finish(s, d, done)
		d = p.event(s, claim("4", after(time.Second), 1))
		p.ok(s.FinishEvent(p.Context(), d, parked, refused("A", "alarm")))

		got, err := s.Events(p.Context(), "A")
		p.ok(err)
		p.same(got, []kredivo.EventRecord{
			{Event: first, State: kredivo.WorkDone, EmittedAt: start, RunAt: after(time.Second), Tries: 2, Failures: 1},
			{Event: event("A", "a second"), State: kredivo.WorkParked, EmittedAt: start, RunAt: start, Tries: 1, LastError: parked.Error},
			{Event: event("A", "third"), State: kredivo.WorkRetry, EmittedAt: start, RunAt: start},
			{Event: refused("A", "alarm"), State: kredivo.WorkRetry, EmittedAt: after(time.Minute), RunAt: after(time.Minute)},
		})
	}},

	{"of an unknown order are none", func(p *place) {
		s := p.store()
		p.emit(s, event("A", "a"), event("", "no order"))
		for _, order := range []string{"B", "a", "A ", "A\x00", "\xff"} {
			got, err := s.Events(p.Context(), order)
			p.ok(err)
			p.same(got, []kredivo.EventRecord(nil))
		}
	}},

	{"of parked work are oldest first and up to the limit of each", func(p *place) {
		s := p.store()
		var messages []kredivo.MessageRecord
		var events []kredivo.EventRecord
		for i := range 5 {
			id := fmt.Sprint(9 - i) // the oldest has the greatest name
			m := message(id)
			m.ReceivedAt = after(time.Duration(i) * time.Second)
			p.receive(s, m)
			p.emit(s, event("order"+id, id))
			now := after(time.Duration(i) * time.Second)
			m = p.message(s, claim("m"+id, now, 1))
			d := p.event(s, claim("e"+id, now, 1))
			if i == 2 { // is not parked
				continue
			}
			o := kredivo.Outcome{State: kredivo.WorkParked, Error: "reason " + id}
			p.ok(s.Change(p.Context(), about(m), decision(kredivo.Decision{Message: o})))
			p.finish(s, d, o)
			messages = append(messages, kredivo.MessageRecord{
				Message: kredivo.Message{
					ID: m.ID, Source: m.Source, Dedupe: m.Dedupe, ClientID: m.ClientID, ReceivedAt: m.ReceivedAt, Tries: 1,
				},
				State: kredivo.WorkParked, RunAt: m.ReceivedAt, LastError: o.Error,
			})
			events = append(events, kredivo.EventRecord{
				Event: d.Event, State: kredivo.WorkParked, EmittedAt: start, RunAt: start, Tries: 1, LastError: o.Error,
			})
		}
		for limit := range 6 {
			gotMessages, gotEvents, err := s.Parked(p.Context(), limit)
			p.ok(err)
			n := min(limit, 4)
			p.same(gotMessages, messages[:n])
			p.same(gotEvents, events[:n])
		}
	}},
}

// park parks n messages and n events, each of an order of its own, after a failure each.
func (p *place) park(s kredivo.Store, n int) (messages []kredivo.Message, events []kredivo.Delivery) {
	p.Helper()
	for i := range n {
		p.receive(s, message(fmt.Sprint("parked", i)))
		p.emit(s, event(fmt.Sprint("parked", i), fmt.Sprint("parked", i)))
	}
	for try, o := range []kredivo.Outcome{retry(start), parked} {
		messages = p.messages(s, claim(fmt.Sprint("park", try), start, n))
		events = p.events(s, claim(fmt.Sprint("park", try), start, n))
		for i := range n {
			p.ok(s.Change(p.Context(), about(messages[i]), decision(kredivo.Decision{Message: o})))
			p.finish(s, events[i], o)
		}
	}
	return messages, events
}

// redrive redrives w and fails the test unless it was want.
func (p *place) redrive(s kredivo.Store, w kredivo.Work, now time.Time, want int) {
	p.Helper()
	got, err := s.Redrive(p.Context(), w, now)
	p.ok(err)
	p.same(got, want)
}

var redriveTests = []test{
	{"makes one message due, as if it had never failed", func(p *place) {
		s := p.store()
		messages, _ := p.park(s, 3)
		p.redrive(s, kredivo.Work{MessageID: messages[1].ID}, after(time.Hour), 1)
		p.same(p.bodies(s, claim("early", after(time.Hour-time.Microsecond), 10)), []string(nil))
		m := p.message(s, claim("t", after(time.Hour), 10))
		want := messages[1]
		want.Tries, want.Failures, want.Token = 3, 0, "t"
		p.same(m, want)
		p.backlog(s, kredivo.Backlog{Messages: 1, ParkedMessages: 2, ParkedEvents: 3})
	}},

	{"makes one event due, as if it had never failed, and lets its order go on", func(p *place) {
		s := p.store()
		_, events := p.park(s, 3)
		p.emit(s, event("parked1", "next"))
		p.redrive(s, kredivo.Work{EventID: "parked1"}, after(time.Hour), 1)
		record, err := s.Events(p.Context(), "parked1")
		p.ok(err)
		p.same(record[0].LastError, parked.Error) // to be read until it ends again
		p.same(ids(p.events(s, claim("early", after(time.Hour-time.Microsecond), 10))), []string(nil))
		d := p.event(s, claim("t", after(time.Hour), 10))
		want := events[1]
		want.Tries, want.Failures, want.Token = 3, 0, "t"
		p.same(d, want)
		p.finish(s, d, done)
		p.same(p.event(s, claim("u", after(time.Hour), 10)).Event.ID, "next")
	}},

	{"makes all parked work due", func(p *place) {
		s := p.store()
		p.park(s, 3)
		p.redrive(s, kredivo.Work{}, after(time.Hour), 6)
		p.backlog(s, kredivo.Backlog{Messages: 3, Events: 3})
		p.same(len(p.messages(s, claim("m", after(time.Hour), 10))), 3)
		p.same(len(p.events(s, claim("e", after(time.Hour), 10))), 3)
		p.redrive(s, kredivo.Work{}, after(time.Hour), 0)
	}},

	{"leaves alone what is not parked or not there", func(p *place) {
		s := p.store()
		p.redrive(s, kredivo.Work{}, start, 0)
		messages, _ := p.park(s, 1)
		p.receive(s, message("new"), message("claimed"))
		p.emit(s, event("A", "new"), event("B", "done"))
		m := p.messages(s, claim("t", start, 10))
		d := p.events(s, claim("t", start, 10))
		p.finish(s, d[1], done)
		for _, w := range []kredivo.Work{
			{MessageID: m[0].ID}, {EventID: "new"}, {EventID: "done"}, {MessageID: m[1].ID, EventID: "Parked0"},
			{MessageID: 1000000}, {EventID: "parked0\x00"}, {EventID: "\xff"},
		} {
			p.redrive(s, w, after(time.Hour), 0)
		}
		p.backlog(s, kredivo.Backlog{Messages: 2, Events: 1, ParkedMessages: 1, ParkedEvents: 1})
		p.finish(s, d[0], done) // its claim was left alone
		p.redrive(s, kredivo.Work{MessageID: messages[0].ID, EventID: "parked0"}, after(time.Hour), 2)
	}},

	{"twenty that redrive at once redrive each once", func(p *place) {
		stores := []kredivo.Store{p.store(), p.store()}
		const n = 30
		p.park(stores[0], n)
		results := make(chan int, 20)
		parallel(20, func(i int) {
			got, err := stores[i%2].Redrive(p.Context(), kredivo.Work{}, start)
			if err != nil {
				p.Error(err)
			}
			// Somebody works on it already.
			if _, err := stores[i%2].ClaimEvents(p.Context(), claim(fmt.Sprint("t", i), start, 3)); err != nil {
				p.Error(err)
			}
			results <- got
		})
		sum := 0
		for range 20 {
			sum += <-results
		}
		p.same(sum, 2*n)
		p.backlog(stores[0], kredivo.Backlog{Messages: n, Events: n})
	}},
}
