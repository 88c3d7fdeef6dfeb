package sqlite

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
	one := &sharedTx{Conn: conn}
	db := sql.OpenDB(one)
	db.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, db.Close(), conn.Close()) }()

	if err := one.exec(ctx, "BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("lock the database for migration: %w", err)
	}
	if err := sqlstore.Migrate(ctx, db, goose.DialectSQLite3, files, prefix); err != nil {
		return errors.Join(err, one.exec(context.WithoutCancel(ctx), "ROLLBACK"))
	}
	if err := one.exec(ctx, "COMMIT"); err != nil {
		return fmt.Errorf("commit the migration: %w", err)
	}
	return nil
}

// A sharedTx is one connection that is inside a transaction already, so that what the user of it
// begins is a savepoint. It is its own connector and stays open when database/sql closes it.
type sharedTx struct{ driver.Conn }

// Connect returns the one connection.
func (c *sharedTx) Connect(context.Context) (driver.Conn, error) { return c, nil }

// Driver is required of a connector.
func (c *sharedTx) Driver() driver.Driver { return nil }

// Close leaves the connection open.
func (c *sharedTx) Close() error { return nil }

// ExecContext runs a statement.
func (c *sharedTx) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

// QueryContext runs a query.
func (c *sharedTx) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

// BeginTx sets a savepoint.
func (c *sharedTx) BeginTx(ctx context.Context, _ driver.TxOptions) (driver.Tx, error) {
	return savepoint{c}, c.exec(ctx, "SAVEPOINT migration")
}

func (c *sharedTx) exec(ctx context.Context, query string) error {
	_, err := c.ExecContext(ctx, query, nil)
	return err
}

// A savepoint is a transaction within the transaction.
type savepoint struct{ conn *sharedTx }

// Commit keeps what was done since.
func (s savepoint) Commit() error {
	return s.conn.exec(context.Background(), "RELEASE migration")
}

// Rollback undoes what was done since.
func (s savepoint) Rollback() error {
	return errors.Join(
		s.conn.exec(context.Background(), "ROLLBACK TO migration"),
		s.conn.exec(context.Background(), "RELEASE migration"),
	)
}
