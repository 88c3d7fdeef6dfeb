package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

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
	err := s.write(ctx, func(tx *sql.Tx) error {
		now, err := s.now(ctx, tx, c.Now)
		if err != nil {
			return err
		}
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

// finish ends the claim of the row with the given key, or returns ErrClaimLost.
func finish(ctx context.Context, tx *sql.Tx, statement string, key any, token string, o kredivo.Outcome) error {
	var runAt any // NULL leaves it
	switch o.State {
	case kredivo.WorkDone, kredivo.WorkParked:
	case kredivo.WorkRetry:
		runAt = dueArg(o.RunAt)
	default:
		return fmt.Errorf("sqlstore: unknown outcome %q", o.State)
	}
	result, err := tx.ExecContext(ctx, statement, string(o.State), runAt, longAgo, o.Error, key, textArg(token))
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
