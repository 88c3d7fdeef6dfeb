package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"time"
)

const (
	// leases is longer than any claim of a worker lasts.
	leases = 16 * time.Second
	// lookEvery and pauseEvery count rounds.
	lookEvery  = 5
	pauseEvery = 20
)

// A killer ends lives: of the shops in turn, and of their database server.
type killer struct {
	*campaign
	world  *world
	random *rand.Rand
	kills  int
	over   bool // enough has said so

	zombie *instance        // the shop that is paused now
	awake  <-chan time.Time // when it goes on
}

func newKiller(c *campaign, w *world) *killer {
	return &killer{campaign: c, world: w, random: rand.New(rand.NewPCG(c.seed, senders))} // the senders have the numbers below
}

// run goes on until the goals are reached and nobody is paused any more.
func (k *killer) run(ctx context.Context) error {
	for round := 1; !k.over && (!k.reached() || k.zombie != nil); round++ {
		if err := k.round(ctx, round); err != nil {
			return fmt.Errorf("round %d: %w", round, err)
		}
	}
	return ctx.Err()
}

// reached reports whether every goal is. One that so many kills did not bring is given up: the run is void then.
func (k *killer) reached() bool {
	acknowledged := k.world.ledger.count() >= k.atLeast || k.kills >= 20*max(k.rounds, 50)
	return k.kills >= k.rounds && acknowledged && !time.Now().Before(k.until)
}

// round lets the shops work a moment, kills one, perhaps the database too, and starts them again.
func (k *killer) round(ctx context.Context, round int) error {
	rest(ctx, 80*time.Millisecond+k.upTo(250*time.Millisecond))
	if err := k.rouse(); err != nil {
		return err
	}
	victim := k.world.shops[round%len(k.world.shops)]
	if victim == k.zombie {
		return ctx.Err()
	}
	victim.kill()
	k.kills++
	if err := k.crash(ctx, round); err != nil {
		return err
	}
	if k.enough != nil && k.kills%lookEvery == 0 {
		v, err := k.place.judge(ctx, k.world.ledger, k.world.invoices(), false)
		if err != nil {
			return err
		}
		k.over = k.enough(v)
	}
	if k.server == nil {
		// Claims run out by the clock of the shop's machine: the next life begins when the dead one's have.
		k.world.ahead.Add(int64(leases))
	}
	if err := victim.start(ctx, k.setting(k.world)); err != nil {
		return err
	}
	if !chance(k.random, 12) { // else it is killed while it starts, perhaps
		if err := victim.serving(ctx); err != nil {
			return err
		}
	}
	return k.doze(ctx, round)
}

// crash ends the database server and starts it again. Not while a shop is paused: that one is to find the
// world changed and its connections as they were.
func (k *killer) crash(ctx context.Context, round int) error {
	switch {
	case k.server == nil, k.zombie != nil:
		return nil
	case round%5 == 0:
		k.server.end(k.server.immediate)
	case round%2 == 0:
		k.server.end(os.Kill)
	default:
		return nil
	}
	return k.server.start(ctx)
}

// doze pauses the last of several shops for longer than its claims last, so that others take its work.
func (k *killer) doze(ctx context.Context, round int) error {
	last := k.world.shops[len(k.world.shops)-1]
	if k.zombie != nil || len(k.world.shops) == 1 || round%pauseEvery != pauseEvery/2 {
		return nil
	}
	if err := last.serving(ctx); err != nil {
		return err
	}
	rest(ctx, k.upTo(250*time.Millisecond)) // so that it is in the middle of something
	k.zombie, k.awake = last, time.After(leases)
	return last.pause()
}

// rouse lets the paused shop go on when its time has come.
func (k *killer) rouse() error {
	if k.zombie == nil {
		return nil
	}
	select {
	case <-k.awake:
		last := k.zombie
		k.zombie = nil
		return last.resume()
	default:
		return nil
	}
}

func (k *killer) upTo(d time.Duration) time.Duration { return time.Duration(k.random.Int64N(int64(d))) }
