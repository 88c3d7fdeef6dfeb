package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/paylater-go/paylater"

// Third-party packages by the name that the table uses.
const (
	decimal   = "github.com/shopspring/decimal"
	validator = "github.com/go-playground/validator/v10/..."
	localised = "github.com/go-playground/universal-translator"
	locales   = "github.com/go-playground/locales/..."
	xtext     = "golang.org/x/text/..."
	xtime     = "golang.org/x/time/rate"
	gobreaker = "github.com/sony/gobreaker/v2"
	backoff   = "github.com/cenkalti/backoff/v5"
	uuid      = "github.com/google/uuid"
	goose     = "github.com/pressly/goose/v3/..."
	sqliteDrv = "modernc.org/sqlite/..."
	pgx       = "github.com/jackc/pgx/v5/..."
	mysqlDrv  = "github.com/go-sql-driver/mysql"
	gin       = "github.com/gin-gonic/gin/..."
	fiber     = "github.com/gofiber/fiber/v2/..."
	fasthttp  = "github.com/valyala/fasthttp/..."
	gocmp     = "github.com/google/go-cmp/..."
	goleak    = "go.uber.org/goleak"
	rapid     = "pgregory.net/rapid"
)

// mayImport says what the non-test files of a package may import besides the standard library. Paths
// without a dot in their first element are ours. A trailing /... covers everything below; the longest
// matching key counts. A package without a row fails the test.
var mayImport = map[string][]string{
	// Leaves: they know nothing of payments.
	"money":      {decimal},
	"validation": {"money", validator, localised, locales, xtext},

	// The client of DOKU's API, and DOKU itself in a box, which shares no code with the client so that
	// each checks the other.
	"kredivo/doku":         {"money", "validation", backoff},
	"kredivo/doku/dokusim": {"money", uuid},

	// The core: no framework, no database, no adapter.
	"kredivo": {"money", "validation", "kredivo/doku", uuid, xtext, gobreaker, xtime},

	// Stores: the engine knows no driver; each opener knows exactly one.
	"kredivo/store":                   {"kredivo", "kredivo/store/internal/sqlstore", "kredivo/store/sqlite", "kredivo/store/postgres", "kredivo/store/mysql"},
	"kredivo/store/internal/sqlstore": {"kredivo", goose},
	"kredivo/store/sqlite":            {"kredivo", "kredivo/store/internal/sqlstore", sqliteDrv, goose},
	"kredivo/store/postgres":          {"kredivo", "kredivo/store/internal/sqlstore", pgx, goose},
	"kredivo/store/mysql":             {"kredivo", "kredivo/store/internal/sqlstore", mysqlDrv, goose},

	// Adapters: the core and one framework each, never a store, never DOKU.
	"adapters/kredivohttp":  {"kredivo"},
	"adapters/kredivogin":   {"kredivo", "adapters/kredivohttp", gin},
	"adapters/kredivofiber": {"kredivo", fiber},

	// Helpers for tests: only these may import testing, and no product package imports them.
	"kredivo/store/storetest":   {"kredivo", "kredivo/doku", "money", gocmp, "testing"},
	"adapters/adaptertest":      {"kredivo/...", "testing"},
	"kredivo/kredivotest":       {"kredivo", "kredivo/doku/...", "kredivo/store/...", "money", uuid, "testing"},
	"kredivo/internal/archtest": {},
	"kredivo/internal/mutants":  {},

	// Programs may import what they like of ours; their own trees keep frameworks apart.
	"kredivo/cmd/...":            {"kredivo/..."},
	"kredivo/internal/torture":   {"adapters/kredivohttp", "kredivo", "kredivo/doku/...", "kredivo/store", "money", uuid, sqliteDrv, pgx, mysqlDrv},
	"examples/gin":               {"adapters/kredivogin", "kredivo/...", "examples/internal/...", gin},
	"examples/fiber":             {"adapters/kredivofiber", "kredivo/...", "examples/internal/...", fiber},
	"examples/nethttp":           {"adapters/kredivohttp", "kredivo/...", "examples/internal/..."},
	"examples/internal/demotest": {"examples/internal/demo", "kredivo/doku/dokusim", pgx, mysqlDrv, "testing"},
	"examples/...":               {"adapters/...", "kredivo/...", "money", "validation", "examples/...", gin, fiber, sqliteDrv},
}

// helpers are packages for tests, ours and the hosts'.
var helpers = []string{"kredivo/store/storetest", "adapters/adaptertest", "kredivo/kredivotest", "examples/internal/demotest"}

func TestImports(t *testing.T) {
	t.Parallel()
	for _, p := range list(t, "./...") {
		name := ours(p.ImportPath)
		allowed, ok := row(name)
		if !ok {
			t.Errorf("%s has no row in mayImport: add one that says what it may import", name)
			continue
		}
		for _, imp := range p.Imports {
			if standard(imp) && imp != "testing" && !strings.HasPrefix(imp, "testing/") {
				continue
			}
			if !matches(allowed, ours(imp)) {
				t.Errorf("%s imports %s, which its row in mayImport does not allow", name, imp)
			}
		}
	}
}

func TestNoDeadRows(t *testing.T) {
	t.Parallel()
	var names []string
	for _, p := range list(t, "./...") {
		names = append(names, ours(p.ImportPath))
	}
	for key := range mayImport {
		if !slices.ContainsFunc(names, func(n string) bool { return matches([]string{key}, n) }) {
			t.Errorf("mayImport has a row for %s, but there is no such package", key)
		}
	}
}

// TestNoDeadAllowances keeps the table as narrow as the code: every allowance of a row is used by a package
// that the row is for.
func TestNoDeadAllowances(t *testing.T) {
	t.Parallel()
	used := map[string]map[string]bool{}
	for _, p := range list(t, "./...") {
		key, _ := rowKey(ours(p.ImportPath))
		if used[key] == nil {
			used[key] = map[string]bool{}
		}
		for _, allowed := range mayImport[key] {
			if slices.ContainsFunc(p.Imports, func(imp string) bool { return matches([]string{allowed}, ours(imp)) }) {
				used[key][allowed] = true
			}
		}
	}
	for key, row := range mayImport {
		for _, allowed := range row {
			if !used[key][allowed] {
				t.Errorf("mayImport lets %s import %s, which it does not", key, allowed)
			}
		}
	}
}

// TestDependencies looks at everything that a package pulls in, however far away.
func TestDependencies(t *testing.T) {
	t.Parallel()
	frameworks := []string{gin, fiber, fasthttp, "github.com/gin-contrib/..."}
	databases := []string{sqliteDrv, "modernc.org/...", pgx, mysqlDrv, goose}
	ourHelpers := append([]string{gocmp, goleak, rapid}, helpers...)
	testHelpers := append([]string{"testing"}, ourHelpers...) // fiber itself imports testing
	const host = "./kredivo/internal/archtest/testdata/nethttp"

	for _, tt := range []struct {
		pkg string
		not [][]string
		why string
	}{
		{host, [][]string{frameworks, databases, testHelpers, {"kredivo/doku/dokusim"}}, "a net/http host pays for nothing that it does not use"},
		{"./kredivo", [][]string{frameworks, databases, testHelpers, {"kredivo/store/...", "kredivo/doku/dokusim"}}, "the core knows neither frameworks nor databases"},
		{"./adapters/kredivohttp", [][]string{frameworks, databases, testHelpers}, "chi and echo hosts use it too"},
		{"./adapters/kredivogin", [][]string{{fiber, fasthttp}, databases, testHelpers}, "a gin host has no fiber"},
		{"./adapters/kredivofiber", [][]string{{gin, "github.com/gin-contrib/..."}, databases, ourHelpers}, "a fiber host has no gin"},
		{"./kredivo/doku/dokusim", [][]string{{"kredivo", "kredivo/doku", "kredivo/store/..."}, frameworks, databases, testHelpers}, "the simulator is written apart from the client"},
		{"./kredivo/store/sqlite", [][]string{frameworks, {pgx, mysqlDrv}, testHelpers}, "a host on SQLite links no other driver"},
		{"./kredivo/store/postgres", [][]string{frameworks, {sqliteDrv, "modernc.org/...", mysqlDrv}, testHelpers}, "a host on PostgreSQL links no other driver"},
		{"./kredivo/store/mysql", [][]string{frameworks, {sqliteDrv, "modernc.org/...", pgx}, testHelpers}, "a host on MySQL links no other driver"},
		{"./kredivo/store", [][]string{frameworks, testHelpers, {"kredivo/doku/dokusim"}}, "a store knows no framework"},
		{"./examples/nethttp", [][]string{frameworks, testHelpers}, "the example is a net/http host"},
		{"./examples/gin", [][]string{{fiber, fasthttp}, testHelpers}, "the example is a gin host"},
		{"./examples/fiber", [][]string{{gin}, ourHelpers}, "the example is a fiber host"},
	} {
		t.Run(path.Base(tt.pkg), func(t *testing.T) {
			t.Parallel()
			for _, p := range list(t, "-deps", tt.pkg) {
				for _, banned := range tt.not {
					if matches(banned, ours(p.ImportPath)) {
						t.Errorf("%s depends on %s: %s", tt.pkg, p.ImportPath, tt.why)
					}
				}
			}
		})
	}
}

// row is what a package of ours may import, and whether the table has a row for it.
func row(name string) ([]string, bool) {
	key, ok := rowKey(name)
	return mayImport[key], ok
}

// rowKey finds the row for a package of ours: exact, or the longest /... prefix.
func rowKey(name string) (string, bool) {
	if _, ok := mayImport[name]; ok {
		return name, true
	}
	for dir := name; dir != "."; dir = path.Dir(dir) {
		if _, ok := mayImport[dir+"/..."]; ok {
			return dir + "/...", true
		}
	}
	return "", false
}

// matches reports whether a pattern is name, or ends in /... and covers it.
func matches(patterns []string, name string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		tree, ok := strings.CutSuffix(p, "/...")
		return name == p || ok && (name == tree || strings.HasPrefix(name, tree+"/"))
	})
}

// ours cuts the module path off our own packages.
func ours(importPath string) string { return strings.TrimPrefix(importPath, module+"/") }

// standard reports whether an import path is the standard library's.
func standard(importPath string) bool {
	first, _, _ := strings.Cut(importPath, "/")
	return !strings.Contains(first, ".")
}

type pkg struct {
	ImportPath string
	Imports    []string
}

// list runs go list at the root of the module.
func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json=ImportPath,Imports"}, args...)...)
	cmd.Dir = "../../.."
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, &stderr)
	}
	var pkgs []pkg
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return pkgs
		}
		if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}
