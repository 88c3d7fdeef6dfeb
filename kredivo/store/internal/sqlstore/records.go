package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/paylater-go/paylater/kredivo"
)

// Events implements [kredivo.Store].
func (s *Store) Events(ctx context.Context, orderID string) ([]kredivo.EventRecord, error) {
	if !s.holds(orderID) {
		return nil, nil
	}
	return records(ctx, s, scanEventRecord, s.sql.orderEvents, orderID)
}

// Parked implements [kredivo.Store].
func (s *Store) Parked(ctx context.Context, limit int) ([]kredivo.MessageRecord, []kredivo.EventRecord, error) {
	limit = max(limit, 0)
	messages, err := records(ctx, s, scanMessageRecord, s.sql.messages.parked, limit)
	if err != nil {
		return nil, nil, err
	}
	events, err := records(ctx, s, scanEventRecord, s.sql.events.parked, limit)
	if err != nil {
		return nil, nil, err
	}
	return messages, events, nil
}

// records reads all rows of a query.
func records[T any](ctx context.Context, s *Store, scan func(*sql.Rows) (T, error), query string, args ...any) ([]T, error) {
	var all []T
	err := s.read(ctx, func(ctx context.Context) error {
		rows, err := s.reader.QueryContext(ctx, query, args...)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			r, err := scan(rows)
			if err != nil {
				return err
			}
			all = append(all, r)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("sqlstore: read records: %w", err)
	}
	return all, nil
}

// scanMessageRecord reads one row of messageRecord.
func scanMessageRecord(rows *sql.Rows) (kredivo.MessageRecord, error) {
	var r kredivo.MessageRecord
	m := &r.Message
	err := rows.Scan(&m.ID, &m.Source, (*hashColumn)(&m.Dedupe), &m.ClientID, (*timeColumn)(&m.ReceivedAt),
		&r.State, (*timeColumn)(&r.RunAt), &m.Tries, &m.Failures, &r.LastError)
	return r, err
}

// scanEventRecord reads one row of eventRecord.
func scanEventRecord(rows *sql.Rows) (kredivo.EventRecord, error) {
	var r kredivo.EventRecord
	var e eventRow
	err := rows.Scan(&e.id, &e.orderID, &e.payload, (*timeColumn)(&r.EmittedAt),
		&r.State, (*timeColumn)(&r.RunAt), &r.Tries, &r.Failures, &r.LastError)
	if err == nil {
		r.Event, err = e.event()
	}
	return r, err
}
