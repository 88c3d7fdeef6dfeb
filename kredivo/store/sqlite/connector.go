package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"

	"modernc.org/sqlite"
)

// A connector opens connections to one file and refuses those that would break a promise. It uses a
// driver of its own, so nothing that the host registers with database/sql reaches our connections.
type connector struct {
	driver driver.Driver
	dsn    string
}

func newConnector(dsn string) connector {
	d := new(sqlite.Driver)
	d.RegisterConnectionHook(func(conn sqlite.ExecQuerierContext, _ string) error {
		return checkSettings(conn)
	})
	return connector{driver: d, dsn: dsn}
}

// Connect opens a connection.
func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return c.driver.Open(c.dsn)
}

// Driver returns the driver.
func (c connector) Driver() driver.Driver { return c.driver }

// settings are the pragmas that a connection must have, with the values that are good enough.
var settings = [...]struct {
	pragma string
	good   func(value any) bool
	need   string
}{
	{"synchronous", func(v any) bool { return v == int64(2) || v == int64(3) }, "FULL or EXTRA, else a power cut loses acknowledged messages"},
	{"journal_mode", func(v any) bool { s, _ := v.(string); return strings.EqualFold(s, "wal") }, "WAL"},
	{"foreign_keys", func(v any) bool { return v == int64(1) }, "ON"},
	{"busy_timeout", func(v any) bool { n, _ := v.(int64); return n > 0 }, "more than 0 milliseconds"},
	{"locking_mode", func(v any) bool { s, _ := v.(string); return strings.EqualFold(s, "normal") }, "NORMAL, else the store locks itself out"},
}

// checkSettings reads back what a new connection is set to.
func checkSettings(conn sqlite.ExecQuerierContext) error {
	var wrong []error
	for _, s := range settings {
		value, err := readPragma(conn, s.pragma)
		if err != nil {
			return fmt.Errorf("read back %s: %w", s.pragma, err)
		}
		if !s.good(value) {
			wrong = append(wrong, fmt.Errorf("unsafe setting: %s is %v, it must be %s", s.pragma, value, s.need))
		}
	}
	return errors.Join(wrong...)
}

func readPragma(conn driver.QueryerContext, name string) (any, error) {
	rows, err := conn.QueryContext(context.Background(), "PRAGMA "+name, nil)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	row := make([]driver.Value, len(rows.Columns()))
	if err := rows.Next(row); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}
	return row[0], nil
}
