package shop

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/paylater-go/paylater/kredivo"
)

// ErrLost means that something acknowledged is not there.
var ErrLost = errors.New("acknowledged and lost")

// stored is what the tables hold, by order.
type stored struct {
	status   map[string]kredivo.Status
	messages map[string]row
	events   map[string]kredivo.WorkState
}

type row struct {
	header string
	body   []byte
	state  kredivo.WorkState
}

// Audit looks into the tables behind the store's back: everything that the ledger tells is there, and
// whatever was committed together is there together. It returns how many things the ledger tells.
func Audit(ctx context.Context, db *sql.DB, ledger []byte) (told int, err error) {
	s, err := read(ctx, db)
	if err != nil {
		return 0, err
	}
	var lost []string
	for line := range strings.Lines(string(ledger)) {
		what, order, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		told++
		if !s.holds(what, order) {
			lost = append(lost, what+" "+order)
		}
	}
	if len(lost) > 0 {
		return told, fmt.Errorf("%w: %d of %d, the first is %q", ErrLost, len(lost), told, lost[0])
	}
	return told, s.consistent()
}

// GoOn checks that a store that was opened again knows what the ledger tells, and takes what is new.
func GoOn(ctx context.Context, store kredivo.Store, ledger []byte) error {
	for line := range strings.Lines(string(ledger)) {
		if order, ok := strings.CutPrefix(line, Received+" "); ok {
			if err := receive(ctx, store, strings.TrimSuffix(order, "\n"), false); err != nil {
				return err
			}
			break
		}
	}
	return receive(ctx, store, "after-the-cut", true)
}

// holds reports whether the tables hold what was told of an order.
func (s stored) holds(what, order string) bool {
	switch what {
	case Created:
		return s.status[order] != ""
	case Received:
		m, ok := s.messages[order]
		return ok && bytes.Equal(m.body, body(order)) && strings.Contains(m.header, "request-"+order)
	case Paid:
		return s.status[order] == kredivo.Paid
	case Delivered:
		return s.events[order] == kredivo.WorkDone
	default:
		return false
	}
}

// consistent checks what Work commits in one transaction: a paid attempt, its settled message and its event.
func (s stored) consistent() error {
	var problems []error
	for order, status := range s.status {
		_, event := s.events[order]
		paid, done := status == kredivo.Paid, s.messages[order].state == kredivo.WorkDone
		if paid != done || paid != event {
			problems = append(problems, fmt.Errorf("%s is in part: paid %v, message done %v, event %v", order, paid, done, event))
		}
	}
	return errors.Join(problems...)
}

func read(ctx context.Context, db *sql.DB) (stored, error) {
	s := stored{map[string]kredivo.Status{}, map[string]row{}, map[string]kredivo.WorkState{}}
	err := errors.Join(
		each(ctx, db, `SELECT order_id, status FROM kredivo_attempt`, func(rows *sql.Rows) error {
			var order string
			var status kredivo.Status
			err := rows.Scan(&order, &status)
			s.status[order] = status
			return err
		}),
		each(ctx, db, `SELECT header, body, state FROM kredivo_inbox`, func(rows *sql.Rows) error {
			var m row
			err := rows.Scan(&m.header, &m.body, &m.state)
			s.messages[orderOf(m.body)] = m
			return err
		}),
		each(ctx, db, `SELECT event_id, state FROM kredivo_event`, func(rows *sql.Rows) error {
			var order string
			var state kredivo.WorkState
			err := rows.Scan(&order, &state)
			s.events[order] = state
			return err
		}),
	)
	return s, err
}

func each(ctx context.Context, db *sql.DB, query string, scan func(*sql.Rows) error) error {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
