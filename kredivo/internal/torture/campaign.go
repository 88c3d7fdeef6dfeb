package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"
)

// drainWithin is how long shops that nobody kills any more may get nothing done: longer than any pause of
// theirs after a few failures.
const drainWithin = 4 * time.Minute

// A campaign is one run of the torture. It goes on until every goal is reached.
type campaign struct {
	dir       string // for logs
	place     place
	server    *server // of the database; nil for SQLite
	onEventTx bool
	mutant    string
	seed      uint64

	rounds  int       // goal: so many kills
	atLeast int       // goal: so many acknowledged notifications
	until   time.Time // goal: so late; zero for none

	// enough, if not nil, is asked every few rounds; when it says yes the campaign ends. Work is left then, and
	// not counted.
	enough func(verdict) bool
}

// run kills until the goals are reached, lets the shops finish, and compares.
func (c *campaign) run(ctx context.Context) (v verdict, err error) {
	if err := c.place.prepare(ctx, c.statements()...); err != nil {
		return v, err
	}
	w, err := newWorld(c.seed)
	if err != nil {
		return v, err
	}
	defer w.close()
	defer func() {
		for _, i := range w.shops {
			i.close()
		}
	}()
	for n := range c.place.Instances {
		i, err := newInstance(filepath.Join(c.dir, fmt.Sprintf("shop%d.log", n)))
		if err != nil {
			return v, err
		}
		w.shops = append(w.shops, i)
		if err := i.start(ctx, c.setting(w)); err != nil {
			return v, err
		}
	}

	busy, calm := context.WithCancel(ctx)
	var traffic sync.WaitGroup
	traffic.Go(func() { w.run(busy) })
	k := newKiller(c, w)
	err = k.run(ctx)
	calm()
	traffic.Wait()
	left := 0
	if err == nil && c.enough == nil {
		left, err = drain(ctx, w)
	}
	for _, i := range w.shops {
		i.kill()
	}
	if err != nil {
		return v, err
	}
	v, err = c.place.judge(ctx, w.ledger, w.invoices(), c.enough == nil)
	v.Kills, v.Left = k.kills, left
	return v, err
}

// statements change the database once its tables are there.
func (c *campaign) statements() []string {
	if c.mutant == lazyCommit {
		return lazyCommits()
	}
	return nil
}

func (c *campaign) setting(w *world) setting {
	return setting{Place: c.place, DOKU: w.server.URL, Ahead: w.lead(), OnEventTx: c.onEventTx, Mutant: c.mutant}
}

// drain waits until no work is left, and returns how much is left all the same when nothing gets done any more.
func drain(ctx context.Context, w *world) (left int, err error) {
	least, since := -1, time.Now()
	for {
		s, err := w.shops[0].state(ctx, w.client)
		if err == nil {
			work := s.Backlog.Messages + s.Backlog.Events
			left = work + s.Backlog.ParkedMessages + s.Backlog.ParkedEvents
			if work == 0 {
				return left, nil
			}
			if least < 0 || work < least {
				least, since = work, time.Now()
			}
		}
		if time.Since(since) > drainWithin || !rest(ctx, 100*time.Millisecond) {
			return left, errors.Join(err, ctx.Err())
		}
	}
}
