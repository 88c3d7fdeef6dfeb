package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

// A cluster is one shop on several instances: each has a store of its own on one database, DOKU's
// notifications come to any of them, and effects are rows of a table without a key beside the store's.
type cluster struct {
	*testing.T
	doku      *dokusim.Simulator
	db        *sql.DB
	instances []*kredivo.Plugin
}

func newCluster(t *testing.T, size int, dsn, storeDSN string) *cluster {
	t.Helper()
	c := &cluster{T: t, db: connect(t, dsn)}
	if _, err := c.db.ExecContext(t.Context(), `CREATE TABLE effect (event_id VARCHAR(255) NOT NULL, order_id VARCHAR(255) NOT NULL)`); err != nil {
		t.Fatal(err)
	}
	var err error
	c.doku, err = dokusim.New(dokusim.Config{
		ClientID: kredivotest.ClientID, SecretKey: kredivotest.SecretKey, NotificationURL: kredivotest.PublicURL + "/notifications",
		NotifyAfter: time.Millisecond, RetryDelays: slices.Repeat([]time.Duration{50 * time.Millisecond}, 2000),
		HTTPClient: &http.Client{Transport: dokusim.InProcess(http.HandlerFunc(c.receive))},
	})
	if err != nil {
		t.Fatal(err)
	}
	for range size {
		p, err := kredivo.New(kredivo.Config{
			DOKU:      doku.Config{ClientID: kredivotest.ClientID, SecretKey: kredivotest.SecretKey, Transport: c.doku.Transport()},
			PublicURL: kredivotest.PublicURL, Store: open(t, storeDSN), PollEvery: 100 * time.Millisecond, Logger: slog.New(slog.DiscardHandler),
			OnEventTx: func(ctx context.Context, tx *sql.Tx, e kredivo.Event) error {
				_, err := tx.ExecContext(ctx, fmt.Sprintf(`INSERT INTO effect VALUES ('%s', '%s')`, e.ID, e.OrderID))
				return err
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		c.instances = append(c.instances, p)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = c.doku.Run(ctx) })
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	return c
}

// receive gives a notification to some instance.
func (c *cluster) receive(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	answer := c.some().Routes(kredivo.NotificationRoutes)[0].Serve(r.Context(), &kredivo.Request{
		Method: r.Method, Path: r.URL.Path, Header: r.Header, Body: body,
	})
	w.WriteHeader(answer.Status)
}

func (c *cluster) some() *kredivo.Plugin { return c.instances[rand.IntN(len(c.instances))] }

// pay buys one order with two clicks on two instances at once, and pays it.
func (c *cluster) pay(orderID string) {
	var clicks sync.WaitGroup
	urls := make([]string, 2)
	for i := range urls {
		clicks.Go(func() {
			got, err := c.some().Checkout(c.Context(), kredivotest.Order(orderID, "ani"))
			if err != nil {
				c.Errorf("click for %s: %v", orderID, err)
			}
			urls[i] = got.PaymentURL
		})
	}
	clicks.Wait()
	if urls[0] != urls[1] || urls[0] == "" {
		c.Errorf("two clicks for %s got %q", orderID, urls)
		return
	}
	p, err := c.some().Payment(c.Context(), orderID)
	if err == nil {
		err = c.doku.Pay(p.Attempts[0].InvoiceNumber)
	}
	if err != nil {
		c.Errorf("pay %s: %v", orderID, err)
	}
}

// Three instances on one database, started and stopped at random while DOKU repeats one notification in ten:
// one order at DOKU for each order of the shop, and its effect exactly once.
func TestInstances(t *testing.T) {
	t.Parallel()
	payments := 200
	if testing.Short() {
		payments = 40
	}
	for _, kind := range []string{"sqlite", "postgres", "pgbouncer"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			name := kind
			if kind == "pgbouncer" {
				name = "postgres"
			}
			dsn := databases[name](t)
			storeDSN := dsn
			if kind == "pgbouncer" {
				storeDSN = throughBouncer(t, dsn)
			}
			c := newCluster(t, 3, dsn, storeDSN)
			c.doku.NotifyFaults(dokusim.NotifyFault{Duplicates: 1, Times: payments / 10})
			ended := c.runAtRandom()
			var shoppers sync.WaitGroup
			var next atomic.Int32
			for range 4 {
				shoppers.Go(func() {
					for i := int(next.Add(1)); i <= payments; i = int(next.Add(1)) {
						c.pay(fmt.Sprint("order-", i))
					}
				})
			}
			shoppers.Wait()
			c.eventually("every effect", func() bool { return c.count(`SELECT COUNT(DISTINCT order_id) FROM effect`) == payments })
			ended()
			if n := c.count(`SELECT COUNT(*) FROM effect`); n != payments {
				t.Errorf("%d effects of %d payments", n, payments)
			}
			if n := len(c.doku.Orders()); n != payments {
				t.Errorf("DOKU has %d orders for %d of the shop", n, payments)
			}
			if err := c.some().CheckPaid(t.Context(), "order-1"); err != nil {
				t.Errorf("CheckPaid on any instance: %v", err)
			}
		})
	}
}

// runAtRandom starts and stops Run of each instance, until the function it returns is called.
func (c *cluster) runAtRandom() (end func()) {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, p := range c.instances {
		running.Go(func() {
			for ctx.Err() == nil {
				life, end := context.WithTimeout(ctx, time.Duration(100+rand.IntN(900))*time.Millisecond)
				if err := p.Run(life); err != nil {
					c.Errorf("Run = %v", err)
				}
				end()
			}
		})
	}
	return func() {
		stop()
		running.Wait()
	}
}

func (c *cluster) count(query string) (n int) {
	c.Helper()
	if err := c.db.QueryRowContext(context.Background(), query).Scan(&n); err != nil {
		c.Fatal(err)
	}
	return n
}

// eventually waits far longer than it should take.
func (c *cluster) eventually(what string, done func() bool) {
	c.Helper()
	limit := time.NewTimer(2 * time.Minute)
	defer limit.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-limit.C:
			c.Fatalf("never happened: %s", what)
		case <-tick.C:
		}
	}
}

// throughBouncer is the same database, reached through PgBouncer.
func throughBouncer(t *testing.T, dsn string) string {
	t.Helper()
	text := os.Getenv("KREDIVO_TEST_PGBOUNCER")
	bouncer, err := url.Parse(text)
	u, err2 := url.Parse(dsn)
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	switch {
	case text == "" && os.Getenv("KREDIVO_REQUIRE") == "1":
		t.Fatal("KREDIVO_TEST_PGBOUNCER is not set, and KREDIVO_REQUIRE=1 lets no test be skipped")
	case text == "":
		t.Skip("KREDIVO_TEST_PGBOUNCER is not set: bash .ci/run starts a server and sets it")
	}
	u.Host, u.User = bouncer.Host, bouncer.User
	return u.String()
}
