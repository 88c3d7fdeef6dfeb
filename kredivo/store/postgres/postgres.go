// Package postgres keeps the attempts, messages and events of a [kredivo.Store] in PostgreSQL 12 or
// later, in three tables of their own. Any number of processes on any number of machines may share them.
//
// Nothing is kept in a session: every setting is local to its transaction, claims use row locks with
// SKIP LOCKED, and there are no named prepared statements, notifications or session locks. So the store
// works behind PgBouncer in transaction mode, and on a pool that the shop uses for its own tables.
package postgres

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/store/internal/sqlstore"
)

// A Config says how the store uses the database. The zero value of each field is its default.
type Config struct {
	// TablePrefix begins the names of our tables: 1 to 30 of the characters a-z and _. The tables are in
	// the first schema of the connection's search_path. Defaults to "kredivo_".
	TablePrefix string

	// LockTimeout bounds the wait for another transaction's lock. Defaults to 2 seconds.
	LockTimeout time.Duration

	// StatementTimeout bounds one statement on the server. A whole call, its wait for a connection
	// included, ends after both timeouts together. Defaults to 3 seconds.
	StatementTimeout time.Duration

	// DurableStorage accepts a server with fsync or full_page_writes off. Set it only when the storage
	// under the server keeps every commit without them, as that of Amazon Aurora does.
	DurableStorage bool

	// Logger gets warnings about the pool. Defaults to slog.Default().
	Logger *slog.Logger

	callerClock bool // leases by Claim.Now, for tests that move it
}

// The connections of a pool that Open makes. PostgreSQL serves a hundred by default.
const (
	maxConns    = 16
	connectTime = 5 * time.Second
	idleTime    = 5 * time.Minute
)

var errAddress = errors.New(`postgres: the address cannot be read: give "postgres://user:password@host:5432/database" or "host=... user=... password=... dbname=..."`)

// Open opens the database at dsn with the defaults of [Config].
func Open(ctx context.Context, dsn string) (kredivo.Store, error) {
	return OpenConfig(ctx, dsn, Config{})
}

// OpenConfig connects to the database at dsn, a URL or the key=value form of libpq, makes the tables or
// brings them up to date, and returns the store. Several processes may do so at the same time. Close
// the store to close its connections. No error repeats the password.
func OpenConfig(ctx context.Context, dsn string, cfg Config) (kredivo.Store, error) {
	address, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, errAddress // the cause may quote dsn
	}
	address.DefaultQueryExecMode = pgx.QueryExecModeExec // no named prepared statements
	address.StatementCacheCapacity, address.DescriptionCacheCapacity = 0, 0
	address.ConnectTimeout = cmp.Or(address.ConnectTimeout, connectTime)
	db := stdlib.OpenDB(*address)
	db.SetMaxOpenConns(maxConns)
	db.SetMaxIdleConns(maxConns)
	db.SetConnMaxIdleTime(idleTime)
	s, err := open(ctx, db, cfg, sqlstore.New)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return s, nil
}

// New returns a store on the host's own pool, of any driver whose errors have an SQLState method, such
// as pgx and lib/pq. It makes the tables or brings them up to date first. Closing the store ends the
// store and leaves the pool open: it is the host's to close, after the store.
func New(ctx context.Context, db *sql.DB, cfg Config) (kredivo.Store, error) {
	return open(ctx, db, cfg, func(db, _ *sql.DB, d sqlstore.Dialect, prefix string) (*sqlstore.Store, error) {
		return sqlstore.Borrow(db, d, prefix)
	})
}

func open(ctx context.Context, db *sql.DB, cfg Config, build func(writer, reader *sql.DB, d sqlstore.Dialect, prefix string) (*sqlstore.Store, error)) (kredivo.Store, error) {
	cfg.TablePrefix = cmp.Or(cfg.TablePrefix, sqlstore.DefaultPrefix)
	cfg.LockTimeout = cmp.Or(cfg.LockTimeout, 2*time.Second)
	cfg.StatementTimeout = cmp.Or(cfg.StatementTimeout, 3*time.Second)
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	if err := errors.Join(checkTimeouts(cfg), sqlstore.CheckPrefix(cfg.TablePrefix)); err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	if db.Stats().MaxOpenConnections == 1 {
		cfg.Logger.WarnContext(ctx, "the pool has one connection: every payment waits for every other, and a transaction that calls the store waits for ever")
	}
	if err := checkServer(ctx, db, cfg.DurableStorage); err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	if err := migrate(ctx, db, cfg.TablePrefix); err != nil {
		return nil, fmt.Errorf("postgres: %w", err)
	}
	return build(db, db, dialect(cfg), cfg.TablePrefix)
}

func checkTimeouts(cfg Config) error {
	if cfg.LockTimeout < time.Millisecond || cfg.StatementTimeout < time.Millisecond {
		return errors.New("LockTimeout and StatementTimeout must be a millisecond or more")
	}
	return nil
}
