package kredivo

import (
	"errors"
	"testing"
	"time"
)

func TestNextTry(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	no := errors.New("no")
	days := func(n int) time.Time { return now.AddDate(0, 0, -n) }
	for _, tt := range []struct {
		name      string
		failures  int // before this one
		emitted   time.Time
		err       error
		state     WorkState
		low, high time.Duration // of the pause
	}{
		{"first failure", 0, now, no, WorkRetry, 4 * time.Second, 6 * time.Second},
		{"third failure", 2, now, no, WorkRetry, 96 * time.Second, 144 * time.Second},
		{"twelfth failure", 11, days(4), no, WorkRetry, 19 * time.Hour, 29 * time.Hour},
		{"one more than the ladder has steps", 12, days(4), no, WorkParked, 0, 0},
		{"many failures in no time: a clock ahead", 40, now, no, WorkRetry, 19 * time.Hour, 29 * time.Hour},
		{"much time but few failures: a clock that jumped", 3, days(9), no, WorkRetry, 8 * time.Minute, 12 * time.Minute},
		{"permanent", 0, now, Permanent(no), WorkParked, 0, 0},
		{"permanent, wrapped", 0, now, errors.Join(no, Permanent(no)), WorkParked, 0, 0},
		{"retry after", 0, now, RetryAfter(no, time.Hour), WorkRetry, time.Hour, time.Hour},
		{"retry after nothing", 0, now, RetryAfter(no, 0), WorkRetry, time.Second, time.Second},
		{"retry after, out of patience", 12, days(4), RetryAfter(no, time.Hour), WorkParked, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			o := nextTry(Delivery{Failures: tt.failures, EmittedAt: tt.emitted}, now, tt.err)
			if o.State != tt.state || o.Error == "" {
				t.Fatalf("outcome = %+v, want state %s and a reason", o, tt.state)
			}
			if pause := o.RunAt.Sub(now); tt.state == WorkRetry && (pause < tt.low || pause > tt.high) {
				t.Errorf("pause = %v, want %v to %v", pause, tt.low, tt.high)
			}
		})
	}
}

func TestNilStaysNil(t *testing.T) {
	t.Parallel()
	if err := Permanent(nil); err != nil {
		t.Errorf("Permanent(nil) = %v", err)
	}
	if err := RetryAfter(nil, time.Hour); err != nil {
		t.Errorf("RetryAfter(nil) = %v", err)
	}
	cause := errors.New("cause")
	if !errors.Is(Permanent(cause), cause) || !errors.Is(RetryAfter(cause, 0), cause) {
		t.Error("the cause is hidden")
	}
}

// The ladder is as long as the comments say, whichever way its pauses are spread.
func TestPatienceFitsTheLadder(t *testing.T) {
	t.Parallel()
	var whole time.Duration
	for _, pause := range retryLadder {
		whole += pause
	}
	if least := whole - whole/5; hostPatience.age > least || least-hostPatience.age > time.Hour {
		t.Errorf("the ladder takes at least %v, the patience is %v", least, hostPatience.age)
	}
}
