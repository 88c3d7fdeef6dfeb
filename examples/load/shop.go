package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
	"github.com/paylater-go/paylater/kredivo/store"
	"github.com/paylater-go/paylater/money"
)

const (
	clientID  = "MCH-0001-LOAD"
	secretKey = "SK-load-not-a-real-key"
	target    = "/pay/notifications"
)

// A shop is several instances on one database.
type shop struct {
	settings settings
	run      string // begins the numbers of this run's orders
	plugins  []*kredivo.Plugin
	attempts []kredivo.Attempt
	handled  *counter
	close    func() error
}

func newShop(ctx context.Context, s settings) (*shop, error) {
	sim, err := dokusim.New(dokusim.Config{ClientID: clientID, SecretKey: secretKey})
	if err != nil {
		return nil, err
	}
	sh := &shop{
		settings: s, run: rand.Text()[:8], attempts: make([]kredivo.Attempt, s.payments),
		handled: &counter{seen: map[string]bool{}, goal: s.payments, reached: make(chan struct{})},
	}
	work, stop := context.WithCancel(ctx)
	var stores []kredivo.Store
	worked := make(chan error, s.instances)
	sh.close = func() error {
		stop()
		var errs []error
		for range sh.plugins {
			errs = append(errs, <-worked)
		}
		for _, st := range stores {
			errs = append(errs, st.Close())
		}
		return errors.Join(errs...)
	}
	for range s.instances {
		st, err := store.Open(ctx, s.store)
		if err != nil {
			return nil, errors.Join(err, sh.close())
		}
		stores = append(stores, st)
		quiet := slog.New(slog.DiscardHandler)
		p, err := kredivo.New(kredivo.Config{
			DOKU:      doku.Config{ClientID: clientID, SecretKey: secretKey, Transport: sim.Transport(), Logger: quiet},
			PublicURL: "https://shop.example/pay",
			Store:     st,
			OnEvent: func(_ context.Context, e kredivo.Event) error {
				if e.Kind == kredivo.PaymentSucceeded {
					sh.handled.add(e.ID)
				}
				return nil
			},
			Logger: quiet,
		})
		if err != nil {
			return nil, errors.Join(err, sh.close())
		}
		sh.plugins = append(sh.plugins, p)
		go func() { worked <- p.Run(work) }()
	}
	return sh, nil
}

// checkout starts a payment.
func (s *shop) checkout(ctx context.Context, p *kredivo.Plugin, payment int) error {
	id := fmt.Sprintf("%s%06d", s.run, payment)
	c, err := p.Checkout(ctx, kredivo.Order{
		ID: id, Buyer: "guest", Amount: money.Rupiah(149_000),
		Items: []kredivo.Item{{
			SKU: "KAOS-1", Name: "Kaos katun hitam", Category: "Fashion", URL: "https://shop.example/p/kaos-1",
			Price: money.Rupiah(149_000), Quantity: 1,
		}},
		Customer:        kredivo.Customer{FirstName: "Siti", Phone: "0812-3456-7890", Email: "siti@example.com"},
		ShippingAddress: &kredivo.Address{Address: "Jl. Melati 1", City: "Bandung", PostalCode: "40111"},
	})
	s.attempts[payment] = c.Attempt
	return err
}

// notify hands over DOKU's word that a payment succeeded, as an adapter does.
func (s *shop) notify(ctx context.Context, p *kredivo.Plugin, payment int) error {
	a := s.attempts[payment]
	now := time.Now()
	body := fmt.Appendf(nil, `{"order":{"invoice_number":%q,"amount":%s.00},"transaction":{"status":"SUCCESS","date":%q,"original_request_id":%q}}`,
		a.InvoiceNumber, a.Amount, now.UTC().Format(time.RFC3339), a.RequestID)
	header := doku.SignNotification(secretKey, clientID, rand.Text(), now, target, body)
	header.Set("Content-Type", "application/json")
	answer := p.Routes(kredivo.NotificationRoutes)[0].Serve(ctx, &kredivo.Request{Method: http.MethodPost, Path: target, Header: header, Body: body})
	if answer.Status != http.StatusOK {
		return fmt.Errorf("load: a notification was answered with %d", answer.Status)
	}
	return nil
}

// wait waits until the handler has been called for every payment.
func (s *shop) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-s.handled.reached:
		return nil
	}
}
