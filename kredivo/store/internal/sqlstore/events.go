package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/paylater-go/paylater/kredivo"
)

// insertEvent queues e for the host, once per ID.
func (s *Store) insertEvent(ctx context.Context, tx transaction, e kredivo.Event, now time.Time) error {
	e.At = stored(e.At)
	payload, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("sqlstore: write event %s: %w", e.ID, err)
	}
	_, err = s.insertNew(ctx, tx, s.sql.insertEvent, e.ID, stream(e), e.OrderID, string(payload),
		timeArg(now), dueArg(tx.clock(now)), longAgo)
	if err != nil {
		return fmt.Errorf("sqlstore: queue event %s: %w", e.ID, err)
	}
	return nil
}

// stream names the queue that e waits in: its order's, or one of its own. The news that the host refuses
// an event must not wait behind that event.
func stream(e kredivo.Event) string {
	if e.OrderID == "" || e.Kind == kredivo.HostRefused {
		return "event:" + e.ID
	}
	return "order:" + e.OrderID
}

// An eventRow is an event in its columns.
type eventRow struct{ id, orderID, payload string }

// event reads the payload. The columns hold exactly what was given, which JSON does not do for bytes that
// are no text.
func (r eventRow) event() (kredivo.Event, error) {
	var e kredivo.Event
	if err := json.Unmarshal([]byte(r.payload), &e); err != nil {
		return kredivo.Event{}, fmt.Errorf("sqlstore: read event %s: %w", r.id, err)
	}
	e.ID, e.OrderID = r.id, r.orderID
	return e, nil
}

// ClaimEvents implements [kredivo.Store].
func (s *Store) ClaimEvents(ctx context.Context, c kredivo.Claim) ([]kredivo.Delivery, error) {
	return claim(ctx, s, c, s.sql.events, func(rows *sql.Rows) (int64, kredivo.Delivery, error) {
		d := kredivo.Delivery{Token: c.Token}
		var id int64
		var e eventRow
		err := rows.Scan(&id, &d.Tries, &d.Failures, &e.id, &e.orderID, &e.payload, (*timeColumn)(&d.EmittedAt))
		if err == nil {
			d.Event, err = e.event()
		}
		d.Tries++
		return id, d, err
	})
}

// KeepEvent implements [kredivo.Store].
func (s *Store) KeepEvent(ctx context.Context, d kredivo.Delivery, c kredivo.Claim) error {
	return s.write(ctx, func(ctx context.Context, tx transaction) error {
		now := tx.clock(c.Now)
		result, err := tx.ExecContext(ctx, s.sql.keepEvent, dueArg(now.Add(c.Lease)), d.Event.ID, textArg(d.Token))
		if err != nil {
			return fmt.Errorf("sqlstore: keep a claim: %w", err)
		}
		return oneRow(result, kredivo.ErrClaimLost)
	})
}

// FinishEvent implements [kredivo.Store].
func (s *Store) FinishEvent(ctx context.Context, d kredivo.Delivery, o kredivo.Outcome, emit ...kredivo.Event) error {
	return s.write(ctx, func(ctx context.Context, tx transaction) error {
		if err := s.finish(ctx, tx, s.sql.events.finish, d.Event.ID, d.Token, o); err != nil {
			return err
		}
		for _, e := range emit {
			if err := s.insertEvent(ctx, tx, e, e.At); err != nil {
				return err
			}
		}
		return nil
	})
}

// DeliverTx implements [kredivo.TxStore]. The event is done before the host writes anything: a host that
// commits by itself commits that too.
func (s *Store) DeliverTx(ctx context.Context, d kredivo.Delivery, handle func(ctx context.Context, tx *sql.Tx) error) error {
	if s.closed.Load() {
		return errClosed
	}
	return s.writeOnce(ctx, true, func(ctx context.Context, tx transaction) error {
		err := s.finish(ctx, tx, s.sql.events.finish, d.Event.ID, d.Token, kredivo.Outcome{State: kredivo.WorkDone})
		if err != nil {
			return err
		}
		return handle(ctx, tx.Tx)
	})
}
