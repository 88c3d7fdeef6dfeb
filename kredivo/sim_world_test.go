package kredivo_test

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
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
	clockSet, stops                    int
}

// An instance is one process with the plugin in it. It may end, and another takes its place.
type instance struct {
	w         *world
	name      string
	plugin    *kredivo.Plugin
	skew      *atomic.Int64 // of the machine's clock, which outlives the process
	dead      bool
	stopping  bool
	cancels   map[string]context.CancelFunc // of the passes that are running
	busy      map[string]bool               // passes that are running
	restUntil map[string]time.Time          // after a pass that found nothing
	found     map[string]bool               // passes that found work
	calling   map[string]bool               // activities that wait for DOKU
}

func (in *instance) now() time.Time { return time.Now().Add(time.Duration(in.skew.Load())) }

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
	w.shop = &shopModel{w: w, effects: map[string]int{}, refuse: map[string]int{}, tries: map[string]int{}, final: map[string]bool{}}
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
		w.at(sometime(), "the operator redrives", w.redrive)
		w.at(sometime(), "old messages are pruned", func() { w.startPass(w.someInstance(), "prune") })
	}
}

// setClock sets the clock of an instance's machine wrongly.
func (w *world) setClock(in *instance) {
	if w.mix.skew == 0 {
		return
	}
	d := time.Duration(w.rng.Int64N(int64(2*w.mix.skew))) - w.mix.skew
	if w.mix.skew > 12*time.Hour && w.chance(0.1) {
		d = 72 * time.Hour
	}
	in.skew.Store(int64(d))
	w.note("the clock of %s is off by %s", in.name, d)
}

// boot starts a process in the place of instance i.
func (w *world) boot(i int) {
	old := w.instances[i]
	in := &instance{w: w, name: fmt.Sprintf("%c%d", old.name[0], w.entries), skew: old.skew, busy: map[string]bool{}, cancels: map[string]context.CancelFunc{}, restUntil: map[string]time.Time{}, found: map[string]bool{}, calling: map[string]bool{}}
	logger := slog.New(slog.DiscardHandler)
	if w.log {
		logger = slog.New(traceHandler{in: in})
	}
	cfg := kredivo.Config{
		DOKU: doku.Config{
			ClientID: kredivotest.ClientID, SecretKey: kredivotest.SecretKey, Transport: wire{in},
			MaxTries: 1, // the pauses between tries are drawn by the client, and the simulation must repeat itself
			// No two timers of an instance end at once, for then chance would decide who is first.
			TryTimeout: 9700 * time.Millisecond,
		},
		PublicURL: kredivotest.PublicURL, Store: &faultyStore{w.store, in}, Logger: logger, Now: in.now, Expiry: w.expiry,
		HandlerTimeout: 29300 * time.Millisecond,
	}
	if w.tx {
		cfg.OnEventTx = w.shop.onEventTx(in)
	} else {
		cfg.OnEvent = w.shop.onEvent(in)
	}
	var err error
	if in.plugin, err = kredivo.New(cfg); err != nil {
		panic(err)
	}
	w.instances[i] = in
	w.note("%s starts", in.name)
}

// kill ends the process. Whatever it still does finds neither the store nor DOKU nor the shop.
func (in *instance) kill() {
	if in.dead {
		return
	}
	in.dead = true
	w := in.w
	w.note("%s ends", in.name)
	w.at(time.Now().Add(w.between(time.Millisecond, 2*time.Minute)), in.name+" is started again", func() {
		if i := slices.Index(w.instances, in); i >= 0 {
			w.boot(i)
		}
	})
}

// someInstance is one that runs, or nil.
func (w *world) someInstance() *instance {
	alive := slices.DeleteFunc(slices.Clone(w.instances), func(in *instance) bool { return in.dead })
	if len(alive) == 0 {
		return nil
	}
	return pick(w.scheduler, alive...)
}

// stop is an orderly end: what runs is told to end, and has a little time.
func (w *world) stop(in *instance) {
	if in.dead || in.stopping {
		return
	}
	w.note("%s stops", in.name)
	in.stopping = true
	for _, name := range passesOf {
		if cancel := in.cancels[name]; cancel != nil {
			cancel()
		}
	}
	w.at(time.Now().Add(w.between(time.Second, 20*time.Second)), in.name+" has had its time", in.kill)
}

// passesOf are the workers of an instance that the scheduler starts by turns.
var passesOf = []string{"settle", "deliver", "check"}

// startPass lets in work once.
func (w *world) startPass(in *instance, name string) {
	if in == nil || in.dead || in.stopping || in.busy[name] || name == "check" && w.off != nothing || time.Now().Before(in.restUntil[name]) {
		return
	}
	in.busy[name] = true
	limit := 1 + w.rng.IntN(3)
	w.passes++
	w.spawn(fmt.Sprintf("%s %s#%d", in.name, name, w.passes), func(ctx context.Context) {
		ctx, in.cancels[name] = context.WithCancel(ctx)
		defer in.cancels[name]()
		in.found[name] = false
		switch name {
		case "settle":
			_, _ = in.plugin.SettlePass(ctx)
		case "deliver":
			_, _ = in.plugin.DeliverPass(ctx, limit)
		case "check":
			_, _ = in.plugin.CheckPass(ctx)
		case "prune":
			_, _ = in.plugin.PrunePass(ctx)
		}
		w.yield(ctx, in, "end", "")
		in.busy[name], in.cancels[name] = false, nil
		if !in.found[name] {
			in.restUntil[name] = time.Now().Add(5 * time.Second)
		}
	})
}

// redrive is the operator giving parked work another chance.
func (w *world) redrive() {
	in := w.someInstance()
	if in == nil {
		return
	}
	w.passes++
	w.spawnRequest(fmt.Sprintf("%s operator#%d", in.name, w.passes), func(ctx context.Context) {
		n, err := in.plugin.RedriveAll(ctx)
		w.yield(ctx, in, "end", "")
		if n > 0 && err == nil {
			w.reach("parked work was redriven")
		}
	})
}

// review is the operator asking DOKU about the orders that a person must look at.
func (w *world) review() {
	in := w.someInstance()
	var all []string
	w.database.each(`SELECT DISTINCT order_id FROM kredivo_attempt WHERE status = 'REVIEW' ORDER BY order_id`, nil, func(scan func(...any)) {
		var id string
		scan(&id)
		all = append(all, id)
	})
	if in == nil || len(all) == 0 || w.off != nothing {
		return
	}
	w.passes++
	w.spawnRequest(fmt.Sprintf("%s operator#%d", in.name, w.passes), func(ctx context.Context) {
		for _, id := range all {
			_, _ = in.plugin.ReconcileOrder(ctx, id)
		}
		w.yield(ctx, in, "end", "")
	})
}

func (w *world) storyOf(o *bankOrder) story {
	if w.stories != nil {
		return w.stories(w, o)
	}
	return w.someStory()
}

// delay is how long a message is on its way.
func (w *world) delay() time.Duration { return w.between(time.Millisecond, time.Minute) }

// reach marks a state that must come up in some history.
func (w *world) reach(state string) { w.reached[state] = true }

// violation records a broken promise.
func (w *world) violation(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.note("VIOLATION: %s", text)
	w.wrong = append(w.wrong, text)
}

func compareNames(a, b kredivo.Attempt) int {
	return cmp.Or(a.NextCheckAt.Compare(b.NextCheckAt), cmp.Compare(a.OrderID, b.OrderID), cmp.Compare(a.Number, b.Number))
}
