package tinyshop

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/paylater-go/paylater/kredivo"
)

// The statuses of an order in the shop's own books.
const (
	Unpaid = "unpaid"
	Paid   = "paid"
	Review = "review" // money came that does not match, or went back: a person must look
)

// A Record is one order in the shop's books.
type Record struct {
	kredivo.Order
	Status string
}

// place writes a new order of owner and returns it with its number, which cannot be guessed: whoever
// knows it may see the order.
func (s *Shop) place(ctx context.Context, owner string, basket []line, who person) (Record, error) {
	o := kredivo.Order{
		ID:              rand.Text()[:12],
		Buyer:           owner,
		Amount:          ShippingFee(),
		Charges:         []kredivo.Charge{{Kind: kredivo.Shipping, Amount: ShippingFee()}},
		Customer:        who.customer,
		ShippingAddress: &who.address,
	}
	for _, l := range basket {
		o.Amount = o.Amount.Add(l.product.Price.Mul(int64(l.quantity)))
		o.Items = append(o.Items, kredivo.Item{
			SKU: l.product.SKU, Name: l.product.Name.ID, Category: l.product.Category,
			URL:   s.Origin + "/?" + url.Values{"sku": {l.product.SKU}}.Encode(),
			Price: l.product.Price, Quantity: l.quantity,
		})
	}
	details, err := json.Marshal(o)
	if err != nil {
		return Record{}, fmt.Errorf("tinyshop: write an order: %w", err)
	}
	_, err = s.db.ExecContext(ctx, `INSERT INTO orders (id, owner, amount, status, details) VALUES (?, ?, ?, ?, ?)`,
		o.ID, o.Buyer, o.Amount, Unpaid, string(details))
	if err != nil {
		return Record{}, fmt.Errorf("tinyshop: write an order: %w", err)
	}
	return Record{o, Unpaid}, nil
}

// Record returns an order, or kredivo.ErrOrderNotFound.
func (s *Shop) Record(ctx context.Context, id string) (Record, error) {
	var r Record
	var details string
	err := s.db.QueryRowContext(ctx, `SELECT status, details FROM orders WHERE id = ?`, id).Scan(&r.Status, &details)
	if errors.Is(err, sql.ErrNoRows) {
		return Record{}, kredivo.ErrOrderNotFound
	}
	if err != nil {
		return Record{}, fmt.Errorf("tinyshop: read an order: %w", err)
	}
	if err := json.Unmarshal([]byte(details), &r.Order); err != nil {
		return Record{}, fmt.Errorf("tinyshop: read order %s: %w", id, err)
	}
	return r, nil
}

// Order is the plugin's Order hook: the order that ref names, as the shop itself wrote it down. The
// plugin refuses it when Order.Buyer is somebody else than buyer. An order that a guest made is open to
// whoever knows its number.
func (s *Shop) Order(ctx context.Context, ref, buyer string) (kredivo.Order, error) {
	r, err := s.Record(ctx, ref)
	if err != nil {
		return kredivo.Order{}, err
	}
	if r.Buyer == Guest {
		r.Buyer = buyer
	}
	return r.Order, nil
}

// Apply is the plugin's OnEvent: it changes the order once for each event, however often the event
// comes. The event's row and the order's status commit together, so neither is there without the other.
func (s *Shop) Apply(ctx context.Context, e kredivo.Event) error {
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("tinyshop: write an event: %w", err)
	}
	return s.inTx(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `INSERT INTO event (id, order_id, body) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING`,
			e.ID, e.OrderID, string(body))
		if err != nil {
			return fmt.Errorf("tinyshop: write an event: %w", err)
		}
		if added, err := result.RowsAffected(); err != nil || added == 0 {
			return err // seen before: nothing is left to do
		}
		if e.OrderID == "" {
			return nil // an alarm about an invoice that is not ours; its row is for a person
		}
		if e.Kind == kredivo.PaymentSucceeded {
			if _, err := tx.ExecContext(ctx, `INSERT INTO parcel (order_id) VALUES (?)`, e.OrderID); err != nil {
				return fmt.Errorf("tinyshop: ship: %w", err)
			}
		}
		return settle(ctx, tx, e)
	})
}

// settle moves the order's status. A failed or expired attempt leaves it as it is: the order can still
// be paid.
func settle(ctx context.Context, tx *sql.Tx, e kredivo.Event) error {
	status := `status`
	switch {
	case e.Kind == kredivo.PaymentSucceeded:
		status = `'paid'`
	case e.Kind == kredivo.AmountMismatch, e.Kind == kredivo.ReferenceMismatch:
		status = `CASE status WHEN 'paid' THEN 'paid' ELSE 'review' END`
	case e.OrderStatus == kredivo.Refunded, e.OrderStatus == kredivo.Voided:
		status = `'review'`
	}
	query := `UPDATE orders SET status = ` + status + ` WHERE id = ?`
	result, err := tx.ExecContext(ctx, query, e.OrderID)
	if err != nil {
		return fmt.Errorf("tinyshop: change an order: %w", err)
	}
	if changed, err := result.RowsAffected(); err != nil || changed == 0 {
		return errors.Join(err, fmt.Errorf("tinyshop: an event for order %s, which is not in the books", e.OrderID))
	}
	return nil
}
