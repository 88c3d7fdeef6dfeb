package tinyshop

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	_ "modernc.org/sqlite" // registers the database/sql driver "sqlite"
)

// A Shop keeps orders, carts and the payment events it was told of. It is safe for concurrent use.
type Shop struct {
	db *sql.DB
	// Origin is where shoppers reach the shop, such as "https://shop.example"; products have their pages there.
	Origin string
}

// schema is created on the first start. A row of event and the order's new status commit together, and
// the event's id is its key: that is all that "exactly once" takes.
const schema = `
CREATE TABLE IF NOT EXISTS orders (
	id      TEXT PRIMARY KEY,
	owner   TEXT NOT NULL,    -- the session that made it, or guest
	amount  INTEGER NOT NULL, -- whole rupiah
	status  TEXT NOT NULL CHECK (status IN ('unpaid', 'paid', 'review')),
	details TEXT NOT NULL     -- the order as JSON, with the prices of that day; personal data
);
CREATE TABLE IF NOT EXISTS event (
	seq      INTEGER PRIMARY KEY AUTOINCREMENT,
	id       TEXT NOT NULL UNIQUE,
	order_id TEXT NOT NULL,
	body     TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS event_order ON event (order_id, seq);
CREATE TABLE IF NOT EXISTS parcel ( -- one for each time the shop was told to ship
	order_id TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS parcel_order ON parcel (order_id);
CREATE TABLE IF NOT EXISTS cart (
	session  TEXT NOT NULL,
	sku      TEXT NOT NULL,
	quantity INTEGER NOT NULL,
	PRIMARY KEY (session, sku)
);
CREATE TABLE IF NOT EXISTS setting (
	name  TEXT PRIMARY KEY,
	value TEXT NOT NULL
);`

// Open opens the shop's database file and creates it when there is none. The file holds names and
// addresses, so only its owner may read it.
func Open(ctx context.Context, path, origin string) (*Shop, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("tinyshop: open the shop's database: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("tinyshop: open the shop's database: %w", err)
	}
	// WAL with synchronous=FULL: what was committed survives a power cut. Immediate transactions: two
	// writers wait for each other instead of failing.
	dsn := "file:" + (&url.URL{Path: path}).EscapedPath() +
		"?_txlock=immediate&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)"
	db, err := sql.Open("sqlite", dsn)
	if err != nil {
		return nil, fmt.Errorf("tinyshop: open the shop's database: %w", err)
	}
	db.SetMaxOpenConns(8) // SQLite has one writer; more connections only wait
	if _, err := db.ExecContext(ctx, schema); err != nil {
		return nil, fmt.Errorf("tinyshop: create the shop's tables: %w", errors.Join(err, db.Close()))
	}
	return &Shop{db: db, Origin: strings.TrimSuffix(origin, "/")}, nil
}

// Close closes the database.
func (s *Shop) Close() error { return s.db.Close() }

// Setting returns the value kept under name. The first caller decides it: value is kept if there is none.
func (s *Shop) Setting(ctx context.Context, name, value string) (string, error) {
	if _, err := s.db.ExecContext(ctx, `INSERT INTO setting (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING`, name, value); err != nil {
		return "", fmt.Errorf("tinyshop: keep a setting: %w", err)
	}
	err := s.db.QueryRowContext(ctx, `SELECT value FROM setting WHERE name = ?`, name).Scan(&value)
	if err != nil {
		return "", fmt.Errorf("tinyshop: read a setting: %w", err)
	}
	return value, nil
}

// inTx runs work in one transaction.
func (s *Shop) inTx(ctx context.Context, work func(*sql.Tx) error) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("tinyshop: begin: %w", err)
	}
	if err := work(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("tinyshop: commit: %w", err)
	}
	return nil
}

// Guest is the buyer who has no session: a program, or a first visitor.
const Guest = "guest"

// SessionCookie is the name of the cookie that holds a session.
const SessionCookie = "shop_session"

// NewSession makes the cookie of a new session.
func (s *Shop) NewSession() *http.Cookie {
	return &http.Cookie{
		Name: SessionCookie, Value: rand.Text(), Path: "/", MaxAge: 30 * 24 * 60 * 60,
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: s.Secure(),
	}
}

// Secure reports whether shoppers reach the shop by https, so that cookies must not travel without it.
func (s *Shop) Secure() bool { return strings.HasPrefix(s.Origin, "https:") }

// Buyer returns the key of whoever sends this session cookie, for the plugin's Buyer hook. Its result
// is never empty.
func Buyer(cookie string) string {
	if len(cookie) != len(rand.Text()) || strings.Trim(cookie, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" {
		return Guest
	}
	return "session-" + cookie
}
