package sqlite

import (
	"context"
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

// migrate makes the tables or brings them up to date. Goose has no lock for SQLite, so everything it
// does runs inside one immediate transaction: processes that start together wait for each other, and a
// migration that fails leaves no trace.
func migrate(ctx context.Context, c connector, prefix string) (err error) {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("read the migrations: %w", err)
	}
	conn, err := c.Connect(ctx)
	if err != nil {
		return fmt.Errorf("open for migration: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	run := func(ctx context.Context, statement string) error {
		_, err := conn.(driver.ExecerContext).ExecContext(ctx, statement, nil)
		return err
	}
	if err := run(ctx, "BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("lock the database for migration: %w", err)
	}
	if err := sqlstore.MigrateOn(ctx, conn, goose.DialectSQLite3, files, prefix, true); err != nil {
		return errors.Join(err, run(context.WithoutCancel(ctx), "ROLLBACK"))
	}
	if err := run(ctx, "COMMIT"); err != nil {
		return fmt.Errorf("commit the migration: %w", err)
	}
	return nil
}
