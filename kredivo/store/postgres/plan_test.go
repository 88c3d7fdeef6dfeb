package postgres

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/money"
)

// A recorder notes what is sent to the server.
type recorder struct {
	mu         sync.Mutex
	statements []pgx.TraceQueryStartData
}

func (r *recorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.statements = append(r.statements, data)
	return ctx
}

func (r *recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// take returns what was recorded since the last call and reads or writes tables.
func (r *recorder) take() []pgx.TraceQueryStartData {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []pgx.TraceQueryStartData
	for _, s := range r.statements {
		if strings.Contains(s.SQL, "kredivo_") {
			all = append(all, s)
		}
	}
	r.statements = nil
	return all
}

// recorded opens a store whose statements are recorded.
func recorded(t *testing.T, dsn string) (kredivo.Store, *recorder) {
	t.Helper()
	cfg, err := pgx.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	r := new(recorder)
	cfg.Tracer = r
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec
	db := stdlib.OpenDB(*cfg)
	t.Cleanup(func() { _ = db.Close() })
	s, err := New(t.Context(), db, patient())
	if err != nil {
		t.Fatal(err)
	}
	return s, r
}

var start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// attempt is an open attempt of an order.
func attempt(orderID string) kredivo.Attempt {
	return kredivo.Attempt{
		ID: "id-" + orderID, OrderID: orderID, Number: 1, InvoiceNumber: "invoice-" + orderID, RequestID: "request-" + orderID,
		MerchantUniqueReference: "reference-" + orderID, Amount: money.Rupiah(150_000), Status: kredivo.Created,
		Token: sha256.Sum256([]byte(orderID)), CreatedAt: start, NextCheckAt: start,
	}
}

// message is a message; those with the same name are copies.
func message(name string) kredivo.Message {
	return kredivo.Message{Source: kredivo.FromNotification, Dedupe: sha256.Sum256([]byte(name)), Body: []byte(name), ReceivedAt: start}
}

// claim asks for work of any age.
func claim(token string, limit int) kredivo.Claim {
	return kredivo.Claim{Token: token, Now: start.Add(time.Hour), Lease: time.Minute, Limit: limit}
}

// everyMethod calls each method of a store with something to do.
func everyMethod(t *testing.T, s kredivo.Store) {
	t.Helper()
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
		added, err := s.Receive(ctx, message(id))
		ok(err)
		if !added {
			t.Fatal("not added")
		}
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
}

// manyRows is how many finished rows of each kind must not matter.
const manyRows = 100_000

// finished adds finished orders: attempts, messages and events that nothing is to be done about. A tenth
// of the events are earlier ones in the stream of the order that has unfinished ones, half of the messages
// are pruned, and the others are too young to be.
func finished(t *testing.T, db *sql.DB) {
	t.Helper()
	run(t, db,
		fmt.Sprintf(`INSERT INTO kredivo_attempt (id, order_id, number, invoice_number, request_id, amount, reference, client_id, environment,
				status, late, buyer, token, payment_url, identifiers, failure_code, created_at, checks, call_token)
			SELECT 'f' || i, 'o' || i, 1, 'i' || i, 'r' || i, 1, 'u' || i, '', '', 'PAID', false, '', sha256(int4send(i)), '', '', '', i, 1, ''
			FROM generate_series(1, %d) AS i`, manyRows),
		fmt.Sprintf(`INSERT INTO kredivo_inbox (source, dedupe, client_id, header, received_at, state, tries, run_at, claim_until, last_error, pruned)
			SELECT '', sha256(int4send(i)), '', '{}', 1800000000000000 + i, 'done', 1, i, 0, '', i %% 2 FROM generate_series(1, %d) AS i`, manyRows),
		fmt.Sprintf(`INSERT INTO kredivo_event (id, event_id, stream, order_id, payload, state, tries, run_at, claim_until, last_error)
			OVERRIDING SYSTEM VALUE
			SELECT -i, 'f' || i, 'order:' || CASE WHEN i %% 10 = 0 THEN 'A' ELSE 'o' || i END, 'o' || i, '{}', 'done', 1, i, 0, ''
			FROM generate_series(1, %d) AS i`, manyRows),
	)
}

// A plan is a node of EXPLAIN's answer.
type plan struct {
	Type     string `json:"Node Type"`
	Relation string `json:"Relation Name"`
	Index    string `json:"Index Name"`
	Rows     int    `json:"Actual Rows"`
	Filtered int    `json:"Rows Removed by Filter"`
	Plans    []plan
}

// TestPlans runs every statement among many finished rows, with and without the planner's statistics,
// and counts the rows that it reads.
func TestPlans(t *testing.T) {
	t.Parallel()
	dsn := newDatabase(t)
	s, r := recorded(t, dsn)
	r.take() // the migration
	everyMethod(t, s)
	statements := r.take()
	distinct := map[string]bool{}
	for _, st := range statements {
		distinct[st.SQL] = true
	}
	if len(distinct) < 25 {
		t.Errorf("only %d different statements were recorded", len(distinct))
	}
	db := pool(t, dsn)
	finished(t, db)
	checkPlans(t, db, statements)
	run(t, db, "ANALYZE")
	checkPlans(t, db, statements)
}

func checkPlans(t *testing.T, db *sql.DB, statements []pgx.TraceQueryStartData) {
	t.Helper()
	for _, st := range statements {
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		var text string
		err = tx.QueryRowContext(t.Context(), "EXPLAIN (ANALYZE, FORMAT JSON) "+st.SQL, append([]any{pgx.QueryExecModeExec}, st.Args...)...).Scan(&text)
		_ = tx.Rollback()
		if strings.HasPrefix(st.SQL, "INSERT") && err != nil {
			continue // the row is there
		}
		if err != nil {
			t.Fatalf("%s: %v", st.SQL, err)
		}
		var answer []struct{ Plan plan }
		if err := json.Unmarshal([]byte(text), &answer); err != nil || len(answer) != 1 {
			t.Fatalf("%s: %v", text, err)
		}
		checkPlan(t, st.SQL, answer[0].Plan)
	}
}

// few is more rows than the test leaves unfinished.
const few = 20

func checkPlan(t *testing.T, statement string, p plan) {
	t.Helper()
	if p.Type == "Seq Scan" || p.Rows+p.Filtered > few {
		t.Errorf("%s on %s reads %d rows and drops %d: %s", p.Type, p.Relation+p.Index, p.Rows, p.Filtered, statement)
	}
	for _, child := range p.Plans {
		checkPlan(t, statement, child)
	}
}

// TestPoolOfOne warns, and works.
func TestPoolOfOne(t *testing.T) {
	t.Parallel()
	db := pool(t, newDatabase(t))
	db.SetMaxOpenConns(1)
	var log strings.Builder
	cfg := patient()
	cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	s, err := New(t.Context(), db, cfg)
	if err != nil {
		t.Fatal(err)
	}
	everyMethod(t, s)
	if !strings.Contains(log.String(), "one connection") {
		t.Errorf("no warning: %q", log.String())
	}
}

func TestPrunedMessagesAreEmpty(t *testing.T) {
	t.Parallel()
	dsn := newDatabase(t)
	everyMethod(t, openAt(t, dsn, patient())) // settles and prunes a message
	var pruned, kept int
	scan(t, pool(t, dsn), `SELECT COUNT(*) FILTER (WHERE pruned = 1 AND header = '' AND body IS NULL AND length(dedupe) = 32),
		COUNT(*) FILTER (WHERE pruned = 0 AND header <> '' AND body IS NOT NULL) FROM kredivo_inbox`, &pruned, &kept)
	if pruned != 1 || kept != 1 {
		t.Errorf("%d rows are pruned and %d kept", pruned, kept)
	}
}
