package sqlite

import (
	"context"
	"database/sql/driver"
	"sync"
	"testing"

	"github.com/paylater-go/paylater/kredivo"
)

// A recorder is a driver that notes every statement and the synchronous setting of every connection.
type recorder struct {
	driver.Driver

	mu          sync.Mutex
	statements  []statement
	synchronous []any

	begin  chan struct{}         // told when a transaction is about to begin, if somebody listens
	commit func(driver.Tx) error // commits, or does not; nil for a transaction's own commit
}

type statement struct {
	query string
	args  []driver.NamedValue
}

// Open opens a connection and asks it, independently of the hook, how it flushes.
func (r *recorder) Open(name string) (driver.Conn, error) {
	conn, err := r.Driver.Open(name)
	if err != nil {
		return nil, err
	}
	value, err := readPragma(conn.(driver.QueryerContext), "synchronous")
	r.mu.Lock()
	defer r.mu.Unlock()
	r.synchronous = append(r.synchronous, value)
	return &recordedConn{Conn: conn, recorder: r}, err
}

// take returns what was recorded since the last call.
func (r *recorder) take() []statement {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.statements
	r.statements = nil
	return all
}

func (r *recorder) add(query string, args []driver.NamedValue) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.statements = append(r.statements, statement{query, args})
}

type recordedConn struct {
	driver.Conn
	recorder *recorder
}

func (c *recordedConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.recorder.add(query, args)
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, query, args)
}

func (c *recordedConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.recorder.add(query, args)
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

func (c *recordedConn) BeginTx(ctx context.Context, opts driver.TxOptions) (driver.Tx, error) {
	select {
	case c.recorder.begin <- struct{}{}:
	default:
	}
	tx, err := c.Conn.(driver.ConnBeginTx).BeginTx(ctx, opts)
	if commit := c.recorder.commit; err == nil && commit != nil {
		tx = recordedTx{tx, commit}
	}
	return tx, err
}

type recordedTx struct {
	driver.Tx
	commit func(driver.Tx) error
}

func (t recordedTx) Commit() error { return t.commit(t.Tx) }

// openRecorded opens a store whose statements are recorded.
func openRecorded(t testing.TB, path string) (kredivo.Store, *recorder) {
	t.Helper()
	f, err := parsePath(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := createFile(f.path); err != nil {
		t.Fatal(err)
	}
	write, read := newConnector(f.dsn(readWrite)), newConnector(f.dsn(readOnly))
	r := &recorder{Driver: write.driver, begin: make(chan struct{}, 1)}
	write.driver, read.driver = r, r
	s, err := open(t.Context(), Config{TablePrefix: "kredivo_"}, write, read)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, r
}
