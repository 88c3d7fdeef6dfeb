package store_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// oldVersion is the last commit before the second migration.
const oldVersion = "67e40473f598787930fd3ef87943ffdbacf14fa6"

// TestRollout replaces the processes of a shop, old version by new and back, killed or told to end, while
// shoppers buy: both versions work on one store, and nothing is lost or done twice.
func TestRollout(t *testing.T) {
	t.Parallel()
	older := buildOld(t)
	newer := build(t, ".", "./testdata/shop")
	for kind, empty := range databases {
		if testing.Short() && kind != "sqlite" {
			continue
		}
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dsn := empty(t)
			m := newMarket(t)
			first, second := m.run(older, dsn), m.run(older, dsn)
			ctx, closing := context.WithCancel(t.Context())
			defer closing()
			wait := m.shoppers(ctx, 3)
			for _, replace := range []struct {
				process **process
				signal  syscall.Signal
				by      string
			}{
				{&first, syscall.SIGKILL, newer}, // changes the tables under the other
				{&second, syscall.SIGTERM, older},
				{&first, syscall.SIGTERM, newer},
				{&second, syscall.SIGKILL, newer},
				{&first, syscall.SIGKILL, older}, // the rollout is taken back
				{&second, syscall.SIGTERM, older},
				{&first, syscall.SIGTERM, newer},
			} {
				m.sold(10)
				m.end(*replace.process, replace.signal)
				leasesRunOut(t, dsn)
				*replace.process = m.run(replace.by, dsn)
			}
			m.sold(10)
			closing()
			wait()
			m.settled(open(t, dsn))
		})
	}
}

// leasesRunOut lets all leases run out at once, as if a minute had passed: those of processes that were
// killed, and those of the others, whose work may be taken from them.
func leasesRunOut(t *testing.T, dsn string) {
	t.Helper()
	db := connect(t, dsn)
	for _, statement := range []string{
		"UPDATE kredivo_inbox SET claim_until = 0 WHERE state = 'new'",
		"UPDATE kredivo_event SET claim_until = 0 WHERE state = 'new'",
		"UPDATE kredivo_attempt SET call_until = 0 WHERE call_until IS NOT NULL",
	} {
		eventually(t, statement, func() bool { // many rows at once may deadlock with the shop's
			_, err := db.ExecContext(t.Context(), statement)
			return err == nil
		})
	}
}

// build builds a program.
func build(t *testing.T, dir, program string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "shop")
	command(t, dir, "go", "build", "-o", binary, program)
	return binary
}

// buildOld builds the shop from the source of the old version.
func buildOld(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	root := strings.TrimSpace(command(t, ".", "git", "rev-parse", "--show-toplevel"))
	err := exec.CommandContext(t.Context(), "git", "-C", root, "cat-file", "-e", oldVersion+"^{commit}").Run()
	switch {
	case err == nil:
	case os.Getenv("KREDIVO_REQUIRE") != "":
		t.Fatalf("this clone does not reach back to the old version, %s, and KREDIVO_REQUIRE lets no test be skipped", oldVersion)
	default:
		t.Skipf("this clone does not reach back to the old version, %s: git fetch --unshallow", oldVersion)
	}
	command(t, root, "git", "archive", "-o", filepath.Join(dir, "old.tar"), oldVersion, "go.mod", "go.sum", "kredivo", "adapters", "money", "validation")
	command(t, dir, "tar", "-xf", "old.tar")
	source, err := os.ReadFile("testdata/shop/main.go")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "shop"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "shop", "main.go"), source, 0o600); err != nil {
		t.Fatal(err)
	}
	return build(t, dir, "./shop")
}

// command runs a command and returns what it prints.
func command(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v\n%s", name, args, err, out)
	}
	return string(out)
}
