package mysql

import (
	"database/sql"
	"log/slog"
	"testing"
	"time"

	"github.com/paylater-go/paylater/kredivo"
)

// scan reads one row.
func scan(t *testing.T, db *sql.DB, query string, into ...any) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), query).Scan(into...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// TestAMigrationThatWasCutOffIsFinished: a change of tables cannot be undone, so each step must be able to
// come after itself.
func TestAMigrationThatWasCutOffIsFinished(t *testing.T) {
	t.Parallel()
	db := pool(t, newDatabase(t))
	open := func() kredivo.Store {
		t.Helper()
		s, err := New(t.Context(), db, patient())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	open()
	undo := []string{
		`ALTER TABLE kredivo_event DROP INDEX kredivo_event_order, DROP COLUMN failures`,
		`ALTER TABLE kredivo_attempt DROP INDEX kredivo_attempt_watched, DROP INDEX kredivo_attempt_created, DROP COLUMN watched`,
		`ALTER TABLE kredivo_inbox DROP INDEX kredivo_inbox_prunable, DROP COLUMN pruned, DROP COLUMN failures`,
	}
	for steps := range len(undo) + 1 { // how many were not reached
		run(t, db, undo[:steps]...)
		run(t, db, `DELETE FROM kredivo_migration WHERE version_id = 2`)
		open()
		var versions, columns int
		scan(t, db, `SELECT COUNT(*) FROM kredivo_migration WHERE version_id = 2`, &versions)
		scan(t, db, `SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND column_name IN ('failures', 'pruned', 'watched')`, &columns)
		if versions != 1 || columns != 4 {
			t.Errorf("%d steps missing: the migration was applied %d times and made %d columns", steps, versions, columns)
		}
	}
	everyMethod(t, open(), "", func(string) {})
}

func TestPrunedMessagesAreEmpty(t *testing.T) {
	t.Parallel()
	db := pool(t, newDatabase(t))
	s, err := New(t.Context(), db, patient())
	if err != nil {
		t.Fatal(err)
	}
	everyMethod(t, s, "", func(string) {}) // settles and prunes two messages
	var pruned int
	scan(t, db, `SELECT COUNT(*) FROM kredivo_inbox WHERE pruned = 1 AND header = '' AND body IS NULL AND LENGTH(dedupe) = 32`, &pruned)
	if pruned != 2 {
		t.Errorf("%d rows are pruned", pruned)
	}
}

// TestServerClock: due work is told by the server's clock, whatever the host's says.
// TestACopyIsConfirmedByAWrite: whoever is told that a message is there already may be the only one who is
// told so, when the server crashes before the first copy's commit is on the disk. Only a commit that wrote
// something waits for the disk.
func TestACopyIsConfirmedByAWrite(t *testing.T) {
	t.Parallel()
	db := pool(t, newDatabase(t))
	s, err := New(t.Context(), db, patient())
	if err != nil {
		t.Fatal(err)
	}
	var first, second int64
	for _, until := range []*int64{&first, &second} {
		if _, err := s.Receive(t.Context(), message("a")); err != nil {
			t.Fatal(err)
		}
		scan(t, db, `SELECT claim_until FROM kredivo_inbox`, until)
	}
	if second != first+1 {
		t.Errorf("the copy changed the claim's end from %d to %d: its transaction wrote nothing, or too much", first, second)
	}
}

func TestServerClock(t *testing.T) {
	t.Parallel()
	dsn := newDatabase(t)
	open := func() kredivo.Store {
		t.Helper()
		s, err := OpenConfig(t.Context(), dsn, Config{Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	s := open()
	for name, off := range map[string]time.Duration{"behind": -240 * time.Hour, "ahead": 240 * time.Hour} {
		now := time.Now().Add(off)
		m := message(name)
		m.ReceivedAt = now
		if _, err := s.Receive(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		if due, err := open().Due(t.Context(), now); err != nil || !due.Messages {
			t.Errorf("%s: due %+v, %v", name, due, err)
		}
		all, err := s.ClaimMessages(t.Context(), kredivo.Claim{Token: name, Now: now, Lease: time.Hour, Limit: 9})
		if err != nil || len(all) != 1 {
			t.Fatalf("%s: claimed %v, %v", name, all, err)
		}
		if due, err := open().Due(t.Context(), now.Add(48*time.Hour)); err != nil || due.Messages {
			t.Errorf("%s: due under the lease %+v, %v", name, due, err)
		}
	}
}
