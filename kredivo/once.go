package kredivo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
)

// OnceTable makes the table that [Once] needs, in the shop's own database: PostgreSQL, MariaDB, MySQL and
// SQLite understand it. It has one row per event that took effect.
const OnceTable = `CREATE TABLE IF NOT EXISTS kredivo_once (event_id VARCHAR(255) NOT NULL PRIMARY KEY)`

// ErrAlreadyApplied says that an event has had its effect.
var ErrAlreadyApplied = errors.New("kredivo: the event has been applied already")

// An Execer runs a statement inside a transaction of the shop's: an *sql.Tx, or what a library such as
// GORM keeps one in.
type Execer interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// eventIDs are all IDs that events have. They are written into the statement, because databases spell
// parameters in different ways.
var eventIDs = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,255}$`)

// Once remembers inside tx, a transaction of the shop's own database, that the event with this ID takes
// effect, for shops whose database is not the plugin's store. What the shop writes in tx then happens once,
// however often the event is delivered:
//
//	err := kredivo.Once(ctx, tx, e.ID)
//	if errors.Is(err, kredivo.ErrAlreadyApplied) {
//		return nil // delivered again: roll back and be content
//	}
//
// Any other error means that nothing is known: roll back and return it, and the event comes again. Call it
// before the shop's own statements. The table is [OnceTable]; make it once.
func Once(ctx context.Context, tx Execer, eventID string) error {
	if !eventIDs.MatchString(eventID) {
		return fmt.Errorf("kredivo: %q is not the ID of an event", eventID)
	}
	// Two transactions at once: the second waits for the first, then fails on the key, and its event comes
	// again.
	result, err := tx.ExecContext(ctx, `INSERT INTO kredivo_once (event_id)
		SELECT fresh.event_id FROM (SELECT '`+eventID+`' AS event_id) AS fresh
		WHERE NOT EXISTS (SELECT 1 FROM kredivo_once AS seen WHERE seen.event_id = fresh.event_id)`)
	if err != nil {
		return fmt.Errorf("kredivo: remember event %s: %w", eventID, err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("kredivo: remember event %s: %w", eventID, err)
	}
	if n == 0 {
		return ErrAlreadyApplied
	}
	return nil
}
