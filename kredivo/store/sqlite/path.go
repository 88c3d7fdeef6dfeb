package sqlite

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
)

// pragmas are set on every connection, unless the host's URI sets the same one. The connection checks
// what became of them.
//
//   - synchronous=FULL flushes the log at every commit, before it is reported; fullfsync does it past
//     the drive's cache on macOS.
//   - busy_timeout is how long a lock of another process is waited for, in milliseconds.
//   - journal_size_limit gives back the space of a log that was long once, in bytes (64 MiB).
var pragmas = [...][2]string{
	{"busy_timeout", "5000"},
	{"journal_mode", "WAL"},
	{"synchronous", "FULL"},
	{"fullfsync", "ON"},
	{"foreign_keys", "ON"},
	{"journal_size_limit", "67108864"},
}

// A mode is what a connection may do.
type mode string

const (
	readWrite mode = "rw"
	readOnly  mode = "ro"
)

// A file is a parsed Config.Path.
type file struct {
	path    string   // absolute: the host may change its directory later
	pragmas []string // of the host's URI, such as "cache_size(-8000)"
}

var (
	errNoPath = errors.New(`the path of the database file is missing, for example "kredivo.db"`)
	errMemory = errors.New("a database in memory forgets payments when the process ends: give the path of a file")
)

// parsePath reads a path or a file: URI.
func parsePath(raw string) (file, error) {
	if strings.Contains(raw, ":memory:") {
		return file{}, errMemory
	}
	path := raw
	var f file
	if rest, ok := strings.CutPrefix(raw, "file:"); ok {
		var err error
		if path, f.pragmas, err = parseURI(rest); err != nil {
			return file{}, err
		}
	}
	switch {
	case path == "":
		return file{}, errNoPath
	case strings.ContainsRune(path, 0):
		return file{}, errors.New("the path of the database file has a NUL character")
	}
	var err error
	f.path, err = filepath.Abs(path)
	return f, err
}

// parseURI reads what follows "file:". Of SQLite's own parameters only _pragma is for the host: the
// others could share a cache, ignore locks or forget the data.
func parseURI(rest string) (path string, pragmas []string, err error) {
	path, query, _ := strings.Cut(rest, "?")
	if local, ok := strings.CutPrefix(path, "//"); ok { // file:///path or file://localhost/path
		host, _, found := strings.Cut(local, "/")
		if !found || host != "" && host != "localhost" {
			return "", nil, fmt.Errorf("a file URI with the host %q: write file:/path for a path from the root, file:path for one from here", host)
		}
		path = local[len(host):]
	}
	if path, err = url.PathUnescape(path); err != nil {
		return "", nil, fmt.Errorf("the path of the file URI: %w", err)
	}
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", nil, fmt.Errorf("the parameters of the file URI: %w", err)
	}
	for key, all := range values {
		switch {
		case key == "_pragma":
			pragmas = all
		case key == "mode" && values.Get(key) == "memory":
			return "", nil, errMemory
		default:
			return "", nil, fmt.Errorf("the parameter %q of the file URI is not supported: only _pragma is", key)
		}
	}
	return path, pragmas, nil
}

// dsn is the name that the driver opens.
func (f file) dsn(m mode) string {
	query := url.Values{"mode": {string(m)}, "_txlock": {"immediate"}, "_pragma": f.pragmas}
	for _, p := range pragmas {
		if !f.sets(p[0]) {
			query.Add("_pragma", p[0]+"("+p[1]+")")
		}
	}
	path := filepath.ToSlash(f.path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // C:/...
	}
	return "file://" + (&url.URL{Path: path}).EscapedPath() + "?" + query.Encode()
}

// sets reports whether the host set a pragma itself.
func (f file) sets(name string) bool {
	for _, p := range f.pragmas {
		set, _, _ := strings.Cut(p, "(")
		set, _, _ = strings.Cut(set, "=")
		if strings.EqualFold(strings.TrimSpace(set), name) {
			return true
		}
	}
	return false
}
