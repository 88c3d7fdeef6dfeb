package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/store/internal/sqlstore"
)

var errForeign = errors.New("only stores of kredivo/store and the packages below it can be copied")

// Copy moves a shop that is running from one store to another, of any kind, which must hold no payments yet.
//
// First it seals the old store: what any process tries to write there is an error from then on, so
// notifications are answered with 503 and DOKU sends them again, and checkouts fail. Work that is under way gets
// up to a minute to end. Then everything is copied in one transaction: attempts, the messages with what
// tells their copies, and the events with their order and all that became of them.
//
// When Copy returned nil the new store has everything, and the old one stays sealed: start the processes
// again with the new address. After an error or a crash nothing is lost, and nobody can write to the old
// store: call Copy again, or [UndoCopy]. Calling it again after it has succeeded does nothing.
//
// Progress, which may be nil, is told what is going on.
func Copy(ctx context.Context, from, to kredivo.Store, progress func(string)) error {
	if progress == nil {
		progress = func(string) {}
	}
	return both(from, to, func(from, to *sqlstore.Store) error {
		return sqlstore.Move(ctx, from, to, progress)
	})
}

// UndoCopy opens the old store again after a Copy that did not succeed. It refuses when the new one holds
// payments: then the Copy did succeed, and the old store is out of date.
func UndoCopy(ctx context.Context, from, to kredivo.Store) error {
	return both(from, to, func(from, to *sqlstore.Store) error {
		return sqlstore.MoveBack(ctx, from, to)
	})
}

func both(from, to kredivo.Store, do func(from, to *sqlstore.Store) error) error {
	old, ok := from.(*sqlstore.Store)
	fresh, ok2 := to.(*sqlstore.Store)
	if !ok || !ok2 {
		return fmt.Errorf("store: copy: %w", errForeign)
	}
	if err := do(old, fresh); err != nil {
		return fmt.Errorf("store: copy: %w", err)
	}
	return nil
}
