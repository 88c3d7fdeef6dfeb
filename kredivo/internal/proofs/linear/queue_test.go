package linear

import (
	"context"
	"crypto/rand"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paylater-go/paylater/kredivo"
)

// TestEachMessageIsSettledOnce has many producers and as many consumers on one database, over two pools.
func TestEachMessageIsSettledOnce(t *testing.T) {
	const workers = 20
	for name, database := range databases {
		t.Run(name, func(t *testing.T) {
			each := 50
			if name == "PostgreSQL" { // where many processes are at home
				each = 200
			}
			open := database(t)
			q := queue{pools: pools{open(t), open(t)}, claimed: map[string]int{}}
			q.left.Store(int64(workers * each))
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			var running sync.WaitGroup
			for w := range workers {
				running.Go(func() {
					for n := range each {
						if added, err := q.add(ctx, w, fmt.Sprintf("%d-%d", w, n)); err != nil || !added {
							t.Errorf("added = %v, error = %v", added, err)
						}
					}
				})
				running.Go(func() {
					for q.left.Load() > 0 && ctx.Err() == nil {
						if err := q.settle(ctx, w); err != nil {
							t.Error(err)
						}
					}
				})
			}
			running.Wait()
			for key, n := range q.claimed {
				if n != 1 {
					t.Errorf("message %s was claimed %d times", key, n)
				}
			}
			if b, err := q.of(0).Backlog(ctx); err != nil || b.Messages > 0 || len(q.claimed) != workers*each {
				t.Errorf("%d messages claimed, want %d; backlog %+v (%v)", len(q.claimed), workers*each, b, err)
			}
		})
	}
}

// A queue counts what comes out of it.
type queue struct {
	pools
	left    atomic.Int64
	mu      sync.Mutex
	claimed map[string]int // by body
}

// settle claims a few messages and settles them.
func (q *queue) settle(ctx context.Context, client int) error {
	now := time.Now()
	batch, err := q.of(client).ClaimMessages(ctx, kredivo.Claim{Token: rand.Text(), Now: now, Lease: time.Hour, Limit: 8})
	if err != nil {
		return err
	}
	for _, m := range batch {
		q.mu.Lock()
		q.claimed[string(m.Body)]++
		q.mu.Unlock()
		err := q.of(client).Change(ctx, kredivo.Scope{Message: &m, Now: now}, func([]kredivo.Attempt) (kredivo.Decision, error) {
			return kredivo.Decision{Message: kredivo.Outcome{State: kredivo.WorkDone}}, nil
		})
		if err != nil {
			return err
		}
		q.left.Add(-1)
	}
	return nil
}
