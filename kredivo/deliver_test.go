package kredivo_test

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
	"github.com/paylater-go/paylater/kredivo/store/sqlite"
)

// A ledger is a shop's table in the file of the store. It has no unique key, so that a second effect shows.
type ledger struct {
	*testing.T
	path string
}

// inLedger keeps the store and the shop's table in one file and lets handle decide what happens after the row
// was written.
func inLedger(t *testing.T, handle func(ctx context.Context, tx *sql.Tx, e kredivo.Event) error) (*ledger, func(*kredivotest.Config)) {
	t.Helper()
	l := &ledger{t, filepath.Join(t.TempDir(), "shop.db")}
	l.exec(`CREATE TABLE effect (event_id TEXT NOT NULL, order_id TEXT NOT NULL)`)
	return l, func(c *kredivotest.Config) {
		st, err := sqlite.Open(t.Context(), l.path)
		if err != nil {
			t.Fatal(err)
		}
		c.Plugin.Store = st
		c.Plugin.OnEventTx = func(ctx context.Context, tx *sql.Tx, e kredivo.Event) error {
			if _, err := tx.ExecContext(ctx, `INSERT INTO effect VALUES (?, ?)`, e.ID, e.OrderID); err != nil {
				return err
			}
			return handle(ctx, tx, e)
		}
	}
}

func (l *ledger) exec(statement string) {
	l.Helper()
	db, err := sql.Open("sqlite", l.path+"?_pragma=busy_timeout(30000)&_pragma=journal_mode(WAL)")
	if err != nil {
		l.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(context.Background(), statement); err != nil {
		l.Fatal(err)
	}
}

// effects counts the rows about an order.
func (l *ledger) effects(orderID string) (n int) {
	l.Helper()
	l.scan(&n, `SELECT COUNT(*) FROM effect WHERE order_id = ?`, orderID)
	return n
}

// scan reads one value.
func (l *ledger) scan(into any, query string, args ...any) {
	l.Helper()
	db, err := sql.Open("sqlite", l.path+"?_pragma=busy_timeout(30000)")
	if err != nil {
		l.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.QueryRowContext(context.Background(), query, args...).Scan(into); err != nil {
		l.Fatal(err)
	}
}

// record is what became of the order's event of that kind.
func record(t *testing.T, shop *kredivotest.Shop, orderID string, kind kredivo.EventKind) kredivo.EventRecord {
	t.Helper()
	records, err := shop.Plugin.Events(t.Context(), orderID)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(records, func(r kredivo.EventRecord) bool { return r.Event.Kind == kind })
	if i < 0 {
		return kredivo.EventRecord{}
	}
	return records[i]
}

// Whatever goes wrong in the shop's handler, its row and the end of the event are there together, once.
func TestEffectCommitsWithItsEvent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		handle func(ctx context.Context, tx *sql.Tx, first bool) error
	}{
		{"returns nil", func(context.Context, *sql.Tx, bool) error { return nil }},
		{"fails once", func(_ context.Context, _ *sql.Tx, first bool) error {
			if first {
				return kredivo.RetryAfter(errors.New("not now"), time.Second)
			}
			return nil
		}},
		{"panics once", func(_ context.Context, _ *sql.Tx, first bool) error {
			if first {
				panic("the cart is nil")
			}
			return nil
		}},
		{"hangs once", func(ctx context.Context, _ *sql.Tx, first bool) error {
			if first {
				<-ctx.Done()
				return ctx.Err()
			}
			return nil
		}},
		{"commits by itself", func(_ context.Context, tx *sql.Tx, _ bool) error { return tx.Commit() }},
		{"commits by itself, then fails", func(_ context.Context, tx *sql.Tx, _ bool) error {
			return errors.Join(tx.Commit(), errors.New("too late"))
		}},
		{"rolls back by itself once", func(_ context.Context, tx *sql.Tx, first bool) error {
			if first {
				return tx.Rollback()
			}
			return nil
		}},
		{"breaks the transaction once", func(ctx context.Context, tx *sql.Tx, first bool) error {
			if first {
				_, err := tx.ExecContext(ctx, `INSERT INTO no_such_table VALUES (1)`)
				return err
			}
			return nil
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			clock := dokusim.NewManualClock(time.Date(2026, 3, 1, 5, 0, 0, 0, time.UTC))
			var calls atomic.Int32
			l, shared := inLedger(t, func(ctx context.Context, tx *sql.Tx, _ kredivo.Event) error {
				return tt.handle(ctx, tx, calls.Add(1) == 1)
			})
			shop := kredivotest.New(t, shared, func(c *kredivotest.Config) {
				c.Plugin.Now, c.Simulator.Clock, c.Plugin.HandlerTimeout = clock.Now, clock, 500*time.Millisecond
			})
			checkout(t, shop, "1001")
			shop.Pay("1001")
			eventually(t, "the end of the event", func() bool {
				clock.Advance(time.Second)
				done := record(t, shop, "1001", kredivo.PaymentSucceeded).State == kredivo.WorkDone
				if n := l.effects("1001"); n > 1 || done && n != 1 {
					t.Fatalf("%d effects, event done: %v", n, done)
				}
				return done
			})
		})
	}
}

// A handler that hangs on its transaction loses it at its deadline, so that the database goes on.
func TestHangingTransactionFreesTheStore(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	l, shared := inLedger(t, func(_ context.Context, _ *sql.Tx, e kredivo.Event) error {
		if e.OrderID == "hangs" {
			<-release // whatever its context says
		}
		return nil
	})
	shop := kredivotest.New(t, shared, func(c *kredivotest.Config) { c.Plugin.HandlerTimeout = 200 * time.Millisecond })
	t.Cleanup(func() { close(release) }) // before Run waits for the handler
	checkout(t, shop, "hangs")
	shop.Pay("hangs")
	eventually(t, "the hanging call", func() bool {
		return record(t, shop, "hangs", kredivo.PaymentSucceeded).Tries > 0
	})
	checkout(t, shop, "good")
	shop.Pay("good")
	shop.Wait("good", kredivo.PaymentSucceeded)
	if good, hangs := l.effects("good"), l.effects("hangs"); good != 1 || hangs != 0 {
		t.Errorf("effects: %d of the good order, %d of the hanging one; want 1 and 0", good, hangs)
	}
}

// The money is there and the shop says no: a state to see, an alarm that nothing holds up, and a way back.
func TestPaidButRefusedByTheHost(t *testing.T) {
	t.Parallel()
	var closed atomic.Bool
	closed.Store(true)
	shop := kredivotest.New(t, func(c *kredivotest.Config) {
		c.Plugin.OnEvent = func(_ context.Context, e kredivo.Event) error {
			if e.Kind == kredivo.PaymentSucceeded && closed.Load() {
				return kredivo.Permanent(errors.New("invalid transition"))
			}
			return nil
		}
	})
	checkout(t, shop, "1001")
	shop.Pay("1001")
	alarm := shop.Wait("1001", kredivo.HostRefused)
	if alarm.Status != kredivo.Paid || !strings.HasSuffix(alarm.RefusedEventID, ":payment.succeeded") {
		t.Errorf("alarm = %+v", alarm)
	}
	p, err := shop.Plugin.Payment(t.Context(), "1001")
	if err != nil || p.Status != kredivo.Paid || !p.HostRefused {
		t.Errorf("payment = %s, refused by the host: %v (%v); want PAID and true", p.Status, p.HostRefused, err)
	}
	_, parked, err := shop.Plugin.Parked(t.Context(), 10)
	if err != nil || len(parked) != 1 || parked[0].Event.ID != alarm.RefusedEventID || parked[0].LastError != "invalid transition" {
		t.Fatalf("parked = %+v, %v", parked, err)
	}

	// It comes back, is refused again, and that is another alarm.
	redrive(t, shop, alarm.RefusedEventID)
	eventually(t, "a second alarm", func() bool {
		n := 0
		for _, e := range shop.Events() {
			if e.Kind == kredivo.HostRefused {
				n++
			}
		}
		return n == 2
	})
	closed.Store(false)
	redrive(t, shop, alarm.RefusedEventID)
	shop.Wait("1001", kredivo.PaymentSucceeded)
	idle(t, shop)
	if p, err = shop.Plugin.Payment(t.Context(), "1001"); err != nil || p.HostRefused {
		t.Errorf("refused by the host after it took the event: %v (%v)", p.HostRefused, err)
	}
	if again, err := shop.Plugin.Redrive(t.Context(), kredivo.Work{EventID: alarm.RefusedEventID}); again || err != nil {
		t.Errorf("a delivered event was redriven: %v, %v", again, err)
	}
	if _, err := shop.Plugin.Redrive(t.Context(), kredivo.Work{}); err == nil {
		t.Error("empty work was redriven")
	}
}

func redrive(t *testing.T, shop *kredivotest.Shop, eventID string) {
	t.Helper()
	if ok, err := shop.Plugin.Redrive(t.Context(), kredivo.Work{EventID: eventID}); !ok || err != nil {
		t.Fatalf("redrive of %s: %v, %v", eventID, ok, err)
	}
}

// A message that could not be settled comes back with everything else.
func TestRedriveAllTakesMessagesToo(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	body := []byte(`{"order":`)
	postNotification(t, shop, body)
	eventually(t, "a parked message", func() bool { return backlog(t, shop).ParkedMessages == 1 })
	messages, _, err := shop.Plugin.Parked(t.Context(), 10)
	if err != nil || len(messages) != 1 || messages[0].LastError == "" || messages[0].Message.Body != nil {
		t.Fatalf("parked = %+v, %v", messages, err)
	}
	if n, err := shop.Plugin.RedriveAll(t.Context()); n != 1 || err != nil {
		t.Fatalf("redriven %d, %v; want 1", n, err)
	}
	eventually(t, "a message parked again", func() bool {
		m, _, err := shop.Plugin.Parked(t.Context(), 10)
		return err == nil && len(m) == 1 && m[0].Message.Tries > messages[0].Message.Tries
	})
}

// postNotification sends a signed notification to the plugin's route and wants it acknowledged.
func postNotification(t *testing.T, shop *kredivotest.Shop, body []byte) {
	t.Helper()
	r := shop.Plugin.Routes(kredivo.NotificationRoutes)[0].Serve(t.Context(), &kredivo.Request{
		Method: "POST", Path: kredivotest.NotificationPath, Header: shop.Sign(body), Body: body,
	})
	if r.Status != 200 {
		t.Fatalf("notification answered %d", r.Status)
	}
}

// The end of Run is no failure of the host's: restarts do not use up its tries.
func TestStoppingIsNoFailure(t *testing.T) {
	t.Parallel()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "kredivo.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	called := make(chan struct{}, 1)
	cfg := kredivo.Config{
		DOKU: doku.Config{ClientID: kredivotest.ClientID, SecretKey: kredivotest.SecretKey}, PublicURL: kredivotest.PublicURL,
		Store: st, PollEvery: 10 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
		OnEvent: func(ctx context.Context, _ kredivo.Event) error {
			called <- struct{}{}
			<-ctx.Done()
			return ctx.Err()
		},
	}
	emit(t, st, "1001")
	for n := range 15 {
		other, err := kredivo.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- other.Run(ctx) }()
		<-called
		stop()
		if err := <-ended; err != nil {
			t.Fatal(err)
		}
		records, err := st.Events(t.Context(), "1001")
		if err != nil || len(records) != 1 {
			t.Fatalf("events = %+v, %v", records, err)
		}
		if r := records[0]; r.State != kredivo.WorkRetry || r.Failures != 0 || r.Tries != n+1 {
			t.Fatalf("after %d restarts: %+v, want it due with as many tries and no failures", n+1, r)
		}
	}
}

// Nor does a stop give up an event whose next failure would be the last.
func TestStoppingIsNoLastFailure(t *testing.T) {
	t.Parallel()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "kredivo.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	ctx, stop := context.WithCancel(t.Context())
	p, err := kredivo.New(kredivo.Config{
		DOKU: doku.Config{ClientID: kredivotest.ClientID, SecretKey: kredivotest.SecretKey}, PublicURL: kredivotest.PublicURL,
		Store: st, Logger: slog.New(slog.DiscardHandler),
		Now: func() time.Time { return time.Now().Add(100 * time.Hour) }, // past all patience
		OnEvent: func(ctx context.Context, _ kredivo.Event) error {
			stop()
			return ctx.Err()
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	emit(t, st, "1001")
	for range 12 {
		batch, err := st.ClaimEvents(t.Context(), kredivo.Claim{Token: "before", Now: time.Now(), Lease: time.Minute, Limit: 1})
		if err != nil || len(batch) != 1 {
			t.Fatalf("claimed %d events, %v", len(batch), err)
		}
		refused := kredivo.Outcome{State: kredivo.WorkRetry, RunAt: time.Now().Add(-time.Minute), Error: "no"}
		if err := st.FinishEvent(t.Context(), batch[0], refused); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := p.DeliverPass(ctx, 1); n != 1 || err != nil {
		t.Fatalf("delivered %d events, %v", n, err)
	}
	records, err := st.Events(t.Context(), "1001")
	if err != nil || len(records) != 1 {
		t.Fatalf("events = %+v, %v", records, err)
	}
	if r := records[0]; r.State != kredivo.WorkRetry || r.Failures != 12 {
		t.Errorf("after a stop: %s with %d failures, want it due again with 12", r.State, r.Failures)
	}
}

// brokenDelivery is a store that fails before it calls the host.
type brokenDelivery struct{ kredivo.TxStore }

func (brokenDelivery) DeliverTx(context.Context, kredivo.Delivery, func(context.Context, *sql.Tx) error) error {
	return errors.New("no connection")
}

// What the store cannot do is no failure of a host's that nobody called.
func TestStoreThatFailsIsNoFailureOfTheHost(t *testing.T) {
	t.Parallel()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "kredivo.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	p, err := kredivo.New(kredivo.Config{
		DOKU: doku.Config{ClientID: kredivotest.ClientID, SecretKey: kredivotest.SecretKey}, PublicURL: kredivotest.PublicURL,
		Store: brokenDelivery{st.(kredivo.TxStore)}, Logger: slog.New(slog.DiscardHandler),
		OnEventTx: func(context.Context, *sql.Tx, kredivo.Event) error {
			t.Error("the host was called")
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	emit(t, st, "1001")
	if n, err := p.DeliverPass(t.Context(), 1); n != 1 || err != nil {
		t.Fatalf("delivered %d, %v", n, err)
	}
	records, err := st.Events(t.Context(), "1001")
	if err != nil || len(records) != 1 {
		t.Fatalf("events = %+v, %v", records, err)
	}
	if r := records[0]; r.State != kredivo.WorkRetry || r.Failures != 0 || !r.RunAt.After(r.EmittedAt) {
		t.Errorf("the event is %+v, want it put off without a failure", r)
	}
}

// emit queues a PaymentSucceeded for an order that has no attempt.
func emit(t *testing.T, s kredivo.Store, orderID string) {
	t.Helper()
	now := time.Now().UTC()
	err := s.Change(t.Context(), kredivo.Scope{OrderID: orderID, Now: now}, func([]kredivo.Attempt) (kredivo.Decision, error) {
		return kredivo.Decision{Emit: []kredivo.Event{{
			ID: orderID + "-1:payment.succeeded", Kind: kredivo.PaymentSucceeded, OrderID: orderID, InvoiceNumber: orderID + "-1", At: now,
		}}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// onlyStore hides that a store shares its transactions.
type onlyStore struct{ kredivo.Store }

func TestNewWantsOneHandler(t *testing.T) {
	t.Parallel()
	st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "kredivo.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	on := func(context.Context, kredivo.Event) error { return nil }
	onTx := func(context.Context, *sql.Tx, kredivo.Event) error { return nil }
	for _, tt := range []struct {
		name string
		cfg  kredivo.Config
		says string
	}{
		{"none", kredivo.Config{Store: st}, "OnEvent is missing"},
		{"both", kredivo.Config{Store: st, OnEvent: on, OnEventTx: onTx}, "both set"},
		{"no shared transactions", kredivo.Config{Store: onlyStore{st}, OnEventTx: onTx}, "TxStore"},
		{"messages kept for an hour", kredivo.Config{Store: st, OnEvent: on, KeepMessages: time.Hour}, "KeepMessages"},
		{"checks less than none", kredivo.Config{Store: st, OnEvent: on, ChecksPerSecond: -1}, "ChecksPerSecond"},
		{"good", kredivo.Config{Store: st, OnEventTx: onTx}, ""},
	} {
		tt.cfg.DOKU = doku.Config{ClientID: kredivotest.ClientID, SecretKey: kredivotest.SecretKey}
		tt.cfg.PublicURL = kredivotest.PublicURL
		_, err := kredivo.New(tt.cfg)
		if tt.says == "" && err != nil || tt.says != "" && (err == nil || !strings.Contains(err.Error(), tt.says)) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.says)
		}
	}
}
