package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// A Transfer is how one kind of database is sealed, and filled from another. In its texts {inbox}, {attempt},
// {event}, {migration} and {seal} stand for names with the prefix of the store.
type Transfer struct {
	// Prepare are statements before the triggers: what Refuse needs, and what keeps writers away until the
	// end of the transaction. Where a change of tables ends a transaction they hold for nothing.
	Prepare []string

	// Refuse is the statement that makes a trigger: an event (INSERT, UPDATE or DELETE) on table is an error
	// that says [sealedText] when the condition holds, which may speak of NEW and OLD; always when it is empty.
	Refuse func(name, table, event, condition string) string

	// Drop is the statement that drops a trigger if it is there.
	Drop func(name, table string) string

	// Triggers is the query for the names of the triggers that there are.
	Triggers string

	// TxOptions are for the transaction that fills an empty store, Exclusive the statements by which it begins:
	// nobody else writes to the tables until it ends, and of two such transactions one waits.
	TxOptions *sql.TxOptions
	Exclusive []string

	// KeepID lets an INSERT give the values of generated ids, and Renumber makes the next generated id of a
	// table follow the greatest. Empty where neither needs a word.
	KeepID   string
	Renumber string
}

// sealedText is what a writer hears of a sealed store.
const sealedText = "kredivo: this store is sealed: its payments are being moved to another one, or have been"

// SealedText is the text of the error that [Transfer.Refuse] makes, as a literal in SQL.
const SealedText = "'" + sealedText + "'"

// A trigger refuses one kind of write.
type trigger struct{ table, event, condition string }

// name is what the trigger is called.
func (t trigger) name() string {
	name := "{seal}_" + strings.Trim(t.table, "{}") + "_" + strings.ToLower(t.event)
	if t.condition != "" {
		name += "_claim"
	}
	return name
}

// newClaim is the condition for an update that claims a row.
const newClaim = "NEW.claim_token IS NOT NULL AND (OLD.claim_token IS NULL OR OLD.claim_token <> NEW.claim_token)"

// Two sets of triggers seal a store. Under the first nothing new is taken in or begun, and what is under way
// can be finished; under both nothing can be written. Tables come in the order in which transactions use them.
var (
	closing = []trigger{
		{"{inbox}", "INSERT", ""}, {"{inbox}", "UPDATE", newClaim}, {"{attempt}", "INSERT", ""}, {"{event}", "UPDATE", newClaim},
	}
	sealing = []trigger{
		{"{inbox}", "UPDATE", ""}, {"{inbox}", "DELETE", ""}, {"{attempt}", "UPDATE", ""}, {"{attempt}", "DELETE", ""},
		{"{event}", "INSERT", ""}, {"{event}", "UPDATE", ""}, {"{event}", "DELETE", ""},
	}
)

// seal makes those triggers that are missing. Afterwards no transaction is running that saw the tables
// without them.
func (s *Store) seal(ctx context.Context, triggers []trigger) error {
	there, err := s.triggers(ctx)
	if err != nil {
		return err
	}
	triggers = slices.DeleteFunc(slices.Clone(triggers), func(t trigger) bool { return there[s.sql.name(t.name())] })
	if len(triggers) == 0 {
		return nil
	}
	statements := slices.Clone(s.dialect.Transfer.Prepare)
	for _, t := range triggers {
		statements = append(statements, s.dialect.Transfer.Refuse(t.name(), t.table, t.event, t.condition))
	}
	return s.alter(ctx, "seal", statements)
}

// unseal drops all triggers.
func (s *Store) unseal(ctx context.Context) error {
	var statements []string
	for _, t := range slices.Concat(sealing, closing) {
		statements = append(statements, s.dialect.Transfer.Drop(t.name(), t.table))
	}
	return s.alter(ctx, "unseal", statements)
}

// alter changes the tables in one transaction, where the database knows such transactions. It waits for
// whoever uses the tables, for as long as ctx lets it.
func (s *Store) alter(ctx context.Context, what string, statements []string) error {
	tx, err := s.begin(ctx)
	if err != nil {
		return fmt.Errorf("sqlstore: %s: %w", what, err)
	}
	defer func() { _ = tx.Rollback() }()
	for _, statement := range statements {
		if _, err := tx.ExecContext(ctx, s.sql.name(statement)); err != nil {
			return fmt.Errorf("sqlstore: %s: %w", what, err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("sqlstore: %s: %w", what, err)
	}
	return nil
}

// sealed reports whether nobody can write to the store.
func (s *Store) sealed(ctx context.Context) (bool, error) {
	there, err := s.triggers(ctx)
	for _, t := range slices.Concat(closing, sealing) {
		if !there[s.sql.name(t.name())] {
			return false, err
		}
	}
	return true, err
}

// notSealed is nil when everybody can write to the store.
func (s *Store) notSealed(ctx context.Context) error {
	there, err := s.triggers(ctx)
	for _, t := range slices.Concat(closing, sealing) {
		if there[s.sql.name(t.name())] {
			return ErrSealed
		}
	}
	return err
}

// triggers are the names of those that there are.
func (s *Store) triggers(ctx context.Context) (map[string]bool, error) {
	rows, err := s.reader.QueryContext(ctx, s.sql.name(s.dialect.Transfer.Triggers))
	if err != nil {
		return nil, fmt.Errorf("sqlstore: look at the triggers: %w", err)
	}
	defer func() { _ = rows.Close() }()
	there := map[string]bool{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("sqlstore: look at the triggers: %w", err)
		}
		there[name] = true
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("sqlstore: look at the triggers: %w", err)
	}
	return there, nil
}
