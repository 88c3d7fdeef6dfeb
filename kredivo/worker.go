package kredivo

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"
)

const (
	// settleBatch, checkBatch, pruneBatch: how much one pass takes.
	settleBatch = 32
	checkBatch  = 8
	pruneBatch  = 500
	// How long a crashed instance's work stays put. Settling takes milliseconds; a handler of the host's
	// may take long, so its claim is renewed while it runs.
	settleLease = 15 * time.Second
	eventLease  = 15 * time.Second
	checkLease  = 5 * time.Minute
	// storeTimeout bounds one store call of the workers, so that a dead database is noticed.
	storeTimeout = 10 * time.Second
	// pruneEvery is the pause between looks for messages that have been kept long enough.
	pruneEvery = time.Hour
)

// Run settles messages, delivers events and asks DOKU about payments that nobody reported, until ctx
// ends; then it waits for what is running, gives unfinished work back and returns nil. It waits at most
// 10 seconds for a call of OnEvent that does not heed the end of its context. It may be called again
// afterwards, and any number of instances may run against one store. Without Run somewhere, notifications
// are stored and acknowledged, but orders do not become paid.
//
// An idle Run is five goroutines and one question to the store every Config.PollEvery.
func (p *Plugin) Run(ctx context.Context) error {
	p.running.Add(1)
	defer p.running.Add(-1)
	var wg sync.WaitGroup
	wg.Go(func() { p.loop(ctx, "settle", p.settle, p.settlePass) })
	wg.Go(func() { p.deliverLoop(ctx) })
	wg.Go(func() { p.loop(ctx, "check", p.check, p.checkPass) })
	wg.Go(func() { p.pollLoop(ctx) })
	wg.Wait()
	return nil
}

// loop calls pass at the start and at every wake-up, until it finds no more work.
func (p *Plugin) loop(ctx context.Context, name string, wakeUp <-chan struct{}, pass func(context.Context) (more bool, err error)) {
	for ctx.Err() == nil {
		more, err := pass(ctx)
		if err != nil && ctx.Err() == nil {
			p.log.ErrorContext(ctx, "work pass failed", "worker", name, "error", err)
		}
		if more && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
		case <-wakeUp:
		}
	}
}

// pollLoop looks for work that is due without anybody here knowing: what other instances left, retries
// whose time has come, scheduled checks. Polls are spread by a fifth so that instances do not ask the
// database in step.
func (p *Plugin) pollLoop(ctx context.Context) {
	prune := time.NewTimer(rand.N(pruneEvery))
	defer prune.Stop()
	for {
		poll := time.NewTimer(jitter(p.cfg.PollEvery))
		select {
		case <-ctx.Done():
			poll.Stop()
			return
		case <-prune.C:
			poll.Stop()
			p.pruneAll(ctx)
			prune.Reset(jitter(pruneEvery))
		case <-poll.C:
			p.poll(ctx)
		}
	}
}

// poll wakes the workers that have work.
func (p *Plugin) poll(ctx context.Context) {
	sctx, cancel := detached(ctx)
	defer cancel()
	due, err := p.store.Due(sctx, p.now())
	if err != nil {
		p.log.ErrorContext(ctx, "work pass failed", "worker", "poll", "error", err)
		return
	}
	if due.Messages {
		wake(p.settle)
	}
	if due.Events {
		wake(p.deliver)
	}
	if due.Checks {
		wake(p.check)
	}
}

// pruneAll drops the contents of messages that have been done for Config.KeepMessages.
func (p *Plugin) pruneAll(ctx context.Context) {
	for ctx.Err() == nil {
		n, err := p.prunePass(ctx)
		if err != nil {
			p.log.ErrorContext(ctx, "work pass failed", "worker", "prune", "error", err)
		}
		if n > 0 {
			p.log.InfoContext(ctx, "old messages pruned", "messages", n)
		}
		if err != nil || n < pruneBatch {
			return
		}
	}
}

func (p *Plugin) prunePass(ctx context.Context) (int, error) {
	sctx, cancel := detached(ctx)
	defer cancel()
	return p.store.Prune(sctx, p.now().Add(-p.cfg.KeepMessages), pruneBatch)
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
		p.settleOne(ctx, m)
	}
	return len(batch) == settleBatch, nil
}

// settleOne settles a claimed message, or puts one that cannot be settled on the retry ladder, so that it
// holds up no other.
func (p *Plugin) settleOne(ctx context.Context, m Message) {
	sctx, cancel := detached(ctx)
	defer cancel()
	err := p.settleMessage(sctx, m)
	if err == nil || claimLost(err) {
		return
	}
	now := p.now()
	o := hostPatience.next(m.Failures+1, m.ReceivedAt, now, short(err))
	p.log.ErrorContext(ctx, "message not settled", "message", m.ID, "source", m.Source, "try", m.Tries, "outcome", o.State, "error", err)
	again, cancelAgain := detached(ctx) // what failed may have used up its time
	defer cancelAgain()
	err = p.store.Change(again, Scope{Message: &m, Now: now}, func([]Attempt) (Decision, error) {
		return Decision{Message: o}, nil
	})
	if err != nil && !claimLost(err) {
		p.log.ErrorContext(ctx, "message not put off; its claim runs out by itself", "message", m.ID, "error", err)
	}
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
