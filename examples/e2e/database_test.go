package e2e

import (
	"cmp"
	"database/sql"
	"net/url"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite" // to look into the programs' files

	"github.com/paylater-go/paylater/examples/internal/demotest"
)

// The kinds of server that a store may be on.
const (
	postgres = "postgres"
	mysql    = "mysql"
)

// database makes an empty database and returns its address; the empty one for SQLite, which makes its own.
func database(t *testing.T, kind string) string {
	t.Helper()
	switch kind {
	case postgres:
		return demotest.Postgres(t)
	case mysql:
		return demotest.MySQL(t)
	default:
		return ""
	}
}

// stored counts rows in the plugin's database, which nothing here writes to.
func (h *host) stored(query string) int {
	h.t.Helper()
	driver, address := "sqlite", h.file("kredivo.db", "mode=ro")
	if u, err := url.Parse(h.store); err == nil && u.Scheme != "" {
		driver, address = demotest.Driver(u)
	}
	db, err := sql.Open(driver, address)
	must(h.t, err)
	return h.count(db, query)
}

// written counts rows in the shop's books.
func (h *host) written(query string) int {
	h.t.Helper()
	return h.count(h.books("mode=ro"), query)
}

// books opens the shop's file beside the program.
func (h *host) books(options string) *sql.DB {
	h.t.Helper()
	db, err := sql.Open("sqlite", h.file("shop.db", options))
	must(h.t, err)
	return db
}

func (h *host) file(name, options string) string {
	return "file:" + filepath.Join(h.dir, name) + "?_pragma=busy_timeout(5000)&" + options
}

// count counts rows and closes db.
func (h *host) count(db *sql.DB, query string) (n int) {
	h.t.Helper()
	err := db.QueryRow(`SELECT count(*) FROM ` + query).Scan(&n)
	must(h.t, cmp.Or(err, db.Close()))
	return n
}
