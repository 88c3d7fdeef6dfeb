// Package storetest checks that a [kredivo.Store] keeps every promise that the comments of that
// interface make. It has no switches: a store that cannot keep a promise does not pass.
package storetest

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/money"
)

// Run checks the stores that open returns. Each check is a subtest with a place of its own: open must
// return a store on an empty place at the first call with a t, and another store on the same place at
// any later call with that t, also while the first is still open. A place may be named after t.Name().
// Run closes the stores, and runs its subtests in parallel.
func Run(t *testing.T, open func(t *testing.T) kredivo.Store) {
	groups := []struct {
		name  string
		tests []test
	}{
		{"change", changeTests},
		{"conflict", conflictTests},
		{"fence", fenceTests},
		{"receive", receiveTests},
		{"messages", messageTests},
		{"events", eventTests},
		{"finish", finishTests},
		{"deliver", deliverTests},
		{"checks", checkTests},
		{"due", dueTests},
		{"list", listTests},
		{"records", recordTests},
		{"redrive", redriveTests},
		{"prune", pruneTests},
		{"values", valueTests},
		{"life", lifeTests},
	}
	for _, g := range groups {
		t.Run(g.name, func(t *testing.T) {
			for _, tt := range g.tests {
				t.Run(tt.name, func(t *testing.T) {
					t.Parallel()
					tt.run(&place{T: t, open: open})
				})
			}
		})
	}
}

// A test is one promise.
type test struct {
	name string
	run  func(p *place)
}

// A place is where the stores of one test keep their data.
type place struct {
	*testing.T
	open func(t *testing.T) kredivo.Store
}

// store opens a store on the place; the end of the test closes it.
func (p *place) store() kredivo.Store {
	p.Helper()
	s := p.open(p.T)
	if s == nil {
		p.Fatal("open returned no store")
	}
	p.Cleanup(func() { _ = s.Close() })
	return s
}

// start is when the tests begin: not on a whole second, as real times are.
var start = time.Date(2026, 3, 1, 8, 0, 0, 123456000, time.UTC)

// after is a while after the start.
func after(d time.Duration) time.Time { return start.Add(d) }

// hash is some hash.
func hash(s string) kredivo.Hash { return sha256.Sum256([]byte(s)) }

// attempt is an open attempt of an order, with values in all fields and no reference of another's.
func attempt(orderID string, number int) kredivo.Attempt {
	id := fmt.Sprintf("%s-%d", orderID, number)
	return kredivo.Attempt{
		ID:                      "id-" + id,
		OrderID:                 orderID,
		Number:                  number,
		InvoiceNumber:           "invoice-" + id,
		RequestID:               "request-" + id,
		MerchantUniqueReference: "reference-" + id,
		ClientID:                "BRN-0001",
		Environment:             doku.Sandbox,
		Amount:                  money.Rupiah(150_000),
		Status:                  kredivo.Created,
		Buyer:                   hash("buyer"),
		Token:                   hash("token-" + id),
		Body:                    []byte(`{"order":{}}`),
		CreatedAt:               start,
		UpdatedAt:               start,
		ExpiresAt:               after(24 * time.Hour),
		NextCheckAt:             after(3 * time.Minute),
		CallToken:               "call-" + id,
		CallUntil:               after(45 * time.Second),
	}
}

// with returns a with another status.
func with(a kredivo.Attempt, s kredivo.Status) kredivo.Attempt {
	a.Status = s
	return a
}

// message is a received message; messages with the same name are copies.
func message(name string) kredivo.Message {
	return kredivo.Message{
		Source:     kredivo.FromNotification,
		Dedupe:     hash(name),
		ClientID:   "BRN-0001",
		Header:     http.Header{"Request-Id": {name}, "Signature": {"HMACSHA256=abc"}},
		Body:       []byte(name),
		ReceivedAt: start,
	}
}

// event is an event of an order; of none when orderID is empty.
func event(orderID, id string) kredivo.Event {
	return kredivo.Event{ID: id, Kind: kredivo.PaymentSucceeded, OrderID: orderID, InvoiceNumber: "invoice", At: start}
}

// claim asks for up to limit items at a time, for a minute.
func claim(token string, now time.Time, limit int) kredivo.Claim {
	return kredivo.Claim{Token: token, Now: now, Lease: time.Minute, Limit: limit}
}

// Outcomes.
var (
	done   = kredivo.Outcome{State: kredivo.WorkDone}
	parked = kredivo.Outcome{State: kredivo.WorkParked, Error: "parked by the test"}
)

func retry(at time.Time) kredivo.Outcome {
	return kredivo.Outcome{State: kredivo.WorkRetry, RunAt: at, Error: "again"}
}

// decision returns a decide function that always decides d.
func decision(d kredivo.Decision) func([]kredivo.Attempt) (kredivo.Decision, error) {
	return func([]kredivo.Attempt) (kredivo.Decision, error) { return d, nil }
}

// order is the scope of an order.
func order(id string) kredivo.Scope { return kredivo.Scope{OrderID: id, Now: start} }

// about is the scope of a claimed message about no order.
func about(m kredivo.Message) kredivo.Scope { return kredivo.Scope{Message: &m, Now: start} }

// ok fails the test on an error.
func (p *place) ok(err error) {
	p.Helper()
	if err != nil {
		p.Fatalf("unexpected error: %v", err)
	}
}

// is fails the test when err is not target.
func (p *place) is(err, target error) {
	p.Helper()
	if !errors.Is(err, target) {
		p.Fatalf("error = %v, want %v", err, target)
	}
}

// same compares values; no elements and nil are the same, times must be UTC.
func (p *place) same(got, want any) {
	p.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty(), cmp.Comparer(sameTime)); d != "" {
		p.Fatalf("differs (-want +got):\n%s", d)
	}
}

func sameTime(a, b time.Time) bool {
	return a.Equal(b) && a.IsZero() == b.IsZero() && a.Location() == b.Location()
}

// create stores attempts, each in a change of its own.
func (p *place) create(s kredivo.Store, attempts ...kredivo.Attempt) {
	p.Helper()
	for _, a := range attempts {
		p.ok(s.Change(p.Context(), order(a.OrderID), decision(kredivo.Decision{Create: &a})))
	}
}

// update stores changed attempts.
func (p *place) update(s kredivo.Store, attempts ...kredivo.Attempt) {
	p.Helper()
	p.ok(s.Change(p.Context(), order(attempts[0].OrderID), decision(kredivo.Decision{Update: attempts})))
}

// emit queues events.
func (p *place) emit(s kredivo.Store, events ...kredivo.Event) {
	p.Helper()
	p.ok(s.Change(p.Context(), order(events[0].OrderID), decision(kredivo.Decision{Emit: events})))
}

// receive stores new messages.
func (p *place) receive(s kredivo.Store, messages ...kredivo.Message) {
	p.Helper()
	for _, m := range messages {
		added, err := s.Receive(p.Context(), m)
		p.ok(err)
		if !added {
			p.Fatalf("message %q is not new", m.Body)
		}
	}
}

// messages claims messages.
func (p *place) messages(s kredivo.Store, c kredivo.Claim) []kredivo.Message {
	p.Helper()
	all, err := s.ClaimMessages(p.Context(), c)
	p.ok(err)
	return all
}

// message claims the one message that is due.
func (p *place) message(s kredivo.Store, c kredivo.Claim) kredivo.Message {
	p.Helper()
	all := p.messages(s, c)
	if len(all) != 1 {
		p.Fatalf("claimed %d messages, want 1", len(all))
	}
	return all[0]
}

// bodies claims messages and names them.
func (p *place) bodies(s kredivo.Store, c kredivo.Claim) []string {
	p.Helper()
	var names []string
	for _, m := range p.messages(s, c) {
		names = append(names, string(m.Body))
	}
	return names
}

// events claims events.
func (p *place) events(s kredivo.Store, c kredivo.Claim) []kredivo.Delivery {
	p.Helper()
	all, err := s.ClaimEvents(p.Context(), c)
	p.ok(err)
	return all
}

// event claims the one event that is due.
func (p *place) event(s kredivo.Store, c kredivo.Claim) kredivo.Delivery {
	p.Helper()
	all := p.events(s, c)
	if len(all) != 1 {
		p.Fatalf("claimed %v, want 1 event", ids(all))
	}
	return all[0]
}

func ids(all []kredivo.Delivery) []string {
	var names []string
	for _, d := range all {
		names = append(names, d.Event.ID)
	}
	return names
}

// finish ends an event.
func (p *place) finish(s kredivo.Store, d kredivo.Delivery, o kredivo.Outcome) {
	p.Helper()
	p.ok(s.FinishEvent(p.Context(), d, o))
}

// attempts reads an order's attempts.
func (p *place) attempts(s kredivo.Store, orderID string) []kredivo.Attempt {
	p.Helper()
	all, err := s.Attempts(p.Context(), orderID)
	p.ok(err)
	return all
}

// backlog fails the test unless the backlog is want.
func (p *place) backlog(s kredivo.Store, want kredivo.Backlog) {
	p.Helper()
	got, err := s.Backlog(p.Context())
	p.ok(err)
	p.same(got, want)
}

// rounds bounds loops that end by themselves on a store that works.
const rounds = 2000

// parallel runs f n times at once and waits.
func parallel(n int, f func(i int)) {
	begin := make(chan struct{})
	var running sync.WaitGroup
	for i := range n {
		running.Go(func() {
			<-begin
			f(i)
		})
	}
	close(begin)
	running.Wait()
}
