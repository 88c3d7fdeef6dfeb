package kredivo_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

// faultsUpTo bounds which call goes wrong. The scenarios end well before it, idle polls included.
const faultsUpTo = 60

// Whichever call of the store goes wrong, and however: nothing is acknowledged that is not stored, no
// payment ends in a wrong state, no effect is missing or comes twice, DOKU gets one order for each attempt,
// and the same plugin goes on.
func TestStoreThatFailsAtAnyCall(t *testing.T) {
	t.Parallel()
	failed, succeeded := kredivo.PaymentFailed, kredivo.PaymentSucceeded
	step := 1
	if testing.Short() {
		step = 4
	}
	for _, tt := range []struct {
		name     string
		play     func(s *failingShop, order string)
		attempts int
		events   []kredivo.EventKind
	}{
		{"paid", func(s *failingShop, order string) {
			s.pay(s.click(order))
		}, 1, []kredivo.EventKind{succeeded}},
		{"refused, then paid", func(s *failingShop, order string) {
			s.refuse(s.click(order))
			s.pay(s.click(order))
		}, 2, []kredivo.EventKind{failed, succeeded}},
		{"refused, then paid all the same", func(s *failingShop, order string) {
			c := s.click(order)
			s.refuse(c)
			if err := s.DOKU.PayLate(c.Attempt.InvoiceNumber); err != nil {
				s.Fatal(err)
			}
			s.ends(order, kredivo.Paid)
		}, 1, []kredivo.EventKind{failed, succeeded}},
	} {
		for _, tx := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, in a transaction %v", tt.name, tx), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := newFailingShop(t, tx)
					for how, name := range storeFaults {
						n := 1
						for struck := true; struck && n < faultsUpTo; n += step {
							order := fmt.Sprint(name, n)
							s.faults.arm(storeFault(how), n)
							tt.play(s, order)
							struck = s.faults.disarm()
							s.verify(order, tt.attempts, tt.events)
							if t.Failed() {
								t.Fatalf("the store %s at call %d", name, n)
							}
						}
						if n < 9 || n >= faultsUpTo {
							t.Errorf("%s: the scenario ended at call %d of the store: the faults miss their aim", name, n)
						}
					}
				})
			})
		}
	}
}

// A failingShop is a shop on a failingStore. Its clock is the bubble's.
type failingShop struct {
	*testing.T
	*kredivotest.Shop
	faults *failingStore
	ledger *ledger
	tx     bool // effects are in the ledger
}

func newFailingShop(t *testing.T, tx bool) *failingShop {
	t.Helper()
	s := &failingShop{T: t, tx: tx}
	l, shared := inLedger(t, func(context.Context, *sql.Tx, kredivo.Event) error { return nil })
	s.ledger = l
	s.Shop = kredivotest.New(t, shared, func(c *kredivotest.Config) {
		s.faults = &failingStore{TxStore: c.Plugin.Store.(kredivo.TxStore)}
		c.Plugin.Store, c.Plugin.PollEvery, c.Plugin.Logger = s.faults, 5*time.Second, slog.New(slog.DiscardHandler)
		if !tx {
			c.Plugin.OnEventTx = nil
		}
	})
	return s
}

// click presses the button until there is a page to pay on, as a patient shopper does.
func (s *failingShop) click(order string) kredivo.Checkout {
	s.Helper()
	var last error
	for range 60 {
		c, err := s.Plugin.Checkout(s.Context(), kredivotest.Order(order, "ani"))
		if err == nil {
			return c
		}
		if !errors.Is(err, kredivo.ErrUnavailable) {
			s.Fatalf("checkout = %v, want ErrUnavailable or none", err)
		}
		last = err
		<-time.After(time.Second)
	}
	s.Fatalf("no page for order %s: %v", order, last)
	return kredivo.Checkout{}
}

func (s *failingShop) pay(c kredivo.Checkout) {
	s.Helper()
	if err := s.DOKU.Pay(c.Attempt.InvoiceNumber); err != nil {
		s.Fatal(err)
	}
	s.ends(c.Attempt.OrderID, kredivo.Paid)
}

func (s *failingShop) refuse(c kredivo.Checkout) {
	s.Helper()
	if err := s.DOKU.Refuse(c.Attempt.InvoiceNumber); err != nil {
		s.Fatal(err)
	}
	s.ends(c.Attempt.OrderID, kredivo.Failed)
}

// ends waits until the order's last attempt has that status, no work is left, and DOKU has nothing more to
// tell. On the way no attempt is paid that is not paid at DOKU.
func (s *failingShop) ends(order string, want kredivo.Status) {
	s.Helper()
	for range 3600 {
		attempts, err := s.faults.TxStore.Attempts(s.Context(), order)
		if err != nil {
			s.Fatal(err)
		}
		for _, a := range attempts {
			if o, _ := s.DOKU.Order(a.InvoiceNumber); a.Status == kredivo.Paid && o.Status != dokusim.Success {
				s.Fatalf("%s is PAID, and %s at DOKU", a.InvoiceNumber, o.Status)
			}
		}
		b, err := s.faults.TxStore.Backlog(s.Context())
		if err != nil {
			s.Fatal(err)
		}
		if attempts[len(attempts)-1].Status == want && b == (kredivo.Backlog{}) && s.DOKU.Waiting() == 0 {
			return
		}
		<-time.After(time.Second)
	}
	s.Fatalf("order %s did not become %s within an hour", order, want)
}

// verify looks at what is left of an order that is over.
func (s *failingShop) verify(order string, attempts int, events []kredivo.EventKind) {
	s.Helper()
	kept, err := s.faults.TxStore.Attempts(s.Context(), order)
	if err != nil {
		s.Fatal(err)
	}
	atDOKU := 0
	for _, o := range s.DOKU.Orders() {
		if strings.HasPrefix(o.Invoice, order+"-") {
			atDOKU++
		}
	}
	if len(kept) != attempts || atDOKU != attempts {
		s.Errorf("%d attempts with %d orders at DOKU, want %d of both", len(kept), atDOKU, attempts)
	}
	for _, d := range s.DOKU.Deliveries() {
		switch {
		case !strings.HasPrefix(d.Invoice, order+"-"):
		case d.AnswerStatus == 503:
		case d.AnswerStatus != 200:
			s.Errorf("a notification was answered %d, want 200 or 503", d.AnswerStatus)
		case s.ledger.count(`SELECT COUNT(*) FROM kredivo_inbox WHERE source = 'notification' AND body = ?`, d.Body) != 1:
			s.Error("a notification was acknowledged that is not stored")
		}
	}

	var told, want []string
	for _, e := range s.Events() {
		if e.OrderID == order && !s.tx {
			told = append(told, e.ID)
		}
	}
	told = slices.Compact(told) // again is allowed here, and nothing in between
	if s.tx {
		told = s.ledger.events(order)
	}
	for i, kind := range events {
		want = append(want, kept[min(i, len(kept)-1)].InvoiceNumber+":"+string(kind))
	}
	if diff := cmp.Diff(want, told); diff != "" {
		s.Errorf("effects (-want +got):\n%s", diff)
	}
}

// events are the rows about an order, in the order in which they were written.
func (l *ledger) events(orderID string) (ids []string) {
	l.Helper()
	n := l.effects(orderID)
	for i := range n {
		var id string
		l.scan(&id, `SELECT event_id FROM effect WHERE order_id = ? ORDER BY rowid LIMIT 1 OFFSET ?`, orderID, i)
		ids = append(ids, id)
	}
	return ids
}

func (l *ledger) count(query string, args ...any) (n int) {
	l.Helper()
	l.scan(&n, query, args...)
	return n
}
