package demotest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"strings"
	"testing"

	// The drivers of the servers.
	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
)

// Postgres makes an empty database on the server that KREDIVO_TEST_POSTGRES names, and returns its address.
// Where none is set the test is skipped; .ci/run starts a server and lets no test be skipped.
func Postgres(t *testing.T) string {
	t.Helper()
	return newDatabase(t, "KREDIVO_TEST_POSTGRES", " WITH (FORCE)")
}

// MySQL is the same for MariaDB or MySQL and KREDIVO_TEST_MYSQL.
func MySQL(t *testing.T) string {
	t.Helper()
	return newDatabase(t, "KREDIVO_TEST_MYSQL", "")
}

// Driver is what sql.Open needs for the address of a store on a server.
func Driver(u *url.URL) (driver, address string) {
	if u.Scheme == "mysql" {
		return "mysql", u.User.String() + "@tcp(" + u.Host + ")" + u.Path
	}
	return "pgx", u.String()
}

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
	driver, address := Driver(u)
	admin, err := sql.Open(driver, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = admin.Close() })
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
