// Package mysql keeps the attempts, messages and events of a [kredivo.Store] in MariaDB 10.6 or later
// or MySQL 8, in three InnoDB tables of their own. Any number of processes on any number of machines may
// share them.
//
// Every transaction is READ COMMITTED by its own statement, claims use row locks with SKIP LOCKED, and
// names are compared byte for byte, whatever the collation of the database. So the store works on a
// pool that the shop uses for its own tables.
package mysql

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/store/internal/sqlstore"
)

// A Config says how the store uses the database. The zero value of each field is its default.
type Config struct {
	// TablePrefix begins the names of our tables: 1 to 30 of the characters a-z and _. Defaults to
	// "kredivo_".
	TablePrefix string

	// LockTimeout bounds the wait for another transaction's lock, in whole seconds, rounded up. It holds
	// on the store's own connections; on the host's pool the server's innodb_lock_wait_timeout does.
	// Defaults to 2 seconds.
	LockTimeout time.Duration

	// StatementTimeout and LockTimeout together bound a whole call, its wait for a connection included.
	// Defaults to 3 seconds.
	StatementTimeout time.Duration

	// Logger gets warnings about the server and the pool. Defaults to slog.Default().
	Logger *slog.Logger

	callerClock bool // leases by Claim.Now, for tests that move it
}

// The connections of a pool that Open makes. MySQL and MariaDB serve 151 by default.
const (
	maxConns    = 16
	connectTime = 5 * time.Second
	idleTime    = 3 * time.Minute
)

// Open opens the database at dsn with the defaults of [Config].
func Open(ctx context.Context, dsn string) (kredivo.Store, error) {
	return OpenConfig(ctx, dsn, Config{})
}

// OpenConfig connects to the database at dsn, makes the tables or brings them up to date, and returns
// the store. A dsn is "mysql://user:password@host:3306/database", or in the form of the driver
// "user:password@tcp(host:3306)/database"; parameters of the driver may follow after a question mark.
// Several processes may open one store at the same time. Close the store to close its connections. No
// error repeats the password.
func OpenConfig(ctx context.Context, dsn string, cfg Config) (kredivo.Store, error) {
	cfg = cfg.withDefaults()
	connector, err := parseDSN(dsn, cfg.LockTimeout)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(maxConns)
	db.SetMaxIdleConns(maxConns)
	db.SetConnMaxIdleTime(idleTime)
	s, err := open(ctx, db, cfg, sqlstore.New)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// New returns a store on the host's own pool, of the driver github.com/go-sql-driver/mysql with any
// parameters but a sql_mode that is not strict. It makes the tables or brings them up to date first.
// Closing the store ends the store and leaves the pool open: it is the host's to close, after the store.
func New(ctx context.Context, db *sql.DB, cfg Config) (kredivo.Store, error) {
	return open(ctx, db, cfg.withDefaults(), func(db, _ *sql.DB, d sqlstore.Dialect, prefix string) (*sqlstore.Store, error) {
		return sqlstore.Borrow(db, d, prefix)
	})
}

func (cfg Config) withDefaults() Config {
	cfg.TablePrefix = cmp.Or(cfg.TablePrefix, sqlstore.DefaultPrefix)
	cfg.LockTimeout = cmp.Or(cfg.LockTimeout, 2*time.Second)
	cfg.StatementTimeout = cmp.Or(cfg.StatementTimeout, 3*time.Second)
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	return cfg
}

func open(ctx context.Context, db *sql.DB, cfg Config, build func(writer, reader *sql.DB, d sqlstore.Dialect, prefix string) (*sqlstore.Store, error)) (kredivo.Store, error) {
	var timeouts error
	if cfg.LockTimeout < 0 || cfg.StatementTimeout < 0 {
		timeouts = errors.New("LockTimeout and StatementTimeout must not be negative")
	}
	if err := errors.Join(timeouts, sqlstore.CheckPrefix(cfg.TablePrefix)); err != nil {
		return nil, fmt.Errorf("mysql: %w", err)
	}
	if db.Stats().MaxOpenConnections == 1 {
		cfg.Logger.WarnContext(ctx, "the pool has one connection: every payment waits for every other, and a transaction that calls the store waits for ever")
	}
	if err := checkServer(ctx, db, cfg.Logger); err != nil {
		return nil, fmt.Errorf("mysql: %w", err)
	}
	if err := migrate(ctx, db, cfg.TablePrefix); err != nil {
		return nil, fmt.Errorf("mysql: %w", err)
	}
	return build(db, db, dialect(cfg), cfg.TablePrefix)
}
