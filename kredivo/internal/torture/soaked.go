package main

import (
	"errors"
	"fmt"
	"time"
)

const (
	// maxGrowth is how much memory a shop may take above what it takes when idle.
	maxGrowth = 64 << 20
	// spare is how many open files and goroutines more than at first the shop's pools of connections may keep.
	spare = 32
)

// A soaked shop has a verdict, like a tortured one, and more.
type soaked struct {
	verdict
	Refused       int // forged notices
	Rate          int // notifications acknowledged in a second
	Median, P99   time.Duration
	Idle, Peak    int64 // resident memory in bytes
	Before, After load  // at rest
}

// A load is what a shop holds.
type load struct{ files, goroutines int }

func (l load) exceeds(before load) bool {
	return l.files > before.files+spare || l.goroutines > before.goroutines+spare
}

func (s soaked) String() string {
	return fmt.Sprintf("%v refused=%d rate=%d/s p50=%v p99=%v idle=%dMiB peak=%dMiB files=%d->%d goroutines=%d->%d", s.verdict,
		s.Refused, s.Rate, s.Median.Round(time.Millisecond/10), s.P99.Round(time.Millisecond/10), s.Idle>>20, s.Peak>>20,
		s.Before.files, s.After.files, s.Before.goroutines, s.After.goroutines)
}

// err lists what is wrong.
func (s soaked) err(atLeast int) error {
	problems := []error{s.verdict.err(atLeast)}
	if s.Refused == 0 {
		problems = append(problems, errors.New("void: no forged notice was refused"))
	}
	if s.Peak > s.Idle+maxGrowth {
		problems = append(problems, fmt.Errorf("memory grew from %d to %d MiB", s.Idle>>20, s.Peak>>20))
	}
	if s.After.exceeds(s.Before) {
		problems = append(problems, fmt.Errorf("at rest the shop holds %+v, before it was %+v", s.After, s.Before))
	}
	return errors.Join(problems...)
}
