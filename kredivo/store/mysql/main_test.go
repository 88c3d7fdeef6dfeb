package mysql

import (
	"context"
	"crypto/rand"
	"database/sql"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/store/storetest"
)

// server is the address of the MariaDB or MySQL to test on, whose user may make databases. Where none
// is set the test is skipped; .ci/run starts one and lets no test be skipped.
func server(t testing.TB) *mysql.Config {
	t.Helper()
	text := os.Getenv("KREDIVO_TEST_MYSQL")
	if text == "" && os.Getenv("KREDIVO_REQUIRE") == "1" {
		t.Fatal("KREDIVO_TEST_MYSQL is not set, and KREDIVO_REQUIRE=1 lets no test be skipped")
	}
	if text == "" {
		t.Skip("KREDIVO_TEST_MYSQL is not set: bash .ci/run starts a server and sets it")
	}
	parse := mysql.ParseDSN
	if strings.HasPrefix(text, "mysql://") {
		parse = parseURL
	}
	cfg, err := parse(text)
	if err != nil {
		t.Fatal("KREDIVO_TEST_MYSQL cannot be read")
	}
	return cfg
}

// newDatabase makes an empty database, dropped at the end of the test, and gives its address. Its
// collation ignores letter case and trailing spaces, as that of many shops does.
func newDatabase(t testing.TB) string {
	t.Helper()
	cfg := server(t)
	admin := pool(t, cfg.FormatDSN())
	name := "kredivo_test_" + strings.ToLower(rand.Text())
	run(t, admin, `CREATE DATABASE `+name+` CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci`)
	t.Cleanup(func() {
		if _, err := admin.ExecContext(context.Background(), `DROP DATABASE `+name); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	cfg.DBName = name
	return cfg.FormatDSN()
}

// pool opens a pool as a host does, with the driver's defaults; the end of the test closes it.
func pool(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
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

// patient is a Config for a busy machine and for tests that move the clock.
func patient() Config {
	return Config{
		LockTimeout: time.Minute, StatementTimeout: time.Minute,
		Logger: slog.New(slog.DiscardHandler), callerClock: true,
	}
}

// places gives each test tables of its own in one new database.
func places(t *testing.T, open func(t *testing.T, dsn string, cfg Config) (kredivo.Store, error)) func(t *testing.T) kredivo.Store {
	t.Helper()
	dsn := newDatabase(t)
	var mu sync.Mutex
	prefixes := map[*testing.T]string{}
	return func(t *testing.T) kredivo.Store {
		t.Helper()
		cfg := patient()
		mu.Lock()
		if prefixes[t] == "" {
			prefixes[t] = prefix(len(prefixes))
		}
		cfg.TablePrefix = prefixes[t]
		mu.Unlock()
		s, err := open(t, dsn, cfg)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

// prefix is the nth table prefix: two letters and a line.
func prefix(n int) string { return string([]byte{'a' + byte(n/26), 'a' + byte(n%26), '_'}) }

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, places(t, func(t *testing.T, dsn string, cfg Config) (kredivo.Store, error) {
		return OpenConfig(t.Context(), dsn, cfg)
	}))
}

// TestStoreOnTheHostsPool: prepared statements or none, rows counted either way, and whatever a session
// may say about isolation and character sets.
func TestStoreOnTheHostsPool(t *testing.T) {
	t.Parallel()
	for name, parameters := range map[string]string{
		"defaults":             "",
		"found rows":           "?clientFoundRows=true&interpolateParams=true&parseTime=true",
		"serializable, latin1": "?tx_isolation='SERIALIZABLE'&charset=latin1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			storetest.Run(t, places(t, func(t *testing.T, dsn string, cfg Config) (kredivo.Store, error) {
				db := pool(t, dsn+parameters)
				db.SetMaxOpenConns(8)
				return New(t.Context(), db, cfg)
			}))
		})
	}
}
