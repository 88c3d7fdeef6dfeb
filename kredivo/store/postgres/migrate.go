package postgres

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

// migrate makes the tables or brings them up to date, in one transaction under an advisory lock of that
// transaction: processes that start together wait for each other, a migration that fails leaves no
// trace, and no lock stays behind in a session, as goose's own would behind PgBouncer.
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
	return conn.Raw(func(raw any) error {
		c, ok := raw.(driver.ExecerContext)
		if !ok {
			return fmt.Errorf("a driver whose connection is a %T is not supported", raw)
		}
		run := func(ctx context.Context, statements ...string) error {
			for _, s := range statements {
				if _, err := c.ExecContext(ctx, s, nil); err != nil {
					return fmt.Errorf("migrate: %w", err)
				}
			}
			return nil
		}
		err := run(ctx, "BEGIN", "SET LOCAL lock_timeout = 0", "SET LOCAL statement_timeout = 0",
			"SELECT pg_advisory_xact_lock(hashtextextended('migrate ' || current_schema() || '."+prefix+"', 0))")
		if err == nil {
			err = sqlstore.MigrateOn(ctx, raw, goose.DialectPostgres, files, prefix, true)
		}
		if err == nil {
			err = run(ctx, "COMMIT")
		}
		if err == nil {
			return nil
		}
		if undo := run(context.WithoutCancel(ctx), "ROLLBACK"); undo != nil {
			return errors.Join(err, undo, driver.ErrBadConn) // nobody else gets this connection
		}
		return err
	})
}
