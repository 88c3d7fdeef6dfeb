package main

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

const (
	// warmUp is how long the traffic runs before what the shop holds is looked at for the first time.
	warmUp = time.Second
	// restWithin is how long a shop may take to come to rest.
	restWithin = time.Minute
)

// A soak is a long run in which nobody is killed: good, repeated and forged notices, and a look at what the
// shop holds.
type soak struct {
	dir       string // for the log
	place     place
	onEventTx bool
	seed      uint64
	lasts     time.Duration
	every     time.Duration // pause between the payments of one sender

	world *world
	shop  *instance

	mu        sync.Mutex
	latencies []time.Duration
}

func (s *soak) run(ctx context.Context) (result soaked, err error) {
	if err := s.place.prepare(ctx); err != nil {
		return result, err
	}
	if s.world, err = newWorld(s.seed); err != nil {
		return result, err
	}
	defer s.world.close()
	s.world.forged, s.world.every = 5, s.every
	if s.shop, err = newInstance(filepath.Join(s.dir, "soak.log")); err != nil {
		return result, err
	}
	defer s.shop.close()
	s.world.shops = []*instance{s.shop}
	if err := s.shop.start(ctx, setting{Place: s.place, DOKU: s.world.server.URL, OnEventTx: s.onEventTx}); err != nil {
		return result, err
	}
	if err := s.shop.serving(ctx); err != nil {
		return result, err
	}
	left, err := s.measure(ctx, &result)
	if err != nil {
		return result, err
	}
	s.shop.kill()
	result.verdict, err = s.place.judge(ctx, s.world.ledger, s.world.invoices(), true)
	result.Left, result.Refused = left, int(s.world.refused.Load())
	return result, err
}

// measure floods the shop and looks at it before, meanwhile and afterwards.
func (s *soak) measure(ctx context.Context, result *soaked) (left int, err error) {
	if result.Idle, _, err = usage(s.shop.cmd.Process.Pid); err != nil {
		return 0, err
	}
	if _, err := s.flood(ctx, warmUp); err != nil {
		return 0, err
	}
	if _, err := drain(ctx, s.world); err != nil {
		return 0, err
	}
	if result.Before, err = s.atRest(ctx, nil); err != nil {
		return 0, err
	}
	s.world.latency = func(d time.Duration) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.latencies = append(s.latencies, d)
	}
	if result.Peak, err = s.flood(ctx, s.lasts); err != nil {
		return 0, err
	}
	if left, err = drain(ctx, s.world); err != nil {
		return 0, err
	}
	slices.Sort(s.latencies)
	if n := len(s.latencies); n > 0 {
		result.Rate = int(time.Duration(n) * time.Second / s.lasts)
		result.Median, result.P99 = s.latencies[n/2], s.latencies[n*99/100]
	}
	result.After, err = s.atRest(ctx, &result.Before)
	return left, err
}

// flood keeps the shop busy, and returns the most memory that it took.
func (s *soak) flood(ctx context.Context, lasts time.Duration) (peak int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, lasts)
	var traffic sync.WaitGroup
	defer traffic.Wait()
	defer cancel()
	traffic.Go(func() { s.world.run(ctx) })
	for rest(ctx, 100*time.Millisecond) {
		memory, _, err := usage(s.shop.cmd.Process.Pid)
		if err != nil {
			return 0, err
		}
		peak = max(peak, memory)
	}
	return peak, nil
}

// atRest is what the shop holds when it is left alone. It waits a while for it to come down to before.
func (s *soak) atRest(ctx context.Context, before *load) (l load, err error) {
	limit, cancel := context.WithTimeout(ctx, restWithin)
	defer cancel()
	for {
		s.world.client.CloseIdleConnections()
		state, err := s.shop.state(ctx, s.world.client)
		if err != nil {
			return l, err
		}
		l.goroutines = state.Goroutines
		if _, l.files, err = usage(s.shop.cmd.Process.Pid); err != nil {
			return l, err
		}
		if before == nil || !l.exceeds(*before) || !rest(limit, 250*time.Millisecond) {
			return l, ctx.Err()
		}
	}
}
