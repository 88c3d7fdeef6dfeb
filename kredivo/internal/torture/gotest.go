package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// root is the directory of the module.
func root(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}", "github.com/paylater-go/paylater").Output()
	return strings.TrimSpace(string(out)), err
}

// goTest runs tests in a directory of the module, with one more environment variable. The error of tests that
// fail ends with the last that they printed.
func goTest(ctx context.Context, variable, dir string, args ...string) error {
	top, err := root(ctx)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "go", append([]string{"test", "-count=1", "-timeout=0"}, args...)...)
	cmd.Dir = filepath.Join(top, dir)
	cmd.Env = append(os.Environ(), variable)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // go ends the tests
	cmd.WaitDelay = time.Minute
	if cmd.SysProcAttr, err = diesWithUs(""); err != nil {
		return err
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%v: %w\n%s", cmd.Args, err, out[max(0, len(out)-4000):])
	}
	return nil
}

// A fuzzTarget is a fuzz test and the directory of its package.
type fuzzTarget struct{ name, dir string }

var fuzzFunction = regexp.MustCompile(`(?m)^func (Fuzz\w+)\(`)

// fuzzTargets are those of the root module.
func fuzzTargets(ctx context.Context) (targets []fuzzTarget, err error) {
	top, err := root(ctx)
	if err != nil {
		return nil, err
	}
	err = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		dir, err := filepath.Rel(top, filepath.Dir(path))
		for _, m := range fuzzFunction.FindAllSubmatch(text, -1) {
			targets = append(targets, fuzzTarget{string(m[1]), "./" + filepath.ToSlash(dir)})
		}
		return err
	})
	return targets, err
}
