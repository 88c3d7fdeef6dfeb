// Package sqlstore keeps the attempts, messages and events of a [kredivo.Store] in an SQL database. It
// is the one engine under every database that kredivo/store offers: what differs between databases is a
// [Dialect], a value with the few pieces of SQL and the error codes that are not the same everywhere.
//
// Three tables hold everything: the attempts with the order they pay, the inbox of received messages,
// and the events for the host. Every method is a handful of statements in one transaction, and keeps
// nothing in the session: a connection may serve anybody afterwards.
package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/paylater-go/paylater/kredivo"
)

// maxClaim bounds one claim, because its ids travel as parameters. Workers ask for far fewer.
const maxClaim = 1000

// A Store is a [kredivo.Store] on database/sql.
type Store struct {
	writer   *sql.DB
	reader   *sql.DB
	borrowed bool // the pools are the host's
	dialect  Dialect
	sql      statements
	skew     atomic.Int64 // how far the database's clock is ahead of the callers', in nanoseconds
	closed   atomic.Bool
}

var _ kredivo.TxStore = (*Store)(nil)

// New returns a Store that writes through writer and reads through reader, which may be the same pool,
// and owns both from now on. The tables with the given prefix must exist (see [Migrate]).
func New(writer, reader *sql.DB, d Dialect, prefix string) (*Store, error) {
	if err := CheckPrefix(prefix); err != nil {
		return nil, err
	}
	return &Store{writer: writer, reader: reader, dialect: d, sql: newStatements(d, prefix)}, nil
}

// Borrow returns a Store on the host's pool, which it never closes.
func Borrow(db *sql.DB, d Dialect, prefix string) (*Store, error) {
	s, err := New(db, db, d, prefix)
	if err != nil {
		return nil, err
	}
	s.borrowed = true
	return s, nil
}

var errClosed = errors.New("sqlstore: the store is closed")

// Close ends the store: its own pools are closed, and a borrowed one is left as it is.
func (s *Store) Close() error {
	if s.closed.Swap(true) || s.borrowed {
		return nil
	}
	err := s.reader.Close()
	if s.writer != s.reader {
		err = errors.Join(err, s.writer.Close())
	}
	return err
}

// Backlog counts with one statement, so the four numbers belong together.
func (s *Store) Backlog(ctx context.Context) (kredivo.Backlog, error) {
	var b kredivo.Backlog
	err := s.read(ctx, func(ctx context.Context) error {
		return s.reader.QueryRowContext(ctx, s.sql.backlog).Scan(&b.Messages, &b.Events, &b.ParkedMessages, &b.ParkedEvents)
	})
	if err != nil {
		return kredivo.Backlog{}, fmt.Errorf("sqlstore: count the backlog: %w", err)
	}
	return b, nil
}

// Due implements [kredivo.Store]. It asks by the clock that claims are reckoned by, in the statement
// itself, so no clock of an instance that is wrong or jumps hides work.
func (s *Store) Due(ctx context.Context, now time.Time) (kredivo.Due, error) {
	var args []any
	if s.dialect.Clock == "" {
		at := dueArg(now)
		args = []any{at, at, at, at, at}
	}
	var d kredivo.Due
	err := s.read(ctx, func(ctx context.Context) error {
		return s.reader.QueryRowContext(ctx, s.sql.due, args...).Scan(&d.Messages, &d.Events, &d.Checks)
	})
	if err != nil {
		return kredivo.Due{}, fmt.Errorf("sqlstore: look for due work: %w", err)
	}
	return d, nil
}

// read runs fn, which reads outside any transaction.
func (s *Store) read(ctx context.Context, fn func(ctx context.Context) error) error {
	if s.closed.Load() {
		return errClosed
	}
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	return fn(ctx)
}

// A transaction is one that writes.
type transaction struct {
	*sql.Tx
	now time.Time // by the database's clock; zero for the caller's
}

// clock is the time that leases and due times are reckoned from: the database's, where several
// machines share it, else the caller's.
func (tx transaction) clock(caller time.Time) time.Time {
	if tx.now.IsZero() {
		return caller
	}
	return tx.now
}

// maxTries bounds how often a transaction is run that the database undoes. Each time somebody else got
// further, so a few are enough.
const maxTries = 8

// write runs fn in one transaction and commits it. Whatever ends fn otherwise, an error or a panic,
// rolls everything back. The error of fn comes back unchanged. Fn is run again when the database undid
// the transaction; never when it is unknown whether it did.
func (s *Store) write(ctx context.Context, fn func(ctx context.Context, tx transaction) error) error {
	if s.closed.Load() {
		return errClosed
	}
	ctx, cancel := s.deadline(ctx)
	defer cancel()
	var err error
	for range maxTries {
		err = s.writeOnce(ctx, false, fn)
		if err == nil || s.dialect.Again == nil || !s.dialect.Again(err) || ctx.Err() != nil {
			break
		}
	}
	return err
}

// writeOnce is write without a second try and without a bound of its own. With host, fn is code of the
// host's.
func (s *Store) writeOnce(ctx context.Context, host bool, fn func(ctx context.Context, tx transaction) error) error {
	begun, err := s.begin(ctx)
	if err != nil {
		return fmt.Errorf("sqlstore: begin: %w", err)
	}
	defer func() { _ = begun.Rollback() }() // does nothing after Commit
	tx := transaction{Tx: begun}
	if s.dialect.Begin != nil {
		if tx.now, err = s.dialect.Begin(ctx, begun, host); err != nil {
			return fmt.Errorf("sqlstore: begin: %w", err)
		}
	}
	if err := fn(ctx, tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("sqlstore: commit: %w", cmp.Or(ctx.Err(), err)) // database/sql hides that ctx ended
	}
	return nil
}

func (s *Store) deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.dialect.Timeout == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, s.dialect.Timeout)
}

// holds reports whether the database can hold a text.
func (s *Store) holds(text string) bool { return s.dialect.Holds == nil || s.dialect.Holds(text) }

// begin starts a transaction or gives up when ctx ends. A driver may wait for another's lock without
// looking at ctx, so it waits beside us; a transaction that comes too late is rolled back by
// database/sql, because its ctx has ended.
func (s *Store) begin(ctx context.Context) (*sql.Tx, error) {
	type begun struct {
		tx  *sql.Tx
		err error
	}
	result := make(chan begun, 1)
	go func() {
		tx, err := s.writer.BeginTx(ctx, s.dialect.TxOptions)
		result <- begun{tx, err}
	}()
	select {
	case b := <-result:
		return b.tx, b.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// attemptError is the error of a statement that writes an attempt.
func (s *Store) attemptError(what string, err error) error {
	if s.dialect.Duplicate(err) {
		return fmt.Errorf("%w: %s: %v", kredivo.ErrConflict, what, err)
	}
	return fmt.Errorf("sqlstore: %s: %w", what, err)
}
