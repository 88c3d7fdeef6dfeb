package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/paylater-go/paylater/kredivo"
)

// Receive implements [kredivo.Store].
func (s *Store) Receive(ctx context.Context, m kredivo.Message) (added bool, err error) {
	header, err := encodeHeader(m.Header)
	if err != nil {
		return false, fmt.Errorf("sqlstore: write a header: %w", err)
	}
	err = s.write(ctx, func(ctx context.Context, tx transaction) error {
		var err error
		added, err = s.insertNew(ctx, tx, s.sql.insertMessage,
			string(m.Source), m.Dedupe[:], m.ClientID, header, bytesArg(m.Body), timeArg(m.ReceivedAt),
			dueArg(tx.clock(m.ReceivedAt)), longAgo)
		if err != nil {
			return fmt.Errorf("sqlstore: receive a message: %w", err)
		}
		return nil
	})
	if err == nil && !added && s.dialect.SeenEarly {
		err = s.confirm(ctx, m.Dedupe)
	}
	return added && err == nil, err
}

// confirm returns when the message that was seen is on the disk. It makes the row's claim a microsecond longer,
// which nobody notices, because only a transaction that writes waits. The one that tried to insert a copy would
// meet its like in a deadlock here.
func (s *Store) confirm(ctx context.Context, dedupe kredivo.Hash) error {
	err := s.write(ctx, func(ctx context.Context, tx transaction) error {
		result, err := tx.ExecContext(ctx, s.sql.confirmMessage, dedupe[:])
		if err != nil {
			return err
		}
		return oneRow(result, errors.New("it is gone"))
	})
	if err != nil {
		return fmt.Errorf("sqlstore: confirm a message: %w", err)
	}
	return nil
}

// ClaimMessages implements [kredivo.Store].
func (s *Store) ClaimMessages(ctx context.Context, c kredivo.Claim) ([]kredivo.Message, error) {
	return claim(ctx, s, c, s.sql.messages, func(rows *sql.Rows) (int64, kredivo.Message, error) {
		m := kredivo.Message{Token: c.Token}
		var header string
		err := rows.Scan(&m.ID, &m.Tries, &m.Failures, &m.Source, (*hashColumn)(&m.Dedupe), &m.ClientID, &header, &m.Body,
			(*timeColumn)(&m.ReceivedAt))
		if err == nil {
			m.Header, err = decodeHeader(header)
		}
		m.Tries++
		return m.ID, m, err
	})
}

// fence makes sure that m, if there is one, is still under the claim of whoever changes something in
// its name.
func (s *Store) fence(ctx context.Context, tx transaction, m *kredivo.Message) error {
	if m == nil {
		return nil
	}
	var id int64
	err := tx.QueryRowContext(ctx, s.sql.checkClaim, m.ID, textArg(m.Token)).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return kredivo.ErrClaimLost
	}
	if err != nil {
		return fmt.Errorf("sqlstore: check the claim of message %d: %w", m.ID, err)
	}
	return nil
}
