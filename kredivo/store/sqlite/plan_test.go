package sqlite

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/paylater-go/paylater/kredivo"
)

// everyStatement makes the store run each of its statements at least once, and returns them.
func everyStatement(t *testing.T, s kredivo.Store, r *recorder) []statement {
	t.Helper()
	r.take()
	ctx := t.Context()
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, id := range []string{"A", "B"} {
		a := attempt(id)
		ok(s.Change(ctx, kredivo.Scope{OrderID: id, Now: start}, func([]kredivo.Attempt) (kredivo.Decision, error) {
			return kredivo.Decision{Create: &a, Emit: []kredivo.Event{{ID: id + "1", OrderID: id}, {ID: id + "2", OrderID: id}}}, nil
		}))
		receive(t, s, message(id))
	}
	messages, err := s.ClaimMessages(ctx, claim("t", 32))
	ok(err)
	for i, m := range messages {
		o := []kredivo.Outcome{{State: kredivo.WorkRetry, RunAt: start}, {State: kredivo.WorkDone}}[i]
		scope := kredivo.Scope{InvoiceNumber: "invoice-" + string(m.Body), Message: &m, Now: start}
		ok(s.Change(ctx, scope, func(all []kredivo.Attempt) (kredivo.Decision, error) {
			return kredivo.Decision{Update: all, Message: o}, nil
		}))
	}
	events, err := s.ClaimEvents(ctx, claim("t", 32))
	ok(err)
	for i, d := range events {
		o := []kredivo.Outcome{{State: kredivo.WorkRetry, RunAt: start}, {State: kredivo.WorkParked}}[i]
		ok(s.KeepEvent(ctx, d, claim("", 0)))
		ok(s.FinishEvent(ctx, d, o))
	}
	_, err = s.Due(ctx, start)
	ok(err)
	for _, watched := range []bool{false, true} {
		_, err = s.ListAttempts(ctx, kredivo.AttemptQuery{CreatedSince: start, Watched: watched, Limit: 10})
		ok(err)
	}
	_, err = s.Events(ctx, "A")
	ok(err)
	_, _, err = s.Parked(ctx, 10)
	ok(err)
	for _, w := range []kredivo.Work{{MessageID: messages[0].ID}, {EventID: "B1"}, {}} {
		_, err = s.Redrive(ctx, w, start)
		ok(err)
	}
	pruned, err := s.Prune(ctx, start.Add(time.Hour), 10)
	ok(err)
	if pruned != 1 {
		t.Fatalf("%d messages were pruned", pruned)
	}
	_, err = s.ClaimChecks(ctx, claim("t", 8))
	ok(err)
	_, err = s.Attempts(ctx, "A")
	ok(err)
	_, err = s.AttemptByToken(ctx, attempt("A").Token)
	ok(err)
	_, err = s.Backlog(ctx)
	ok(err)
	return r.take()
}

// finished adds n finished orders: attempts, messages and events that nothing is to be done about. Half
// of the events are earlier ones in the stream of the order that has unfinished ones, half of the messages
// are pruned, and the others are too young to be.
func finished(t *testing.T, path string, n int) {
	t.Helper()
	run(t, raw(t, path),
		fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			INSERT INTO kredivo_attempt (id, order_id, number, invoice_number, request_id, amount, reference, client_id, environment,
				status, late, buyer, token, payment_url, identifiers, failure_code, created_at, checks, call_token)
			SELECT 'f' || i, 'o' || i, 1, 'i' || i, 'r' || i, 1, 'u' || i, '', '', 'PAID', 0, x'', randomblob(32), '', '', '', i, 1, '' FROM n`, n),
		fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			INSERT INTO kredivo_inbox (source, dedupe, client_id, header, received_at, state, tries, run_at, claim_until, last_error, pruned)
			SELECT '', randomblob(32), '', '{}', 1800000000000000 + i, 'done', 1, i, 0, '', i %% 2 FROM n`, n),
		fmt.Sprintf(`WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			INSERT INTO kredivo_event (id, event_id, stream, order_id, payload, state, tries, run_at, claim_until, last_error)
			SELECT -i, 'f' || i, 'order:' || CASE WHEN i %% 2 THEN 'A' ELSE 'o' || i END, 'o' || i, '{}', 'done', 1, i, 0, '' FROM n`, n),
	)
}

// partialIndex are the indexes that hold unfinished or parked rows only: all of one may be read.
var partialIndex = regexp.MustCompile(`^SCAN \w+ USING (COVERING )?INDEX kredivo_(inbox|event)_(due|parked)$`)

// checkPlans fails the test when a statement reads a whole table or sorts.
func checkPlans(t *testing.T, path string, statements []statement) {
	t.Helper()
	db := raw(t, path)
	for _, s := range statements {
		args := make([]any, len(s.args))
		for i, a := range s.args {
			args[i] = a.Value
		}
		rows, err := db.QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+s.query, args...)
		if err != nil {
			t.Fatalf("%s: %v", s.query, err)
		}
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			scans := strings.HasPrefix(detail, "SCAN") && detail != "SCAN CONSTANT ROW" && !partialIndex.MatchString(detail)
			if scans || strings.Contains(detail, "TEMP B-TREE") || strings.Contains(detail, "AUTOMATIC") {
				t.Errorf("%s\n\tplan: %s", s.query, detail)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPlans(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s, r := openRecorded(t, path)
	statements := everyStatement(t, s, r)
	distinct := map[string]bool{}
	for _, st := range statements {
		distinct[st.query] = true
	}
	if len(distinct) < 25 {
		t.Errorf("only %d different statements were recorded", len(distinct))
	}
	checkPlans(t, path, statements)
	finished(t, path, 1_000)
	checkPlans(t, path, statements)
	run(t, raw(t, path), "ANALYZE") // as a host may, which makes SQLite think again
	checkPlans(t, path, statements)
}

// TestCostIsFlat counts the steps of SQLite's virtual machine.
func TestCostIsFlat(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s, r := openRecorded(t, path)
	statements := everyStatement(t, s, r)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	few := steps(t, path, statements)
	finished(t, path, manyRows)
	many := steps(t, path, statements)
	const edge = 4 // a search also looks at the row after the last, where there is one
	for i, st := range statements {
		if many[i] > few[i]+edge {
			t.Errorf("%d steps with no finished rows, %d with %d of each kind:\n%s", few[i], many[i], manyRows, st.query)
		}
		if few[i] == 0 {
			t.Errorf("no steps were counted:\n%s", st.query)
		}
	}
}

// TestParkedOrdersDoNotHideOthers: the events of other orders are found behind those that wait.
func TestParkedOrdersDoNotHideOthers(t *testing.T) {
	t.Parallel()
	s := openAt(t, newPath(t))
	emit := func(order string, at time.Time, ids ...string) {
		t.Helper()
		err := s.Change(t.Context(), kredivo.Scope{OrderID: order, Now: at}, func([]kredivo.Attempt) (kredivo.Decision, error) {
			var d kredivo.Decision
			for _, id := range ids {
				d.Emit = append(d.Emit, kredivo.Event{ID: id, OrderID: order})
			}
			return d, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for n := range 50 {
		order := fmt.Sprint("stuck", n)
		emit(order, start, order+":1", order+":2", order+":3")
	}
	all, err := s.ClaimEvents(t.Context(), claim("t", 100))
	if err != nil || len(all) != 50 {
		t.Fatalf("claimed %d, %v", len(all), err)
	}
	for _, d := range all {
		if err := s.FinishEvent(t.Context(), d, kredivo.Outcome{State: kredivo.WorkParked}); err != nil {
			t.Fatal(err)
		}
	}
	emit("fine", start.Add(time.Minute), "fine:1")
	all, err = s.ClaimEvents(t.Context(), claim("u", 1))
	if err != nil || len(all) != 1 || all[0].Event.ID != "fine:1" {
		t.Errorf("claimed %v, %v; want fine:1, behind a hundred that wait", all, err)
	}
}

// steps runs each statement, rolls it back, and gives the number of its virtual machine's steps. The
// driver does not count them, so this talks to the library under it.
func steps(t *testing.T, path string, statements []statement) []int32 {
	t.Helper()
	tls := libc.NewTLS()
	defer tls.Close()
	out := tls.Alloc(8)
	defer tls.Free(8)
	c := func(s string) uintptr {
		p, err := libc.CString(s)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { libc.Xfree(nil, p) })
		return p
	}
	if rc := sqlite3.Xsqlite3_open_v2(tls, c(path), out, sqlite3.SQLITE_OPEN_READWRITE, 0); rc != sqlite3.SQLITE_OK {
		t.Fatalf("open: %d", rc)
	}
	db := libc.AtomicLoadPUintptr(out)
	defer sqlite3.Xsqlite3_close_v2(tls, db)

	execute := func(s statement) int32 {
		if rc := sqlite3.Xsqlite3_prepare_v2(tls, db, c(s.query), -1, out, 0); rc != sqlite3.SQLITE_OK {
			t.Fatalf("prepare: %s: %s", libc.GoString(sqlite3.Xsqlite3_errmsg(tls, db)), s.query)
		}
		stmt := libc.AtomicLoadPUintptr(out)
		defer sqlite3.Xsqlite3_finalize(tls, stmt)
		for i, a := range s.args {
			n := int32(i + 1)
			switch v := a.Value.(type) {
			case int64:
				sqlite3.Xsqlite3_bind_int64(tls, stmt, n, v)
			case bool:
				sqlite3.Xsqlite3_bind_int64(tls, stmt, n, map[bool]int64{true: 1}[v])
			case string:
				sqlite3.Xsqlite3_bind_text(tls, stmt, n, c(v), int32(len(v)), 0)
			case []byte:
				sqlite3.Xsqlite3_bind_blob(tls, stmt, n, c(string(v)), int32(len(v)), 0)
			case nil:
			default:
				t.Fatalf("parameter %d is a %T", n, v)
			}
		}
		for sqlite3.Xsqlite3_step(tls, stmt) == sqlite3.SQLITE_ROW {
		}
		return sqlite3.Xsqlite3_stmt_status(tls, stmt, sqlite3.SQLITE_STMTSTATUS_VM_STEP, 0)
	}
	var all []int32
	for _, s := range statements {
		execute(statement{query: "BEGIN IMMEDIATE"})
		all = append(all, execute(s))
		execute(statement{query: "ROLLBACK"})
	}
	return all
}
