package server

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"
)

// NewPostgres makes an empty database on the server that KREDIVO_TEST_POSTGRES names, dropped at the end of the
// test, and gives its address. Where none is named the test is skipped, unless KREDIVO_REQUIRE is set.
func NewPostgres(t testing.TB) *url.URL {
	t.Helper()
	u := named(t, "KREDIVO_TEST_POSTGRES")
	name := "kredivo_proof_" + strings.ToLower(rand.Text())
	admin := open(t, "pgx", u.String())
	statement(t, admin, "CREATE DATABASE "+name)
	t.Cleanup(func() { statement(t, admin, "DROP DATABASE "+name+" WITH (FORCE)") })
	u.Path = "/" + name
	return u
}

// NewMariaDB does the same on the server that KREDIVO_TEST_MYSQL names.
func NewMariaDB(t testing.TB) *url.URL {
	t.Helper()
	u := named(t, "KREDIVO_TEST_MYSQL")
	name := "kredivo_proof_" + strings.ToLower(rand.Text())
	cfg := mysql.NewConfig()
	cfg.User, cfg.Net, cfg.Addr = u.User.Username(), "tcp", u.Host
	cfg.Passwd, _ = u.User.Password()
	admin := open(t, "mysql", cfg.FormatDSN())
	statement(t, admin, "CREATE DATABASE "+name)
	t.Cleanup(func() { statement(t, admin, "DROP DATABASE "+name) })
	u.Path = "/" + name
	return u
}

func named(t testing.TB, variable string) *url.URL {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" && os.Getenv("KREDIVO_REQUIRE") != "" {
		t.Fatalf("%s is not set, and KREDIVO_REQUIRE lets no test be skipped", variable)
	}
	if text == "" {
		t.Skipf("%s is not set: bash .ci/run starts a server and sets it", variable)
	}
	u, err := url.Parse(text)
	if err != nil {
		t.Fatalf("%s is not a URL", variable)
	}
	return u
}

func open(t testing.TB, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func statement(t testing.TB, db *sql.DB, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if _, err := db.ExecContext(ctx, text); err != nil {
		t.Errorf("%s: %v", text, err)
	}
}
