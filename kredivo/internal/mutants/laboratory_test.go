package mutants

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience is for one run of a proof. Those of mutants end by themselves in seconds, but for some that hang.
const patience = 5 * time.Minute

// A laboratory builds test binaries that have all mutants in them, and runs proofs in them.
type laboratory struct {
	root, dir, overlay string
	mu                 sync.Mutex
	binaries           map[string]*binary // by package
}

// A binary is a test binary.
type binary struct {
	path  string
	build func() error
	used  []string // tests that were run
}

// binary returns the test binary of a package. It is built once.
func (l *laboratory) binary(pkg string) *binary {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.binaries[pkg]
	if b == nil {
		b = &binary{path: filepath.Join(l.dir, strings.ReplaceAll(pkg, "/", "-")+".test")}
		b.build = sync.OnceValue(func() error {
			build := exec.Command("go", "test", "-c", "-vet=off", "-overlay", l.overlay, "-o", b.path, "./"+pkg)
			build.Dir = l.root
			if out, err := build.CombinedOutput(); err != nil {
				return fmt.Errorf("%s with its mutants does not build: %w\n%s", pkg, err, out)
			}
			return nil
		})
		l.binaries[pkg] = b
	}
	return b
}

// try runs a proof against a mutant, fails the test unless it notices, and returns what did.
func (l *laboratory) try(t *testing.T, m mutant, p proof) string {
	t.Helper()
	if p.server != "" && os.Getenv(p.server) == "" && os.Getenv("KREDIVO_REQUIRE") == "" {
		t.Skipf("%s is not set: bash .ci/run starts a server and sets it", p.server)
	}
	b := l.binary(p.pkg)
	if err := b.build(); err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	b.used = append(b.used, pattern(p.test))
	l.mu.Unlock()

	dir := filepath.Join(l.root, p.pkg)
	if p.source {
		dir = l.copyOf(t, m)
	}
	out, err := l.run(t.Context(), run{pkg: p.pkg, alive: m.name, tests: pattern(p.test), mode: p.mode, worlds: 1000, dir: dir})
	found := "--- FAIL: " + strings.ReplaceAll(p.test, " ", "_") + " ("
	if strings.HasPrefix(p.says, "panic: ") {
		found = p.says
	}
	if !errors.As(err, new(*exec.ExitError)) || !strings.Contains(out, found) || !strings.Contains(out, p.says) {
		t.Errorf("%s in %s does not notice it (%v); it must fail with %q:\n%s", p.test, p.pkg, err, p.says, tail(out))
	}
	return p.String() + world(out)
}

// copyOf makes a directory with the source that a mutant changes.
func (l *laboratory) copyOf(t *testing.T, m mutant) string {
	t.Helper()
	dir := t.TempDir()
	for _, e := range m.edits {
		text, err := os.ReadFile(filepath.Join(l.root, e.file))
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.Replace(text, []byte(e.old), []byte(e.new), 1)
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(e.file)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// checkSound runs what was used without any mutant: it must pass, or it would have noticed anything. It runs few
// worlds, for the simulation itself is another test.
func (l *laboratory) checkSound(t *testing.T, pkg string) {
	t.Helper()
	used := slices.Clone(l.binaries[pkg].used)
	slices.Sort(used)
	r := run{pkg: pkg, tests: strings.Join(slices.Compact(used), "|"), worlds: 40, dir: filepath.Join(l.root, pkg)}
	if out, err := l.run(t.Context(), r); err != nil {
		t.Errorf("without any mutant: %v\n%s", err, tail(out))
	}
}

// A run is one of a test binary.
type run struct {
	pkg, alive, tests, dir string
	mode                   string // of the simulation
	worlds                 int    // at most
}

func (l *laboratory) run(ctx context.Context, r run) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience+10*time.Second)
	defer cancel()
	test := exec.CommandContext(ctx, l.binary(r.pkg).path, "-test.run", r.tests, "-test.failfast", "-test.timeout", patience.String())
	test.Dir = r.dir
	test.Env = append(os.Environ(), switchVariable+"="+r.alive, "KREDIVO_SIM_MODE="+r.mode, "KREDIVO_SIM_SEEDS="+strconv.Itoa(r.worlds))
	out, err := test.CombinedOutput()
	return string(out), err
}

// pattern is for go test's flag -run: this test and no other.
func pattern(test string) string {
	parts := strings.Split(test, "/")
	for i, p := range parts {
		parts[i] = "^" + regexp.QuoteMeta(strings.ReplaceAll(p, " ", "_")) + "$"
	}
	return strings.Join(parts, "/")
}

var worldPattern = regexp.MustCompile(`(full|layered) world \d+: [^;\n]*`)

// world is the simulated world in which a mutant was noticed, if it was in one, and what was wrong there.
func world(out string) string {
	if w := worldPattern.FindString(out); w != "" {
		return " (" + w + ")"
	}
	return ""
}

func tail(out string) string {
	const enough = 4000
	return out[max(0, len(out)-enough):]
}
