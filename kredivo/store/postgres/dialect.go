package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/paylater-go/paylater/kredivo/store/internal/sqlstore"
)

// SQLSTATE codes (PostgreSQL, appendix A).
const (
	uniqueViolation      = "23505"
	serializationFailure = "40001"
	deadlockDetected     = "40P01"
)

// idleInTransaction ends a transaction whose process hangs, so that it does not keep its locks.
const idleInTransaction = 30 * time.Second

// beginning makes the settings of one transaction and asks for the time, all in one round trip. A
// session that says synchronous_commit=off would lose acknowledged commits; every other value waits for
// the disk.
const beginning = `SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
	set_config('lock_timeout', $1, true), set_config('statement_timeout', $2, true),
	set_config('idle_in_transaction_session_timeout', $3, true),
	set_config('synchronous_commit', CASE current_setting('synchronous_commit') WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, true)`

func dialect(cfg Config) sqlstore.Dialect {
	milliseconds := func(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
	lock, statement, idle := milliseconds(cfg.LockTimeout), milliseconds(cfg.StatementTimeout), milliseconds(idleInTransaction)
	d := sqlstore.Dialect{
		Placeholder: func(n int) string { return "$" + strconv.Itoa(n) },
		InsertNew:   func(insert, key string) string { return insert + " ON CONFLICT (" + key + ") DO NOTHING" },
		Lock:        " FOR UPDATE",
		ClaimLock:   " FOR UPDATE SKIP LOCKED",
		// A statement sees what was committed before it began, so a look after a lock sees the truth.
		TxOptions: &sql.TxOptions{Isolation: sql.LevelReadCommitted},
		Begin: func(ctx context.Context, tx *sql.Tx, host bool) (time.Time, error) {
			statement, idle := statement, idle
			if host {
				statement = untilEnd(ctx)
				idle = statement
			}
			var now int64
			var ignored string
			err := tx.QueryRowContext(ctx, beginning, lock, statement, idle).Scan(&now, &ignored, &ignored, &ignored, &ignored)
			if err != nil || cfg.callerClock {
				return time.Time{}, err
			}
			return time.UnixMicro(now), nil
		},
		Timeout:   cfg.LockTimeout + cfg.StatementTimeout,
		Transfer:  transfer(),
		Duplicate: func(err error) bool { return hasState(err, uniqueViolation) },
		Again:     func(err error) bool { return hasState(err, serializationFailure, deadlockDetected) },
		Holds:     func(text string) bool { return utf8.ValidString(text) && !strings.ContainsRune(text, 0) },
	}
	if !cfg.callerClock {
		d.Clock = `(extract(epoch FROM statement_timestamp()) * 1000000)::bigint`
	}
	return d
}

// untilEnd is the timeout, in milliseconds, of a transaction that only the end of ctx may cut short. The
// server still ends it, a second later, when our process cannot. 0 is none.
func untilEnd(ctx context.Context) string {
	end, ok := ctx.Deadline()
	if !ok {
		return "0"
	}
	left := time.Until(end) //nolint:forbidigo // a deadline is by the real clock
	return strconv.FormatInt(max(0, left).Milliseconds()+1000, 10)
}

// hasState reports whether err has one of the SQLSTATE codes. The method is pgx's and lib/pq's.
func hasState(err error, states ...string) bool {
	e, ok := errors.AsType[interface {
		error
		SQLState() string
	}](err)
	return ok && slices.Contains(states, e.SQLState())
}

// checkServer refuses a server that may lose what it committed, or change texts.
func checkServer(ctx context.Context, db *sql.DB, durableStorage bool) error {
	var fsync, fullPages, encoding string
	err := db.QueryRowContext(ctx, `SELECT current_setting('fsync'), current_setting('full_page_writes'), current_setting('server_encoding')`).
		Scan(&fsync, &fullPages, &encoding)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	return checkSettings(fsync, fullPages, encoding, durableStorage)
}

func checkSettings(fsync, fullPages, encoding string, durableStorage bool) error {
	var wrong []error
	if !durableStorage && fsync != "on" {
		wrong = append(wrong, fmt.Errorf("unsafe setting: fsync is %s, it must be on, else a power cut loses acknowledged messages", fsync))
	}
	if !durableStorage && fullPages != "on" {
		wrong = append(wrong, fmt.Errorf("unsafe setting: full_page_writes is %s, it must be on, else a power cut tears pages", fullPages))
	}
	if encoding != "UTF8" {
		wrong = append(wrong, fmt.Errorf("the encoding of the database is %s, it must be UTF8", encoding))
	}
	return errors.Join(wrong...)
}
