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

// stream names the queue that e waits in: its order's, or one of its own.
func stream(e kredivo.Event) string {
	if e.OrderID == "" {
		return "event:" + e.ID
	}
	return "order:" + e.OrderID
}

// ClaimEvents implements [kredivo.Store].
func (s *Store) ClaimEvents(ctx context.Context, c kredivo.Claim) ([]kredivo.Delivery, error) {
	return claim(ctx, s, c, s.sql.events, func(rows *sql.Rows) (int64, kredivo.Delivery, error) {
		d := kredivo.Delivery{Token: c.Token}
		var id int64
		var eventID, orderID, payload string
		err := rows.Scan(&id, &d.Tries, &eventID, &orderID, &payload)
		if err == nil {
			err = json.Unmarshal([]byte(payload), &d.Event)
		}
		// The columns hold exactly what was given, which JSON does not do for bytes that are no text.
		d.Event.ID, d.Event.OrderID = eventID, orderID
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
func (s *Store) FinishEvent(ctx context.Context, d kredivo.Delivery, o kredivo.Outcome) error {
	return s.write(ctx, func(ctx context.Context, tx transaction) error {
		return s.finish(ctx, tx, s.sql.events.finish, d.Event.ID, d.Token, o)
	})
}
