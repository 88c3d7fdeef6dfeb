package store_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/store"
)

// databases are the kinds of database, each with what makes an empty one and gives its address.
var databases = map[string]func(t *testing.T) string{
	"sqlite":   func(t *testing.T) string { return filepath.Join(t.TempDir(), "kredivo.db") },
	"postgres": func(t *testing.T) string { return newDatabase(t, "KREDIVO_TEST_POSTGRES", " WITH (FORCE)") },
	"mysql":    func(t *testing.T) string { return newDatabase(t, "KREDIVO_TEST_MYSQL", "") },
}

// newDatabase makes an empty database on the server whose URL is in variable, dropped at the end of the
// test. Where none is set the test is skipped; .ci/run starts servers and lets no test be skipped.
func newDatabase(t *testing.T, variable, force string) string {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" && os.Getenv("KREDIVO_REQUIRE") == "1" {
		t.Fatalf("%s is not set, and KREDIVO_REQUIRE=1 lets no test be skipped", variable)
	}
	if text == "" {
		t.Skipf("%s is not set: bash .ci/run starts a server and sets it", variable)
	}
	u, err := url.Parse(text)
	if err != nil {
		t.Fatalf("%s is not a URL", variable)
	}
	admin := connect(t, text)
	name := "kredivo_test_" + strings.ToLower(rand.Text())
	if _, err := admin.ExecContext(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := admin.ExecContext(context.Background(), "DROP DATABASE "+name+force); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	u.Path = "/" + name
	return u.String()
}

// connect connects to a database beside the store; the end of the test closes the pool.
func connect(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	driver, address := "sqlite", "file:"+dsn+"?_pragma=busy_timeout(60000)"
	switch u, err := url.Parse(dsn); {
	case err != nil:
		t.Fatal(err)
	case u.Scheme == "postgres":
		driver, address = "pgx", dsn
	case u.Scheme == "mysql":
		driver, address = "mysql", u.User.String()+"@tcp("+u.Host+")"+u.Path+"?multiStatements=true"
	}
	db, err := sql.Open(driver, address) // the store's packages bring the drivers
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// open opens the store at dsn; the end of the test closes it.
func open(t *testing.T, dsn string) kredivo.Store {
	t.Helper()
	st, err := store.Open(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return st
}
