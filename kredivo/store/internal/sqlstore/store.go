// Package sqlstore keeps the attempts, messages and events of a [kredivo.Store] in an SQL database. It
// is the one engine under every database that kredivo/store offers: what differs between databases is a
// [Dialect], a value with the few pieces of SQL and the error codes that are not the same everywhere.
//
// Three tables hold everything: the attempts with the order they pay, the inbox of received messages,
// and the events for the host. Every method is a handful of statements in one transaction, and keeps
// nothing in the session: a connection may serve anybody afterwards.
package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/paylater-go/paylater/kredivo"
)

// maxClaim bounds one claim, because its ids travel as parameters. Workers ask for far fewer.
const maxClaim = 1000

// A Store is a [kredivo.Store] on database/sql.
type Store struct {
	writer  *sql.DB
	reader  *sql.DB
	dialect Dialect
	sql     statements
}

var _ kredivo.Store = (*Store)(nil)

// New returns a Store that writes through writer and reads through reader, which may be the same pool,
// and owns both from now on. The tables with the given prefix must exist (see [Migrate]).
func New(writer, reader *sql.DB, d Dialect, prefix string) (*Store, error) {
	if err := CheckPrefix(prefix); err != nil {
		return nil, err
	}
	return &Store{writer: writer, reader: reader, dialect: d, sql: newStatements(d, prefix)}, nil
}

// Close closes both pools.
func (s *Store) Close() error {
	err := s.reader.Close()
	if s.writer != s.reader {
		err = errors.Join(err, s.writer.Close())
	}
	return err
}

// Backlog counts with one statement, so the four numbers belong together.
func (s *Store) Backlog(ctx context.Context) (kredivo.Backlog, error) {
	var b kredivo.Backlog
	err := s.reader.QueryRowContext(ctx, s.sql.backlog).Scan(&b.Messages, &b.Events, &b.ParkedMessages, &b.ParkedEvents)
	if err != nil {
		return kredivo.Backlog{}, fmt.Errorf("sqlstore: count the backlog: %w", err)
	}
	return b, nil
}

// write runs fn in one transaction and commits it. Whatever ends fn otherwise, an error or a panic,
// rolls everything back. The error of fn comes back unchanged.
func (s *Store) write(ctx context.Context, fn func(tx *sql.Tx) error) error {
	tx, err := s.begin(ctx)
	if err != nil {
		return fmt.Errorf("sqlstore: begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if err := fn(tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("sqlstore: commit: %w", err)
	}
	return nil
}

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
		tx, err := s.writer.BeginTx(ctx, nil)
		result <- begun{tx, err}
	}()
	select {
	case b := <-result:
		return b.tx, b.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// now is the time that leases are reckoned from: the database's, where several machines share it,
// else the caller's.
func (s *Store) now(ctx context.Context, tx *sql.Tx, caller time.Time) (time.Time, error) {
	if s.dialect.Now == nil {
		return caller, nil
	}
	now, err := s.dialect.Now(ctx, tx, caller)
	if err != nil {
		return time.Time{}, fmt.Errorf("sqlstore: ask the database for the time: %w", err)
	}
	return now, nil
}

// attemptError is the error of a statement that writes an attempt.
func (s *Store) attemptError(what string, err error) error {
	if s.dialect.Duplicate(err) {
		return fmt.Errorf("%w: %s: %v", kredivo.ErrConflict, what, err)
	}
	return fmt.Errorf("sqlstore: %s: %w", what, err)
}
