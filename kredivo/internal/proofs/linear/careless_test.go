package linear

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"sync"
	"testing"

	"github.com/anishathalye/porcupine"

	"github.com/paylater-go/paylater/kredivo"
)

// TestCarelessOnesAreFound checks the check: what is done by looking first and writing then is not done at
// one instant.
func TestCarelessOnesAreFound(t *testing.T) {
	for name, only := range map[string]func(input) bool{
		"look, then insert": func(in input) bool { return in.add },
		"look, then update": func(in input) bool { return !in.add },
	} {
		t.Run(name, func(t *testing.T) {
			var part []porcupine.Operation
			for _, op := range record(t, newCareless(t), 200) {
				if only(op.Input.(input)) {
					part = append(part, op)
				}
			}
			if got := porcupine.CheckOperationsTimeout(model, part, limit); got != porcupine.Illegal {
				t.Errorf("%d operations: %s, want %s", len(part), got, porcupine.Illegal)
			}
		})
	}
}

// careless looks first and writes then, and has the first two clients of every key meet in between.
type careless struct {
	db      *sql.DB
	mu      sync.Mutex
	waiting map[string]chan struct{} // by place, closed when the second one has come
}

func newCareless(t *testing.T) *careless {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "careless.db")+"?_pragma=busy_timeout(300000)&_pragma=journal_mode(WAL)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	if _, err := db.ExecContext(t.Context(), "CREATE TABLE message (key TEXT); CREATE TABLE attempt (key TEXT PRIMARY KEY, status TEXT)"); err != nil {
		t.Fatal(err)
	}
	return &careless{db: db, waiting: map[string]chan struct{}{}}
}

// meet waits, when it is the first one at a place, for the second.
func (c *careless) meet(ctx context.Context, place string) {
	c.mu.Lock()
	second, ok := c.waiting[place]
	switch {
	case !ok:
		second = make(chan struct{})
		c.waiting[place] = second
	case second != nil:
		close(second)
		c.waiting[place] = nil
	}
	c.mu.Unlock()
	if !ok {
		select {
		case <-second:
		case <-ctx.Done():
		}
	}
}

func (c *careless) add(ctx context.Context, _ int, key string) (bool, error) {
	var n int
	if err := c.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM message WHERE key = ?", key).Scan(&n); err != nil || n > 0 {
		return false, err
	}
	c.meet(ctx, "add "+key)
	_, err := c.db.ExecContext(ctx, "INSERT INTO message VALUES (?)", key)
	return true, err
}

func (c *careless) raise(ctx context.Context, client int, key string, to kredivo.Status) (kredivo.Status, error) {
	was, err := c.read(ctx, client, key)
	if err != nil {
		return "", err
	}
	c.meet(ctx, "raise "+key)
	if was.CanBecome(to) {
		_, err = c.db.ExecContext(ctx, "INSERT INTO attempt VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET status = excluded.status", key, to)
	}
	return was, err
}

func (c *careless) read(ctx context.Context, _ int, key string) (kredivo.Status, error) {
	status := kredivo.Created
	err := c.db.QueryRowContext(ctx, "SELECT status FROM attempt WHERE key = ?", key).Scan(&status)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return status, err
}
