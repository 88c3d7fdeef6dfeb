// Package store opens a [kredivo.Store] by address, for hosts that do not care which database it is. A
// host that cares imports the package of one database, such as kredivo/store/sqlite, and no other
// driver is linked in.
package store

import (
	"context"
	"fmt"
	"strings"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/store/mysql"
	"github.com/paylater-go/paylater/kredivo/store/postgres"
	"github.com/paylater-go/paylater/kredivo/store/sqlite"
)

const (
	defaultFile = "kredivo.db"
	supported   = `an empty address (SQLite in the file kredivo.db), "sqlite:kredivo.db", "sqlite:///var/lib/shop/kredivo.db", "file:kredivo.db" or a path that ends in .db, "postgres://user:password@host:5432/database", "mysql://user:password@host:3306/database" (MariaDB too)`
)

// Open opens the store at dsn, makes its tables or brings them up to date:
//
//   - "" is SQLite in the file kredivo.db of the working directory;
//   - "sqlite:path", "sqlite:///path" and "file:path" are SQLite in that file, as is a path that ends
//     in .db. The first three are URIs: see the Path of [sqlite.Config];
//   - "postgres://user:password@host:5432/database" and "postgresql://..." are PostgreSQL;
//   - "mysql://user:password@host:3306/database" is MariaDB or MySQL.
//
// Any other dsn is an error that lists these; it does not repeat dsn, which may hold a password.
// Several processes may open one store at the same time.
func Open(ctx context.Context, dsn string) (kredivo.Store, error) {
	if dsn == "" {
		return sqlite.Open(ctx, defaultFile)
	}
	scheme, rest, ok := strings.Cut(dsn, ":")
	switch {
	case ok && scheme == "sqlite":
		return sqlite.Open(ctx, "file:"+rest)
	case ok && (scheme == "postgres" || scheme == "postgresql"):
		return postgres.Open(ctx, dsn)
	case ok && scheme == "mysql":
		return mysql.Open(ctx, dsn)
	case ok && scheme == "file", dsn == ":memory:":
		return sqlite.Open(ctx, dsn)
	case !strings.Contains(dsn, "://") && strings.HasSuffix(dsn, ".db"):
		return sqlite.Open(ctx, dsn)
	case ok && strings.HasPrefix(rest, "//"):
		return nil, fmt.Errorf("store: the scheme %q is not supported: give %s", scheme, supported)
	default:
		return nil, fmt.Errorf("store: the address is not supported: give %s", supported)
	}
}
