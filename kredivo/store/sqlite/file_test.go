package sqlite

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/paylater-go/paylater/kredivo"
)

func TestFilesAreForTheOwner(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s := openAt(t, path)
	receive(t, s, message("m"))
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 3 {
		t.Errorf("files: %v, want the database, its log and the log's index", entries)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != 0o600 {
			t.Errorf("%s has mode %v, want that only the owner reads it", e.Name(), info.Mode())
		}
	}
}

func TestAnExistingFileKeepsItsMode(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	if err := os.WriteFile(path, nil, 0o640); err != nil {
		t.Fatal(err)
	}
	receive(t, openAt(t, path), message("m"))
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o640 {
		t.Errorf("mode = %v, %v", info.Mode(), err)
	}
}

func TestManyOpenOneNewFile(t *testing.T) {
	t.Parallel()
	openTogether(t, newPath(t))
}

func TestManyBringOneFileUpToDate(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	if err := createFile(path); err != nil {
		t.Fatal(err)
	}
	run(t, raw(t, path), // as goose leaves it before the first migration
		`CREATE TABLE kredivo_migration (id INTEGER PRIMARY KEY AUTOINCREMENT, version_id INTEGER NOT NULL, is_applied INTEGER NOT NULL,
			tstamp TIMESTAMP DEFAULT (datetime('now')))`,
		`INSERT INTO kredivo_migration (version_id, is_applied) VALUES (0, 1)`)
	openTogether(t, path)
}

// openTogether opens path many times at once.
func openTogether(t *testing.T, path string) {
	t.Helper()
	const n = 16
	stores := make([]kredivo.Store, n)
	begin := make(chan struct{})
	var running sync.WaitGroup
	for i := range n {
		running.Go(func() {
			<-begin
			s, err := Open(t.Context(), patient(path))
			if err != nil {
				t.Error(err)
				return
			}
			stores[i] = s
			if added, err := s.Receive(t.Context(), message(fmt.Sprint(i))); !added || err != nil {
				t.Errorf("added = %v, error = %v", added, err)
			}
		})
	}
	close(begin)
	running.Wait()
	if t.Failed() {
		t.FailNow()
	}
	if b, err := stores[0].Backlog(t.Context()); err != nil || b.Messages != n {
		t.Errorf("backlog = %+v, %v; want %d messages", b, err, n)
	}
	for _, s := range stores {
		_ = s.Close()
	}
	var versions int
	if err := raw(t, path).QueryRow("SELECT COUNT(*) FROM kredivo_migration WHERE version_id = 1").Scan(&versions); err != nil || versions != 1 {
		t.Errorf("the first migration was applied %d times (%v)", versions, err)
	}
}

func TestOpeningAgainMigratesNothing(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	receive(t, openAt(t, path), message("m"))
	if b, err := openAt(t, path).Backlog(t.Context()); err != nil || b.Messages != 1 {
		t.Errorf("backlog = %+v, %v", b, err)
	}
}

func TestAFailedMigrationLeavesNoTrace(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	if err := createFile(path); err != nil {
		t.Fatal(err)
	}
	db := raw(t, path)
	run(t, db, "CREATE TABLE kredivo_event (x)") // the last table of the migration is in the way
	if s, err := Open(t.Context(), path); err == nil {
		_ = s.Close()
		t.Fatal("no error")
	}
	var tables int
	if err := db.QueryRow("SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table'").Scan(&tables); err != nil || tables != 1 {
		t.Errorf("%d tables, want only the one that was there (%v)", tables, err)
	}
	run(t, db, "DROP TABLE kredivo_event")
	receive(t, openAt(t, path), message("m"))
}

func TestNoGoroutineIsLeft(t *testing.T) {
	before := goleak.IgnoreCurrent()
	s, err := Open(t.Context(), newPath(t))
	if err != nil {
		t.Fatal(err)
	}
	receive(t, s, message("m"))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	goleak.VerifyNone(t, before)
}

func TestPrunedMessagesAreEmpty(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s, r := openRecorded(t, path)
	everyStatement(t, s, r) // settles and prunes a message
	var pruned, kept int
	err := raw(t, path).QueryRow(`SELECT COUNT(*) FILTER (WHERE pruned = 1 AND header = '' AND body IS NULL AND length(dedupe) = 32),
		COUNT(*) FILTER (WHERE pruned = 0 AND header <> '' AND body IS NOT NULL) FROM kredivo_inbox`).Scan(&pruned, &kept)
	if err != nil || pruned != 1 || kept != 1 {
		t.Errorf("%d rows are pruned and %d kept (%v)", pruned, kept, err)
	}
}
