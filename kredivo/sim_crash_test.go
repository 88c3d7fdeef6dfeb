package kredivo_test

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"
)

// A crash happens once in a world, at the nth passage of a point.
type crash struct {
	at   point
	n    int
	fate fate
}

// fateOf is asked at every passage.
func (c *crash) fateOf(at point) fate {
	if c.n == 0 || at != c.at {
		return goOn
	}
	if c.n--; c.n > 0 {
		return goOn
	}
	return c.fate
}

// scenarios are one order's life each, without any other trouble.
var scenarios = []struct {
	name  string
	story story
	mix   mix
}{
	{name: "paid", story: story{{after: time.Minute, becomes: "SUCCESS", says: "SUCCESS"}}},
	{name: "paid, and DOKU is silent", story: story{{after: time.Minute, becomes: "SUCCESS"}}},
	{name: "refused, then paid", story: story{
		{after: time.Minute, becomes: "FAILED", says: "FAILED"}, {after: time.Hour, becomes: "SUCCESS", says: "SUCCESS"},
	}},
	{name: "paid late", story: story{{after: 7 * time.Hour, late: true, becomes: "SUCCESS", says: "SUCCESS"}}},
	{name: "paid back", story: story{
		{after: time.Minute, becomes: "SUCCESS", says: "SUCCESS"}, {after: time.Hour, becomes: "REFUNDED", says: "REFUNDED"},
	}},
	{name: "wrong amount", story: story{
		{after: time.Minute, says: "SUCCESS", amount: "1"}, {after: time.Hour, becomes: "SUCCESS"},
	}},
	{name: "nonsense and strangers", story: story{
		{after: time.Minute, body: `{"order":`}, {after: time.Minute, says: "SUCCESS", elsewise: true},
		{after: time.Minute, says: "SUCCESS", old: true}, {after: time.Hour, becomes: "SUCCESS", says: "SUCCESS"},
	}},
	{name: "the shop refuses", story: story{{after: time.Minute, becomes: "SUCCESS", says: "SUCCESS"}}, mix: mix{stubborn: 1}},
}

// mustCrash are points that the scenarios pass; a crash at each of them is tried.
var mustCrash = []point{
	"click: Change", "click: generate-order", "click: redirect",
	"receive: Receive", "receive: answer",
	"settle: ClaimMessages", "settle: Change",
	"deliver: ClaimEvents", "deliver: OnEvent", "deliver: FinishEvent", "deliver: DeliverTx", "deliver: OnEventTx",
	"check: ClaimChecks", "check: check-status", "check: Receive", "check: ClaimMessages", "check: Change",
	"operator: Redrive", "operator: Attempts", "operator: check-status",
	"prune: Prune",
}

// TestCrashAtEveryPoint lets each scenario live once undisturbed, and then once more for every point that it
// passed and every way to crash there: before the call, after it, and with the call done but its answer lost.
// Afterwards all must end as well as without the crash.
func TestCrashAtEveryPoint(t *testing.T) {
	t.Parallel()
	lives, passages, fates := scenarios, 2, []fate{killBefore, killAfter, failAfter}
	if testing.Short() {
		lives, passages, fates = scenarios[:2], 1, []fate{killAfter}
	}
	var mu sync.Mutex
	crashed := map[point]bool{}
	t.Run("scenarios", func(t *testing.T) {
		for _, s := range lives {
			for _, tx := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, in a transaction %t", s.name, tx), func(t *testing.T) {
					t.Parallel()
					dir := quickDir(t)
					p := plan{
						seed: 1, tx: tx, mix: s.mix, instances: 2, orders: 1, steps: 10_000, expiry: time.Hour,
						stories: func(*world, *bankOrder) story { return s.story },
					}
					calm := liveOnce(t, dir, p, false)
					if len(calm.wrong) > 0 {
						t.Fatalf("without any crash: %v\n%s", calm.wrong, ending(calm.trace))
					}
					for _, at := range slices.Sorted(maps.Keys(calm.passed)) {
						for n := range min(calm.passed[at], passages) {
							for _, f := range fates {
								p.crash = crash{at: at, n: n + 1, fate: f}
								w := liveOnce(t, dir, p, false)
								if w.crash.n > 0 {
									w.violation("the crash did not happen")
								}
								if len(w.wrong) > 0 {
									t.Errorf("passage %d of %s, %s: %v\n%s", n+1, at, fateNames[f], w.wrong, ending(w.trace))
								}
							}
						}
						mu.Lock()
						crashed[at] = true
						mu.Unlock()
					}
				})
			}
		}
	})
	for _, at := range mustCrash {
		if !crashed[at] && !testing.Short() {
			t.Errorf("no scenario passed %s", at)
		}
	}
}
