// Package sqlite keeps the attempts, messages and events of a [kredivo.Store] in one SQLite file. It
// needs no server and no C compiler, and serves one machine: any number of processes on it may share
// the file, which must lie on a local disk.
//
// Every commit is on the disk before it is reported: the write-ahead log is flushed at each one
// (synchronous=FULL). SQLite keeps such settings per connection, so they are read back on every
// connection that is opened, and a connection without them is refused.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"runtime"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/store/internal/sqlstore"
)

// A Config says where the database is. Path is required; the zero value of the other fields is their
// default.
type Config struct {
	// Path is the file, which is made when it is missing, readable only by its owner. It may be a URI,
	// "file:/var/lib/shop/kredivo.db?_pragma=...", to set pragmas on every connection; those that would
	// break a promise of the store are refused. A database in memory is refused.
	Path string

	// TablePrefix begins the names of our tables, for a file that holds other tables too: 1 to 30 of the
	// characters a-z and _. Defaults to "kredivo_".
	TablePrefix string

	// AllowOldSQLite accepts an SQLite library before 3.51.3, which can lose committed data when several
	// connections write to one file in WAL mode.
	AllowOldSQLite bool

	// Logger gets warnings about where the file lies. Defaults to slog.Default().
	Logger *slog.Logger
}

// Open opens the database at path with the defaults of [Config].
func Open(ctx context.Context, path string) (kredivo.Store, error) {
	return OpenConfig(ctx, Config{Path: path})
}

// OpenConfig opens the database, makes its tables or brings them up to date, and returns the store.
// Several processes may do so at the same time. Close the store to close its connections.
func OpenConfig(ctx context.Context, cfg Config) (kredivo.Store, error) {
	if cfg.TablePrefix == "" {
		cfg.TablePrefix = sqlstore.DefaultPrefix
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	file, err := parsePath(cfg.Path)
	if err := errors.Join(err, sqlstore.CheckPrefix(cfg.TablePrefix)); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	if err := createFile(file.path); err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	if name := networkFileSystem(file.path); name != "" {
		cfg.Logger.WarnContext(ctx, "the SQLite file is on a network file system, where locks and flushes cannot be relied on: move it to a local disk",
			"path", file.path, "file_system", name)
	}
	s, err := open(ctx, cfg, newConnector(file.dsn(readWrite)), newConnector(file.dsn(readOnly)))
	if err != nil {
		return nil, fmt.Errorf("sqlite: open %s: %w", file.path, err)
	}
	return s, nil
}

// open opens the store on two connectors.
func open(ctx context.Context, cfg Config, write, read connector) (_ kredivo.Store, err error) {
	// SQLite has one writer at a time: the others queue here, fairly, rather than in SQLite's busy loop.
	writer := sql.OpenDB(write)
	writer.SetMaxOpenConns(1)
	reader := sql.OpenDB(read)
	readers := max(4, runtime.GOMAXPROCS(0))
	reader.SetMaxOpenConns(readers)
	reader.SetMaxIdleConns(readers)
	defer func() {
		if err != nil {
			err = errors.Join(err, reader.Close(), writer.Close())
		}
	}()
	if err := checkLibrary(ctx, writer, cfg.AllowOldSQLite); err != nil {
		return nil, err
	}
	if err := migrate(ctx, write, cfg.TablePrefix); err != nil {
		return nil, err
	}
	if err := reader.PingContext(ctx); err != nil {
		return nil, err
	}
	return sqlstore.New(writer, reader, dialect(), cfg.TablePrefix)
}
