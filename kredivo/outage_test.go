package kredivo_test

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
	"github.com/paylater-go/paylater/kredivo/store/sqlite"
	"github.com/paylater-go/paylater/money"
)

// Each way in which a real SQLite file can be out of order: DOKU is told to come back, shoppers that they
// may try again, nobody waits for ever, and all goes on when the file does.
func TestRealStoreOutOfOrder(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		// spoil returns the plugin whose store is out of order, and what mends it and returns the plugin that
		// goes on: the same one where no restart is needed.
		spoil func(t *testing.T, path string, shop *kredivotest.Shop) (victim *kredivo.Plugin, mend func() *kredivo.Plugin)
	}{
		{"disk full", fillDisk},
		{"locked by another process", lockInProcess},
		{"every write refused", refuseWrites},
		{"closed and opened again", func(t *testing.T, path string, shop *kredivotest.Shop) (*kredivo.Plugin, func() *kredivo.Plugin) {
			st := openSQLite(t, path)
			if err := st.Close(); err != nil {
				t.Fatal(err)
			}
			closed := sibling(t, shop, func(c *kredivo.Config) { c.Store = st })
			return closed, func() *kredivo.Plugin { return onFile(t, shop, path) }
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			path := "file:" + filepath.Join(t.TempDir(), "kredivo.db")
			shop := kredivotest.New(t, func(c *kredivotest.Config) {
				c.Plugin.Store = openSQLite(t, path+"?_pragma=max_page_count(150)")
			})
			checkout(t, shop, "1001")
			// A long body does not fit into what is left of the last page.
			body := append([]byte(strings.Repeat(" ", 30_000)), shop.Notification("1001", doku.Success)...)
			victim, mend := tt.spoil(t, path, shop)
			notify := func(p *kredivo.Plugin) *kredivo.Response {
				return serve(t, p, "POST", "/notifications", &kredivo.Request{Header: shop.Sign(body), Body: body})
			}
			for range 2 { // with the click below that is ten seconds behind a lock
				if r := notify(victim); r.Status != 503 || r.Header.Get("Retry-After") == "" {
					t.Errorf("notification answered %d, want 503 with Retry-After", r.Status)
				}
			}
			big := manyItems("1002")
			if _, err := victim.Checkout(t.Context(), big); !errors.Is(err, kredivo.ErrUnavailable) {
				t.Errorf("checkout = %v, want ErrUnavailable", err)
			}
			if got := status(t, shop, "1001"); got != kredivo.Pending {
				t.Errorf("status = %s without a stored notification, want PENDING", got)
			}

			p := mend()
			if r := notify(p); r.Status != 200 {
				t.Errorf("the next notification was answered %d, want 200", r.Status)
			}
			shop.Wait("1001", kredivo.PaymentSucceeded)
			if _, err := p.Checkout(t.Context(), big); err != nil {
				t.Errorf("the next click: %v", err)
			}
			if n := len(shop.DOKU.Orders()); n != 2 {
				t.Errorf("DOKU has %d orders, want 2", n)
			}
		})
	}
}

// A file that cannot be written to is noticed when the shop starts, not when somebody has paid.
func TestReadOnlyFileIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	path := "file:" + filepath.Join(t.TempDir(), "kredivo.db")
	openSQLite(t, path)
	if _, err := sqlite.Open(t.Context(), path+"?_pragma=query_only(1)"); err == nil || !strings.Contains(err.Error(), "readonly") {
		t.Errorf("opened with %v, want an error that says readonly", err)
	}
}

func openSQLite(t *testing.T, path string) kredivo.Store {
	t.Helper()
	st, err := sqlite.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	return st
}

// onFile is a plugin with a store of its own.
func onFile(t *testing.T, shop *kredivotest.Shop, path string) *kredivo.Plugin {
	t.Helper()
	st := openSQLite(t, path)
	return sibling(t, shop, func(c *kredivo.Config) { c.Store = st })
}

// fillDisk lets another table take all the pages that the store's connections may use.
func fillDisk(t *testing.T, path string, shop *kredivotest.Shop) (*kredivo.Plugin, func() *kredivo.Plugin) {
	t.Helper()
	l := &ledger{t, strings.TrimPrefix(path, "file:")}
	l.exec(`CREATE TABLE junk AS SELECT zeroblob(4000000) AS junk`)
	return shop.Plugin, func() *kredivo.Plugin {
		l.exec(`DROP TABLE junk`)
		return shop.Plugin
	}
}

// manyItems is an order whose request does not fit into what is left of a page.
func manyItems(id string) kredivo.Order {
	o := kredivotest.Order(id, "ani")
	item := o.Items[0]
	item.Price, item.Quantity = money.Rupiah(1000), 1
	o.Items = slices.Repeat([]kredivo.Item{item}, 60)
	o.Amount = money.Rupiah(80_000)
	return o
}

// refuseWrites makes the tables read-only.
func refuseWrites(t *testing.T, path string, shop *kredivotest.Shop) (*kredivo.Plugin, func() *kredivo.Plugin) {
	t.Helper()
	l := &ledger{t, strings.TrimPrefix(path, "file:")}
	each := func(format string) {
		for _, table := range []string{"attempt", "inbox", "event"} {
			for _, verb := range []string{"insert", "update"} {
				l.exec(fmt.Sprintf(format, verb, table))
			}
		}
	}
	each(`CREATE TRIGGER refuse_%[1]s_%[2]s BEFORE %[1]s ON kredivo_%[2]s BEGIN SELECT RAISE(ABORT, 'read-only'); END`)
	return shop.Plugin, func() *kredivo.Plugin {
		each(`DROP TRIGGER refuse_%s_%s`)
		return shop.Plugin
	}
}

// lockInProcess starts another process that holds the write lock until it is told to let go.
func lockInProcess(t *testing.T, path string, shop *kredivotest.Shop) (*kredivo.Plugin, func() *kredivo.Plugin) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), lockVariable+"="+path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "locked\n" {
		t.Fatalf("the other process says %q, %v", line, err)
	}
	return shop.Plugin, func() *kredivo.Plugin {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the other process: %v", err)
		}
		return shop.Plugin
	}
}

// lockVariable tells a process of this test binary whose file to lock.
const lockVariable = "KREDIVO_TEST_LOCK"

// holdTheWriteLock is what the other process of lockInProcess does.
func holdTheWriteLock(path string) error {
	db, err := sql.Open("sqlite", path+"?_txlock=immediate&_pragma=busy_timeout(60000)")
	if err != nil {
		return err
	}
	tx, err := db.BeginTx(context.Background(), nil)
	if err != nil {
		return err
	}
	_, _ = io.WriteString(os.Stdout, "locked\n")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return errors.Join(tx.Rollback(), db.Close())
}
