package kredivo_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the driver for looking into the file behind the store's back

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/store/sqlite"
)

// A database is a real SQLite file with the plugin's store on it, and a second, reading pool through which
// the simulation looks at what is really there.
type database struct {
	store   kredivo.TxStore
	look    *sql.DB
	next    *sql.Stmt
	outages []trouble
}

// emptyDatabase is a file with all tables.
var emptyDatabase = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "kredivo-sim-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	path := filepath.Join(dir, "empty.db")
	s, err := sqlite.Open(context.Background(), path)
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", path)
	if err != nil {
		return nil, err
	}
	if _, err := db.ExecContext(context.Background(), shopTable); err != nil {
		return nil, err
	}
	if err := db.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// quickDir is a directory in memory where there is one: processes crash in a simulation, machines do not.
func quickDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "kredivo-sim-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// openDatabase makes a database in dir. It is called in a bubble, for its pools have goroutines.
func openDatabase(t *testing.T, dir string) *database {
	t.Helper()
	empty, err := emptyDatabase()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "kredivo.db")
	for _, suffix := range []string{"-wal", "-shm"} {
		_ = os.Remove(path + suffix)
	}
	if err := os.WriteFile(path, empty, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	look, err := sql.Open("sqlite", "file:"+path+"?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	next, err := look.PrepareContext(t.Context(), nextWork)
	if err != nil {
		t.Fatal(err)
	}
	return &database{store: s.(kredivo.TxStore), look: look, next: next}
}

func (d *database) close(t *testing.T) {
	t.Helper()
	if err := errors.Join(d.next.Close(), d.look.Close()); err != nil {
		t.Error(err)
	}
	if err := d.store.Close(); err != nil {
		t.Error(err)
	}
}

// due is when each kind of pass will find work next; zero for never.
func (d *database) due() map[string]time.Time {
	var settle, deliver, check sql.NullInt64
	if err := d.next.QueryRowContext(context.Background()).Scan(&settle, &deliver, &check); err != nil {
		panic(err)
	}
	due := map[string]time.Time{}
	for name, at := range map[string]sql.NullInt64{"settle": settle, "deliver": deliver, "check": check} {
		if at.Valid {
			due[name] = time.UnixMicro(at.Int64)
		}
	}
	return due
}

// nextWork is prepared once, for it is asked all the time.
const nextWork = `SELECT
	(SELECT MIN(MAX(run_at, claim_until)) FROM kredivo_inbox WHERE state = 'new'),
	(SELECT MIN(MAX(run_at, claim_until)) FROM kredivo_event AS e WHERE state = 'new' AND NOT EXISTS (
		SELECT 1 FROM kredivo_event AS x WHERE x.stream = e.stream AND x.id < e.id AND x.state <> 'done')),
	(SELECT MIN(next_check_at) FROM kredivo_attempt)`

// received counts the stored messages with these bytes under this Request-Id.
func (d *database) received(requestID string, body []byte) int {
	n := 0
	d.each(`SELECT header, body FROM kredivo_inbox WHERE source = 'notification'`, nil, func(scan func(...any)) {
		var header string
		var stored []byte
		scan(&header, &stored)
		if strings.Contains(header, `"`+requestID+`"`) && bytes.Equal(stored, body) {
			n++
		}
	})
	return n
}

// one reads one row. The file is there and the query is ours, so an error is a bug of the simulation.
func (d *database) one(query string, args []any, into ...any) {
	if err := d.look.QueryRowContext(context.Background(), query, args...).Scan(into...); err != nil {
		panic(err)
	}
}

// each reads all rows.
func (d *database) each(query string, args []any, row func(scan func(...any))) {
	rows, err := d.look.QueryContext(context.Background(), query, args...)
	if err != nil {
		panic(err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		row(func(into ...any) {
			if err := rows.Scan(into...); err != nil {
				panic(err)
			}
		})
	}
	if err := rows.Err(); err != nil {
		panic(err)
	}
}
