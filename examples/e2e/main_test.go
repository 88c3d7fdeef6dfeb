// Package e2e drives the example programs from outside, over real sockets, with a simulator of DOKU and
// Kredivo in the test process. Every scenario runs on every program, and on every database.
package e2e

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// binaries is where TestMain builds the programs, once.
var binaries string

func TestMain(m *testing.M) {
	os.Exit(build(m))
}

func build(m *testing.M) int {
	dir, err := os.MkdirTemp("", "paylater-e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binaries = dir
	cmd := exec.Command("go", "build", "-o", dir+string(filepath.Separator), "../gin", "../fiber", "../nethttp", "../shop")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "building the examples:", err)
		return 1
	}
	// These tests wait for other processes most of the time, so many more of them than there are processors can.
	flag.Parse()
	if err := flag.Set("test.parallel", "12"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return m.Run()
}

// A program is one way to start an example.
type program struct {
	name  string
	args  []string
	store string // the kind of database that payments are in; empty for SQLite
}

func (p program) String() string {
	parts := []string{p.name}
	if len(p.args) > 0 {
		parts = append(parts, p.args[1])
	}
	if p.store != "" {
		parts = append(parts, p.store)
	}
	return strings.Join(parts, "-")
}

// onEvery runs test on every program, several at a time: each framework with SQLite, and the shop with a
// database on each server. The programs have no race detector, so -short takes the servers out of its run.
func onEvery(t *testing.T, test func(t *testing.T, p program)) {
	t.Helper()
	programs := frameworks()
	if !testing.Short() {
		programs = append(programs, servers()...)
	}
	onPrograms(t, programs, test)
}

func frameworks() []program {
	return []program{
		{name: "gin"},
		{name: "fiber"},
		{name: "nethttp"},
		{name: "shop", args: []string{"-framework", "gin"}},
		{name: "shop", args: []string{"-framework", "fiber"}},
		{name: "shop", args: []string{"-framework", "nethttp"}},
	}
}

func servers() []program {
	return []program{
		{name: "shop", args: []string{"-framework", "gin"}, store: postgres},
		{name: "shop", args: []string{"-framework", "nethttp"}, store: mysql},
	}
}

func onPrograms(t *testing.T, programs []program, test func(t *testing.T, p program)) {
	t.Helper()
	t.Parallel()
	watchSources(t)
	for _, p := range programs {
		t.Run(p.String(), func(t *testing.T) {
			t.Parallel()
			test(t, p)
		})
	}
}

// watchSources opens every directory of the module, as go test notes which files a test has looked at. The
// programs are no imports of this package, so otherwise it would show an old result for a new program.
func watchSources(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == ".git" {
			return filepath.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
