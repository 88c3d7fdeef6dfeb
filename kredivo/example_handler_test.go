package kredivo_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the shops' own pools

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
	"github.com/paylater-go/paylater/kredivo/store"
	"github.com/paylater-go/paylater/money"
)

// Two deliveries of one event, and one effect.
func ExampleOnce() {
	ctx := context.Background()
	db, remove := exampleDatabase()
	defer remove()
	mustExec(db, kredivo.OnceTable)
	mustExec(db, `CREATE TABLE parcels (order_id TEXT)`)

	onEvent := func(ctx context.Context, e kredivo.Event) error {
		tx, err := db.BeginTx(ctx, nil)
		if err != nil {
			return err
		}
		defer func() { _ = tx.Rollback() }() // does nothing after Commit
		if err := kredivo.Once(ctx, tx, e.ID); errors.Is(err, kredivo.ErrAlreadyApplied) {
			return nil
		} else if err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO parcels VALUES (?)`, e.OrderID); err != nil {
			return err
		}
		return tx.Commit()
	}

	e := kredivo.Event{ID: "1001-1-A7:payment.succeeded", Kind: kredivo.PaymentSucceeded, OrderID: "1001"}
	fmt.Println(onEvent(ctx, e), onEvent(ctx, e))
	fmt.Println("parcels:", count(db, "parcels"))
	// Output:
	// <nil> <nil>
	// parcels: 1
}

// The shop's tables are in the store's database: what the handler writes through tx commits with the end of
// the event. Here its first try fails after the write, and leaves nothing.
func ExampleConfig_onEventTx() {
	db, remove := exampleDatabase()
	defer remove()
	mustExec(db, `CREATE TABLE parcels (order_id TEXT)`)
	tries := 0
	shop := newExampleShop(db, func(c *kredivo.Config) {
		c.OnEventTx = func(ctx context.Context, tx *sql.Tx, e kredivo.Event) error {
			if _, err := tx.ExecContext(ctx, `INSERT INTO parcels VALUES (?)`, e.OrderID); err != nil {
				return err
			}
			if tries++; tries == 1 {
				return kredivo.RetryAfter(errors.New("the warehouse is closed"), time.Second)
			}
			return nil
		}
	})
	defer shop.close()
	shop.pay("1001")
	shop.waitFor("1001", kredivo.WorkDone)
	fmt.Println("tries:", tries, "parcels:", count(db, "parcels"))
	// Output: tries: 2 parcels: 1
}

// An event that another try cannot mend is parked at once, and an alarm comes to the same handler.
func ExamplePermanent() {
	db, remove := exampleDatabase()
	defer remove()
	heard := make(chan kredivo.EventKind, 2)
	shop := newExampleShop(db, func(c *kredivo.Config) {
		c.OnEvent = func(_ context.Context, e kredivo.Event) error {
			heard <- e.Kind
			if e.Kind == kredivo.PaymentSucceeded {
				return kredivo.Permanent(errors.New("order 1001 was deleted"))
			}
			return nil
		}
	})
	defer shop.close()
	shop.pay("1001")
	fmt.Println(<-heard)
	fmt.Println(<-heard)
	_, parked, err := shop.plugin.Parked(context.Background(), 10)
	fmt.Println(parked[0].LastError, err)
	fmt.Println(shop.plugin.RedriveAll(context.Background())) // when the cause is mended
	// Output:
	// payment.succeeded
	// alarm.host_refused
	// order 1001 was deleted <nil>
	// 1 <nil>
}

// The shop has cancelled an order in its books, and asks whether the goods can go to somebody else.
func ExamplePlugin_CanRelease() {
	ctx := context.Background()
	db, remove := exampleDatabase()
	defer remove()
	shop := newExampleShop(db, func(c *kredivo.Config) {
		c.OnEvent = func(context.Context, kredivo.Event) error { return nil }
	})
	defer shop.close()
	invoice := shop.checkout("1001")
	fmt.Println(shop.plugin.CanRelease(ctx, "1001")) // Kredivo's page is open: keep the goods

	if err := shop.doku.Refuse(invoice); err != nil {
		panic(err)
	}
	fmt.Println(shop.plugin.CanRelease(ctx, "1001"))
	// Output:
	// false <nil>
	// true <nil>
}

// A backup was restored, and what DOKU has told since it was made is lost. DOKU is asked again.
func ExamplePlugin_ReconcileSince() {
	ctx := context.Background()
	db, remove := exampleDatabase()
	defer remove()
	shop := newExampleShop(db, func(c *kredivo.Config) {
		c.OnEvent = func(context.Context, kredivo.Event) error { return nil }
	})
	defer shop.close()
	if err := shop.doku.Pay(shop.checkout("1001")); err != nil { // and no notification comes
		panic(err)
	}
	fmt.Println("paid:", shop.plugin.CheckPaid(ctx, "1001") == nil)

	r, err := shop.plugin.ReconcileSince(ctx, time.Now().AddDate(0, 0, -7))
	fmt.Printf("%+v %v\n", r, err)
	fmt.Println("paid:", shop.plugin.CheckPaid(ctx, "1001") == nil)
	// Output:
	// paid: false
	// {Asked:1 News:1 Unanswered:0} <nil>
	// paid: true
}

// An exampleShop is a plugin that runs, with DOKU played by the simulator, which notifies nobody here.
type exampleShop struct {
	plugin *kredivo.Plugin
	doku   *dokusim.Simulator
	close  func()
}

// newExampleShop keeps payments in the database file of db.
func newExampleShop(db *sql.DB, set func(*kredivo.Config)) *exampleShop {
	ctx, cancel := context.WithCancel(context.Background())
	var path string
	if err := db.QueryRowContext(ctx, `SELECT file FROM pragma_database_list`).Scan(&path); err != nil {
		panic(err)
	}
	st, err := store.Open(ctx, path)
	if err != nil {
		panic(err)
	}
	sim, err := dokusim.New(dokusim.Config{ClientID: "MCH-1", SecretKey: "secret"})
	if err != nil {
		panic(err)
	}
	cfg := kredivo.Config{
		DOKU:      doku.Config{ClientID: "MCH-1", SecretKey: "secret", Transport: sim.Transport(), Logger: quiet},
		PublicURL: "https://shop.example/pay",
		Store:     st,
		PollEvery: 50 * time.Millisecond,
		Logger:    quiet,
	}
	set(&cfg)
	p, err := kredivo.New(cfg)
	if err != nil {
		panic(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	return &exampleShop{p, sim, func() {
		cancel()
		<-ended
		_ = st.Close()
	}}
}

// checkout starts a payment and returns its invoice number.
func (s *exampleShop) checkout(orderID string) string {
	c, err := s.plugin.Checkout(context.Background(), kredivo.Order{
		ID: orderID, Buyer: "ani", Amount: money.Rupiah(130_000),
		Items: []kredivo.Item{{
			SKU: "KAOS-1", Name: "Kaos polos", Category: "Fashion", URL: "https://shop.example/p/kaos-1",
			Price: money.Rupiah(65_000), Quantity: 2,
		}},
		Customer:        kredivo.Customer{FirstName: "Ani", Phone: "0812-3456-7890", Email: "ani@shop.example"},
		ShippingAddress: &kredivo.Address{Address: "Jl. Contoh 1", City: "Jakarta", PostalCode: "10110"},
	})
	if err != nil {
		panic(err)
	}
	return c.Attempt.InvoiceNumber
}

// pay pays an order and has the plugin ask DOKU about it.
func (s *exampleShop) pay(orderID string) {
	if err := s.doku.Pay(s.checkout(orderID)); err != nil {
		panic(err)
	}
	if _, err := s.plugin.ReconcileOrder(context.Background(), orderID); err != nil {
		panic(err)
	}
}

// waitFor waits until the order's first event is in this state.
func (s *exampleShop) waitFor(orderID string, state kredivo.WorkState) {
	for tick := time.Tick(10 * time.Millisecond); ; <-tick {
		events, err := s.plugin.Events(context.Background(), orderID)
		if err != nil {
			panic(err)
		}
		if len(events) > 0 && events[0].State == state {
			return
		}
	}
}

// exampleDatabase makes an SQLite file, and returns the shop's pool on it and what removes it.
func exampleDatabase() (db *sql.DB, remove func()) {
	dir, err := os.MkdirTemp("", "kredivo")
	if err != nil {
		panic(err)
	}
	db, err = sql.Open("sqlite", "file:"+filepath.Join(dir, "shop.db")+"?_txlock=immediate&_pragma=busy_timeout(30000)&_pragma=journal_mode(WAL)")
	if err != nil {
		panic(err)
	}
	return db, func() {
		_ = db.Close()
		_ = os.RemoveAll(dir)
	}
}

func mustExec(db *sql.DB, statement string) {
	if _, err := db.ExecContext(context.Background(), statement); err != nil {
		panic(err)
	}
}

func count(db *sql.DB, table string) (n int) {
	if err := db.QueryRowContext(context.Background(), `SELECT count(*) FROM `+table).Scan(&n); err != nil {
		panic(err)
	}
	return n
}
