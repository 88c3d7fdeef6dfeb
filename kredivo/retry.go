package kredivo

import (
	"errors"
	"math/rand/v2"
	"time"
)

// Permanent wraps an error that another try cannot mend, such as an order that was deleted: the event is
// parked at once, and HostRefused is raised. Nil stays nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

// RetryAfter wraps an error with the pause before the next try, instead of the pause of the ladder: at
// least a second. The patience with the host stays the same. Nil stays nil.
func RetryAfter(err error, pause time.Duration) error {
	if err == nil {
		return nil
	}
	return &retryAfterError{err, max(pause, time.Second)}
}

type retryAfterError struct {
	err   error
	pause time.Duration
}

func (e *retryAfterError) Error() string { return e.err.Error() }
func (e *retryAfterError) Unwrap() error { return e.err }

// retryLadder is the pause after each failed try: about 95 hours in all, over a long weekend.
var retryLadder = [...]time.Duration{
	5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute, time.Hour,
	3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour, 24 * time.Hour, 24 * time.Hour,
}

// A patience is how long work that fails is tried again before it is parked: until it has failed more
// often than that and that long has passed. Neither alone will do: a clock that jumps ahead would use up
// the time in one step, and a clock that runs ahead the tries.
type patience struct {
	failures int
	age      time.Duration
}

var (
	// hostPatience is the whole ladder with each pause a fifth shorter.
	hostPatience = patience{len(retryLadder), 75 * time.Hour}
	// unknownPatience is how long a message about an unknown invoice may have overtaken the shop's own
	// commit on a lagging database: the ladder's first day.
	unknownPatience = patience{9, 18 * time.Hour}
)

// next says what becomes of work that has now failed so many times, this one included, since it came.
func (p patience) next(failures int, since, now time.Time, reason string) Outcome {
	if failures > p.failures && now.Sub(since) > p.age {
		return Outcome{State: WorkParked, Error: reason}
	}
	return Outcome{State: WorkRetry, RunAt: now.Add(ladder(failures)), Error: reason}
}

// nextTry is what becomes of an event that the host has refused with err.
func nextTry(d Delivery, now time.Time, err error) Outcome {
	o := hostPatience.next(d.Failures+1, d.EmittedAt, now, short(err))
	if after, ok := errors.AsType[*retryAfterError](err); ok && o.State == WorkRetry {
		o.RunAt = now.Add(after.pause)
	}
	if _, ok := errors.AsType[*permanentError](err); ok {
		o = Outcome{State: WorkParked, Error: short(err)}
	}
	return o
}

// ladder is the pause after the given number of failures, spread by a fifth.
func ladder(failures int) time.Duration {
	return jitter(retryLadder[min(max(failures, 1), len(retryLadder))-1])
}

func jitter(d time.Duration) time.Duration {
	if d <= 0 {
		return 0
	}
	return d - d/5 + rand.N(2*d/5+1)
}

// short is an error's text, cut to what belongs in a row of a table.
func short(err error) string {
	const limit = 300
	runes := []rune(err.Error())
	return string(runes[:min(len(runes), limit)])
}
