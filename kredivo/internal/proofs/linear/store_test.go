package linear

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/internal/proofs/server"
	"github.com/paylater-go/paylater/kredivo/internal/proofs/shop"
	"github.com/paylater-go/paylater/kredivo/store/mysql"
	"github.com/paylater-go/paylater/kredivo/store/postgres"
	"github.com/paylater-go/paylater/kredivo/store/sqlite"
)

// An opener opens one more pool on a test's own database.
type opener func(t *testing.T) kredivo.Store

// databases are those that stores are for, each with a new one for the test. The stores get all the time
// that a slow machine needs.
var databases = map[string]func(t *testing.T) opener{
	"SQLite": func(t *testing.T) opener {
		t.Helper()
		path := "file:" + filepath.Join(t.TempDir(), "kredivo.db") + "?_pragma=busy_timeout(300000)"
		return func(t *testing.T) kredivo.Store {
			t.Helper()
			return opened(t)(sqlite.Open(t.Context(), path))
		}
	},
	"PostgreSQL": func(t *testing.T) opener {
		t.Helper()
		u := server.NewPostgres(t).String()
		return func(t *testing.T) kredivo.Store {
			t.Helper()
			return opened(t)(postgres.OpenConfig(t.Context(), u, postgres.Config{LockTimeout: limit, StatementTimeout: limit}))
		}
	},
	"MariaDB": func(t *testing.T) opener {
		t.Helper()
		u := server.NewMariaDB(t).String()
		return func(t *testing.T) kredivo.Store {
			t.Helper()
			return opened(t)(mysql.OpenConfig(t.Context(), u, mysql.Config{LockTimeout: limit, StatementTimeout: limit}))
		}
	},
}

// opened closes a store with the test.
func opened(t *testing.T) func(kredivo.Store, error) kredivo.Store {
	t.Helper()
	return func(s kredivo.Store, err error) kredivo.Store {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
}

func TestStoresAreLinearizable(t *testing.T) {
	for name, database := range databases {
		t.Run(name, func(t *testing.T) {
			open := database(t)
			history := record(t, pools{open(t), open(t)}, operations(t, 3500))
			t.Logf("%d operations, %d of them while another client used the same key", len(history), overlapping(history))
			if got := porcupine.CheckOperationsTimeout(model, history, limit); got != porcupine.Ok {
				t.Errorf("%d operations: %s", len(history), got)
			}
		})
	}
}

// pools are several on one database; clients take turns.
type pools []kredivo.Store

func (p pools) of(client int) kredivo.Store { return p[client%len(p)] }

func (p pools) add(ctx context.Context, client int, key string) (bool, error) {
	return p.of(client).Receive(ctx, shop.Message(key))
}

// raise also makes the attempt when there is none.
func (p pools) raise(ctx context.Context, client int, key string, to kredivo.Status) (was kredivo.Status, err error) {
	for {
		err = p.of(client).Change(ctx, kredivo.Scope{OrderID: key, Now: time.Now()}, func(attempts []kredivo.Attempt) (kredivo.Decision, error) {
			if len(attempts) == 0 {
				was = kredivo.Created
				a := shop.Attempt(key)
				a.Status = to
				return kredivo.Decision{Create: &a}, nil
			}
			a := attempts[0]
			was = a.Status
			if !was.CanBecome(to) {
				return kredivo.Decision{}, nil
			}
			a.Status = to
			return kredivo.Decision{Update: []kredivo.Attempt{a}}, nil
		})
		if !errors.Is(err, kredivo.ErrConflict) { // another client made it meanwhile
			return was, err
		}
	}
}

func (p pools) read(ctx context.Context, client int, key string) (kredivo.Status, error) {
	attempts, err := p.of(client).Attempts(ctx, key)
	if err != nil || len(attempts) == 0 {
		return kredivo.Created, err
	}
	return attempts[0].Status, nil
}
