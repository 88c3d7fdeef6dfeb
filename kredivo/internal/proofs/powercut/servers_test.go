package powercut_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/internal/proofs/powercut"
	"github.com/paylater-go/paylater/kredivo/internal/proofs/server"
	"github.com/paylater-go/paylater/kredivo/internal/proofs/shop"
)

func TestPostgres(t *testing.T) {
	t.Parallel()
	database{
		writer: "postgres", init: server.InitPostgres, start: server.StartPostgres,
		// The store's own commits are flushed all the same.
		careless: []string{"synchronous_commit=off"},
		fast:     []string{"fsync=off"}, open: openPostgres,
		// It names a process of the machine whose power was cut, if it is there.
		prepare: func(data string) error { return os.RemoveAll(filepath.Join(data, "postmaster.pid")) },
		check:   checkPostgres,
	}.test(t)
}

func TestMariaDB(t *testing.T) {
	t.Parallel()
	database{
		writer: "mysql", init: server.InitMariaDB, start: server.StartMariaDB,
		fast: []string{"--innodb-flush-method=nosync"}, open: openMySQL,
		prepare: func(string) error { return nil },
		check:   checkMariaDB,
		// It writes past the operating system's cache. It makes tables without flushing their directory, and
		// trusts the file system to do so soon. And it (10.11.19) finds no way back when the first page of a
		// table was torn while it was still at work reading its log, although the doublewrite buffer has a good
		// copy; so pages are not torn.
		together:    true,
		afterAWhile: true,
		page:        16 << 10,
	}.test(t)
}

// A database is a server whose data directory is on the disk.
type database struct {
	writer   string
	init     func(t testing.TB, data string)
	start    func(t testing.TB, data string, settings ...string) (*server.Server, error)
	careless []string // settings of the server whose power is cut
	fast     []string // settings of servers whose power is not cut
	open     func(ctx context.Context, dsn string) (kredivo.Store, error)
	prepare  func(data string) error // before a server starts on what a cut left
	check    func(ctx context.Context, db *sql.DB) error

	together    bool // see powercut.Disk.FlushTogether
	afterAWhile bool // no cut while tables are made
	page        int  // what the drive writes whole; 0 for a sector
}

// cutsPerServer is how often the power is cut in one life of a server.
const cutsPerServer = 40

func (b database) test(t *testing.T) {
	t.Helper()
	var sum, lied tally
	for left, seed := powerCuts(t, 10, 100), uint64(0); left > 0; left, seed = left-cutsPerServer, seed+1 {
		t.Run(strconv.Itoa(int(seed)), func(t *testing.T) { b.live(t, seed, min(left, cutsPerServer), &sum, &lied) })
	}
	sum.check(t)
	lied.checkLoses(t)
}

// live is one life of a server on a disk of its own. In the end the disk lies, until a cut loses something.
func (b database) live(t *testing.T, seed uint64, cuts int, sum, lied *tally) {
	t.Helper()
	d := powercut.NewDisk(seed)
	if b.together {
		d.FlushTogether()
	}
	if b.page > 0 {
		d.WriteWhole(b.page)
	}
	dir := mount(t, d)
	data := filepath.Join(dir, "data")
	b.init(t, data)
	s, err := b.start(t, data, b.careless...)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := startWriter(t, b.writer, s.DSN, "order", dir)
	t.Cleanup(stop)
	if b.afterAWhile {
		waitForLedger(ctx, t, dir)
		d.Sync()
	}
	look := func(image *powercut.Image) (int, error) { return b.look(t, image) }
	cut(ctx, t, d, seed, cuts, look, sum)
	d.Lie() // what was flushed until now stays
	for n := uint64(1); lied.lost+lied.broken == 0 && n < 50; n++ {
		cut(ctx, t, d, seed+n, 1, look, lied)
	}
}

// waitForLedger waits until the writer on a mounted disk has told something.
func waitForLedger(ctx context.Context, t *testing.T, dir string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for {
		if info, err := os.Stat(filepath.Join(dir, powercut.LedgerName)); err == nil && info.Size() > 0 {
			return
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			t.Fatal("the writer tells nothing")
		}
	}
}

// look starts a server and a shop on what a cut left.
func (b database) look(t *testing.T, image *powercut.Image) (told int, err error) {
	t.Helper()
	t.Run("cut", func(t *testing.T) { // a test of its own, so that its end clears up
		dir := server.Dir(t)
		if err := errors.Join(image.Write(dir), b.prepare(filepath.Join(dir, "data"))); err != nil {
			t.Fatal(err)
		}
		var s *server.Server
		if s, err = b.start(t, filepath.Join(dir, "data"), b.fast...); err == nil {
			told, err = b.audit(t, s, image.Ledger)
		}
	})
	return told, err
}

func (b database) audit(t *testing.T, s *server.Server, ledger []byte) (told int, err error) {
	t.Helper()
	db, err := sql.Open(s.Driver, s.DSN)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	store, err := b.open(t.Context(), s.DSN)
	if err != nil {
		return 0, err
	}
	defer store.Close()
	if told, err = shop.Audit(t.Context(), db, ledger); err != nil {
		return told, err
	}
	if err := b.check(t.Context(), db); err != nil {
		return told, err
	}
	return told, shop.GoOn(t.Context(), store, ledger)
}

var tables = []string{"kredivo_attempt", "kredivo_inbox", "kredivo_event"}

// checkPostgres compares every index with its table.
func checkPostgres(ctx context.Context, db *sql.DB) error {
	if _, err := db.ExecContext(ctx, "CREATE EXTENSION IF NOT EXISTS amcheck"); err != nil {
		return err
	}
	for _, table := range tables {
		if _, err := db.ExecContext(ctx, "SELECT bt_index_check(indexrelid, true) FROM pg_index WHERE indrelid = $1::regclass", table); err != nil {
			return fmt.Errorf("%s: %w", table, err)
		}
	}
	return nil
}

// checkMariaDB does the same, once what was deleted is gone from the indexes.
func checkMariaDB(ctx context.Context, db *sql.DB) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	for left := 1; left > 0; {
		var name string
		if err := db.QueryRowContext(ctx, "SHOW GLOBAL STATUS LIKE 'Innodb_history_list_length'").Scan(&name, &left); err != nil {
			return err
		}
	}
	for _, table := range tables {
		var name, op, kind, text string
		if err := db.QueryRowContext(ctx, "CHECK TABLE "+table).Scan(&name, &op, &kind, &text); err != nil || kind != "status" || text != "OK" {
			return fmt.Errorf("%s: %s %s (%v)", table, kind, text, err)
		}
	}
	return nil
}
