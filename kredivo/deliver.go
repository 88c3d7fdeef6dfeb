package kredivo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"runtime/debug"
	"strconv"
	"sync"
	"time"
)

const (
	// handlers is how many calls of the host may run at once, each for another order, and stuckHandlers how
	// many more may be past their deadline without having returned. A host that hangs on some orders must
	// not hold up the others.
	handlers      = 8
	stuckHandlers = 64
	// stuckFor is how long a call past its deadline keeps its event to itself; after that the event is
	// delivered again, and what the old call does no longer counts.
	stuckFor = 5 * time.Minute
	// stopGrace is how long Run waits at its end for calls that ignore their context.
	stopGrace = 10 * time.Second
)

// A deliverer hands events to the host, at most handlers at once and never two of one order. A slow call
// holds one slot, and only until its deadline.
type deliverer struct {
	*Plugin
	running      sync.WaitGroup
	slots, stuck chan struct{}
}

func (p *Plugin) newDeliverer() *deliverer {
	return &deliverer{Plugin: p, slots: make(chan struct{}, handlers), stuck: make(chan struct{}, stuckHandlers)}
}

func (p *Plugin) deliverLoop(ctx context.Context) {
	alive, abandon := context.WithCancel(context.WithoutCancel(ctx)) // as long as claims are renewed
	defer abandon()
	d := p.newDeliverer()
	p.loop(ctx, "deliver", p.deliver, func(ctx context.Context) (bool, error) { return d.pass(ctx, alive) })
	if !waitFor(&d.running, stopGrace) {
		p.log.ErrorContext(ctx, "the host's handler ignores the end of its context; its events will be delivered again")
	}
}

// pass claims as many events as there are free slots and starts their delivery.
func (p *deliverer) pass(ctx, alive context.Context) (more bool, err error) {
	free := handlers - len(p.slots)
	if free == 0 {
		return false, nil // the next finished call wakes us
	}
	sctx, cancel := detached(ctx)
	defer cancel()
	batch, err := p.store.ClaimEvents(sctx, Claim{Token: newID(), Now: p.now(), Lease: p.eventLease(), Limit: free})
	if err != nil {
		return false, err
	}
	for _, d := range batch {
		p.slots <- struct{}{}
		p.running.Go(func() {
			p.deliverEvent(ctx, alive, d)
			wake(p.deliver) // a slot is free, and the order's next event may be due
		})
	}
	return len(batch) == free, nil
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

var (
	errStuck = errors.New("the handler does not return")
	errGone  = errors.New("the handler ended its goroutine")
)

// deliverEvent calls the host once and records how it ended. It holds a place in slots until the call
// returns or is past its deadline, when the place is changed for one in stuck. The claim is renewed until
// alive ends.
func (p *deliverer) deliverEvent(ctx, alive context.Context, d Delivery) {
	place := p.slots
	defer func() { <-place }()
	stop := keepAlive(alive, eventLease/3, func(ctx context.Context) error {
		return p.store.KeepEvent(ctx, d, Claim{Now: p.now(), Lease: p.eventLease()})
	})
	defer stop()

	returned := make(chan error, 1)
	go func() {
		err := errGone
		defer func() { returned <- err }()
		err = p.callHost(ctx, d)
	}()
	overdue := time.NewTimer(p.cfg.HandlerTimeout + time.Second) // a moment for a host that heeds its context
	defer overdue.Stop()
	var err error
	select {
	case err = <-returned:
	case <-overdue.C:
		p.log.ErrorContext(ctx, "the host's handler is stuck: it has not returned although its context has ended", "event", d.Event.ID, "order_id", d.Event.OrderID)
		select {
		case p.stuck <- struct{}{}:
			<-p.slots
			place = p.stuck
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

// eventLease is how long a claim lasts without a sign of life. A transaction of the host's may hold the only
// writer until its deadline, and nothing can be renewed meanwhile.
func (p *Plugin) eventLease() time.Duration {
	if p.cfg.OnEventTx == nil {
		return eventLease
	}
	return p.cfg.HandlerTimeout + eventLease
}

// A notCalledError says that the store failed before the host was called, which is no failure of the host's.
type notCalledError struct{ error }

func (e notCalledError) Unwrap() error { return e.error }

// callHost runs the host's handler with a deadline and turns a panic into an error. OnEventTx runs in the
// transaction that ends the event.
func (p *Plugin) callHost(ctx context.Context, d Delivery) error {
	ctx, cancel := context.WithTimeout(ctx, p.cfg.HandlerTimeout)
	defer cancel()
	if p.cfg.OnEventTx == nil {
		return p.guarded(ctx, d.Event, func() error { return p.cfg.OnEvent(ctx, d.Event) })
	}
	called := false
	err := p.txStore.DeliverTx(ctx, d, func(ctx context.Context, tx *sql.Tx) error {
		called = true
		return p.guarded(ctx, d.Event, func() error { return p.cfg.OnEventTx(ctx, tx, d.Event) })
	})
	switch {
	case err != nil && !called:
		return notCalledError{err}
	case errors.Is(err, sql.ErrTxDone):
		p.log.ErrorContext(ctx, "OnEventTx must neither commit nor roll back the transaction it is given", "event", d.Event.ID)
	case errors.Is(err, context.DeadlineExceeded):
		p.log.ErrorContext(ctx, "OnEventTx ran into a deadline: it must call nobody over the network, and of the plugin nothing that writes, which waits for its own transaction", "event", d.Event.ID)
	}
	return err
}

// guarded calls the host's handler and makes an error of whatever goes wrong in it.
func (p *Plugin) guarded(ctx context.Context, e Event, call func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			p.log.ErrorContext(ctx, "the host's handler panicked", "event", e.ID, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic in the handler: %T", v)
		}
	}()
	if err = call(); isTypedNil(err) {
		p.log.WarnContext(ctx, "the host's handler returned a nil pointer in an error; taken as success", "event", e.ID)
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

// recordDelivery writes how a call of the host ended. DeliverTx has written its success already.
func (p *Plugin) recordDelivery(ctx context.Context, d Delivery, err error) {
	if claimLost(err) {
		return // DeliverTx found that somebody else has the event, and called nobody
	}
	now := p.now()
	o, alarm := Outcome{State: WorkDone}, []Event(nil)
	_, notCalled := errors.AsType[notCalledError](err)
	_, permanent := errors.AsType[*permanentError](err)
	switch {
	case err == nil:
	case ctx.Err() != nil && !permanent:
		o = Outcome{State: WorkRetry, RunAt: now} // we are stopping, which is no failure of the host's: the next instance goes on at once
	case notCalled:
		o = Outcome{State: WorkRetry, RunAt: now.Add(ladder(1))}
	default:
		o = nextTry(d, now, err)
	}
	if o.State == WorkParked && d.Event.Kind != HostRefused {
		alarm = []Event{refused(d, now)}
	}
	attrs := []any{"event", d.Event.ID, "order_id", d.Event.OrderID, "try", d.Tries, "outcome", o.State}
	finishErr := p.endDelivery(ctx, d, o, alarm)
	switch {
	case claimLost(finishErr):
		p.log.WarnContext(ctx, "event was somebody else's before its delivery ended", append(attrs, "error", o.Error)...)
	case finishErr != nil:
		p.log.ErrorContext(ctx, "event outcome not recorded; it will be delivered again", append(attrs, "error", finishErr)...)
	case o.State == WorkParked:
		p.log.ErrorContext(ctx, "event parked: the host refuses it", append(attrs, "error", o.Error)...)
		wake(p.deliver)
	case notCalled:
		p.log.ErrorContext(ctx, "event not delivered: the store failed", append(attrs, "retry_at", o.RunAt, "error", err)...)
	case err != nil:
		p.log.WarnContext(ctx, "event refused by the host", append(attrs, "retry_at", o.RunAt, "error", o.Error)...)
	default:
		p.log.InfoContext(ctx, "event delivered", attrs...)
	}
}

func (p *Plugin) endDelivery(ctx context.Context, d Delivery, o Outcome, alarm []Event) error {
	if o.State == WorkDone && p.cfg.OnEventTx != nil {
		return nil
	}
	sctx, cancel := detached(ctx)
	defer cancel()
	return p.store.FinishEvent(sctx, d, o, alarm...)
}

// refused is the alarm that the host does not take an event. Each time it is given up is an alarm of its
// own, so the try is part of the ID.
func refused(d Delivery, now time.Time) Event {
	e := d.Event
	e.ID = d.Event.ID + ":" + string(HostRefused) + ":" + strconv.Itoa(d.Tries)
	e.Kind, e.RefusedEventID, e.At = HostRefused, d.Event.ID, now
	return e
}
