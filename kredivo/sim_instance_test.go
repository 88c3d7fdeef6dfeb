package kredivo_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

// An instance is one process with the plugin in it. It may end, and another takes its place.
type instance struct {
	w         *world
	name      string
	plugin    *kredivo.Plugin
	skew      *atomic.Int64 // of the machine's clock, which outlives the process
	dead      atomic.Bool
	stopping  bool
	cancels   map[string]context.CancelFunc // of the passes that are running
	busy      map[string]bool               // passes that are running
	restUntil map[string]time.Time          // after a pass that found nothing
	found     map[string]bool               // passes that found work
	calling   sync.Map                      // activities that wait for DOKU
}

func (in *instance) now() time.Time { return time.Now().Add(time.Duration(in.skew.Load())) }

// setClock sets the clock of an instance's machine wrongly.
func (w *world) setClock(in *instance) {
	if w.mix.skew == 0 {
		return
	}
	d := time.Duration(w.rng.Int64N(int64(2*w.mix.skew))) - w.mix.skew
	if w.mix.skew > 12*time.Hour && w.chance(0.25) {
		d = 72 * time.Hour
	}
	in.skew.Store(int64(d))
	w.note("the clock of %s is off by %s", in.name, d)
}

// boot starts a process in the place of instance i.
func (w *world) boot(i int) {
	old := w.instances[i]
	in := &instance{w: w, name: fmt.Sprintf("%c%d", old.name[0], w.entries), skew: old.skew, busy: map[string]bool{}, cancels: map[string]context.CancelFunc{}, restUntil: map[string]time.Time{}, found: map[string]bool{}}
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
		HandlerTimeout: 29300 * time.Millisecond, KeepMessages: 24 * time.Hour,
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
	if in.dead.Load() {
		return
	}
	in.dead.Store(true)
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
	alive := slices.DeleteFunc(slices.Clone(w.instances), func(in *instance) bool { return in.dead.Load() })
	if len(alive) == 0 {
		return nil
	}
	return pick(w.scheduler, alive...)
}

// stop is an orderly end: what runs is told to end, and has a little time.
func (w *world) stop(in *instance) {
	if in.dead.Load() || in.stopping {
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
	if in == nil || in.dead.Load() || in.stopping || in.busy[name] || name == "check" && w.off != nothing || time.Now().Before(in.restUntil[name]) {
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
			if n, _ := in.plugin.PrunePass(ctx); n > 0 {
				w.reach("old messages were pruned")
			}
		}
		w.yield(ctx, in, "end", "")
		in.busy[name], in.cancels[name] = false, nil
		if !in.found[name] {
			in.restUntil[name] = time.Now().Add(5 * time.Second)
		}
	})
}
