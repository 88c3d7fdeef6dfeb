package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// MigrateOn is [Migrate] on one connection, which stays open: whatever lock the caller took on it,
// before, covers all that goose does. It never needs a second connection. With
// savepoints, for databases that can undo a change of their tables, the connection must be in a
// transaction, and nothing is left of a migration that fails.
func MigrateOn(ctx context.Context, conn any, d goose.Dialect, files fs.FS, prefix string, savepoints bool) (err error) {
	c, ok := conn.(Conn)
	if !ok {
		return fmt.Errorf("sqlstore: migrate: a driver whose connection is a %T is not supported", conn)
	}
	db := sql.OpenDB(&single{Conn: c, savepoints: savepoints})
	db.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, db.Close()) }()
	return Migrate(ctx, db, d, files, prefix)
}

// A Conn is what a driver's connection must be able to do.
type Conn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ExecerContext
	driver.QueryerContext
}

// A single is a connector to one connection that is open already. It stays open when database/sql
// closes it.
type single struct {
	Conn
	savepoints bool
}

// Connect returns the one connection.
func (c *single) Connect(context.Context) (driver.Conn, error) { return c, nil }

// Driver is required of a connector.
func (c *single) Driver() driver.Driver { return nil }

// Close leaves the connection open.
func (c *single) Close() error { return nil }

// BeginTx begins a transaction, or sets a savepoint in the one that there is.
func (c *single) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	if !c.savepoints {
		return c.Conn.BeginTx(ctx, opts)
	}
	return savepoint{c}, c.exec(ctx, "SAVEPOINT migration")
}

func (c *single) exec(ctx context.Context, query string) error {
	_, err := c.ExecContext(ctx, query, nil)
	return err
}

// A savepoint is a transaction within the transaction.
type savepoint struct{ conn *single }

// Commit keeps what was done since.
func (s savepoint) Commit() error {
	return s.conn.exec(context.Background(), "RELEASE SAVEPOINT migration")
}

// Rollback undoes what was done since.
func (s savepoint) Rollback() error {
	return errors.Join(
		s.conn.exec(context.Background(), "ROLLBACK TO SAVEPOINT migration"),
		s.conn.exec(context.Background(), "RELEASE SAVEPOINT migration"),
	)
}
