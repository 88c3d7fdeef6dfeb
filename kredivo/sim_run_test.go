package kredivo_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// A layer is one of the plugin's defences, which a world may have switched off to see what the others do
// without it. Status checks are off then too: they repair almost anything in the end.
type layer int

const (
	nothing  layer = iota // all are there
	checking              // status checks
	dedupe                // copies are recognised when they are received
	fence                 // a lost claim is noticed
	guard                 // a status only rises, and an event is emitted once
)

var layerNames = [...]string{"nothing", "status checks", "dedupe", "the fence", "the guard"}

// live runs the world: trouble first, then healed, until nothing is left to do.
func (w *world) live() {
	for n := 0; n < w.steps && !w.step(); n++ {
	}
	w.heal()
	// Redriven work has its ladder of four days again; a lease or a date that a wrong clock gave adds three.
	const patience, redrives, longest = 30_000, 3, 30 * 24 * time.Hour
	healed := time.Now()
	for range redrives {
		for n := 0; !w.step(); n++ {
			if n > patience || time.Since(healed) > longest {
				w.violation("there is always something left to do")
				w.end()
				return
			}
		}
		w.redrive()
		w.review()
	}
	w.checkEnd()
	w.end()
}

// heal ends all trouble.
func (w *world) heal() {
	w.note("everything is healed")
	w.healed = true
	w.mix = mix{restamp: w.mix.restamp}
	w.outages, w.bank.troubles = nil, nil
	for _, in := range w.instances {
		in.skew.Store(0)
	}
}

// end stops every process and waits for its goroutines.
func (w *world) end() {
	for _, in := range w.instances {
		in.dead.Store(true)
	}
	for w.settle(); w.active.Load() > 0; w.settle() {
		if len(w.waiting) == 0 {
			w.advance(time.Minute)
			continue
		}
		w.release(w.waiting[0], killBefore)
	}
}

// step does one thing. It reports whether the world is at rest: nothing goes on and nothing is to come.
func (w *world) step() (rest bool) {
	w.settle()
	if len(w.waiting) > 0 {
		switch {
		case w.chance(w.mix.stop):
			w.stop(pick(w.scheduler, w.waiting...).in)
		case w.chance(0.75):
			next := pick(w.scheduler, w.waiting...)
			w.release(next, w.fateOf(next))
		case w.chance(0.5) && w.doDue():
		case w.chance(0.3):
			w.startPass(w.someInstance(), pick(w.scheduler, passesOf...))
		case w.chance(w.mix.stall):
			w.stall()
		default:
			w.advance(w.between(time.Millisecond, 300*time.Millisecond))
		}
		return false
	}
	if w.doDue() || w.startDue() {
		return false
	}
	next, ok := w.nextTime()
	switch {
	case ok:
		w.advance(next)
	case w.active.Load() > 0:
		w.advance(time.Minute)
	default:
		return true
	}
	return false
}

// stall lets everybody wait where they are, past leases and deadlines.
func (w *world) stall() {
	d := w.between(time.Second, 2*time.Minute)
	w.note("everybody stands still for %s", d)
	w.standstill.Store(true)
	<-time.After(d)
	w.standstill.Store(false)
}

// doDue does one thing of the agenda whose time has come; not always the oldest, for messages overtake
// each other.
func (w *world) doDue() bool {
	now := time.Now()
	var due []int
	for i, e := range w.agenda {
		if !e.at.After(now) {
			due = append(due, i)
		}
	}
	if len(due) == 0 {
		return false
	}
	i := pick(w.scheduler, due...)
	e := w.agenda[i]
	w.agenda = slices.Delete(w.agenda, i, i+1)
	w.note("%s", e.what)
	e.do()
	return true
}

// startDue starts a pass that will find work.
func (w *world) startDue() bool {
	type candidate struct {
		in   *instance
		name string
	}
	var all []candidate
	w.eachPass(func(in *instance, name string, wait time.Duration) {
		if wait <= 0 {
			all = append(all, candidate{in, name})
		}
	})
	if len(all) == 0 {
		return false
	}
	c := pick(w.scheduler, all...)
	w.startPass(c.in, c.name)
	return true
}

// nextTime is how long it takes until something is due; false for never.
func (w *world) nextTime() (time.Duration, bool) {
	var all []time.Duration
	for _, e := range w.agenda {
		all = append(all, time.Until(e.at))
	}
	w.eachPass(func(_ *instance, _ string, wait time.Duration) { all = append(all, wait) })
	if len(all) == 0 {
		return 0, false
	}
	return max(slices.Min(all), time.Microsecond), true
}

// eachPass calls f for every pass that will find work at some time, by its instance's clock.
func (w *world) eachPass(f func(in *instance, name string, wait time.Duration)) {
	due := w.database.due()
	for _, in := range w.instances {
		if in.dead.Load() || in.stopping {
			continue
		}
		for _, name := range passesOf {
			if t := due[name]; !t.IsZero() && !in.busy[name] && (name != "check" || w.off == nothing) {
				f(in, name, max(t.Sub(in.now()), time.Until(in.restUntil[name])))
			}
		}
	}
}

// commits are the calls around which crashes are worth the most.
var commits = []string{
	"Receive", "Change", "ClaimMessages", "ClaimEvents", "ClaimChecks", "FinishEvent", "DeliverTx", "OnEventTx", "answer", "generate-order",
}

// fateOf draws what happens to a call.
func (w *world) fateOf(at *waiter) fate {
	kind, call, _ := strings.Cut(string(at.at), ": ")
	if call == "end" {
		return goOn
	}
	w.passed[at.at]++
	if f := w.crash.fateOf(at.at); f != goOn {
		w.note("the crash: %s", at.at)
		return f
	}
	if w.healed {
		return goOn
	}
	kill := w.mix.kill
	if slices.Contains(commits, call) {
		kill = w.mix.killHot
	}
	if w.chance(kill) {
		return pick(w.scheduler, killBefore, killAfter)
	}
	fails, lost, hangs := w.mix.storeFails, w.mix.storeLost, w.mix.storeHangs
	switch call {
	case "generate-order", "check-status":
		fails, lost, hangs = w.mix.dokuFails, w.mix.dokuLost, w.mix.dokuHangs
	case "OnEvent", "OnEventTx":
		fails, lost, hangs = w.mix.shopFails, w.mix.shopLost, w.mix.shopHangs
	case "answer", "redirect":
		fails, lost, hangs = w.mix.lostAnswer, 0, 0
	default:
		if w.storeAway() {
			return failBefore
		}
	}
	switch {
	case w.chance(fails):
		return failBefore
	case w.chance(lost):
		w.reach(kind + ": " + call + " done, but reported as failed")
		return failAfter
	case w.chance(hangs):
		return hang
	default:
		return goOn
	}
}

func (w *world) storeAway() bool {
	now := time.Now()
	return slices.ContainsFunc(w.outages, func(t trouble) bool { return now.After(t.from) && now.Before(t.to) })
}

// A traceHandler writes the product's log into the trace.
type traceHandler struct {
	in *instance
}

func (h traceHandler) Enabled(context.Context, slog.Level) bool { return true }

func (h traceHandler) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	r.Attrs(func(a slog.Attr) bool {
		b.WriteString(" " + a.String())
		return true
	})
	h.in.w.note("    %s says: %s%s", h.in.name, r.Message, b.String())
	return nil
}

func (h traceHandler) WithAttrs([]slog.Attr) slog.Handler { return h }
func (h traceHandler) WithGroup(string) slog.Handler      { return h }
