package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

// openAt opens a store; the end of the test closes it.
func openAt(t *testing.T, dsn string, cfg Config) kredivo.Store {
	t.Helper()
	s, err := OpenConfig(t.Context(), dsn, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// scan reads one row.
func scan(t *testing.T, db *sql.DB, query string, into ...any) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query).Scan(into...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// create makes an attempt of order A and reports how often decide was asked.
func create(ctx context.Context, s kredivo.Store) (asked int, err error) {
	a := attempt("A")
	err = s.Change(ctx, kredivo.Scope{OrderID: "A", Now: start}, func([]kredivo.Attempt) (kredivo.Decision, error) {
		asked++
		return kredivo.Decision{Create: &a}, nil
	})
	return asked, err
}

// TestPlugin runs a payment through the whole plugin, by the server's clock.
func TestPlugin(t *testing.T) {
	t.Parallel()
	s, err := OpenConfig(t.Context(), newDatabase(t), Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	shop := kredivotest.New(t, func(c *kredivotest.Config) { c.Plugin.Store = s })
	if _, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "buyer-7")); err != nil {
		t.Fatal(err)
	}
	shop.Pay("1001")
	shop.Wait("1001", kredivo.PaymentSucceeded)
}

func TestManyOpenAtOnce(t *testing.T) {
	t.Parallel()
	dsn := newDatabase(t)
	var running sync.WaitGroup
	for range 20 {
		running.Go(func() {
			s, err := Open(t.Context(), dsn)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := s.Backlog(t.Context()); err != nil {
				t.Error(err)
			}
			_ = s.Close()
		})
	}
	running.Wait()
}

func TestFailedMigrationLeavesNoTrace(t *testing.T) {
	t.Parallel()
	dsn := newDatabase(t)
	db := pool(t, dsn)
	db.SetMaxOpenConns(1)
	run(t, db, `CREATE TABLE kredivo_event (somebody TEXT)`)
	if _, err := New(t.Context(), db, Config{}); err == nil {
		t.Fatal("a table of somebody else's was taken")
	}
	var tables, locks int
	scan(t, db, `SELECT COUNT(*), (SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))
		FROM pg_tables WHERE tablename LIKE 'kredivo%'`, &tables, &locks)
	if tables != 1 || locks != 0 {
		t.Errorf("%d tables and %d locks are left", tables, locks)
	}
	run(t, db, `DROP TABLE kredivo_event`)
	if _, err := New(t.Context(), db, Config{}); err != nil {
		t.Error(err)
	}
}

// TestSettingsAreTheTransactions: a transaction of ours waits for the disk and ends in time, and the
// session keeps what it had.
func TestSettingsAreTheTransactions(t *testing.T) {
	t.Parallel()
	dsn := newDatabase(t)
	openAt(t, dsn, Config{})
	for session, want := range map[string]string{"off": "on", "remote_apply": "remote_apply", "local": "local"} {
		db := pool(t, dsn+"&synchronous_commit="+session)
		db.SetMaxOpenConns(1)
		s, err := New(t.Context(), db, Config{LockTimeout: 1500 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		run(t, db,
			`CREATE TABLE IF NOT EXISTS seen (commit TEXT, lock TEXT, statement TEXT, idle TEXT)`, `DELETE FROM seen`,
			`CREATE OR REPLACE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
				INSERT INTO seen VALUES (current_setting('synchronous_commit'), current_setting('lock_timeout'),
					current_setting('statement_timeout'), current_setting('idle_in_transaction_session_timeout'));
				RETURN NEW; END $$`,
			`CREATE OR REPLACE TRIGGER see BEFORE INSERT ON kredivo_inbox FOR EACH ROW EXECUTE FUNCTION see()`)
		if added, err := s.Receive(t.Context(), message(session)); err != nil || !added {
			t.Fatal(added, err)
		}
		var commit, lock, statement, idle, after string
		scan(t, db, `SELECT commit, lock, statement, idle FROM seen`, &commit, &lock, &statement, &idle)
		if commit != want || lock != "1500ms" || statement != "3s" || idle != "30s" {
			t.Errorf("session %s: synchronous_commit %s, lock %s, statement %s, idle %s", session, commit, lock, statement, idle)
		}
		if scan(t, db, `SHOW synchronous_commit`, &after); after != session {
			t.Errorf("the session says %s afterwards, not %s", after, session)
		}
		if scan(t, db, `SHOW lock_timeout`, &after); after != "0" {
			t.Errorf("lock_timeout is %s afterwards", after)
		}
	}
}

// TestHostTransactionsEndWithTheirContext and not before: no timeout of ours cuts a handler short.
func TestHostTransactionsEndWithTheirContext(t *testing.T) {
	t.Parallel()
	cfg := patient()
	cfg.StatementTimeout, cfg.LockTimeout = 50*time.Millisecond, 1500*time.Millisecond
	s := openAt(t, newDatabase(t), cfg).(kredivo.TxStore)
	forever := context.WithoutCancel(t.Context())
	anHour, cancel := context.WithTimeout(forever, time.Hour)
	defer cancel()
	for name, ctx := range map[string]context.Context{"no end": forever, "an hour": anHour} {
		d := delivery(t, s, name)
		err := s.DeliverTx(ctx, d, func(ctx context.Context, tx *sql.Tx) error {
			var lock string
			var statement, idle int64
			err := tx.QueryRowContext(ctx, `SELECT current_setting('lock_timeout'),
				(SELECT setting FROM pg_settings WHERE name = 'statement_timeout'),
				(SELECT setting FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout')
				FROM pg_sleep(0.1)`).Scan(&lock, &statement, &idle)
			least := int64(0)
			if ctx == anHour {
				least = int64(time.Until(deadline(ctx)) / time.Millisecond)
			}
			if lock != "1500ms" || statement < least || idle < least || (least == 0) != (statement == 0) || (least == 0) != (idle == 0) {
				t.Errorf("%s: lock_timeout %s, statement_timeout %d, idle_in_transaction_session_timeout %d", name, lock, statement, idle)
			}
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func deadline(ctx context.Context) time.Time {
	at, _ := ctx.Deadline()
	return at
}

// delivery is an event under a claim.
func delivery(t *testing.T, s kredivo.Store, id string) kredivo.Delivery {
	t.Helper()
	err := s.Change(t.Context(), kredivo.Scope{Now: start}, func([]kredivo.Attempt) (kredivo.Decision, error) {
		return kredivo.Decision{Emit: []kredivo.Event{{ID: id}}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	all, err := s.ClaimEvents(t.Context(), claim(id, 1))
	if err != nil || len(all) != 1 {
		t.Fatalf("claimed %v, %v", all, err)
	}
	return all[0]
}

func TestUndoneTransactionsAreRunAgain(t *testing.T) {
	t.Parallel()
	dsn := newDatabase(t)
	s := openAt(t, dsn, patient())
	db := pool(t, dsn)
	run(t, db, `CREATE SEQUENCE tries`, // which no rollback takes back
		`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF nextval('tries') % 100 < 3 THEN RAISE EXCEPTION 'again' USING ERRCODE = TG_ARGV[0]; END IF;
			RETURN NEW; END $$`)
	for code, want := range map[string]int{serializationFailure: 3, deadlockDetected: 3, "55P03": 1, "XX000": 1} {
		run(t, db, `SELECT setval('tries', 100)`, `DELETE FROM kredivo_attempt`,
			`CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON kredivo_attempt FOR EACH ROW EXECUTE FUNCTION refuse('`+code+`')`)
		asked, err := create(t.Context(), s)
		if asked != want || (err == nil) != (want > 1) {
			t.Errorf("%s: asked %d times, error %v", code, asked, err)
		}
	}
	run(t, db, `ALTER SEQUENCE tries INCREMENT BY 100`, `SELECT setval('tries', 100)`,
		`CREATE OR REPLACE TRIGGER refuse BEFORE INSERT ON kredivo_attempt FOR EACH ROW EXECUTE FUNCTION refuse('40001')`)
	if asked, err := create(t.Context(), s); err == nil || asked < 2 || asked > 20 {
		t.Errorf("asked %d times in vain, error %v", asked, err)
	}
}

// TestLockTimeout: somebody else's lock makes a call fail, and the next one works.
func TestLockTimeout(t *testing.T) {
	t.Parallel()
	dsn := newDatabase(t)
	cfg := patient()
	cfg.LockTimeout = 20 * time.Millisecond
	s := openAt(t, dsn, cfg)
	if _, err := create(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	tx, err := pool(t, dsn).BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if _, err := tx.ExecContext(t.Context(), `SELECT 1 FROM kredivo_attempt FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	if asked, err := create(t.Context(), s); !hasState(err, "55P03") || asked != 0 {
		t.Errorf("asked %d times, error %v", asked, err)
	}
	_ = tx.Rollback()
	if _, err := create(t.Context(), s); !errors.Is(err, kredivo.ErrConflict) {
		t.Error(err)
	}
}

// TestServerClock: leases and due times are the server's, whatever the host's clock says.
func TestServerClock(t *testing.T) {
	t.Parallel()
	dsn := newDatabase(t)
	s := openAt(t, dsn, Config{Logger: slog.New(slog.DiscardHandler)})
	db := pool(t, dsn)
	for n, off := range []time.Duration{-240 * time.Hour, 240 * time.Hour} {
		now := time.Now().Add(off)
		id := fmt.Sprint("order", n)
		m := message(id)
		m.ReceivedAt = now
		if _, err := s.Receive(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		err := s.Change(t.Context(), kredivo.Scope{OrderID: id, Now: now}, func([]kredivo.Attempt) (kredivo.Decision, error) {
			return kredivo.Decision{Emit: []kredivo.Event{{ID: id, OrderID: id, At: now}}}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if due, err := openAt(t, dsn, Config{}).Due(t.Context(), now); err != nil || !due.Messages || !due.Events { // by a store that knows nothing yet
			t.Fatalf("due: %+v, %v", due, err)
		}
		first, err := s.ClaimMessages(t.Context(), kredivo.Claim{Token: id + "m", Now: now, Lease: time.Hour, Limit: 9})
		if err != nil || len(first) != 1 || !first[0].ReceivedAt.Equal(now.Truncate(time.Microsecond)) {
			t.Fatalf("claimed %v, %v", first, err)
		}
		if due, err := s.Due(t.Context(), now.Add(48*time.Hour)); err != nil || due.Messages || !due.Events {
			t.Fatalf("due under the lease: %+v, %v", due, err)
		}
		again, err := s.ClaimMessages(t.Context(), kredivo.Claim{Token: id + "n", Now: now.Add(48 * time.Hour), Lease: time.Hour, Limit: 9})
		if err != nil || len(again) != 0 {
			t.Fatalf("claimed again: %v, %v", again, err)
		}
		events, err := s.ClaimEvents(t.Context(), kredivo.Claim{Token: id + "e", Now: now, Lease: time.Hour, Limit: 9})
		if err != nil || len(events) != 1 {
			t.Fatalf("claimed %v, %v", events, err)
		}
		if err := s.FinishEvent(t.Context(), events[0], kredivo.Outcome{State: kredivo.WorkRetry, RunAt: now.Add(2 * time.Hour)}); err != nil {
			t.Fatal(err)
		}
		var minutes float64
		scan(t, db, `SELECT (run_at / 1e6 - extract(epoch FROM now())) / 60 FROM kredivo_event WHERE event_id = '`+id+`'`, &minutes)
		if minutes < 60 || minutes > 121 {
			t.Errorf("due again in %.0f minutes of the server's clock, want 120", minutes)
		}
	}
}

func TestUnsafeServersAreRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		fsync, pages, encoding string
		durable                bool
		want                   string
	}{
		{"on", "on", "UTF8", false, ""},
		{"off", "on", "UTF8", false, "fsync is off"},
		{"on", "off", "UTF8", false, "full_page_writes is off"},
		{"off", "off", "UTF8", true, ""},
		{"on", "on", "SQL_ASCII", true, "SQL_ASCII"},
	} {
		err := checkSettings(tt.fsync, tt.pages, tt.encoding, tt.durable)
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}

func TestConfigsAreRefused(t *testing.T) {
	t.Parallel()
	dsn := server(t).String()
	for _, cfg := range []Config{{TablePrefix: "a b"}, {LockTimeout: -1}, {StatementTimeout: time.Microsecond}} {
		if _, err := OpenConfig(t.Context(), dsn, cfg); err == nil {
			t.Errorf("%+v was accepted", cfg)
		}
	}
}

// TestClosingLeavesTheHostsPool open, and ends the store.
func TestClosingLeavesTheHostsPool(t *testing.T) {
	t.Parallel()
	db := pool(t, newDatabase(t))
	s, err := New(t.Context(), db, Config{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Error(err)
	}
	if _, err := s.Backlog(t.Context()); err == nil {
		t.Error("the store is not closed")
	}
	if err := db.PingContext(t.Context()); err != nil {
		t.Errorf("the host's pool: %v", err)
	}
}
