package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/paylater-go/paylater/kredivo"
)

// Redrive implements [kredivo.Store].
func (s *Store) Redrive(ctx context.Context, w kredivo.Work, now time.Time) (int, error) {
	redriven := 0
	err := s.write(ctx, func(ctx context.Context, tx transaction) error {
		redriven = 0 // of a try before this one
		run := func(statement string, key ...any) error {
			args := append([]any{dueArg(tx.clock(now)), longAgo}, key...)
			result, err := tx.ExecContext(ctx, statement, args...)
			if err != nil {
				return fmt.Errorf("sqlstore: redrive: %w", err)
			}
			n, err := result.RowsAffected()
			redriven += int(n)
			return err
		}
		if w == (kredivo.Work{}) {
			if err := run(s.sql.messages.redriveAll); err != nil {
				return err
			}
			return run(s.sql.events.redriveAll)
		}
		if w.MessageID != 0 {
			if err := run(s.sql.messages.redrive, w.MessageID); err != nil {
				return err
			}
		}
		if w.EventID != "" && s.holds(w.EventID) {
			return run(s.sql.events.redrive, w.EventID)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return redriven, nil
}

// Prune implements [kredivo.Store]. One call takes at most [maxClaim] messages.
func (s *Store) Prune(ctx context.Context, before time.Time, limit int) (int, error) {
	if limit <= 0 {
		return 0, nil
	}
	pruned := 0
	err := s.write(ctx, func(ctx context.Context, tx transaction) error {
		ids, err := queryIDs(ctx, tx, s.sql.prunable, dueArg(before), min(limit, maxClaim))
		if pruned = len(ids); err != nil || pruned == 0 {
			return err
		}
		if _, err := tx.ExecContext(ctx, s.sql.in(s.sql.prune, len(ids)), ids...); err != nil {
			return fmt.Errorf("sqlstore: prune: %w", err)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return pruned, nil
}

// queryIDs reads ids, as parameters for the next statement.
func queryIDs(ctx context.Context, db queryer, query string, args ...any) ([]any, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: read ids: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var ids []any
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("sqlstore: read ids: %w", err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("sqlstore: read ids: %w", err)
	}
	return ids, nil
}
