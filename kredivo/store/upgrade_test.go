package store_test

import (
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
	"github.com/paylater-go/paylater/money"
)

// A day is a clock that shows an hour after an older version was switched off, and goes on from there.
type day struct{ began time.Time }

func (d day) Now() time.Time {
	return time.Date(2025, 6, 1, 9, 0, 0, 0, time.UTC).Add(time.Since(d.began))
}

// TestWorkOfAnOlderVersionIsFinished opens databases that an older version left with work in every state
// (see testdata/fixture), and loses none of it.
func TestWorkOfAnOlderVersionIsFinished(t *testing.T) {
	t.Parallel()
	for kind, empty := range databases {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dsn := empty(t)
			load(t, dsn, "testdata/67e4047-"+kind+".sql")
			finishWork(t, open(t, dsn))
		})
	}
}

// load runs a dump.
func load(t *testing.T, dsn, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := connect(t, dsn).ExecContext(t.Context(), string(text)); err != nil {
		t.Fatal(err)
	}
}

func finishWork(t *testing.T, st kredivo.Store) {
	t.Helper()
	ctx := t.Context()
	// A claimed one, a new one and one of an unknown invoice; two refused, and one behind a parked one.
	backlog(t, st, kredivo.Backlog{Messages: 3, Events: 3, ParkedMessages: 1, ParkedEvents: 1})
	messages, events, err := st.Parked(ctx, 10)
	if err != nil || len(messages) != 1 || len(events) != 1 {
		t.Fatalf("parked are %v and %v, %v", messages, events, err)
	}
	if added, err := st.Receive(ctx, messages[0].Message); added || err != nil {
		t.Errorf("a copy of an old message was added: %v, %v", added, err)
	}
	before, err := st.Attempts(ctx, "created")
	if err != nil || len(before) != 1 || before[0].Status != kredivo.Created {
		t.Fatalf("attempts %+v, %v", before, err)
	}

	clock := day{time.Now()}
	shop := kredivotest.New(t, func(c *kredivotest.Config) {
		c.Plugin.Store, c.Plugin.Now, c.Simulator.Clock = st, clock.Now, clock
	})
	for _, id := range []string{"received", "claimed", "refused-retried", "refused-claimed"} {
		shop.Wait(id, kredivo.PaymentSucceeded)
	}
	if n, err := st.Redrive(ctx, kredivo.Work{EventID: events[0].Event.ID}, clock.Now()); n != 1 || err != nil {
		t.Fatalf("redriven %d, %v", n, err)
	}
	shop.Wait("refused-parked", kredivo.PaymentRefunded)

	// A call whose answer was never seen goes on with the same bytes under the same Request-Id.
	c, err := shop.Plugin.Checkout(ctx, oldOrder("created"))
	if err != nil || c.Attempt.RequestID != before[0].RequestID || c.Attempt.ID != before[0].ID {
		t.Errorf("checkout made %+v, %v", c.Attempt, err)
	}

	for id, want := range map[string]kredivo.Status{
		"paid": kredivo.Paid, "failed": kredivo.Failed, "refunded": kredivo.Refunded, "review": kredivo.Review,
		"pending": kredivo.Pending, "created": kredivo.Pending, "received": kredivo.Paid, "claimed": kredivo.Paid,
		"refused-retried": kredivo.Paid, "refused-claimed": kredivo.Paid, "refused-parked": kredivo.Refunded,
	} {
		if p, err := shop.Plugin.Payment(ctx, id); err != nil || p.Status != want || len(p.Attempts) != 1 {
			t.Errorf("order %s: %s with %d attempts, %v; want %s", id, p.Status, len(p.Attempts), err, want)
		}
	}
	delivered := map[string][]kredivo.EventKind{}
	for _, e := range shop.Events() {
		delivered[e.OrderID] = append(delivered[e.OrderID], e.Kind)
	}
	succeeded := []kredivo.EventKind{kredivo.PaymentSucceeded}
	want := map[string][]kredivo.EventKind{
		"received": succeeded, "claimed": succeeded, "refused-retried": succeeded, "refused-claimed": succeeded,
		"refused-parked": {kredivo.PaymentSucceeded, kredivo.PaymentRefunded},
	}
	if d := cmp.Diff(want, delivered); d != "" {
		t.Errorf("delivered (-want +got):\n%s", d)
	}
	list, err := st.ListAttempts(ctx, kredivo.AttemptQuery{Limit: 100})
	if err != nil || len(list) != 11 {
		t.Errorf("%d attempts are listed, %v", len(list), err)
	}
	// The message about an invoice that nobody knows is not a day old, and what cannot be read stays.
	eventually(t, "all other work is done", func() bool { return readBacklog(t, st) == kredivo.Backlog{Messages: 1, ParkedMessages: 1} })
}

// oldOrder is the order that the fixture bought.
func oldOrder(id string) kredivo.Order {
	o := kredivotest.Order(id, "buyer-"+id)
	o.Items[0].Price, o.Charges = money.Rupiah(75_000), nil
	return o
}

func readBacklog(t *testing.T, st kredivo.Store) kredivo.Backlog {
	t.Helper()
	b, err := st.Backlog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func backlog(t *testing.T, st kredivo.Store, want kredivo.Backlog) {
	t.Helper()
	if got := readBacklog(t, st); got != want {
		t.Fatalf("backlog = %+v, want %+v", got, want)
	}
}

// eventually waits until it is true, far longer than a slow machine needs.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	limit := time.NewTimer(time.Minute)
	defer limit.Stop()
	for !is() {
		select {
		case <-tick.C:
		case <-limit.C:
			t.Fatalf("never: %s", what)
		}
	}
}
