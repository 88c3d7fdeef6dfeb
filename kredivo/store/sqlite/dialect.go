package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/paylater-go/paylater/kredivo/store/internal/sqlstore"
)

// dialect is all defaults but for two things: a transaction that writes has the file to itself from
// its first statement, so there are no rows to lock, and one machine has one clock.
func dialect() sqlstore.Dialect {
	return sqlstore.Dialect{
		InsertNew: func(insert, key string) string { return insert + " ON CONFLICT (" + key + ") DO NOTHING" },
		Transfer:  transfer(),
		Duplicate: func(err error) bool {
			e, ok := errors.AsType[*sqlite.Error](err)
			return ok && (e.Code() == sqlite3.SQLITE_CONSTRAINT_UNIQUE || e.Code() == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY)
		},
	}
}

// oldestSafe is the first SQLite without the WAL-reset bug, which can corrupt a database that several
// connections write to (sqlite.org, "Write-Ahead Logging", section 11).
var oldestSafe = [3]int{3, 51, 3}

// checkLibrary refuses an SQLite library that may lose what it committed.
func checkLibrary(ctx context.Context, db *sql.DB, allowOld bool) error {
	var version string
	if err := db.QueryRowContext(ctx, `SELECT sqlite_version()`).Scan(&version); err != nil {
		return err
	}
	return checkVersion(version, allowOld)
}

func checkVersion(version string, allowOld bool) error {
	var v [3]int
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &v[0], &v[1], &v[2]); err != nil {
		return fmt.Errorf("library version %q: %w", version, err)
	}
	if slices.Compare(v[:], oldestSafe[:]) < 0 && !allowOld {
		return fmt.Errorf("library version %s can lose committed data (WAL reset bug): build with SQLite %d.%d.%d or later, or set AllowOldSQLite",
			version, oldestSafe[0], oldestSafe[1], oldestSafe[2])
	}
	return nil
}
