package dokusim

import (
	"context"
	"sync"
	"time"
)

// A Clock tells the simulator's time. Implementations must be safe for concurrent use.
type Clock interface {
	// Now returns the present time, in any zone.
	Now() time.Time
}

type realClock struct{}

func (realClock) Now() time.Time { return time.Now() }

// A ManualClock moves only when told. Give it to one or more simulators as [Config].Clock; then [ManualClock.Advance] delivers their
// notifications itself and [Simulator.Run] is not needed. It is safe for concurrent use.
type ManualClock struct {
	advancing sync.Mutex // held for the whole of Advance

	mu         sync.Mutex // guards the fields below
	now        time.Time
	simulators []*Simulator
}

// NewManualClock returns a clock that shows start.
func NewManualClock(start time.Time) *ManualClock { return &ManualClock{now: start} }

// Now returns the time the clock shows, in UTC.
func (c *ManualClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now.UTC()
}

// Advance moves the clock forward by d, stopping at every time at which a notification is due and delivering it before going on.
// Advance(0) delivers what is due now. It returns when the merchant has answered, so it must not be called from within the
// merchant's own notification handler.
func (c *ManualClock) Advance(d time.Duration) {
	c.advancing.Lock()
	defer c.advancing.Unlock()
	target := c.Now().Add(d)
	for {
		s, due := c.earliest()
		if s == nil || due.After(target) {
			break
		}
		if due.After(c.Now()) {
			c.set(due)
		}
		s.DeliverDue(context.Background())
	}
	c.set(target)
}

func (c *ManualClock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

func (c *ManualClock) attach(s *Simulator) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.simulators = append(c.simulators, s)
}

// earliest returns the simulator with the earliest due notification, or nil.
func (c *ManualClock) earliest() (first *Simulator, at time.Time) {
	c.mu.Lock()
	simulators := c.simulators
	c.mu.Unlock()
	for _, s := range simulators {
		due, ok := s.nextDue()
		if ok && (first == nil || due.Before(at)) {
			first, at = s, due
		}
	}
	return first, at
}
