package adaptertest

import (
	"context"
	"sync"
	"testing"

	"github.com/paylater-go/paylater/kredivo"
)

// A keeper is a store that keeps what it is given for ever without copying it, as the seam allows: what
// crosses it by value must stay as it is.
type keeper struct {
	kredivo.Store
	received chan kredivo.Message

	mu       sync.Mutex
	messages []kredivo.Message
	attempts []kredivo.Attempt
	onlyKeep bool                         // and write nothing to disk, for checks of many requests
	memory   map[string][]kredivo.Attempt // by order, while onlyKeep is set
}

// keepOnly spares the disk until the end of the test. Payments that are started meanwhile are unknown
// afterwards.
func (k *keeper) keepOnly(t *testing.T) {
	set := func(v bool) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.onlyKeep = v
	}
	set(true)
	t.Cleanup(func() { set(false) })
}

func (k *keeper) Receive(ctx context.Context, m kredivo.Message) (added bool, err error) {
	k.mu.Lock()
	onlyKeep := k.onlyKeep
	k.mu.Unlock()
	added = true
	if !onlyKeep {
		added, err = k.Store.Receive(ctx, m)
	}
	if err == nil && m.Source == kredivo.FromNotification {
		k.mu.Lock()
		k.messages = append(k.messages, m)
		k.mu.Unlock()
		k.received <- m
	}
	return added, err
}

func (k *keeper) Change(ctx context.Context, scope kredivo.Scope, decide func([]kredivo.Attempt) (kredivo.Decision, error)) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.onlyKeep && scope.Message == nil {
		return k.changeInMemory(scope.OrderID, decide)
	}
	return k.Store.Change(ctx, scope, func(attempts []kredivo.Attempt) (kredivo.Decision, error) {
		d, err := decide(attempts)
		if err == nil && d.Create != nil {
			k.attempts = append(k.attempts, *d.Create)
		}
		return d, err
	})
}

// changeInMemory is enough of a store for orders with one attempt each. The caller holds mu.
func (k *keeper) changeInMemory(orderID string, decide func([]kredivo.Attempt) (kredivo.Decision, error)) error {
	d, err := decide(k.memory[orderID])
	if err != nil {
		return err
	}
	if d.Create != nil {
		k.attempts = append(k.attempts, *d.Create)
		k.memory[orderID] = []kredivo.Attempt{*d.Create}
	}
	if len(d.Update) > 0 {
		k.memory[orderID] = d.Update
	}
	return nil
}

// stored is how many notifications have been accepted so far.
func (k *keeper) stored() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.messages)
}
