package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/store"
	"github.com/paylater-go/paylater/kredivo/store/internal/sqlstore"
)

// A move is between two kinds of database.
type move struct{ from, to string }

var moves = []move{
	{"sqlite", "postgres"}, {"sqlite", "mysql"}, {"postgres", "sqlite"}, {"mysql", "sqlite"}, {"postgres", "mysql"},
}

// few is all, or one where tests are to be short.
func few(all []move) []move {
	if testing.Short() {
		return all[:1]
	}
	return all
}

// sealed fails the test unless nobody can write to the store.
func sealed(t *testing.T, st kredivo.Store) {
	t.Helper()
	a := kredivo.Attempt{ID: "new", OrderID: "new"}
	_, received := st.Receive(t.Context(), kredivo.Message{Dedupe: kredivo.Hash{1}})
	for name, err := range map[string]error{
		"Receive": received,
		"Change": st.Change(t.Context(), kredivo.Scope{OrderID: "new"}, func([]kredivo.Attempt) (kredivo.Decision, error) {
			return kredivo.Decision{Create: &a}, nil
		}),
		"update": st.Change(t.Context(), kredivo.Scope{OrderID: "pending"}, func(all []kredivo.Attempt) (kredivo.Decision, error) {
			return kredivo.Decision{Update: all}, nil
		}),
		"emit": st.Change(t.Context(), kredivo.Scope{}, func([]kredivo.Attempt) (kredivo.Decision, error) {
			return kredivo.Decision{Emit: []kredivo.Event{{ID: "new"}}}, nil
		}),
		"Redrive": func() error { _, err := st.Redrive(t.Context(), kredivo.Work{}, day{}.Now()); return err }(),
	} {
		if err == nil || !strings.Contains(err.Error(), "sealed") {
			t.Errorf("%s on a sealed store: %v", name, err)
		}
	}
}

// TestCopy moves databases with work in every state, and the new store finishes it.
func TestCopy(t *testing.T) {
	t.Parallel()
	for _, move := range moves {
		t.Run(move.from+" to "+move.to, func(t *testing.T) {
			t.Parallel()
			_, from := old(t, move.from)
			to := open(t, databases[move.to](t))
			var said []string
			if err := store.Copy(t.Context(), from, to, func(line string) { said = append(said, line) }); err != nil {
				t.Fatalf("%v\n%s", err, strings.Join(said, "\n"))
			}
			sealed(t, from)
			finishWork(t, to)
			if err := store.Copy(t.Context(), from, to, nil); err != nil {
				t.Errorf("again: %v", err)
			}
			if err := store.UndoCopy(t.Context(), from, to); err == nil || !strings.Contains(err.Error(), "holds payments") {
				t.Errorf("undone although it had succeeded: %v", err)
			}
			sealed(t, from)
		})
	}
}

// old is a store that the fixture left.
func old(t *testing.T, kind string) (dsn string, st kredivo.Store) {
	t.Helper()
	dsn = databases[kind](t)
	load(t, dsn, "testdata/67e4047-"+kind+".sql")
	return dsn, open(t, dsn)
}

// TestCopyIsComplete moves there and back again, and finds every value of every column as it was.
func TestCopyIsComplete(t *testing.T) {
	t.Parallel()
	for _, move := range few(moves[:2]) {
		t.Run(move.to, func(t *testing.T) {
			t.Parallel()
			dsn, from := old(t, move.from)
			db := connect(t, dsn)
			for _, table := range []string{"kredivo_attempt", "kredivo_inbox", "kredivo_event"} {
				// What later versions have added has a default, which must not be all that comes back.
				for _, row := range rows(t, db, "SELECT name FROM pragma_table_info('"+table+"') WHERE dflt_value IS NOT NULL") {
					rows(t, db, fmt.Sprintf("UPDATE %s SET %s = 1", table, row[0]))
				}
			}
			between, back := open(t, databases[move.to](t)), databases[move.from](t)
			if err := errors.Join(
				store.Copy(t.Context(), from, between, nil), store.Copy(t.Context(), between, open(t, back), nil),
			); err != nil {
				t.Fatal(err)
			}
			for _, table := range []string{"kredivo_attempt", "kredivo_inbox", "kredivo_event"} {
				query := "SELECT * FROM " + table + " ORDER BY id"
				if d := cmp.Diff(rows(t, db, query), rows(t, connect(t, back), query)); d != "" {
					t.Errorf("%s (-old +new):\n%s", table, d)
				}
			}
		})
	}
}

// rows runs a query and returns all that it gives.
func rows(t *testing.T, db *sql.DB, query string) (all [][]any) {
	t.Helper()
	found, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = found.Close() }()
	names, err := found.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for found.Next() {
		row, into := make([]any, len(names)), make([]any, len(names))
		for i := range row {
			into[i] = &row[i]
		}
		if err := found.Scan(into...); err != nil {
			t.Fatal(err)
		}
		all = append(all, row)
	}
	if err := found.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// works fails the test unless the store takes messages.
func works(t *testing.T, st kredivo.Store) {
	t.Helper()
	if _, err := st.Receive(t.Context(), kredivo.Message{Dedupe: kredivo.Hash{2}, ReceivedAt: day{}.Now()}); err != nil {
		t.Errorf("the store does not work: %v", err)
	}
}

// TestCopyRefuses what it would spoil, and leaves the old store open.
func TestCopyRefuses(t *testing.T) {
	t.Parallel()
	for kind := range databases {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dsn, from := old(t, kind)
			taken, empty := open(t, databases["sqlite"](t)), open(t, databases["sqlite"](t))
			works(t, taken)
			for want, err := range map[error]error{
				sqlstore.ErrNotEmpty: errors.Join(store.Copy(t.Context(), from, taken, nil), store.Copy(t.Context(), from, open(t, dsn), nil)),
				sqlstore.ErrEmpty:    store.Copy(t.Context(), empty, open(t, databases["sqlite"](t)), nil),
			} {
				if !errors.Is(err, want) {
					t.Errorf("error = %v, want %v", err, want)
				}
			}
			if err := store.Copy(t.Context(), struct{ kredivo.Store }{from}, empty, nil); err == nil {
				t.Error("a store of somebody else's was copied")
			}
			works(t, from)

			if err := store.Copy(t.Context(), from, empty, nil); err != nil {
				t.Fatal(err)
			}
			if err := store.Copy(t.Context(), from, taken, nil); !errors.Is(err, sqlstore.ErrNotEmpty) {
				t.Errorf("other payments were taken for those that were moved: %v", err)
			}
			// The sealed store is no place to move to, not even when somebody has emptied the other.
			if err := store.Copy(t.Context(), taken, from, nil); !errors.Is(err, sqlstore.ErrNotEmpty) {
				t.Errorf("copied into a sealed store: %v", err)
			}
			if err := store.UndoCopy(t.Context(), empty, from); !errors.Is(err, sqlstore.ErrSealed) {
				t.Errorf("undone the wrong way round: %v", err)
			}
		})
	}
}

// TestCopyLetsWorkEnd: what is under way when the copy begins is finished in the old store, and nothing new is
// begun there.
func TestCopyLetsWorkEnd(t *testing.T) {
	t.Parallel()
	for kind := range databases {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			_, from := old(t, kind)
			to := open(t, databases["sqlite"](t))
			now := time.Now()
			events, err := from.ClaimEvents(t.Context(), kredivo.Claim{Token: "busy", Now: now, Lease: time.Hour, Limit: 1})
			if err != nil || len(events) != 1 {
				t.Fatalf("claimed %v, %v", events, err)
			}
			waiting, copied := make(chan struct{}), make(chan error, 1)
			go func() {
				copied <- store.Copy(t.Context(), from, to, func(line string) {
					if strings.HasPrefix(line, "1 under way") {
						close(waiting)
					}
				})
			}()
			select {
			case <-waiting:
			case err := <-copied:
				t.Fatalf("did not wait: %v", err)
			}
			c := kredivo.Claim{Token: "late", Now: now, Lease: time.Hour, Limit: 1}
			if all, err := from.ClaimEvents(t.Context(), c); err == nil || len(all) > 0 {
				t.Errorf("claimed %v, %v", all, err)
			}
			if all, err := from.ClaimMessages(t.Context(), c); err == nil || len(all) > 0 {
				t.Errorf("claimed %v, %v", all, err)
			}
			if err := from.KeepEvent(t.Context(), events[0], c); err != nil {
				t.Errorf("a claim cannot be kept: %v", err)
			}
			if err := from.FinishEvent(t.Context(), events[0], kredivo.Outcome{State: kredivo.WorkDone}); err != nil {
				t.Errorf("an event cannot be finished: %v", err)
			}
			if err := <-copied; err != nil {
				t.Fatal(err)
			}
			records, err := to.Events(t.Context(), events[0].Event.OrderID)
			if err != nil || records[0].State != kredivo.WorkDone {
				t.Errorf("the new store has %+v, %v", records, err)
			}
		})
	}
}

// TestCopyIsCutOff at every point where it says something: it can be undone, or done again.
func TestCopyIsCutOff(t *testing.T) {
	t.Parallel()
	for _, move := range few(moves[:4]) {
		t.Run(move.from+" to "+move.to, func(t *testing.T) {
			t.Parallel()
			_, from := old(t, move.from)
			to := open(t, databases[move.to](t))
			cuts := 0
			for done := false; !done; cuts++ {
				ctx, cancel := context.WithCancel(t.Context())
				said := 0
				err := store.Copy(ctx, from, to, func(string) {
					if said++; said > cuts {
						cancel()
					}
				})
				cancel()
				if done = err == nil; done {
					break
				}
				if all, err := to.ListAttempts(t.Context(), kredivo.AttemptQuery{Limit: 1}); err != nil || len(all) > 0 {
					t.Fatalf("cut %d leaves %v, %v", cuts, all, err)
				}
				if cuts%2 == 0 {
					if err := store.UndoCopy(t.Context(), from, to); err != nil {
						t.Errorf("cut %d: %v", cuts, err)
					}
					if _, err := from.Redrive(t.Context(), kredivo.Work{MessageID: -1}, day{}.Now()); err != nil {
						t.Errorf("cut %d: %v", cuts, err)
					}
				}
			}
			if cuts < 4 {
				t.Errorf("only %d cuts", cuts)
			}
			sealed(t, from)
			finishWork(t, to)
		})
	}
}
