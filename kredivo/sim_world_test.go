package kredivo_test

import (
	"cmp"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/paylater-go/paylater/kredivo"
)

// A world is one simulated history: DOKU, a shop with its shoppers, a few instances of the plugin on one
// database, and everything that goes wrong between them.
type world struct {
	*scheduler
	plan
	*database
	bank       *bank
	shop       *shopModel
	instances  []*instance
	agenda     []entry
	entries    int
	clicks     int
	passes     int
	nonce      int
	healed     bool
	standstill atomic.Bool
	log        bool // the product's own log lines go into the trace

	witness
	passed  map[point]int
	reached map[string]bool
	wrong   []string // violations
}

// A plan is what a seed, or a scenario, wants of a world.
type plan struct {
	seed      uint64
	mix       mix
	off       layer
	tx        bool // OnEventTx instead of OnEvent
	instances int
	orders    int
	steps     int
	expiry    time.Duration
	stories   func(w *world, o *bankOrder) story
	crash     crash // of TestCrashAtEveryPoint
}

// A mix is how often each kind of trouble comes: a probability, at each occasion.
type mix struct {
	kill, killHot                      float64 // at any call; at calls that commit
	storeFails, storeLost, storeHangs  float64
	dokuFails, dokuLost, dokuHangs     float64
	shopFails, shopLost, shopHangs     float64
	refusal, stubborn                  float64 // by event
	lostRequest, lostAnswer, duplicate float64 // of notifications
	lagging, decline, extras           float64
	stall                              float64 // everybody waits while time passes
	stop                               float64 // somebody in the middle of something is told to end
	restamp                            bool    // DOKU signs a repeated notification anew
	skew                               time.Duration
	storeOutages, dokuOutages          int // how many
	clockSet                           int
}

// An entry of the agenda is something that will happen at its time, or any time later.
type entry struct {
	at   time.Time
	n    int
	what string
	do   func()
}

// at puts something on the agenda.
func (w *world) at(t time.Time, what string, do func()) {
	w.entries++
	w.agenda = append(w.agenda, entry{t, w.entries, what, do})
}

// newWorld must be called in a bubble.
func newWorld(p plan, db *database) *world {
	w := &world{scheduler: newScheduler(p.seed), plan: p, database: db, passed: map[point]int{}, reached: map[string]bool{}, witness: newWitness()}
	w.bank = newBank(w)
	w.shop = &shopModel{w: w, effects: map[string]int{}, refuse: map[string]int{}, tries: map[string]int{}, final: map[string]bool{}, broken: map[string]bool{}}
	for i := range p.instances {
		in := &instance{name: string(rune('A'+i)) + "0", skew: &atomic.Int64{}}
		w.instances = append(w.instances, in)
		w.setClock(in)
		w.boot(i)
	}
	for i := range p.orders {
		id := fmt.Sprintf("o%d", i+1)
		first := w.between(time.Second, 30*time.Minute)
		for range 1 + w.rng.IntN(3) {
			w.at(time.Now().Add(first), "click on "+id, func() { w.shop.click(id) })
			first += w.between(time.Millisecond, 24*time.Hour)
		}
	}
	w.planTroubles()
	return w
}

// planTroubles puts what is not drawn at each call on the agenda.
func (w *world) planTroubles() {
	sometime := func() time.Time { return time.Now().Add(w.between(time.Minute, 30*time.Hour)) }
	for range w.mix.storeOutages {
		from := sometime()
		w.database.outages = append(w.database.outages, trouble{from, from.Add(w.between(10*time.Second, 20*time.Minute))})
	}
	for range w.mix.dokuOutages {
		from := sometime()
		w.bank.troubles = append(w.bank.troubles, trouble{from, from.Add(w.between(time.Minute, 3*time.Hour))})
	}
	for range w.mix.clockSet {
		i := w.rng.IntN(len(w.instances))
		w.at(sometime(), "a clock is set", func() { w.setClock(w.instances[i]) })
	}
	for range 2 {
		order := fmt.Sprintf("o%d", 1+w.rng.IntN(w.orders))
		w.at(sometime(), "the operator redrives", w.redrive)
		w.at(sometime(), "the operator asks about the goods of "+order, func() { w.askRelease(order) })
		w.at(sometime(), "old messages are pruned", func() { w.startPass(w.someInstance(), "prune") })
		w.at(time.Now().Add(w.between(24*time.Hour, 96*time.Hour)), "old messages are pruned", func() { w.startPass(w.someInstance(), "prune") })
	}
}

func (w *world) storyOf(o *bankOrder) story {
	if w.stories != nil {
		return w.stories(w, o)
	}
	return w.someStory()
}

// reach marks a state that must come up in some history.
func (w *world) reach(state string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reached[state] = true
}

// violation records a broken promise.
func (w *world) violation(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.note("VIOLATION: %s", text)
	w.wrong = append(w.wrong, text)
}

func compareNames(a, b kredivo.Attempt) int {
	return cmp.Or(a.NextCheckAt.Compare(b.NextCheckAt), cmp.Compare(a.OrderID, b.OrderID), cmp.Compare(a.Number, b.Number))
}
