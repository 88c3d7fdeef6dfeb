package postgres

import (
	"context"
	"crypto/rand"
	"database/sql"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/store/storetest"
)

// server is the address of the PostgreSQL to test on, a URL whose user may make databases. Where none is
// set the test is skipped; .ci/run starts one and lets no test be skipped.
func server(t testing.TB) *url.URL {
	t.Helper()
	return address(t, "KREDIVO_TEST_POSTGRES")
}

func address(t testing.TB, variable string) *url.URL {
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
	return u
}

// newDatabase makes an empty database, dropped at the end of the test, and gives its address.
func newDatabase(t testing.TB) string {
	t.Helper()
	u := server(t)
	admin := pool(t, u.String())
	name := "kredivo_test_" + strings.ToLower(rand.Text())
	run(t, admin, `CREATE DATABASE `+name)
	t.Cleanup(func() {
		if _, err := admin.ExecContext(context.Background(), `DROP DATABASE `+name+` WITH (FORCE)`); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	u.Path = "/" + name
	return u.String()
}

// pool opens a pool as a host does, with pgx's defaults; the end of the test closes it.
func pool(t testing.TB, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", dsn)
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

// plac// places gives each test tables of its own in one new database.
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

// TestStoreOnTheHostsPool: a pool with pgx's defaults, which prepares statements.
func TestStoreOnTheHostsPool(t *testing.T) {
	t.Parallel()
	storetest.Run(t, places(t, func(t *testing.T, dsn string, cfg Config) (kredivo.Store, error) {
		db := pool(t, dsn)
		db.SetMaxOpenConns(8)
		return New(t.Context(), db, cfg)
	}))
}

// TestStoreBehindPgBouncer: in transaction mode every transaction may meet another server connection.
func TestStoreBehindPgBouncer(t *testing.T) {
	t.Parallel()
	bouncer := address(t, "KREDIVO_TEST_PGBOUNCER")
	storetest.Run(t, places(t, func(t *testing.T, dsn string, cfg Config) (kredivo.Store, error) {
		u, err := url.Parse(dsn)
		if err != nil {
			return nil, err
		}
		u.Host, u.User = bouncer.Host, bouncer.User
		return OpenConfig(t.Context(), u.String(), cfg)
	}))
}
