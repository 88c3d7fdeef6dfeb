package kredivo

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"runtime/debug"
	"sync"
	"time"
)

const (
	// settleBatch, checkBatch: how much one pass claims.
	settleBatch = 32
	checkBatch  = 8
	// How long a crashed instance's work stays put. Settling takes milliseconds; a handler of the host's
	// may take long, so its claim is renewed while it runs.
	settleLease = 15 * time.Second
	eventLease  = 15 * time.Second
	checkLease  = 5 * time.Minute
	// handlers is how many calls of OnEvent may run at once, each for another order, and stuckHandlers how
	// many more may be past their deadline without having returned. A host that hangs on some orders must
	// not hold up the others.
	handlers      = 8
	stuckHandlers = 64
	// stuckFor is how long a call past its deadline keeps its event to itself; after that the event is
	// delivered again, and what the old call does no longer counts.
	stuckFor = 5 * time.Minute
	// stopGrace is how long Run waits at its end for calls that ignore their context.
	stopGrace = 10 * time.Second
	// storeTimeout bounds one store call of the workers, so that a dead database is noticed.
	storeTimeout = 10 * time.Second
)

// Run settles messages, delivers events and asks DOKU about payments that nobody reported, until ctx
// ends; then it waits for what is running, gives unfinished work back and returns nil. It waits at most
// 10 seconds for a call of OnEvent that does not heed the end of its context. Any number of instances may
// run against one store. Without Run somewhere, notifications are stored and acknowledged, but orders do
// not become paid.
func (p *Plugin) Run(ctx context.Context) error {
	p.running.Add(1)
	defer p.running.Add(-1)
	var wg sync.WaitGroup
	wg.Go(func() { p.loop(ctx, "settle", p.settle, p.settlePass) })
	wg.Go(func() { p.deliverLoop(ctx) })
	wg.Go(func() { p.loop(ctx, "check", p.check, p.checkPass) })
	wg.Wait()
	return nil
}

// loop calls pass until it finds no more work, then waits for a wake-up or the next poll.
func (p *Plugin) loop(ctx context.Context, name string, wakeUp <-chan struct{}, pass func(context.Context) (more bool, err error)) {
	for ctx.Err() == nil {
		more, err := pass(ctx)
		if err != nil && ctx.Err() == nil {
			p.log.ErrorContext(ctx, "work pass failed", "worker", name, "error", err)
		}
		if more && err == nil {
			continue
		}
		p.idle(ctx, wakeUp)
	}
}

// idle waits for a wake-up, the next poll or the end. Polls are spread by a fifth so that instances do
// not ask the database in step.
func (p *Plugin) idle(ctx context.Context, wakeUp <-chan struct{}) {
	t := time.NewTimer(jitter(p.cfg.PollEvery))
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-wakeUp:
	case <-t.C:
	}
}

// settlePass settles one batch of messages.
func (p *Plugin) settlePass(ctx context.Context) (more bool, err error) {
	sctx, cancel := detached(ctx)
	defer cancel()
	batch, err := p.store.ClaimMessages(sctx, Claim{Token: newID(), Now: p.now(), Lease: settleLease, Limit: settleBatch})
	if err != nil {
		return false, err
	}
	for _, m := range batch {
		if err := p.settleMessage(sctx, m); err != nil && !claimLost(err) {
			p.putOff(sctx, m, err)
		}
	}
	return len(batch) == settleBatch, nil
}

// putOff puts a message that cannot be settled on the retry ladder, so that it holds up no other.
func (p *Plugin) putOff(ctx context.Context, m Message, cause error) {
	now := p.now()
	o := Outcome{State: WorkRetry, RunAt: now.Add(ladder(m.Tries)), Error: short(cause)}
	if m.Tries > len(retryLadder) {
		o.State = WorkParked
	}
	p.log.ErrorContext(ctx, "message not settled", "message", m.ID, "source", m.Source, "try", m.Tries, "outcome", o.State, "error", cause)
	err := p.store.Change(ctx, Scope{Message: &m, Now: now}, func([]Attempt) (Decision, error) {
		return Decision{Message: o}, nil
	})
	if err != nil && !claimLost(err) {
		p.log.ErrorContext(ctx, "message not put off; its claim runs out by itself", "message", m.ID, "error", err)
	}
}

// deliverLoop hands events to the host, at most handlers at once and never two of one order. A slow
// call holds one slot, and only until its deadline.
func (p *Plugin) deliverLoop(ctx context.Context) {
	var running sync.WaitGroup
	slots, stuck := make(chan struct{}, handlers), make(chan struct{}, stuckHandlers)
	alive, abandon := context.WithCancel(context.WithoutCancel(ctx)) // as long as claims are renewed
	defer abandon()
	p.loop(ctx, "deliver", p.deliver, func(ctx context.Context) (bool, error) {
		free := handlers - len(slots)
		if free == 0 {
			return false, nil // the next finished call wakes us
		}
		sctx, cancel := detached(ctx)
		defer cancel()
		batch, err := p.store.ClaimEvents(sctx, Claim{
			Token: newID(), Now: p.now(), Lease: eventLease, Limit: free,
		})
		if err != nil {
			return false, err
		}
		for _, d := range batch {
			slots <- struct{}{}
			running.Go(func() {
				p.deliverEvent(ctx, alive, d, slots, stuck)
				wake(p.deliver) // a slot is free, and the order's next event may be due
			})
		}
		return len(batch) == free, nil
	})
	if !waitFor(&running, stopGrace) {
		p.log.ErrorContext(ctx, "OnEvent ignores the end of its context; its events will be delivered again")
	}
}

// waitFor reports whether wg is done within d.
func waitFor(wg *sync.WaitGroup, d time.Duration) bool {
	done := make(chan struct{})
	go func() {
		wg.Wait()
		close(done)
	}()
	limit := time.NewTimer(d)
	defer limit.Stop()
	select {
	case <-done:
		return true
	case <-limit.C:
		return false
	}
}

// deliverEvent calls the host once and records how it ended. It holds a place in slots until the call
// returns or is past its deadline, when the place is changed for one in stuck. The claim is renewed until
// alive ends.
func (p *Plugin) deliverEvent(ctx, alive context.Context, d Delivery, slots, stuck chan struct{}) {
	place := slots
	defer func() { <-place }()
	stop := keepAlive(alive, eventLease/3, func(ctx context.Context) error {
		return p.store.KeepEvent(ctx, d, Claim{Now: p.now(), Lease: eventLease})
	})
	defer stop()

	returned := make(chan error, 1)
	go func() {
		err := errGone
		defer func() { returned <- err }()
		err = p.callHost(ctx, d.Event)
	}()
	overdue := time.NewTimer(p.cfg.HandlerTimeout + time.Second) // a moment for a host that heeds its context
	defer overdue.Stop()
	var err error
	select {
	case err = <-returned:
	case <-overdue.C:
		p.log.ErrorContext(ctx, "OnEvent is stuck: it has not returned although its context has ended", "event", d.Event.ID, "order_id", d.Event.OrderID)
		select {
		case stuck <- struct{}{}:
			<-slots
			place = stuck
			wake(p.deliver)
		default: // too many; this one goes on holding its slot
		}
		overdue.Reset(stuckFor)
		select {
		case err = <-returned:
		case <-overdue.C:
			err = errStuck
		}
	}
	stop()
	p.recordDelivery(ctx, d, err)
}

var (
	errStuck = errors.New("OnEvent does not return")
	errGone  = errors.New("OnEvent ended its goroutine")
)

// recordDelivery writes how a call of the host ended.
func (p *Plugin) recordDelivery(ctx context.Context, d Delivery, err error) {
	now := p.now()
	o := Outcome{State: WorkDone}
	if err != nil {
		o = Outcome{State: WorkRetry, RunAt: now.Add(ladder(d.Tries)), Error: short(err)}
		switch {
		case ctx.Err() != nil:
			o.RunAt = now // we are stopping; the next instance goes on at once
		case d.Tries >= len(retryLadder)+1:
			o.State = WorkParked
		}
	}
	sctx, cancel := detached(ctx)
	defer cancel()
	finishErr := p.store.FinishEvent(sctx, d, o)
	attrs := []any{"event", d.Event.ID, "order_id", d.Event.OrderID, "try", d.Tries, "outcome", o.State}
	switch {
	case finishErr != nil && !claimLost(finishErr):
		p.log.ErrorContext(ctx, "event outcome not recorded; it will be delivered again", append(attrs, "error", finishErr)...)
	case err != nil && o.State == WorkParked:
		p.log.ErrorContext(ctx, "event parked: the host refuses it", append(attrs, "error", o.Error)...)
	case err != nil:
		p.log.WarnContext(ctx, "event refused by the host", append(attrs, "retry_at", o.RunAt, "error", o.Error)...)
	default:
		p.log.InfoContext(ctx, "event delivered", attrs...)
	}
}

// callHost runs OnEvent with a deadline and turns a panic into an error.
func (p *Plugin) callHost(ctx context.Context, e Event) (err error) {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.HandlerTimeout)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			p.log.ErrorContext(ctx, "OnEvent panicked", "event", e.ID, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic in OnEvent: %T", v)
		}
	}()
	err = p.cfg.OnEvent(ctx, e)
	if isTypedNil(err) {
		p.log.WarnContext(ctx, "OnEvent returned a nil pointer in an error; taken as success", "event", e.ID)
		return nil
	}
	return err
}

// isTypedNil spots the classic slip of returning a nil *MyError as an error.
func isTypedNil(err error) bool {
	if err == nil {
		return false
	}
	v := reflect.ValueOf(err)
	switch v.Kind() {
	case reflect.Pointer, reflect.Map, reflect.Slice, reflect.Func, reflect.Chan, reflect.Interface:
		return v.IsNil()
	default:
		return false
	}
}

// retryLadder is the pause after each failed try: about 95 hours in all, over a long weekend.
var retryLadder = [...]time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour,
	3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 24 * time.Hour, 24 * time.Hour,
}

// ladder is the pause after the given number of tries, spread by a fifth.
func ladder(tries int) time.Duration {
	return jitter(retryLadder[min(max(tries, 1), len(retryLadder))-1])
}

func jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return d - d/5 + rand.N(2*d/5+1)
}

// keepAlive calls beat every so often until ctx ends, stop is called, or beat finds that the work has
// been given to someone else. Stop returns when no beat is running any more.
func keepAlive(ctx context.Context, every time.Duration, beat func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				if claimLost(beat(ctx)) {
					return
				}
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// detached is for store calls that must not be torn by the end of the caller.
func detached(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
}

// short is an error's text, cut to what belongs in a row of a table.
func short(err error) string {
	const limit = 300
	runes := []rune(err.Error())
	return string(runes[:min(len(runes), limit)])
}

func shortHash(h Hash) string { return hex.EncodeToString(h[:8]) }
