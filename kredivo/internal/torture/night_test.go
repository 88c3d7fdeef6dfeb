package main

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// A night runs every job with its share of the time, goes on after one that fails, and names it.
func TestNight(t *testing.T) {
	t.Parallel()
	broken := errors.New("promises broken")
	shares := map[string]time.Duration{}
	note := func(err error) work {
		return func(_ context.Context, t task) (string, error) {
			shares[t.name] = t.lasts
			return "summary of " + t.name, err
		}
	}
	n := night{dir: t.TempDir(), length: time.Hour, seed: 7, kills: 40, jobs: []job{{"first", 1, note(broken)}, {"second", 2, note(nil)}}}
	var out strings.Builder
	if err := n.run(t.Context(), &out); !errors.Is(err, broken) || !strings.Contains(err.Error(), "first:") {
		t.Errorf("error %v, want that of the first job", err)
	}
	if shares["first"] != 20*time.Minute || shares["second"] != 40*time.Minute {
		t.Errorf("shares %v, want 20 and 40 minutes", shares)
	}
	for _, want := range []string{
		`first; again: go run ./kredivo/internal/torture -only first -seed 7 -minutes 20 -kills 40\n`,
		`first +FAILED +\w+ +summary of first\n`,
		`second +ok +\w+ +summary of second\n`,
	} {
		if !regexp.MustCompile(want).MatchString(out.String()) {
			t.Errorf("output lacks %s:\n%s", want, out.String())
		}
	}
}

func TestSelected(t *testing.T) {
	t.Parallel()
	if all, err := selected(""); err != nil || len(all) != len(jobs()) {
		t.Errorf("without names: %d jobs, %v; want all", len(all), err)
	}
	if some, err := selected("fuzz,sqlite"); err != nil || len(some) != 2 || some[0].name != "fuzz" || some[1].name != "sqlite" {
		t.Errorf("fuzz,sqlite: %v, %v", some, err)
	}
	if _, err := selected("sqlite,nonsense"); err == nil || !strings.Contains(err.Error(), `"nonsense"`) {
		t.Errorf("a job that is not there: %v", err)
	}
}

// Every fuzz target of the module is found, and where it is.
func TestFuzzTargets(t *testing.T) {
	t.Parallel()
	targets, err := fuzzTargets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if want := (fuzzTarget{"FuzzVerify", "./kredivo/doku"}); !slices.Contains(targets, want) {
		t.Errorf("%v is not among %v", want, targets)
	}
}
