package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
)

// A Dialect is what one kind of database does differently. The zero value of a field is what SQLite,
// the simplest of them, needs; only Duplicate has no default.
type Dialect struct {
	// Placeholder spells the nth parameter of a statement, from 1. Nil for "?".
	Placeholder func(n int) string

	// InsertNew completes an INSERT so that a row whose key exists already is left alone and counted
	// as no row: it is given "INSERT INTO t (...) VALUES (...)" and the name of the unique key column. Nil
	// where a Duplicate error undoes nothing but its own statement, so that the plain INSERT will do.
	InsertNew func(insert, key string) string

	// Unfinished is the condition for a row of work that is not done, spelled as the database's index
	// wants it; it is given the name of the table. Nil for "<table>.state <> 'done'".
	Unfinished func(table string) string

	// Watched is the condition for an attempt that has a next_check_at, spelled as the database's index
	// wants it. Empty for "next_check_at IS NOT NULL".
	Watched string

	// Touch completes the SET of an UPDATE that may change nothing, where rows that stay as they were
	// are not counted as updated.
	Touch string

	// SeenEarly says that others see what a transaction commits before it is on the disk, so that a crash can
	// take back what they have seen. A transaction that writes waits for all that it could see.
	SeenEarly bool

	// Lock is appended to a SELECT whose rows the transaction is about to change, and ClaimLock to one
	// that must pass over rows which others have locked. Empty where a transaction that writes has the
	// database to itself.
	Lock, ClaimLock string

	// TxOptions are for every transaction that writes. Nil for the driver's default.
	TxOptions *sql.TxOptions

	// Begin runs first in every transaction that writes: it makes the settings that hold for this
	// transaction only, and returns the time of the database's clock, which leases and due times are
	// reckoned by when several machines share it. The zero time means the caller's clock. With host the
	// transaction is for code of the host's, which nothing but the end of ctx may cut short.
	Begin func(ctx context.Context, tx *sql.Tx, host bool) (now time.Time, err error)

	// Clock is the time by the clock of Begin, in microseconds since 1970, as an expression in SQL. Empty
	// for the caller's clock.
	Clock string

	// Timeout bounds each call as a whole, so that a database that does not answer is noticed. 0 for none.
	Timeout time.Duration

	// Again reports whether err says that the database has undone the whole transaction for a reason that
	// a second try does not meet, such as a deadlock. Nil for never.
	Again func(err error) bool

	// Holds reports whether a text can be stored at all. What cannot be stored has no attempts. Nil for
	// any bytes.
	Holds func(text string) bool

	// Transfer is for moving to another store.
	Transfer Transfer

	// Duplicate reports whether err says that a unique key exists already.
	Duplicate func(err error) bool
}

var (
	prefixPattern = regexp.MustCompile(`^[a-z_]{1,30}$`)
	errPrefix     = errors.New("must be 1 to 30 of the characters a-z and _")
)

// DefaultPrefix begins the name of every table and index.
const DefaultPrefix = "kredivo_"

// CheckPrefix refuses a table prefix that is not 1 to 30 of the characters a-z and _. It is the only
// text from outside that becomes part of a statement.
func CheckPrefix(prefix string) error {
	if !prefixPattern.MatchString(prefix) {
		return fmt.Errorf("sqlstore: table prefix %q %w", prefix, errPrefix)
	}
	return nil
}

// bind replaces each ? of a statement by the dialect's placeholder.
func (d Dialect) bind(statement string) string {
	if d.Placeholder == nil {
		return statement
	}
	var b strings.Builder
	parts := strings.Split(statement, "?")
	for i, part := range parts {
		if i > 0 {
			b.WriteString(d.Placeholder(i))
		}
		b.WriteString(part)
	}
	return b.String()
}

// marks is a list of n parameters.
func marks(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }
