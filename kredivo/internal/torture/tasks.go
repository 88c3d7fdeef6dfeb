package main

import (
	"context"
	"fmt"
	"time"
)

const (
	// void is how many notifications a campaign must have acknowledged to show anything.
	void = 1000
	// steady is the pause between the payments of one sender in a soak: a busy shop, which its workers keep up
	// with.
	steady = 50 * time.Millisecond
	// Sizes of what is not measured in time, for one minute of two busy cores.
	seedsPerMinute, cutsPerMinute = 800, 300
)

// A task is a job of tonight.
type task struct {
	*night
	name  string
	dir   string // of its own
	lasts time.Duration
}

// campaignOn kills shops on a database, and the database.
func campaignOn(open database, onEventTx bool) work {
	return func(ctx context.Context, t task) (string, error) {
		p, s, err := open(ctx, t.dir)
		defer s.close()
		if err != nil {
			return "", err
		}
		c := campaign{dir: t.dir, place: p, server: s, onEventTx: onEventTx, mutant: t.mutant, seed: t.seed, atLeast: void}
		if c.rounds = t.rounds; s == nil {
			c.rounds = t.kills
		}
		if c.rounds == 0 {
			c.until = time.Now().Add(t.lasts)
		}
		v, err := c.run(ctx)
		if err == nil {
			err = v.err(c.atLeast)
		}
		return v.String(), err
	}
}

// soakOn keeps one shop busy.
func soakOn(open database) work {
	return func(ctx context.Context, t task) (string, error) {
		p, server, err := open(ctx, t.dir)
		defer server.close()
		if err != nil {
			return "", err
		}
		s := soak{dir: t.dir, place: p, onEventTx: true, seed: t.seed, lasts: t.lasts, every: steady}
		result, err := s.run(ctx)
		if err == nil {
			err = result.err(void)
		}
		return result.String(), err
	}
}

// simulate runs the deterministic simulation of package kredivo with many seeds.
func simulate(ctx context.Context, t task) (string, error) {
	seeds := t.scaled(seedsPerMinute)
	return fmt.Sprintf("%d seeds", seeds), goTest(ctx, fmt.Sprintf("KREDIVO_SIM_SEEDS=%d", seeds), ".", "-run", "^TestSimulation$", "./kredivo")
}

// prove runs the nested module that cuts power and networks.
func prove(ctx context.Context, t task) (string, error) {
	cuts := t.scaled(cutsPerMinute)
	return fmt.Sprintf("%d power cuts", cuts), goTest(ctx, fmt.Sprintf("KREDIVO_POWER_CUTS=%d", cuts), "kredivo/internal/proofs", "./...")
}

// fuzz runs every fuzz target for the same time.
func fuzz(ctx context.Context, t task) (string, error) {
	targets, err := fuzzTargets(ctx)
	if err != nil {
		return "", err
	}
	each := t.lasts / time.Duration(max(1, len(targets)))
	for _, f := range targets {
		if err := goTest(ctx, "", ".", "-run", "^$", "-fuzz", "^"+f.name+"$", "-fuzztime", each.String(), f.dir); err != nil {
			return f.name, err
		}
	}
	return fmt.Sprintf("%d targets, %v each", len(targets), each.Round(time.Second)), nil
}

// scaled is a size for the time that the task has.
func (t task) scaled(perMinute int) int { return max(1, perMinute*int(t.lasts/time.Second)/60) }
