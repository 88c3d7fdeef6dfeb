package store

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOpen(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for dsn, want := range map[string]string{
		"":                                 "kredivo.db",
		"sqlite:relative.db":               "relative.db",
		"sqlite:" + dir + "/rooted":        "rooted",
		"sqlite://" + dir + "/slashes.db":  "slashes.db",
		"sqlite:a%20b.db":                  "a b.db",
		"file:uri?_pragma=cache_size(-99)": "uri",
		"plain.db":                         "plain.db",
		dir + "/plain-rooted.db":           "plain-rooted.db",
		"odd:name.db":                      "odd:name.db",
	} {
		s, err := Open(t.Context(), dsn)
		if err != nil {
			t.Errorf("%q: %v", dsn, err)
			continue
		}
		if _, err := s.Backlog(t.Context()); err != nil {
			t.Errorf("%q: %v", dsn, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%q: %v", dsn, err)
		}
		if _, err := os.Stat(filepath.Join(dir, want)); err != nil {
			t.Errorf("%q: %v", dsn, err)
		}
	}
}

func TestAddressesThatAreRefused(t *testing.T) {
	t.Chdir(t.TempDir())
	const unsupported = `not supported: give an empty address (SQLite in the file kredivo.db), "sqlite:kredivo.db"`
	for dsn, want := range map[string]string{
		"oracle://shop:hunter2@db/shop.db":  `"oracle" is ` + unsupported,
		"shop:hunter2@tcp(db:3306)/shop":    unsupported,
		"host=db password=hunter2":          unsupported,
		"kredivo.txt":                       unsupported,
		":memory:":                          "in memory",
		"sqlite::memory:":                   "in memory",
		"file::memory:?cache=shared":        "in memory",
		"sqlite:":                           "missing",
		"sqlite:x.db?_pragma=synchronous=0": "unsafe",

		"postgres://shop:hunter2@127.0.0.1:1/shop":   "postgres: connect",
		"postgresql://shop:hunter2@127.0.0.1:1/shop": "postgres: connect",
		"postgres://shop:hunter2@db:port/shop":       "cannot be read",
		"postgres://shop:%hunter2@db/shop":           "cannot be read",
		"postgres:shop:hunter2":                      "cannot be read",
		"mysql://shop:hunter2@127.0.0.1:1/shop":      "mysql: connect",
		"mysql://shop:hunter2@db:port/shop":          "cannot be read",
		"mysql://shop:%hunter2@db/shop":              "cannot be read",
		"mysql://shop:hunter2@db":                    "cannot be read",
		"mysql://shop:hunter2@db/shop?timeout=5":     "cannot be read",
	} {
		s, err := Open(t.Context(), dsn)
		if err == nil {
			_ = s.Close()
			t.Errorf("%q was accepted", dsn)
			continue
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error = %v, want it to say %q", dsn, err, want)
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("the error repeats a password: %v", err)
		}
	}
}
