package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/paylater-go/paylater/kredivo"
)

// Change implements [kredivo.Store].
func (s *Store) Change(ctx context.Context, scope kredivo.Scope, decide func([]kredivo.Attempt) (kredivo.Decision, error)) error {
	return s.write(ctx, func(ctx context.Context, tx transaction) error {
		if err := s.fence(ctx, tx, scope.Message); err != nil {
			return err
		}
		attempts, err := s.lockAttempts(ctx, tx, scope)
		if err != nil {
			return err
		}
		d, err := decide(attempts)
		if err != nil {
			return err
		}
		return s.apply(ctx, tx, scope, d)
	})
}

// lockAttempts reads the attempts of scope so that nobody else changes them before the end of tx.
func (s *Store) lockAttempts(ctx context.Context, tx transaction, scope kredivo.Scope) ([]kredivo.Attempt, error) {
	statement, name := s.sql.lockOrder, scope.OrderID
	if name == "" {
		statement, name = s.sql.lockInvoice, scope.InvoiceNumber
	}
	if name == "" || !s.holds(name) {
		return nil, nil
	}
	attempts, err := queryAttempts(ctx, tx, statement, name)
	if err != nil || s.dialect.Lock == "" || len(attempts) == 0 {
		return attempts, err
	}
	// Whoever held these rows while we waited may have added an attempt that our statement, which began
	// before, does not see. Now that we hold them nobody can.
	return queryAttempts(ctx, tx, statement, name)
}

// apply writes a decision. Updates come before the new attempt, so that one decision may close an
// order's open attempt and open the next.
func (s *Store) apply(ctx context.Context, tx transaction, scope kredivo.Scope, d kredivo.Decision) error {
	for _, a := range d.Update {
		if err := s.updateAttempt(ctx, tx, a); err != nil {
			return err
		}
	}
	if d.Create != nil {
		if err := s.insertAttempt(ctx, tx, *d.Create); err != nil {
			return err
		}
	}
	for _, e := range d.Emit {
		if err := s.insertEvent(ctx, tx, e, scope.Now); err != nil {
			return err
		}
	}
	if scope.Message == nil || d.Message == (kredivo.Outcome{}) {
		return nil
	}
	return s.finish(ctx, tx, s.sql.messages.finish, scope.Message.ID, scope.Message.Token, d.Message)
}

func (s *Store) insertAttempt(ctx context.Context, tx transaction, a kredivo.Attempt) error {
	changing, err := changingArgs(a)
	if err != nil {
		return err
	}
	args := append([]any{a.ID, a.OrderID, a.Number, a.InvoiceNumber, a.RequestID, a.Amount}, changing...)
	var openOrder any
	if a.Status.Open() {
		openOrder = a.OrderID
	}
	if _, err := tx.ExecContext(ctx, s.sql.insertAttempt, append(args, openOrder)...); err != nil {
		return s.attemptError("create an attempt", err)
	}
	return nil
}

func (s *Store) updateAttempt(ctx context.Context, tx transaction, a kredivo.Attempt) error {
	args, err := changingArgs(a)
	if err != nil {
		return err
	}
	result, err := tx.ExecContext(ctx, s.sql.updateAttempt, append(args, a.Status.Open(), a.ID)...)
	if err != nil {
		return s.attemptError("change an attempt", err)
	}
	return oneRow(result, fmt.Errorf("sqlstore: change attempt %s: %w", a.ID, kredivo.ErrNotFound))
}

// Attempts implements [kredivo.Store].
func (s *Store) Attempts(ctx context.Context, orderID string) ([]kredivo.Attempt, error) {
	if !s.holds(orderID) {
		return nil, nil
	}
	var attempts []kredivo.Attempt
	err := s.read(ctx, func(ctx context.Context) (err error) {
		attempts, err = queryAttempts(ctx, s.reader, s.sql.attempts, orderID)
		return err
	})
	return attempts, err
}

// ListAttempts implements [kredivo.Store].
func (s *Store) ListAttempts(ctx context.Context, q kredivo.AttemptQuery) ([]kredivo.Attempt, error) {
	if q.Limit <= 0 || !s.holds(q.AfterID) {
		return nil, nil
	}
	statement := s.sql.listAttempts
	if q.Watched {
		statement = s.sql.listWatched
	}
	since := dueArg(q.CreatedSince)
	var attempts []kredivo.Attempt
	err := s.read(ctx, func(ctx context.Context) (err error) {
		attempts, err = queryAttempts(ctx, s.reader, statement, since, since, q.AfterID, q.Limit)
		return err
	})
	return attempts, err
}

// AttemptByToken implements [kredivo.Store].
func (s *Store) AttemptByToken(ctx context.Context, h kredivo.Hash) (kredivo.Attempt, error) {
	var a kredivo.Attempt
	err := s.read(ctx, func(ctx context.Context) (err error) {
		a, err = scanAttempt(s.reader.QueryRowContext(ctx, s.sql.attemptByToken, h[:]))
		return err
	})
	if errors.Is(err, sql.ErrNoRows) {
		return kredivo.Attempt{}, kredivo.ErrNotFound
	}
	return a, err
}

// ClaimChecks implements [kredivo.Store].
func (s *Store) ClaimChecks(ctx context.Context, c kredivo.Claim) ([]kredivo.Attempt, error) {
	if c.Limit <= 0 {
		return nil, nil
	}
	var due []kredivo.Attempt
	err := s.write(ctx, func(ctx context.Context, tx transaction) error {
		now := tx.clock(c.Now)
		var err error
		due, err = queryAttempts(ctx, tx, s.sql.dueChecks, dueArg(now), min(c.Limit, maxClaim))
		if err != nil || len(due) == 0 {
			return err
		}
		next := stored(now.Add(c.Lease))
		args := []any{timeArg(next)}
		for i := range due {
			due[i].NextCheckAt = next
			args = append(args, due[i].ID)
		}
		if _, err := tx.ExecContext(ctx, s.sql.in(s.sql.moveChecks, len(due)), args...); err != nil {
			return fmt.Errorf("sqlstore: claim checks: %w", err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return due, nil
}

// A queryer is a pool or a transaction.
type queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func queryAttempts(ctx context.Context, db queryer, query string, args ...any) ([]kredivo.Attempt, error) {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("sqlstore: read attempts: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var all []kredivo.Attempt
	for rows.Next() {
		a, err := scanAttempt(rows)
		if err != nil {
			return nil, err
		}
		all = append(all, a)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("sqlstore: read attempts: %w", err)
	}
	return all, nil
}

// scanAttempt reads one row of attemptColumns.
func scanAttempt(row interface{ Scan(dest ...any) error }) (kredivo.Attempt, error) {
	var a kredivo.Attempt
	var identifiers string
	err := row.Scan(
		&a.ID, &a.OrderID, &a.Number, &a.InvoiceNumber, &a.RequestID, &a.Amount,
		&a.MerchantUniqueReference, &a.ClientID, &a.Environment, &a.Status, &a.Late,
		(*hashColumn)(&a.Buyer), (*hashColumn)(&a.Token), &a.Body, &a.PaymentURL, &identifiers, &a.FailureCode,
		(*timeColumn)(&a.CreatedAt), (*timeColumn)(&a.UpdatedAt), (*timeColumn)(&a.ExpiresAt), (*timeColumn)(&a.PaidAt),
		(*timeColumn)(&a.NextCheckAt), &a.Checks, &a.CallToken, (*timeColumn)(&a.CallUntil),
	)
	if err == nil && identifiers != "" {
		err = json.Unmarshal([]byte(identifiers), &a.Identifiers)
	}
	if err != nil {
		return kredivo.Attempt{}, fmt.Errorf("sqlstore: read an attempt: %w", err)
	}
	return a, nil
}

// changingArgs are the parameters for changeColumns.
func changingArgs(a kredivo.Attempt) ([]any, error) {
	var identifiers string
	if len(a.Identifiers) > 0 {
		b, err := json.Marshal(a.Identifiers)
		if err != nil {
			return nil, fmt.Errorf("sqlstore: write identifiers: %w", err)
		}
		identifiers = string(b)
	}
	return []any{
		a.MerchantUniqueReference, a.ClientID, string(a.Environment), string(a.Status), a.Late,
		a.Buyer[:], a.Token[:], bytesArg(a.Body), a.PaymentURL, identifiers, code(a.FailureCode),
		timeArg(a.CreatedAt), timeArg(a.UpdatedAt), timeArg(a.ExpiresAt), timeArg(a.PaidAt),
		timeArg(a.NextCheckAt), a.Checks, a.CallToken, timeArg(a.CallUntil),
	}, nil
}
