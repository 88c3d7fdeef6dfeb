package tinyshop

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/paylater-go/paylater/money"
)

// A CartLine is one product in a cart.
type CartLine struct {
	Product  Product
	Quantity int
	Total    money.Amount
}

// Cart returns what the session has put aside, in the order of the catalogue.
func (s *Shop) Cart(ctx context.Context, session string) (lines []CartLine, err error) {
	rows, err := s.db.QueryContext(ctx, `SELECT sku, quantity FROM cart WHERE session = ?`, session)
	if err != nil {
		return nil, fmt.Errorf("tinyshop: read a cart: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	quantities := map[string]int{}
	for rows.Next() {
		var sku string
		var quantity int
		if err := rows.Scan(&sku, &quantity); err != nil {
			return nil, fmt.Errorf("tinyshop: read a cart: %w", err)
		}
		quantities[sku] = quantity
	}
	for _, p := range Catalogue() {
		if n := quantities[p.SKU]; n > 0 {
			lines = append(lines, CartLine{p, n, p.Price.Mul(int64(n))})
		}
	}
	return lines, rows.Err()
}

// AddToCart puts more pieces of a product into the cart; an unknown product is left alone.
func (s *Shop) AddToCart(ctx context.Context, session, sku string, quantity int) error {
	return s.changeCart(ctx, session, sku, quantity, `quantity + excluded.quantity`)
}

// SetCart makes it so many pieces of a product, none to remove it.
func (s *Shop) SetCart(ctx context.Context, session, sku string, quantity int) error {
	return s.changeCart(ctx, session, sku, quantity, `excluded.quantity`)
}

// changeCart keeps every quantity between 0 and what an order may have.
func (s *Shop) changeCart(ctx context.Context, session, sku string, quantity int, result string) error {
	if _, ok := Find(sku); !ok {
		return nil
	}
	quantity = min(max(quantity, 0), money.MaxQuantity)
	most := strconv.Itoa(money.MaxQuantity)
	_, err := s.db.ExecContext(ctx, `INSERT INTO cart (session, sku, quantity) VALUES (?, ?, ?)
		ON CONFLICT (session, sku) DO UPDATE SET quantity = min(`+result+`, `+most+`)`, session, sku, quantity)
	if err != nil {
		return fmt.Errorf("tinyshop: change a cart: %w", err)
	}
	return nil
}

// EmptyCart takes everything out.
func (s *Shop) EmptyCart(ctx context.Context, session string) error {
	if _, err := s.db.ExecContext(ctx, `DELETE FROM cart WHERE session = ?`, session); err != nil {
		return fmt.Errorf("tinyshop: empty a cart: %w", err)
	}
	return nil
}

// Items returns a cart as the lines of a form.
func Items(cart []CartLine) []FormItem {
	items := make([]FormItem, len(cart))
	for i, l := range cart {
		items[i] = FormItem{SKU: l.Product.SKU, Quantity: json.Number(strconv.Itoa(l.Quantity))}
	}
	return items
}
