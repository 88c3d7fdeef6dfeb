package kredivo_test

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing/synctest"
	"time"
)

// A scheduler decides all that is left to chance in a simulated world: who goes on next, how much time
// passes, what breaks. It runs in a synctest bubble, where time is virtual and passes only when it says so.
//
// Whoever reaches a yield point (a call of the store, of DOKU, of the shop) waits there until it is
// chosen, and nobody runs beside the chosen one. Its choices come from one seed, so a seed is a history
// that can be repeated exactly.
type scheduler struct {
	rng     *rand.Rand
	began   time.Time
	mu      sync.Mutex
	waiting []*waiter
	arrived chan struct{}
	active  atomic.Int32 // activities that have not ended
	trace   []string
}

// A waiter is a goroutine at a yield point.
type waiter struct {
	who   string // the activity
	at    point
	what  string // the order, message or event concerned
	in    *instance
	grant chan fate
}

// A point names a place at which a process may crash: the kind of activity and the call it makes.
type point string

// A fate is what happens to a call.
type fate int

const (
	goOn       fate = iota
	failBefore      // the call fails and nothing was done
	failAfter       // it was done, but the caller hears of a failure
	killBefore      // the process ends before it
	killAfter       // the process ends after it, before it hears the answer
	hang            // nobody answers until the caller gives up; whether it was done is left to chance
)

var fateNames = map[fate]string{
	failBefore: "fails", failAfter: "DONE, BUT FAILS", killBefore: "KILLED BEFORE", killAfter: "KILLED AFTER", hang: "hangs",
}

func newScheduler(seed uint64) *scheduler {
	return &scheduler{
		rng: rand.New(rand.NewPCG(seed, 0x6b72656469766f)), began: time.Now(), arrived: make(chan struct{}, 1),
	}
}

type activityKey struct{}

// spawn starts an activity. Its name travels in the context.
func (s *scheduler) spawn(name string, f func(context.Context)) {
	s.active.Add(1)
	go func() {
		defer s.active.Add(-1)
		f(context.WithValue(context.Background(), activityKey{}, name))
	}()
}

// spawnRequest starts an activity that its caller gives up in the end, as [kredivo.Route.Serve] does.
func (s *scheduler) spawnRequest(name string, f func(context.Context)) {
	s.spawn(name, func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, 57*time.Second)
		defer cancel()
		f(ctx)
	})
}

// yield waits until the scheduler lets the caller go on, and returns its fate.
func (s *scheduler) yield(ctx context.Context, in *instance, call, what string) fate {
	who, _ := ctx.Value(activityKey{}).(string)
	w := &waiter{who: who, at: pointOf(who, call), what: what, in: in, grant: make(chan fate)}
	s.mu.Lock()
	s.waiting = append(s.waiting, w)
	s.mu.Unlock()
	select {
	case s.arrived <- struct{}{}:
	default:
	}
	return <-w.grant
}

// meet tells the race detector what it cannot see: whoever a timer wakes does not run beside anybody, for all
// others wait.
func (s *scheduler) meet() {
	s.mu.Lock()
	defer s.mu.Unlock()
}

// pointOf drops what differs between activities of one kind: "B2 settle#17" is "settle".
func pointOf(who, call string) point {
	for i := range len(who) {
		if who[i] == ' ' {
			who = who[i+1:]
			break
		}
	}
	for i := range len(who) {
		if who[i] == '#' {
			who = who[:i]
			break
		}
	}
	return point(who + ": " + call)
}

// settle waits until everybody is at a yield point, waits for time to pass, or has ended.
func (s *scheduler) settle() {
	synctest.Wait()
	slices.SortStableFunc(s.waiting, func(a, b *waiter) int {
		return cmp.Or(cmp.Compare(a.who, b.who), cmp.Compare(a.at, b.at), cmp.Compare(a.what, b.what))
	})
}

// release lets w go on to its fate. A little time passes, so that no two things happen at once.
func (s *scheduler) release(w *waiter, f fate) {
	s.waiting = slices.DeleteFunc(s.waiting, func(o *waiter) bool { return o == w })
	s.note("%s: %s %s%s", w.who, w.at, w.what, suffix(fateNames[f]))
	<-time.After(time.Duration(1+s.rng.IntN(200)) * time.Microsecond)
	w.grant <- f
	synctest.Wait()
}

func suffix(s string) string {
	if s == "" {
		return ""
	}
	return " -- " + s
}

// advance lets time pass: d, or less when somebody arrives at a yield point meanwhile.
func (s *scheduler) advance(d time.Duration) {
	s.meet()
	select {
	case <-s.arrived:
	default:
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.arrived:
	}
}

// chance is true with probability p.
func (s *scheduler) chance(p float64) bool { return p > 0 && s.rng.Float64() < p }

// between draws a duration. Short ones are as likely as long ones, in proportion.
func (s *scheduler) between(least, most time.Duration) time.Duration {
	d := least
	for d*4 < most && s.chance(0.6) {
		d *= 4
	}
	return d + time.Duration(s.rng.Int64N(int64(min(d*3, most-d)+1)))
}

func pick[T any](s *scheduler, all ...T) T { return all[s.rng.IntN(len(all))] }

// note adds a line to the trace.
func (s *scheduler) note(format string, args ...any) {
	line := fmt.Sprintf("%14s  ", time.Since(s.began).Truncate(time.Microsecond)) + fmt.Sprintf(format, args...)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.trace = append(s.trace, line)
}

// history sums up all that happened.
func (s *scheduler) history() string {
	h := sha256.New()
	for _, line := range s.trace {
		h.Write([]byte(line + "\n"))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}
