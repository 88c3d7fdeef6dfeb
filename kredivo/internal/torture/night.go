package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// A night runs jobs one after another.
type night struct {
	dir           string
	length        time.Duration
	kills, rounds int // instead of length; 0 for none
	seed          uint64
	mutant        string
	jobs          []job
}

// A job is one line of the table at the end.
type job struct {
	name  string
	share int // of the night
	work  work
}

// work does a task, and sums up how it went.
type work func(ctx context.Context, t task) (summary string, err error)

// jobs are all that can be run. Campaigns whose name ends in once have the shop on a database of its own, with
// OnEvent; the others share the store's transactions.
func jobs() []job {
	return []job{
		{"sqlite", 8, campaignOn(onSQLite, true)},
		{"sqlite-once", 4, campaignOn(onSQLite, false)},
		{"postgres", 8, campaignOn(newPostgres, true)},
		{"postgres-once", 4, campaignOn(newPostgres, false)},
		{"mariadb", 6, campaignOn(newMariaDB, true)},
		{"mariadb-once", 3, campaignOn(newMariaDB, false)},
		{"soak-sqlite", 4, soakOn(onSQLite)},
		{"soak-postgres", 4, soakOn(newPostgres)},
		{"simulation", 10, simulate},
		{"proofs", 4, prove},
		{"fuzz", 5, fuzz},
	}
}

func jobNames() []string {
	var names []string
	for _, j := range jobs() {
		names = append(names, j.name)
	}
	return names
}

// selected are the jobs of a list of names; all when it is empty.
func selected(list string) ([]job, error) {
	if list == "" {
		return jobs(), nil
	}
	var chosen []job
	for name := range strings.SplitSeq(list, ",") {
		i := slices.Index(jobNames(), name)
		if i < 0 {
			return nil, fmt.Errorf("there is no job %q: choose from %s", name, strings.Join(jobNames(), ", "))
		}
		chosen = append(chosen, jobs()[i])
	}
	return chosen, nil
}

// run runs the jobs and prints a table. Its error has those of all jobs.
func (n *night) run(ctx context.Context, out io.Writer) error {
	shares := 0
	for _, j := range n.jobs {
		shares += j.share
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	var problems []error
	for _, j := range n.jobs {
		t := task{night: n, name: j.name, dir: filepath.Join(n.dir, j.name), lasts: n.length * time.Duration(j.share) / time.Duration(shares)}
		say(out, "%s; again: go run ./kredivo/internal/torture %s\n", j.name, t.again())
		begun := time.Now()
		summary, err := "", os.Mkdir(t.dir, 0o711)
		if err == nil {
			summary, err = j.work(ctx, t)
		}
		result := "ok"
		if err != nil {
			result = "FAILED"
			problems = append(problems, fmt.Errorf("%s: %w", j.name, err))
		}
		say(table, "%s\t%s\t%v\t%s\n", j.name, result, time.Since(begun).Round(time.Second), summary)
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(append(problems, table.Flush())...)
}

// again are the arguments that repeat a job.
func (t task) again() string {
	args := fmt.Sprintf("-only %s -seed %d -minutes %d", t.name, t.seed, max(1, int(t.lasts/time.Minute)))
	if t.kills > 0 {
		args += fmt.Sprintf(" -kills %d", t.kills)
	}
	if t.rounds > 0 {
		args += fmt.Sprintf(" -rounds %d", t.rounds)
	}
	return args
}

// say prints for people; there is nobody to tell when that fails.
func say(out io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(out, format, args...) }
