package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/paylater-go/paylater/kredivo"
)

// A verdict compares the ledger with what is in the databases at the end.
type verdict struct {
	Kills        int
	Acknowledged int    // notifications that were answered 2xx
	Lost         int    // of these, not in the store
	Double       int    // events with more than one effect
	Missing      int    // acknowledged successes, and events that are done, without an effect
	Stray        int    // what nobody caused: see strays
	Left         int    // work that is not done in the end
	Integrity    string // what SQLite's own check says; empty for other databases
	Examples     []string
}

func (v verdict) String() string {
	text := fmt.Sprintf("kills=%d acknowledged=%d LOST=%d DOUBLE=%d MISSING=%d STRAY=%d LEFT=%d",
		v.Kills, v.Acknowledged, v.Lost, v.Double, v.Missing, v.Stray, v.Left)
	if v.Integrity != "" {
		text += " integrity=" + v.Integrity
	}
	return text
}

// err lists what is wrong. A run with fewer acknowledged notifications than atLeast shows nothing.
func (v verdict) err(atLeast int) error {
	var problems []error
	if v.Lost+v.Double+v.Missing+v.Stray+v.Left > 0 {
		problems = append(problems, fmt.Errorf("promises broken: %v, for example %q", v, v.Examples))
	}
	if v.Integrity != "" && v.Integrity != "ok" {
		problems = append(problems, fmt.Errorf("integrity check: %s", v.Integrity))
	}
	if v.Acknowledged < atLeast {
		problems = append(problems, fmt.Errorf("void: %d notifications acknowledged, fewer than %d", v.Acknowledged, atLeast))
	}
	return errors.Join(problems...)
}

func (v *verdict) example(format string, args ...any) {
	if len(v.Examples) < 5 {
		v.Examples = append(v.Examples, fmt.Sprintf(format, args...))
	}
}

// judge looks into the databases. Orders are the invoices that DOKU has. With settled false, work may still
// be on its way, and what is missing is not counted.
func (p place) judge(ctx context.Context, l *ledger, orders []string, settled bool) (v verdict, err error) {
	db, err := sql.Open(p.Driver, p.Tables)
	if err != nil {
		return v, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if p.Driver == "sqlite" {
		if err := db.QueryRowContext(ctx, "PRAGMA integrity_check").Scan(&v.Integrity); err != nil {
			return v, err
		}
	}
	effects, err := p.effects(ctx)
	if err != nil {
		return v, err
	}
	events, err := eventStates(ctx, db)
	if err != nil {
		return v, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	v.Acknowledged = l.acknowledged
	if err := v.countMessages(ctx, db, l); err != nil {
		return v, err
	}
	for id, n := range effects {
		if n > 1 {
			v.Double++
			v.example("event %s took effect %d times", id, n)
		}
		if _, ok := events[id]; !ok {
			v.Stray++
			v.example("effect of event %s, which is not in the store", id)
		}
	}
	for id, state := range events {
		if state == string(kredivo.WorkDone) && effects[id] == 0 {
			v.Missing++
			v.example("event %s is done and took no effect", id)
		}
	}
	for invoice := range l.paid {
		id := invoice + ":" + string(kredivo.PaymentSucceeded)
		if settled && effects[id] == 0 && events[id] != string(kredivo.WorkDone) {
			v.Missing++
			v.example("success of %s was acknowledged and took no effect", invoice)
		}
	}
	err = v.countAttempts(ctx, db, orders)
	return v, err
}

// countMessages compares every notification of the store, byte for byte, with those that were sent.
func (v *verdict) countMessages(ctx context.Context, db *sql.DB, l *ledger) error {
	stored := map[mark]bool{}
	err := each(ctx, db, "SELECT header, body FROM kredivo_inbox WHERE source = 'notification'", func(rows *sql.Rows) error {
		var text, body []byte
		if err := rows.Scan(&text, &body); err != nil {
			return err
		}
		var header http.Header
		if err := json.Unmarshal(text, &header); err != nil {
			return err
		}
		m := markOf(header, body)
		if _, ok := l.sent[m]; !ok {
			v.Stray++
			v.example("notification that nobody sent: %s", body)
		}
		stored[m] = true
		return nil
	})
	for m, acknowledged := range l.sent {
		if acknowledged && !stored[m] {
			v.Lost++
		}
	}
	return err
}

// countAttempts finds orders at DOKU that no attempt was written down for, and shop orders that were
// started twice.
func (v *verdict) countAttempts(ctx context.Context, db *sql.DB, orders []string) error {
	invoices, started := map[string]bool{}, map[string]int{}
	err := each(ctx, db, "SELECT order_id, invoice_number FROM kredivo_attempt", func(rows *sql.Rows) error {
		var order, invoice string
		err := rows.Scan(&order, &invoice)
		invoices[invoice] = true
		started[order]++
		if started[order] > 1 {
			v.Stray++
			v.example("order %s was started twice", order)
		}
		return err
	})
	for _, invoice := range orders {
		if !invoices[invoice] {
			v.Stray++
			v.example("DOKU has order %s, the store has not", invoice)
		}
	}
	return err
}

// effects counts the effects of each event.
func (p place) effects(ctx context.Context) (map[string]int, error) {
	effects := map[string]int{}
	for _, dsn := range p.databases() {
		db, err := sql.Open(p.Driver, dsn)
		if err != nil {
			return nil, err
		}
		err = each(ctx, db, "SELECT event_id FROM shop_effect", func(rows *sql.Rows) error {
			var id string
			err := rows.Scan(&id)
			effects[id]++
			return err
		})
		if err := errors.Join(err, db.Close()); err != nil {
			return nil, err
		}
	}
	return effects, nil
}

func eventStates(ctx context.Context, db *sql.DB) (map[string]string, error) {
	states := map[string]string{}
	return states, each(ctx, db, "SELECT event_id, state FROM kredivo_event", func(rows *sql.Rows) error {
		var id, state string
		err := rows.Scan(&id, &state)
		states[id] = state
		return err
	})
}

// each calls visit for every row.
func each(ctx context.Context, db *sql.DB, query string, visit func(*sql.Rows) error) (err error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Err(), rows.Close()) }()
	for rows.Next() {
		if err := visit(rows); err != nil {
			return err
		}
	}
	return nil
}
