package sqlite

import (
	"crypto/sha256"
	"database/sql"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/store/storetest"
	"github.com/paylater-go/paylater/money"
)

func TestStore(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	storetest.Run(t, func(t *testing.T) kredivo.Store {
		t.Helper()
		name := strings.NewReplacer("/", "-", " ", "_").Replace(t.Name()) + ".db"
		return openAt(t, patient(filepath.Join(dir, name)))
	})
}

var start = time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)

// openAt opens a store; the end of the test closes it.
func openAt(t testing.TB, path string) kredivo.Store {
	t.Helper()
	s, err := OpenConfig(t.Context(), Config{Path: path, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// newPath is a file that does not exist yet.
func newPath(t testing.TB) string { return filepath.Join(t.TempDir(), "kredivo.db") }

// patient is path with a busy timeout of a minute. SQLite does not queue the connections that wait for
// its lock, so on a slow machine many writers could keep one waiting for longer than the default.
func patient(path string) string { return "file:" + path + "?_pragma=busy_timeout(60000)" }

// raw opens a connection beside the store.
func raw(t testing.TB, path string) *sql.DB {
	t.Helper()
	f, err := parsePath(path)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(newConnector(f.dsn(readWrite)))
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// run runs statements.
func run(t testing.TB, db *sql.DB, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// message is a message; those with the same name are copies.
func message(name string) kredivo.Message {
	return kredivo.Message{Source: kredivo.FromNotification, Dedupe: sha256.Sum256([]byte(name)), Body: []byte(name), ReceivedAt: start}
}

// receive stores a new message.
func receive(t testing.TB, s kredivo.Store, m kredivo.Message) {
	t.Helper()
	added, err := s.Receive(t.Context(), m)
	if err != nil || !added {
		t.Fatalf("added = %v, error = %v", added, err)
	}
}

// attempt is an open attempt of an order.
func attempt(orderID string) kredivo.Attempt {
	return kredivo.Attempt{
		ID: "id-" + orderID, OrderID: orderID, Number: 1, InvoiceNumber: "invoice-" + orderID, RequestID: "request-" + orderID,
		MerchantUniqueReference: "reference-" + orderID, Amount: money.Rupiah(150_000), Status: kredivo.Created,
		Token: sha256.Sum256([]byte(orderID)), Body: []byte(`{"order":{}}`), CreatedAt: start, NextCheckAt: start,
	}
}

// claim asks for work of any age.
func claim(token string, limit int) kredivo.Claim {
	return kredivo.Claim{Token: token, Now: start.Add(time.Hour), Lease: time.Minute, Limit: limit}
}
