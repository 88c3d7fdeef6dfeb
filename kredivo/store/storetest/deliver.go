package storetest

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/paylater-go/paylater/kredivo"
)

// A shop is a host with a table in the store's database. It reaches the table through DeliverTx alone, as
// hosts do, so this works on every database.
type shop struct {
	*place
	kredivo.TxStore
	table string
	look  kredivo.Delivery // an event whose deliveries are always rolled back
}

var errLookedOnly = errors.New("looked only")

// shop opens a shop.
func (p *place) shop() *shop {
	p.Helper()
	s, ok := p.store().(kredivo.TxStore)
	if !ok {
		p.Skip("the store is no kredivo.TxStore, and promises none of this")
	}
	p.emit(s, event("", "look"), event("", "table"))
	long := claim("shop", start, 2)
	long.Lease = 100000 * time.Hour
	all := p.events(s, long)
	p.same(ids(all), []string{"look", "table"})
	name := sha256.Sum256([]byte(p.Name()))
	h := &shop{place: p, TxStore: s, table: fmt.Sprintf("shop_%x", name[:8]), look: all[0]}
	p.ok(s.DeliverTx(p.Context(), all[1], func(ctx context.Context, tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `CREATE TABLE `+h.table+` (n INTEGER)`)
		return err
	}))
	return h
}

// ship is a handler that writes one row.
func (h *shop) ship(ctx context.Context, tx *sql.Tx) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO `+h.table+` (n) VALUES (1)`)
	return err
}

// never is a handler that must not be called.
func (h *shop) never(context.Context, *sql.Tx) error {
	h.Error("the handler was called")
	return nil
}

// shipped fails the test unless the shop has written want rows.
func (h *shop) shipped(want int) {
	h.Helper()
	var got int
	err := h.DeliverTx(h.Context(), h.look, func(ctx context.Context, tx *sql.Tx) error {
		return errors.Join(tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM `+h.table).Scan(&got), errLookedOnly)
	})
	h.is(err, errLookedOnly)
	if got != want {
		h.Errorf("%d rows are committed, want %d", got, want)
	}
}

// delivery emits an event of order A and claims it.
func (h *shop) delivery() kredivo.Delivery {
	h.Helper()
	h.emit(h, event("A", "a"))
	return h.event(h, claim("t", start, 1))
}

// ended fails the test unless d is done, and unless is not.
func (h *shop) ended(d kredivo.Delivery, want bool) {
	h.Helper()
	switch err := h.FinishEvent(h.Context(), d, done); {
	case want:
		h.is(err, kredivo.ErrClaimLost)
		h.backlog(h, kredivo.Backlog{Events: 1}) // the look
	default:
		h.ok(err) // it was still under its claim
	}
}

var deliverTests = []test{
	{"commits the event and what the host writes together", func(p *place) {
		h := p.shop()
		d := h.delivery()
		h.emit(h, event("A", "a2"))
		calls := 0
		h.ok(h.DeliverTx(h.Context(), d, func(ctx context.Context, tx *sql.Tx) error {
			calls++
			return h.ship(ctx, tx)
		}))
		h.same(calls, 1)
		h.shipped(1)
		next := h.event(h, claim("u", after(time.Hour), 10))
		h.same(next.Event.ID, "a2")
		h.finish(h, next, done)
		h.ended(d, true)
	}},

	{"rolls back on an error, which comes back unchanged", func(p *place) {
		h := p.shop()
		d := h.delivery()
		refusal := errors.New("refused")
		err := h.DeliverTx(h.Context(), d, func(ctx context.Context, tx *sql.Tx) error {
			h.ok(h.ship(ctx, tx))
			return refusal
		})
		if err != refusal {
			h.Fatalf("error = %v, want the very error of the handler", err)
		}
		h.shipped(0)
		h.ended(d, false)
	}},

	{"rolls back on a panic, which goes on", func(p *place) {
		h := p.shop()
		d := h.delivery()
		func() {
			defer func() {
				if recover() != "boom" {
					h.Error("the panic did not come through")
				}
			}()
			_ = h.DeliverTx(h.Context(), d, func(ctx context.Context, tx *sql.Tx) error {
				h.ok(h.ship(ctx, tx))
				panic("boom")
			})
		}()
		h.shipped(0)
		h.create(h, attempt("A", 1)) // no lock is left
		h.ended(d, false)
	}},

	{"does not call the host without the claim", func(p *place) {
		h := p.shop()
		d := h.delivery()
		for _, token := range []string{"", "T", "t ", "other"} {
			wrong := d
			wrong.Token = token
			h.is(h.DeliverTx(h.Context(), wrong, h.never), kredivo.ErrClaimLost)
		}
		fresh := h.event(h, claim("fresh", after(time.Minute), 1))
		h.is(h.DeliverTx(h.Context(), d, h.never), kredivo.ErrClaimLost)
		h.finish(h, fresh, parked)
		h.is(h.DeliverTx(h.Context(), fresh, h.never), kredivo.ErrClaimLost)
		h.shipped(0)
	}},

	{"takes the token for the fence, not the time", func(p *place) {
		h := p.shop()
		d := h.delivery()
		h.same(ids(h.events(h, claim("other", after(time.Minute-time.Microsecond), 10))), []string(nil))
		h.ok(h.DeliverTx(h.Context(), d, h.ship)) // whatever the time is, nobody else came
		h.shipped(1)
	}},

	{"of all that hold an event calls the host for one that commits", func(p *place) {
		h := p.shop()
		other := p.store().(kredivo.TxStore)
		d := h.delivery()
		results := make(chan error, 10)
		parallel(10, func(i int) {
			s := []kredivo.TxStore{h, other}[i%2]
			results <- s.DeliverTx(h.Context(), d, h.ship)
		})
		committed := 0
		for range 10 {
			if err := <-results; err == nil {
				committed++
			} else {
				h.is(err, kredivo.ErrClaimLost)
			}
		}
		h.same(committed, 1)
		h.shipped(1)
	}},

	{"keeps the event from others while the host works, past the lease too", func(p *place) {
		h := p.shop()
		other := p.store()
		d := h.delivery()
		claimed := make(chan []kredivo.Delivery, 1)
		h.ok(h.DeliverTx(h.Context(), d, func(ctx context.Context, tx *sql.Tx) error {
			go func() {
				all, err := other.ClaimEvents(h.Context(), claim("other", after(time.Hour), 10))
				if err != nil {
					h.Error(err)
				}
				claimed <- all
			}()
			return h.ship(ctx, tx)
		}))
		h.same(ids(<-claimed), []string(nil))
		h.shipped(1)
	}},

	{"ends the event with the writes of a host that commits by itself", func(p *place) {
		h := p.shop()
		d := h.delivery()
		h.is(h.DeliverTx(h.Context(), d, func(ctx context.Context, tx *sql.Tx) error {
			return errors.Join(h.ship(ctx, tx), tx.Commit())
		}), sql.ErrTxDone)
		h.shipped(1)
		h.ended(d, true)
	}},

	{"does not end the event of a host that rolls back by itself", func(p *place) {
		h := p.shop()
		d := h.delivery()
		h.is(h.DeliverTx(h.Context(), d, func(ctx context.Context, tx *sql.Tx) error {
			return errors.Join(h.ship(ctx, tx), tx.Rollback())
		}), sql.ErrTxDone)
		h.shipped(0)
		h.ended(d, false)
	}},

	{"does nothing when the context has ended", func(p *place) {
		h := p.shop()
		d := h.delivery()
		ctx, cancel := context.WithCancel(h.Context())
		cancel()
		h.is(h.DeliverTx(ctx, d, h.never), context.Canceled)
		h.shipped(0)
		h.ended(d, false)
	}},

	{"rolls back when the context ends under the host, who may say nothing of it", func(p *place) {
		h := p.shop()
		d := h.delivery()
		ctx, cancel := context.WithCancel(h.Context())
		defer cancel()
		h.is(h.DeliverTx(ctx, d, func(ctx context.Context, tx *sql.Tx) error {
			h.ok(h.ship(ctx, tx))
			cancel()
			return nil
		}), context.Canceled)
		h.shipped(0)
		h.ended(d, false)
	}},

	{"frees all locks when the context ends, though the host hangs", func(p *place) {
		h := p.shop()
		other := p.store()
		d := h.delivery()
		ctx, cancel := context.WithCancel(h.Context())
		defer cancel()
		hung, release, result := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		go func() {
			result <- h.DeliverTx(ctx, d, func(ctx context.Context, tx *sql.Tx) error {
				err := h.ship(ctx, tx)
				close(hung)
				<-release
				return err
			})
		}()
		<-hung
		cancel()
		// The host has not returned, and everybody else goes on.
		h.create(other, attempt("B", 1))
		h.create(h, attempt("C", 1))
		h.finish(other, d, retry(after(time.Hour)))
		again := h.event(h, claim("again", after(time.Hour), 1))
		h.shipped(0)
		close(release)
		h.is(<-result, context.Canceled)
		h.ok(h.DeliverTx(h.Context(), again, h.ship))
		h.shipped(1)
	}},

	{"fails after Close", func(p *place) {
		h := p.shop()
		d := h.delivery()
		h.ok(h.Close())
		if h.DeliverTx(h.Context(), d, h.never) == nil {
			h.Error("no error")
		}
	}},
}
