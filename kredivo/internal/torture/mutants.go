package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/paylater-go/paylater/kredivo"
)

// mutantVariable breaks the shops of a campaign on purpose.
const mutantVariable = "KREDIVO_TORTURE_MUTANT"

// The mutants: shops that break a promise. A torture that does not notice them proves nothing.
const (
	answerBeforeCommit = "answer before commit"
	effectApart        = "effect apart from done"
	lazyCommit         = "synchronous_commit off"
)

// mutate breaks the shop.
func (s setting) mutate(cfg kredivo.Config) (kredivo.Config, error) {
	shared, ok := cfg.Store.(kredivo.TxStore)
	if !ok {
		return cfg, errors.New("the store does not share its transactions")
	}
	switch s.Mutant {
	case "", lazyCommit: // which is the database's own
	case answerBeforeCommit:
		cfg.Store = hasty{shared}
	case effectApart:
		db, err := sql.Open(s.Place.Driver, s.Place.Tables)
		if err != nil {
			return cfg, err
		}
		cfg.Store = torn{shared, db}
	default:
		return cfg, fmt.Errorf("there is no mutant %q", s.Mutant)
	}
	return cfg, nil
}

// torn is a store whose shared transactions are two.
type torn struct {
	kredivo.TxStore
	db *sql.DB
}

// DeliverTx commits the host's effect, and then the end of the event.
func (t torn) DeliverTx(ctx context.Context, d kredivo.Delivery, handle func(context.Context, *sql.Tx) error) error {
	tx, err := t.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // does nothing after Commit
	if err := handle(ctx, tx); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	return t.FinishEvent(ctx, d, kredivo.Outcome{State: kredivo.WorkDone})
}

// hasty is a store that says yes first and writes then.
type hasty struct{ kredivo.TxStore }

// Receive returns at once.
func (h hasty) Receive(ctx context.Context, m kredivo.Message) (bool, error) {
	go func() {
		ctx := context.WithoutCancel(ctx)
		if rest(ctx, rand.N(50*time.Millisecond)) {
			_, _ = h.TxStore.Receive(ctx, m)
		}
	}()
	return true, nil
}

// lazyCommits makes every commit that changes a table lazy, whatever the session says. The shop's are among
// them: one that waits for the disk would bring all earlier ones there.
func lazyCommits() []string {
	statements := []string{`CREATE FUNCTION lazy() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN PERFORM set_config('synchronous_commit', 'off', true); RETURN NULL; END $$`}
	for _, table := range []string{"kredivo_attempt", "kredivo_inbox", "kredivo_event", "shop_effect", "kredivo_once"} {
		statements = append(statements, "CREATE TRIGGER lazy AFTER INSERT OR UPDATE ON "+table+" EXECUTE FUNCTION lazy()")
	}
	return statements
}
