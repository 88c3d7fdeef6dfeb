package kredivo_test

import (
	flags "flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestSimulation lets many small worlds live, each another history of shoppers, notifications, crashes,
// outages, wrong clocks and a shop that fails, and checks in each of them what the plugin promises. In a
// full world all of the plugin is there; in a layered one a part of its defence is off, so that a
// mistake in another part is not repaired by it.
//
// KREDIVO_SIM_SEEDS=n makes it n full and n/2 layered worlds, and KREDIVO_SIM_MODE=full or layered only
// these; with -failfast the first broken promise is the last. KREDIVO_SIM_SEED=s with KREDIVO_SIM_MODE repeats
// one world and prints its history.
func TestSimulation(t *testing.T) {
	mode := os.Getenv("KREDIVO_SIM_MODE")
	if seed, err := strconv.ParseUint(os.Getenv("KREDIVO_SIM_SEED"), 10, 64); err == nil {
		replay(t, seed, mode)
		return
	}
	full := 600
	if testing.Short() {
		full = 30
	}
	if n, err := strconv.Atoi(os.Getenv("KREDIVO_SIM_SEEDS")); err == nil {
		full = n
	}
	type job struct {
		mode string
		seed uint64
	}
	jobs := make(chan job, 2*full)
	for i := range full {
		if mode != "layered" {
			jobs <- job{"full", uint64(i)}
		}
		if mode != "full" && i%2 == 0 {
			jobs <- job{"layered", uint64(i / 2)}
		}
	}
	close(jobs)

	var mu sync.Mutex
	failFast := flags.Lookup("test.failfast").Value.String() == "true"
	traces := 2 // that are printed: the others can be repeated
	reached := map[string]bool{}
	t.Run("shards", func(t *testing.T) {
		for shard := range runtime.GOMAXPROCS(0) {
			t.Run(strconv.Itoa(shard), func(t *testing.T) {
				t.Parallel()
				dir := quickDir(t)
				for j := range jobs {
					w := liveOnce(t, dir, planOf(j.mode, j.seed), false)
					mu.Lock()
					maps.Copy(reached, w.reached)
					if len(w.wrong) > 0 {
						t.Errorf("%s world %d: %s\nrepeat it: KREDIVO_SIM_SEED=%d KREDIVO_SIM_MODE=%s go test ./kredivo -run '^TestSimulation$' -v",
							j.mode, j.seed, strings.Join(w.wrong, "; "), j.seed, j.mode)
						if traces--; traces >= 0 {
							t.Log(ending(w.trace))
						}
						for failFast && len(jobs) > 0 {
							<-jobs
						}
					}
					mu.Unlock()
				}
			})
		}
	})
	if t.Failed() || full < 600 || mode != "" {
		return // a few worlds, or those of one mode, do not get everywhere
	}
	for _, state := range sometimes {
		if !reached[state] {
			t.Errorf("in none of %d full and %d layered worlds: %s", full, full/2, state)
		}
	}
}

// sometimes are states that the simulation must get into, else it proves little.
var sometimes = []string{
	"a claim was lost",
	"a message was claimed again",
	"a copy was acknowledged",
	"an answer to DOKU was lost",
	"FAILED, then PAID",
	"REVIEW, then PAID",
	"paid late",
	"emitted alarm.paid_twice",
	"emitted alarm.paid_after_expiry",
	"emitted alarm.amount_mismatch",
	"emitted alarm.reference_mismatch",
	"emitted alarm.unknown_invoice",
	"an invoice was not visible yet",
	"a message was parked",
	"an event was parked",
	"parked work was redriven",
	"an event was delivered again",
	"killed with the effect written and not committed",
	"the shop was stuck",
	"a delivery was broken off by a stop",
	"generate-order repeated: 409",
	"check-status found a payment",
	"DOKU gave up a notification",
	"DOKU refused a timestamp",
	"a forged notification was refused",
	"old messages were pruned",
	"goods were released",
}

// TestSimulationRepeatsItself: a seed is one history, whatever else the machine does.
func TestSimulationRepeatsItself(t *testing.T) {
	t.Parallel()
	dir := quickDir(t)
	seeds := uint64(10)
	if testing.Short() {
		seeds = 2
	}
	for seed := range seeds {
		for _, mode := range []string{"full", "layered"} {
			first, second := liveOnce(t, dir, planOf(mode, seed), false), liveOnce(t, dir, planOf(mode, seed), false)
			if a, b := first.history(), second.history(); a != b {
				t.Errorf("%s world %d has the histories %s and %s: %s", mode, seed, a, b, firstDifference(first.trace, second.trace))
			}
		}
	}
}

func firstDifference(a, b []string) string {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d is\n%s\nthen\n%s", i, a[i], b[i])
		}
	}
	return fmt.Sprintf("%d and %d lines", len(a), len(b))
}

func replay(t *testing.T, seed uint64, mode string) {
	p := planOf(mode, seed)
	w := liveOnce(t, quickDir(t), p, true)
	t.Logf("%+v, without %s\n%s", p.mix, layerNames[p.off], strings.Join(w.trace, "\n"))
	for _, v := range w.wrong {
		t.Error(v)
	}
}

// liveOnce runs one world.
func liveOnce(t *testing.T, dir string, p plan, log bool) (w *world) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		db := openDatabase(t, dir)
		defer db.close(t)
		w = newWorld(p, db)
		w.log = log
		w.live()
	})
	return w
}

// planOf draws what a seed's world is like: each has some kinds of trouble and not others, so that no kind
// hides another.
func planOf(mode string, seed uint64) plan {
	r := rand.New(rand.NewPCG(seed, uint64(len(mode))))
	some := func(most float64) float64 {
		if r.IntN(2) == 0 {
			return 0
		}
		return most * (0.2 + 0.8*r.Float64())
	}
	p := plan{
		seed: seed, tx: r.IntN(2) == 0, instances: 2 + r.IntN(2), orders: 1 + r.IntN(3), steps: 250 + r.IntN(250),
		expiry: []time.Duration{time.Hour, 3 * time.Hour, 24 * time.Hour}[r.IntN(3)],
		mix: mix{
			kill: some(0.004), killHot: some(0.05),
			storeFails: some(0.02), storeLost: some(0.02), storeHangs: some(0.005),
			dokuFails: some(0.2), dokuLost: some(0.1), dokuHangs: some(0.1),
			shopFails: some(0.05), shopLost: some(0.05), shopHangs: some(0.04),
			refusal: some(0.4), stubborn: some(0.3),
			lostRequest: some(0.5), lostAnswer: some(0.2), duplicate: some(0.5),
			lagging: some(0.05), decline: some(0.15), extras: some(0.6), stall: some(0.2), stop: some(0.04),
			restamp: r.IntN(2) == 0, skew: time.Duration(some(float64(24 * time.Hour))),
			storeOutages: r.IntN(3), dokuOutages: r.IntN(3), clockSet: r.IntN(4),
		},
	}
	if mode == "layered" {
		p.off = []layer{checking, dedupe, fence, guard}[seed%4]
		p.mix.skew /= 6 // a message that looks a day old waits for a status check, and there is none
	}
	if p.off == guard {
		p.mix.skew = 0 // an attempt that looks open again may clash with the order's next one
	}
	return p
}

// ending is the last part of a trace.
func ending(trace []string) string {
	const lines = 60
	return strings.Join(slices.Clone(trace[max(0, len(trace)-lines):]), "\n")
}
