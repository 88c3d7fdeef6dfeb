package kredivo_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"

	"github.com/paylater-go/paylater/kredivo"
)

func openShop(t testing.TB) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "shop.db")+"?_pragma=busy_timeout(30000)&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	for _, statement := range []string{kredivo.OnceTable, kredivo.OnceTable, `CREATE TABLE orders (paid INTEGER NOT NULL)`, `INSERT INTO orders VALUES (0)`} {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return db
}

// apply is a shop's handler: one more payment, once per event.
func apply(ctx context.Context, db *sql.DB, eventID string, commit bool) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	if err := kredivo.Once(ctx, tx, eventID); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE orders SET paid = paid + 1`); err != nil || !commit {
		return err
	}
	return tx.Commit()
}

func TestOnce(t *testing.T) {
	t.Parallel()
	db := openShop(t)
	for i, tt := range []struct {
		id     string
		commit bool
		want   error
	}{
		{"1001-1-ab:payment.succeeded", false, nil}, // a crash before the commit: as if it had never come
		{"1001-1-ab:payment.succeeded", true, nil},
		{"1001-1-ab:payment.succeeded", true, kredivo.ErrAlreadyApplied},
		{"1001-1-AB:payment.succeeded", true, nil},
		{"message-00ff:alarm.unknown_invoice", true, nil},
	} {
		if err := apply(t.Context(), db, tt.id, tt.commit); !errors.Is(err, tt.want) {
			t.Errorf("%d: %v, want %v", i, err, tt.want)
		}
	}
	var paid int
	if err := db.QueryRowContext(t.Context(), `SELECT paid FROM orders`).Scan(&paid); err != nil || paid != 3 {
		t.Errorf("%d effects (%v), want 3", paid, err)
	}
}

// Once writes the ID into a statement, so it takes nothing that is no ID.
func TestOnceRefusesWhatIsNoEventID(t *testing.T) {
	t.Parallel()
	db := openShop(t)
	for _, id := range []string{"", "a'b", "a\x00", "1'); DROP TABLE orders; --", "a b", "é"} {
		if err := apply(t.Context(), db, id, true); err == nil || errors.Is(err, kredivo.ErrAlreadyApplied) {
			t.Errorf("ID %q: %v, want a refusal", id, err)
		}
	}
}
