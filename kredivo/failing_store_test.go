package kredivo_test

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"sync"
	"time"

	"github.com/paylater-go/paylater/kredivo"
)

// A storeFault is a way in which a call of the store goes wrong.
type storeFault int

const (
	fails storeFault = iota // nothing is done
	hangs                   // nothing is done, and it takes until the caller's patience, or a driver's, ends
	lies                    // all is done, and reported as failed
	away                    // fails, and so does every call for half a minute
)

var storeFaults = [...]string{fails: "fails", hangs: "hangs", lies: "lies", away: "stays-away"}

var errDown = errors.New("the database is down")

const (
	driverPatience  = 10 * time.Second
	receivePatience = 3 * time.Second
)

// A failingStore lets one call go wrong, chosen by its place among all calls.
type failingStore struct {
	kredivo.TxStore

	mu     sync.Mutex
	how    storeFault
	at     int // the call that goes wrong; 0 for none
	calls  int
	backAt time.Time
	names  map[string]int // calls by method, since ever
}

// arm lets the n-th call from now on go wrong.
func (s *failingStore) arm(how storeFault, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.how, s.at, s.calls = how, n, 0
}

// disarm ends the fault and reports whether it struck.
func (s *failingStore) disarm() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	struck := s.calls >= s.at
	s.at, s.backAt = 0, time.Time{}
	return struck
}

// stay lets the store be away for so long from now on.
func (s *failingStore) stay(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.how, s.at, s.backAt = away, 0, time.Now().Add(d)
}

// named returns how often each method was called.
func (s *failingStore) named() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.names)
}

func (s *failingStore) strikes(name string) (storeFault, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.names == nil {
		s.names = map[string]int{}
	}
	s.names[name]++
	if s.at != 0 && s.calls == s.at && s.how == away {
		s.backAt = time.Now().Add(30 * time.Second)
	}
	return s.how, s.at != 0 && s.calls == s.at || time.Now().Before(s.backAt)
}

// call does one call of the store, or what becomes of it.
func (s *failingStore) call(ctx context.Context, name string, do func() error) error {
	how, struck := s.strikes(name)
	switch {
	case !struck:
		return do()
	case how == lies:
		_ = do()
	case how == hangs:
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(driverPatience):
		}
	}
	return errDown
}

// answer is call for a call that returns something, which is lost with it.
func answer[T any](ctx context.Context, s *failingStore, name string, do func() (T, error)) (T, error) {
	var result T
	err := s.call(ctx, name, func() (err error) {
		result, err = do()
		return err
	})
	if errors.Is(err, errDown) {
		var none T
		return none, err
	}
	return result, err
}

func (s *failingStore) Change(ctx context.Context, scope kredivo.Scope, decide func([]kredivo.Attempt) (kredivo.Decision, error)) error {
	return s.call(ctx, "Change", func() error { return s.TxStore.Change(ctx, scope, decide) })
}

func (s *failingStore) Attempts(ctx context.Context, orderID string) ([]kredivo.Attempt, error) {
	return answer(ctx, s, "Attempts", func() ([]kredivo.Attempt, error) { return s.TxStore.Attempts(ctx, orderID) })
}

func (s *failingStore) AttemptByToken(ctx context.Context, h kredivo.Hash) (kredivo.Attempt, error) {
	return answer(ctx, s, "AttemptByToken", func() (kredivo.Attempt, error) { return s.TxStore.AttemptByToken(ctx, h) })
}

// Receive fails also when nobody has set it a limit, which DOKU's patience needs.
func (s *failingStore) Receive(ctx context.Context, m kredivo.Message) (bool, error) {
	if end, ok := ctx.Deadline(); m.Source == kredivo.FromNotification && (!ok || time.Until(end) > receivePatience) {
		return false, errors.New("a notification is received without a limit")
	}
	return answer(ctx, s, "Receive", func() (bool, error) { return s.TxStore.Receive(ctx, m) })
}

func (s *failingStore) ClaimMessages(ctx context.Context, c kredivo.Claim) ([]kredivo.Message, error) {
	return answer(ctx, s, "ClaimMessages", func() ([]kredivo.Message, error) { return s.TxStore.ClaimMessages(ctx, c) })
}

func (s *failingStore) ClaimEvents(ctx context.Context, c kredivo.Claim) ([]kredivo.Delivery, error) {
	return answer(ctx, s, "ClaimEvents", func() ([]kredivo.Delivery, error) { return s.TxStore.ClaimEvents(ctx, c) })
}

func (s *failingStore) KeepEvent(ctx context.Context, d kredivo.Delivery, c kredivo.Claim) error {
	return s.call(ctx, "KeepEvent", func() error { return s.TxStore.KeepEvent(ctx, d, c) })
}

func (s *failingStore) FinishEvent(ctx context.Context, d kredivo.Delivery, o kredivo.Outcome, emit ...kredivo.Event) error {
	return s.call(ctx, "FinishEvent", func() error { return s.TxStore.FinishEvent(ctx, d, o, emit...) })
}

func (s *failingStore) DeliverTx(ctx context.Context, d kredivo.Delivery, handle func(context.Context, *sql.Tx) error) error {
	return s.call(ctx, "DeliverTx", func() error { return s.TxStore.DeliverTx(ctx, d, handle) })
}

func (s *failingStore) ClaimChecks(ctx context.Context, c kredivo.Claim) ([]kredivo.Attempt, error) {
	return answer(ctx, s, "ClaimChecks", func() ([]kredivo.Attempt, error) { return s.TxStore.ClaimChecks(ctx, c) })
}

func (s *failingStore) Due(ctx context.Context, now time.Time) (kredivo.Due, error) {
	return answer(ctx, s, "Due", func() (kredivo.Due, error) { return s.TxStore.Due(ctx, now) })
}

func (s *failingStore) Events(ctx context.Context, orderID string) ([]kredivo.EventRecord, error) {
	return answer(ctx, s, "Events", func() ([]kredivo.EventRecord, error) { return s.TxStore.Events(ctx, orderID) })
}

func (s *failingStore) Backlog(ctx context.Context) (kredivo.Backlog, error) {
	return answer(ctx, s, "Backlog", func() (kredivo.Backlog, error) { return s.TxStore.Backlog(ctx) })
}

func (s *failingStore) ListAttempts(ctx context.Context, q kredivo.AttemptQuery) ([]kredivo.Attempt, error) {
	return answer(ctx, s, "ListAttempts", func() ([]kredivo.Attempt, error) { return s.TxStore.ListAttempts(ctx, q) })
}
