package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// Errors of Move and MoveBack.
var (
	ErrEmpty    = errors.New("the old store holds no payments")
	ErrNotEmpty = errors.New("the new store holds payments already")
	ErrSealed   = errors.New("the new store is sealed: it was moved away from, or it is the old one")
	ErrMoved    = errors.New("the new store holds payments already, so it is the one to use")
	errUnsealed = errors.New("somebody has unsealed the old store")
)

// patience is how long Move waits for work that is under way. Leases are a quarter of a minute.
const patience = time.Minute

// Move moves everything from one store to another, which must be empty, while processes go on using the
// first. It seals that one, so what they try to write from then on fails; nothing else is lost. When Move
// returned nil the second store has everything. When it did not, nobody can write to either, until Move is
// called again or MoveBack. Progress is told what is going on.
func Move(ctx context.Context, from, to *Store, progress func(string)) error {
	switch full, err := to.full(ctx, to.reader); {
	case err != nil:
		return err
	case full:
		return alreadyMoved(ctx, from, to, to.reader)
	}
	if err := to.notSealed(ctx); err != nil {
		return err
	}
	if full, err := from.full(ctx, from.reader); err != nil || !full {
		return errors.Join(err, ErrEmpty)
	}
	if err := from.shut(ctx, progress); err != nil {
		return err
	}
	if err := to.notSealed(ctx); err != nil { // it is the store that has just been
		return errors.Join(err, from.unseal(ctx))
	}
	return to.fill(ctx, func(tx *sql.Tx) error {
		switch full, err := to.full(ctx, tx); {
		case err != nil:
			return err
		case full: // while we waited
			return alreadyMoved(ctx, from, to, tx)
		}
		if sealed, err := from.sealed(ctx); err != nil || !sealed {
			return errors.Join(err, errUnsealed)
		}
		for _, t := range tables {
			if err := t.copy(ctx, from, to, tx, progress); err != nil {
				return err
			}
		}
		return nil
	})
}

// MoveBack undoes a Move that did not reach its end: it opens the first store again. When the second store
// holds payments the move has ended, and MoveBack refuses.
func MoveBack(ctx context.Context, from, to *Store) error {
	if err := to.notSealed(ctx); err != nil {
		return err
	}
	return to.fill(ctx, func(tx *sql.Tx) error {
		switch full, err := to.full(ctx, tx); {
		case err != nil:
			return err
		case full:
			return ErrMoved
		}
		return from.unseal(ctx) // while nobody can fill the new one
	})
}

// shut seals the store, in two steps: what is under way is given time to end.
func (s *Store) shut(ctx context.Context, progress func(string)) error {
	if sealed, err := s.sealed(ctx); err != nil || sealed {
		return err
	}
	if err := s.seal(ctx, closing); err != nil {
		return err
	}
	progress("the old store takes nothing in any more")
	if err := s.quiet(ctx, progress); err != nil {
		return err
	}
	if err := s.seal(ctx, sealing); err != nil {
		return err
	}
	progress("the old store is sealed")
	return nil
}

// quiet waits until nobody holds a claim or calls DOKU. What holds on for longer than patience will not be
// able to write how it ended, and is done again by the new store, like after a crash.
func (s *Store) quiet(ctx context.Context, progress func(string)) error {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	told := 0
	for {
		n, err := s.underWay(ctx)
		if err != nil || n == 0 {
			return err
		}
		if n != told {
			progress(fmt.Sprintf("%d under way", n))
			told = n
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-limit.C:
			return nil
		case <-tick.C:
		}
	}
}

// underWay counts live claims, and calls of DOKU.
func (s *Store) underWay(ctx context.Context) (n int, err error) {
	now := s.dialect.Clock
	if now == "" {
		now = fmt.Sprint(dueArg(time.Now())) //nolint:forbidigo // leases are by the real clock of this machine
	}
	err = s.reader.QueryRowContext(ctx, s.sql.name(`SELECT (SELECT COUNT(*) FROM {inbox} WHERE state = 'new' AND claim_until > `+now+`)
		+ (SELECT COUNT(*) FROM {event} WHERE state = 'new' AND claim_until > `+now+`)
		+ (SELECT COUNT(*) FROM {attempt} WHERE open_order IS NOT NULL AND call_until > `+now+`)`)).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("sqlstore: count what is under way: %w", err)
	}
	return n, nil
}

// fill runs fn in a transaction that has the store to itself.
func (s *Store) fill(ctx context.Context, fn func(tx *sql.Tx) error) error {
	tx, err := s.writer.BeginTx(ctx, s.dialect.Transfer.TxOptions)
	if err != nil {
		return fmt.Errorf("sqlstore: begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	for _, statement := range s.dialect.Transfer.Exclusive {
		if _, err := tx.ExecContext(ctx, s.sql.name(statement)); err != nil {
			return fmt.Errorf("sqlstore: keep others away: %w", err)
		}
	}
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("sqlstore: commit: %w", err)
	}
	return nil
}

// A rowQueryer is a pool or a transaction.
type rowQueryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// full reports whether the store holds anything.
func (s *Store) full(ctx context.Context, db rowQueryer) (full bool, err error) {
	err = db.QueryRowContext(ctx, s.sql.name(`SELECT EXISTS (SELECT 1 FROM {inbox}) OR EXISTS (SELECT 1 FROM {attempt})
		OR EXISTS (SELECT 1 FROM {event})`)).Scan(&full)
	if err != nil {
		return false, fmt.Errorf("sqlstore: look whether the store is empty: %w", err)
	}
	return full, nil
}
