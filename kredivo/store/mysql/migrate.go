package mysql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/paylater-go/paylater/kredivo/store/internal/sqlstore"
)

//go:embed migrations/*.sql
var migrations embed.FS

// lockWait is how long a process waits, in seconds, for others that migrate.
const lockWait = 60

// migrate makes the tables or brings them up to date, on one connection under a lock of that
// connection: processes that start together wait for each other. A change of tables cannot be undone
// here, so each migration can be run again after it was cut off.
func migrate(ctx context.Context, db *sql.DB, prefix string) (err error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connect for migration: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()

	// The name is at most 64 characters, so a hash stands for the database.
	name := `CONCAT('` + prefix + `', MD5(DATABASE()))`
	var locked sql.NullInt64
	if err := conn.QueryRowContext(ctx, `SELECT GET_LOCK(`+name+`, ?)`, lockWait).Scan(&locked); err != nil {
		return fmt.Errorf("lock for migration: %w", err)
	}
	if locked.Int64 != 1 {
		return fmt.Errorf("lock for migration: another process has held it for %d seconds", lockWait)
	}
	err = conn.Raw(func(raw any) error {
		return sqlstore.MigrateOn(ctx, raw, goose.DialectMySQL, files, prefix, false)
	})
	if unlock := conn.QueryRowContext(context.WithoutCancel(ctx), `SELECT RELEASE_LOCK(`+name+`)`).Scan(&locked); unlock != nil {
		// The lock ends with the connection, which nobody else gets.
		err = errors.Join(err, conn.Raw(func(any) error { return driver.ErrBadConn }))
	}
	return err
}
