// Package shop is the work of a shop on a store, for tests that take the store's machine away: it says what
// was acknowledged, and finds it again afterwards, to the byte.
package shop

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/money"
)

// What a ledger says of an order. A line is one of these, a space and the order's name.
const (
	Created   = "created"   // its attempt was committed
	Received  = "received"  // its message was acknowledged
	Paid      = "paid"      // the message was settled
	Delivered = "delivered" // the event was handed out and is done
)

// Attempt is the first attempt to pay an order.
func Attempt(order string) kredivo.Attempt {
	return kredivo.Attempt{
		ID: "id-" + order, OrderID: order, Number: 1, InvoiceNumber: "invoice-" + order, RequestID: "request-" + order,
		MerchantUniqueReference: "reference-" + order, Amount: money.Rupiah(150_000), Status: kredivo.Created,
		Token: sha256.Sum256([]byte(order)), Body: body(order), CreatedAt: time.Now(),
	}
}

// Message is a message about an order.
func Message(order string) kredivo.Message {
	return kredivo.Message{
		Source: kredivo.FromNotification, Dedupe: sha256.Sum256([]byte(order)), ClientID: "client",
		Header: http.Header{"Request-Id": {"request-" + order}}, Body: body(order), ReceivedAt: time.Now(),
	}
}

// body begins with the order's name and is as long as DOKU's messages are, or a few pages.
func body(order string) []byte {
	sum := sha256.Sum256([]byte(order))
	return []byte(order + " " + strings.Repeat(hex.EncodeToString(sum[:]), 1+int(sum[0])))
}

func orderOf(body []byte) string {
	order, _, _ := strings.Cut(string(body), " ")
	return order
}

// Work makes orders and has them paid, with a few workers, until something fails. Each thing that the store
// reported as done is then told to the ledger, with one call of Write. Names begins the names of the orders.
func Work(ctx context.Context, store kredivo.Store, ledger io.Writer, names string) error {
	const workers = 3
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	failed := make([]error, workers)
	var running sync.WaitGroup
	for w := range workers {
		running.Go(func() {
			defer cancel()
			for n := 0; failed[w] == nil; n++ {
				failed[w] = oneOrder(ctx, store, ledger, fmt.Sprintf("%s-%d-%d", names, w, n), n)
			}
		})
	}
	running.Wait()
	return errors.Join(failed...)
}

// oneOrder leaves some orders at each stage.
func oneOrder(ctx context.Context, store kredivo.Store, ledger io.Writer, order string, n int) error {
	if err := create(ctx, store, ledger, order); err != nil {
		return err
	}
	if err := receive(ctx, store, order, true); err != nil {
		return err
	}
	if err := tell(ledger, Received, order); err != nil {
		return err
	}
	if n%4 == 0 {
		return nil
	}
	if err := settle(ctx, store, ledger, order); err != nil || n%4 == 1 {
		return err
	}
	return deliver(ctx, store, ledger, order)
}

func tell(ledger io.Writer, what, order string) error {
	_, err := io.WriteString(ledger, what+" "+order+"\n")
	return err
}

func create(ctx context.Context, store kredivo.Store, ledger io.Writer, order string) error {
	a := Attempt(order)
	err := store.Change(ctx, kredivo.Scope{OrderID: order, Now: a.CreatedAt}, func([]kredivo.Attempt) (kredivo.Decision, error) {
		return kredivo.Decision{Create: &a}, nil
	})
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	return tell(ledger, Created, order)
}

// receive stores the message about an order, which must be new, or not.
func receive(ctx context.Context, store kredivo.Store, order string, isNew bool) error {
	added, err := store.Receive(ctx, Message(order))
	if err != nil {
		return fmt.Errorf("receive: %w", err)
	}
	if added != isNew {
		return fmt.Errorf("receive: the message about %s is new: %v, want %v", order, added, isNew)
	}
	return nil
}

// settle settles a message that is due, of whatever order.
func settle(ctx context.Context, store kredivo.Store, ledger io.Writer, token string) error {
	now := time.Now()
	messages, err := store.ClaimMessages(ctx, kredivo.Claim{Token: token, Now: now, Lease: time.Minute, Limit: 1})
	if err != nil {
		return fmt.Errorf("claim a message: %w", err)
	}
	for _, m := range messages {
		order := orderOf(m.Body)
		scope := kredivo.Scope{InvoiceNumber: Attempt(order).InvoiceNumber, Message: &m, Now: now}
		err := store.Change(ctx, scope, func(attempts []kredivo.Attempt) (kredivo.Decision, error) {
			if len(attempts) != 1 {
				return kredivo.Decision{}, fmt.Errorf("%s has %d attempts", order, len(attempts))
			}
			a := attempts[0]
			a.Status, a.PaidAt, a.Body = kredivo.Paid, now, nil
			return kredivo.Decision{
				Update: []kredivo.Attempt{a}, Emit: []kredivo.Event{{ID: order, OrderID: order, Kind: kredivo.PaymentSucceeded}},
				Message: kredivo.Outcome{State: kredivo.WorkDone},
			}, nil
		})
		if err != nil {
			return fmt.Errorf("settle: %w", err)
		}
		if err := tell(ledger, Paid, order); err != nil {
			return err
		}
	}
	return nil
}

// deliver delivers an event that is due, of whatever order.
func deliver(ctx context.Context, store kredivo.Store, ledger io.Writer, token string) error {
	now := time.Now()
	events, err := store.ClaimEvents(ctx, kredivo.Claim{Token: token, Now: now, Lease: time.Minute, Limit: 1})
	if err != nil {
		return fmt.Errorf("claim an event: %w", err)
	}
	for _, d := range events {
		if err := store.FinishEvent(ctx, d, kredivo.Outcome{State: kredivo.WorkDone}); err != nil {
			return fmt.Errorf("finish an event: %w", err)
		}
		if err := tell(ledger, Delivered, d.Event.OrderID); err != nil {
			return err
		}
	}
	return nil
}
