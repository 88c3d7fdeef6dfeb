package mysql

import (
	"crypto/sha256"
	"database/sql"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/money"
)

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

// everyMethod calls each method of a store with something to do, for two orders of its own, and
// reports each call by name.
func everyMethod(t *testing.T, s kredivo.Store, round string, called func(name string)) {
	t.Helper()
	ctx := t.Context()
	ok := func(name string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		called(name)
	}
	for _, id := range []string{"A" + round, "B" + round} {
		a := attempt(id)
		ok("create", s.Change(ctx, kredivo.Scope{OrderID: id, Now: start}, func([]kredivo.Attempt) (kredivo.Decision, error) {
			return kredivo.Decision{Create: &a, Emit: []kredivo.Event{{ID: id + "1", OrderID: id}, {ID: id + "2", OrderID: id}}}, nil
		}))
		_, err := s.Receive(ctx, message(id))
		ok("Receive", err)
	}
	messages, err := s.ClaimMessages(ctx, claim("t", 32))
	ok("ClaimMessages", err)
	for _, m := range messages {
		scope := kredivo.Scope{InvoiceNumber: "invoice-" + string(m.Body), Message: &m, Now: start}
		ok("settle", s.Change(ctx, scope, func(all []kredivo.Attempt) (kredivo.Decision, error) {
			return kredivo.Decision{Update: all, Message: kredivo.Outcome{State: kredivo.WorkDone}}, nil
		}))
	}
	for range 2 {
		events, err := s.ClaimEvents(ctx, claim("t", 32))
		ok("ClaimEvents", err)
		for _, d := range events {
			ok("KeepEvent", s.KeepEvent(ctx, d, claim("", 0)))
			ok("FinishEvent", s.FinishEvent(ctx, d, kredivo.Outcome{State: kredivo.WorkDone}))
		}
	}
	_, err = s.ClaimChecks(ctx, claim("t", 8))
	ok("ClaimChecks", err)
	_, err = s.Due(ctx, start)
	ok("Due", err)
	for _, watched := range []bool{false, true} {
		_, err = s.ListAttempts(ctx, kredivo.AttemptQuery{CreatedSince: start, Watched: watched, Limit: 10})
		ok(fmt.Sprint("ListAttempts, watched ", watched), err)
	}
	_, err = s.Events(ctx, "A"+round)
	ok("Events", err)
	pruned, err := s.Prune(ctx, start.Add(time.Hour), 10)
	ok("Prune", err)
	if pruned != 2 {
		t.Fatalf("%d messages were pruned", pruned)
	}
	park(t, s, round)
	called("parking")
	_, _, err = s.Parked(ctx, 10)
	ok("Parked", err)
	for _, w := range []kredivo.Work{{EventID: "P" + round}, {}} {
		_, err = s.Redrive(ctx, w, start)
		ok(fmt.Sprintf("Redrive %+v", w == kredivo.Work{}), err)
	}
	_, err = s.Attempts(ctx, "A"+round)
	ok("Attempts", err)
	_, err = s.AttemptByToken(ctx, attempt("A"+round).Token)
	ok("AttemptByToken", err)
	_, err = s.Backlog(ctx)
	ok("Backlog", err)
}

// park parks one event.
func park(t *testing.T, s kredivo.Store, round string) {
	t.Helper()
	err := s.Change(t.Context(), kredivo.Scope{OrderID: "P", Now: start}, func([]kredivo.Attempt) (kredivo.Decision, error) {
		return kredivo.Decision{Emit: []kredivo.Event{{ID: "P" + round}}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	events, err := s.ClaimEvents(t.Context(), claim("park", 1))
	if err != nil || len(events) != 1 {
		t.Fatalf("claimed %v, %v", events, err)
	}
	if err := s.FinishEvent(t.Context(), events[0], kredivo.Outcome{State: kredivo.WorkParked}); err != nil {
		t.Fatal(err)
	}
}

// manyRows is how many finished rows of each kind must not matter.
const manyRows = 100_000

// finished adds finished orders: attempts, messages and events that nothing is to be done about. A tenth
// of the events are earlier ones in the stream of the order that is to have unfinished ones, half of the
// messages are pruned, and the others are too young to be.
func finished(t *testing.T, db *sql.DB, busy string) {
	t.Helper()
	rows := fmt.Sprintf(`WITH digit(d) AS (SELECT 0 UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4
			UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9),
		n(i) AS (SELECT 1 + a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d AS i
			FROM digit AS a, digit AS b, digit AS c, digit AS d, digit AS e HAVING i <= %d)
		SELECT `, manyRows)
	run(t, db,
		`INSERT INTO kredivo_attempt (id, order_id, number, invoice_number, request_id, amount, reference, client_id, environment,
				status, late, buyer, token, payment_url, identifiers, failure_code, created_at, checks, call_token) `+rows+
			`CONCAT('f', i), CONCAT('o', i), 1, CONCAT('i', i), CONCAT('r', i), 1, CONCAT('u', i), '', '', 'PAID', 0, '',
				UNHEX(SHA2(i, 256)), '', '', '', i, 1, '' FROM n`,
		`INSERT INTO kredivo_inbox (source, dedupe, client_id, header, received_at, state, tries, run_at, claim_until, last_error, pruned) `+rows+
			`'', UNHEX(SHA2(i, 256)), '', '{}', 1800000000000000 + i, 'done', 1, i, 0, '', i % 2 FROM n`,
		`INSERT INTO kredivo_event (event_id, stream, order_id, payload, state, tries, run_at, claim_until, last_error) `+rows+
			`CONCAT('f', i), CONCAT('order:', IF(i % 10 = 0, '`+busy+`', CONCAT('o', i))), CONCAT('o', i), '{}', 'done', 1, i, 0, '' FROM n`,
	)
}

// TestCostIsFlat counts the rows that the storage engine is asked for.
func TestCostIsFlat(t *testing.T) {
	t.Parallel()
	db := pool(t, newDatabase(t))
	db.SetMaxOpenConns(1) // the counters are the session's
	s, err := New(t.Context(), db, patient())
	if err != nil {
		t.Fatal(err)
	}
	count := func(round string) map[string]int {
		t.Helper()
		costs := map[string]int{}
		run(t, db, "FLUSH STATUS")
		everyMethod(t, s, round, func(name string) {
			t.Helper()
			costs[name] = max(costs[name], reads(t, db))
			run(t, db, "FLUSH STATUS")
		})
		return costs
	}
	few := count("few")
	finished(t, db, "Amany")
	many := count("many")
	run(t, db, "ANALYZE TABLE kredivo_attempt", "ANALYZE TABLE kredivo_inbox", "ANALYZE TABLE kredivo_event")
	analysed := count("analysed")
	const edge = 10 // the three rounds leave a few rows each
	for name, n := range few {
		if n == 0 && name != "create" && name != "Receive" {
			t.Errorf("%s: nothing was counted", name)
		}
		if many[name] > n+edge || analysed[name] > n+edge {
			t.Errorf("%s reads %d rows, %d among %d finished ones of each kind, %d after ANALYZE", name, n, many[name], manyRows, analysed[name])
		}
	}
}

// reads is how many rows were read in the session since FLUSH STATUS.
func reads(t *testing.T, db *sql.DB) int {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), `SHOW SESSION STATUS LIKE 'Handler_read%'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	sum := 0
	for rows.Next() {
		var name string
		var n int
		if err := rows.Scan(&name, &n); err != nil {
			t.Fatal(err)
		}
		sum += n
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return sum
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
	everyMethod(t, s, "", func(string) {})
	if !strings.Contains(log.String(), "one connection") {
		t.Errorf("no warning: %q", log.String())
	}
}
