package sqlite

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/paylater-go/paylater/kredivo"
)

func TestEveryConnectionFlushes(t *testing.T) {
	t.Parallel()
	s, r := openRecorded(t, newPath(t))
	// Readers are opened as they are needed: keep several busy at once.
	var running sync.WaitGroup
	for range 50 {
		running.Go(func() {
			if _, err := s.Backlog(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	if len(r.synchronous) < 3 { // the migration's, the writer's, and a reader's
		t.Errorf("%d connections were opened, want 3 or more", len(r.synchronous))
	}
	for i, v := range r.synchronous {
		if v != int64(2) {
			t.Errorf("connection %d has synchronous=%v, want 2 (FULL)", i, v)
		}
	}
}

func TestUnsafeSettingsAreRefused(t *testing.T) {
	t.Parallel()
	for _, pragma := range []string{
		"synchronous(OFF)", "synchronous(NORMAL)", "synchronous=0", " Synchronous ( 1 )",
		"journal_mode(DELETE)", "journal_mode(MEMORY)", "journal_mode(OFF)",
		"foreign_keys(OFF)", "busy_timeout(0)", "locking_mode(EXCLUSIVE)",
	} {
		path := newPath(t)
		s, err := Open(t.Context(), "file:"+path+"?_pragma="+url.QueryEscape(pragma))
		if err == nil {
			_ = s.Close()
			t.Errorf("%s was accepted", pragma)
			continue
		}
		if !strings.Contains(err.Error(), "unsafe setting") {
			t.Errorf("%s: error = %v, want one about an unsafe setting", pragma, err)
		}
	}
}

func TestSafeSettingsAreTaken(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	s, r := openRecorded(t, "file:"+path+"?_pragma=synchronous(EXTRA)&_pragma=cache_size(-123)")
	receive(t, s, message("m"))
	for _, v := range r.synchronous {
		if v != int64(3) {
			t.Errorf("synchronous = %v, want 3 (EXTRA)", v)
		}
	}
	db := raw(t, "file:"+path+"?_pragma=cache_size(-123)")
	for pragma, want := range map[string]string{
		"busy_timeout": "5000", "journal_mode": "wal", "foreign_keys": "1", "journal_size_limit": "67108864", "cache_size": "-123",
	} {
		var got string
		if err := db.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil || got != want {
			t.Errorf("%s = %s, %v; want %s", pragma, got, err, want)
		}
	}
}

func TestReadersCannotWrite(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	openAt(t, path)
	f, err := parsePath(path)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := newConnector(f.dsn(readOnly)).Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	stmt, err := conn.Prepare("DELETE FROM kredivo_inbox")
	if err == nil {
		_, err = stmt.Exec(nil) //nolint:staticcheck // the driver's own interface
	}
	if err == nil || !strings.Contains(err.Error(), "readonly") {
		t.Errorf("error = %v, want one about a read-only database", err)
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for raw, want := range map[string]string{
		dir + "/plain.db":                  dir + "/plain.db",
		dir + "/a b%41?c#d&e=ü.db":         dir + "/a b%41?c#d&e=ü.db",
		"file:" + dir + "/uri%20a.db":      dir + "/uri a.db",
		"file://" + dir + "/three.db":      dir + "/three.db",
		"file://localhost" + dir + "/l.db": dir + "/l.db",
	} {
		s := openAt(t, raw)
		receive(t, s, message("m"))
		if info, err := os.Stat(want); err != nil || info.Size() == 0 {
			t.Errorf("%s: no database at %s", raw, want)
		}
	}
	relative, err := parsePath("file:shop.db")
	if err != nil || !filepath.IsAbs(relative.path) {
		t.Errorf("a relative path became %q, %v: it would follow the process to another directory", relative.path, err)
	}
}

func TestPathsThatAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for raw, want := range map[string]string{
		"":                               "path of the database file is missing",
		"file:":                          "path of the database file is missing",
		":memory:":                       "in memory",
		"file::memory:":                  "in memory",
		"file:x.db?mode=memory":          "in memory",
		"file:x.db?cache=shared":         `"cache"`,
		"file:x.db?nolock=1":             `"nolock"`,
		"file:x.db?vfs=memdb":            `"vfs"`,
		"file:x.db?_txlock=deferred":     `"_txlock"`,
		"file:x.db?mode=ro":              `"mode"`,
		"file://server/x.db":             `"server"`,
		"file:%zz":                       "%zz",
		"x\x00.db":                       "NUL",
		dir:                              "not a regular file",
		filepath.Join(dir, "no", "x.db"): "no such file",
	} {
		s, err := Open(t.Context(), raw)
		if err == nil {
			_ = s.Close()
			t.Errorf("%q was accepted", raw)
			continue
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error = %v, want it to say %q", raw, err, want)
		}
	}
}

func TestVersionGate(t *testing.T) {
	t.Parallel()
	for version, safe := range map[string]bool{
		"3.51.3": true, "3.51.4": true, "3.52.0": true, "4.0.0": true,
		"3.51.2": false, "3.50.9": false, "3.7.0": false, "2.99.99": false,
	} {
		if err := checkVersion(version, false); (err == nil) != safe {
			t.Errorf("%s: error = %v", version, err)
		}
		if err := checkVersion(version, true); err != nil {
			t.Errorf("%s, allowed: %v", version, err)
		}
	}
	if err := checkVersion("unknown", true); err == nil {
		t.Error("an unreadable version was accepted")
	}
}

func TestTablePrefix(t *testing.T) {
	t.Parallel()
	path := newPath(t)
	a := openAt(t, path)
	b, err := OpenConfig(t.Context(), Config{Path: path, TablePrefix: "shop_pay_"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	receive(t, a, message("m"))
	receive(t, b, message("m")) // new there
	receive(t, b, message("n"))
	for s, want := range map[kredivo.Store]int{a: 1, b: 2} {
		if got, err := s.Backlog(t.Context()); err != nil || got.Messages != want {
			t.Errorf("backlog = %+v, %v; want %d messages", got, err, want)
		}
	}
	for _, prefix := range []string{"Kredivo_", "k2_", "k-", "k;DROP TABLE x;", "k k", "é", strings.Repeat("k", 31), "k\n"} {
		if s, err := OpenConfig(t.Context(), Config{Path: path, TablePrefix: prefix}); err == nil {
			_ = s.Close()
			t.Errorf("the prefix %q was accepted", prefix)
		}
	}
}
