package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/paylater-go/paylater/kredivo"
)

var errNoToken = errors.New("sqlstore: a claim needs a token")

// claim takes due rows of a table of work: it reads and locks them in order, then marks them. Scan
// gives a row's id and the item as it is after that.
func claim[T any](ctx context.Context, s *Store, c kredivo.Claim, w work, scan func(*sql.Rows) (int64, T, error)) ([]T, error) {
	if c.Token == "" {
		return nil, errNoToken
	}
	if c.Limit <= 0 {
		return nil, nil
	}
	var items []T
	err := s.write(ctx, func(ctx context.Context, tx transaction) error {
		items = nil // of a try before this one
		now := tx.clock(c.Now)
		s.skew.Store(int64(now.Sub(c.Now)))
		rows, err := tx.QueryContext(ctx, w.due, dueArg(now), dueArg(now), min(c.Limit, maxClaim))
		if err != nil {
			return fmt.Errorf("sqlstore: look for work: %w", err)
		}
		defer func() { _ = rows.Close() }()
		args := []any{c.Token, dueArg(now.Add(c.Lease))}
		for rows.Next() {
			id, item, err := scan(rows)
			if err != nil {
				return fmt.Errorf("sqlstore: read work: %w", err)
			}
			items, args = append(items, item), append(args, id)
		}
		if err := rows.Err(); err != nil {
			return fmt.Errorf("sqlstore: look for work: %w", err)
		}
		if len(items) == 0 {
			return nil
		}
		if _, err := tx.ExecContext(ctx, s.sql.in(w.claim, len(items)), args...); err != nil {
			return fmt.Errorf("sqlstore: claim work: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return items, nil
}

// insertNew runs a statement of [Dialect.InsertNew] and reports whether the row is new.
func (s *Store) insertNew(ctx context.Context, tx transaction, statement string, args ...any) (bool, error) {
	result, err := tx.ExecContext(ctx, statement, args...)
	if err != nil && s.dialect.InsertNew == nil && s.dialect.Duplicate(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	n, err := result.RowsAffected()
	return n > 0, err
}

// finish ends the claim of the row with the given key, or returns ErrClaimLost.
func (s *Store) finish(ctx context.Context, tx transaction, statement string, key any, token string, o kredivo.Outcome) error {
	var runAt, reason any = nil, readable(o.Error) // NULL leaves what there is
	failures := 0
	switch o.State {
	case kredivo.WorkDone, kredivo.WorkParked:
	case kredivo.WorkRetry:
		// The caller reckons by its own clock, and the next claim by the database's.
		runAt = dueArg(o.RunAt.Add(time.Duration(s.skew.Load())))
		if o.Error == "" {
			reason = nil // given back, which is no news
		} else {
			failures = 1
		}
	default:
		return fmt.Errorf("sqlstore: unknown outcome %q", o.State)
	}
	result, err := tx.ExecContext(ctx, statement, string(o.State), runAt, longAgo, failures, reason, key, textArg(token))
	if err != nil {
		return fmt.Errorf("sqlstore: finish work: %w", err)
	}
	return oneRow(result, kredivo.ErrClaimLost)
}

// oneRow returns none when a statement changed no row.
func oneRow(result sql.Result, none error) error {
	n, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("sqlstore: count changed rows: %w", err)
	}
	if n == 0 {
		return none
	}
	return nil
}
