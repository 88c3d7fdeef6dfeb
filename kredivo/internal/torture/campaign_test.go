package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if was, err := shop(); was {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	goleak.VerifyTestMain(m)
}

func TestSQLite(t *testing.T) {
	t.Parallel()
	survive(t, onSQLite, campaign{onEventTx: true, rounds: 40, atLeast: 2000})
}

// The shop has a database of its own and uses kredivo.Once.
func TestSQLiteOnce(t *testing.T) {
	t.Parallel()
	survive(t, onSQLite, campaign{rounds: 15, atLeast: 500})
}

// Three shops, of which one sleeps for longer than its claims last.
func TestPostgres(t *testing.T) {
	t.Parallel()
	long(t)
	survive(t, newPostgres, campaign{onEventTx: true, rounds: 20, atLeast: 500})
}

func TestMariaDB(t *testing.T) {
	t.Parallel()
	long(t)
	survive(t, newMariaDB, campaign{onEventTx: true, rounds: 8, atLeast: 200})
}

// survive runs a campaign that must find nothing.
func survive(t *testing.T, open database, c campaign) {
	t.Helper()
	c.open(t, open)
	if testing.Short() {
		c.rounds, c.atLeast = 5, 50
	}
	v, err := c.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(v)
	if err := v.err(c.atLeast); err != nil {
		t.Error(err)
	}
}

// open makes the database of a test, which is skipped when its server is not installed.
func (c *campaign) open(t *testing.T, open database) {
	t.Helper()
	c.dir, c.seed = t.TempDir(), 1
	if err := os.Chmod(filepath.Dir(c.dir), 0o711); err != nil { // the server's user must reach its own directory
		t.Fatal(err)
	}
	var err error
	c.place, c.server, err = open(t.Context(), c.dir)
	t.Cleanup(c.server.close)
	if errors.Is(err, errNotInstalled) && os.Getenv("KREDIVO_REQUIRE") == "" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// long skips a test that takes long, or that is about memory, where the race detector has its own ideas.
func long(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("not in a short run")
	}
}
