// Package kredivotest gives tests of a shop a plugin that works: with DOKU and Kredivo played by
// [dokusim] in the same process, a store in a temporary SQLite file, and the workers running. No port,
// no account and no network are needed.
//
//	shop := kredivotest.New(t)
//	c, err := shop.Plugin.Checkout(ctx, kredivotest.Order("1001", "buyer-7"))
//	shop.Pay("1001")                             // as the shopper does on Kredivo's page
//	shop.Wait("1001", kredivo.PaymentSucceeded)  // OnEvent has been called
//
// To test the shop's own handler, give it to the plugin:
//
//	kredivotest.New(t, func(c *kredivotest.Config) { c.Plugin.OnEvent = shop.Apply })
//
// To test the shop's own routes as well, mount shop.Plugin into its router, serve that, and tell the
// simulator where: shop.DOKU.SetNotificationURL(server.URL + kredivotest.NotificationPath).
package kredivotest

import (
	"context"
	"database/sql"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
	"github.com/paylater-go/paylater/kredivo/store/sqlite"
)

// What a Shop is made with unless a test changes it.
const (
	ClientID         = "MCH-0001-TEST"
	SecretKey        = "SK-test-not-a-secret"
	PublicURL        = "https://shop.example/pay"
	NotificationPath = "/pay/notifications" // the path that PublicURL gives
)

// waitLimit is how long Wait waits: far longer than a slow machine needs.
const waitLimit = 30 * time.Second

// A Config is what [New] is about to build from. Everything is filled in; a test changes what it is
// about. Config.Plugin.OnEvent may stay nil: events are recorded either way.
type Config struct {
	Plugin    kredivo.Config
	Simulator dokusim.Config

	// ServeSimulator gives the simulator a port on loopback, for tests with a browser or with another
	// process. Its address is Plugin.DOKU.BaseURL then.
	ServeSimulator bool
}

// A Shop is a plugin with everything around it. All methods may be called from any goroutine, but those
// that fail the test only from the test's own.
type Shop struct {
	Plugin *kredivo.Plugin
	DOKU   *dokusim.Simulator
	Store  kredivo.Store

	t      testing.TB
	cfg    Config
	target string // what notifications are signed for

	mu      sync.Mutex
	events  []kredivo.Event
	changed chan struct{} // closed and replaced at every event
}

// New makes a Shop, starts its workers, and ends everything with the test. Each function in change may
// alter the configuration first.
//
// While PublicURL is the one above, the simulator's notifications go straight to the plugin; change it, or
// call DOKU.SetNotificationURL, to have them posted to a server.
func New(t testing.TB, change ...func(*Config)) *Shop {
	t.Helper()
	dir := t.TempDir() // before our own cleanup, so that it is removed after it
	s := &Shop{t: t, changed: make(chan struct{})}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		running.Wait()
		if s.Store != nil {
			if err := s.Store.Close(); err != nil {
				t.Errorf("kredivotest: close the store: %v", err)
			}
		}
	})

	s.cfg = s.defaults()
	for _, f := range change {
		f(&s.cfg)
	}
	s.record()
	s.simulate()
	s.open(ctx, dir)
	p, err := kredivo.New(s.cfg.Plugin)
	if err != nil {
		t.Fatalf("kredivotest: %v", err)
	}
	s.Plugin = p

	running.Go(func() { _ = s.DOKU.Run(ctx) })
	running.Go(func() { _ = p.Run(ctx) })
	return s
}

func (s *Shop) defaults() Config {
	log := slog.New(slog.DiscardHandler)
	if _, ok := s.t.(*testing.T); ok {
		log = slog.New(slog.NewTextHandler(s.t.Output(), nil))
	}
	return Config{
		Plugin: kredivo.Config{
			DOKU:      doku.Config{ClientID: ClientID, SecretKey: SecretKey},
			PublicURL: PublicURL,
			PollEvery: 50 * time.Millisecond,
			Logger:    log,
		},
		Simulator: dokusim.Config{
			ClientID: ClientID, SecretKey: SecretKey,
			NotifyAfter: time.Millisecond,
			HTTPClient:  &http.Client{Transport: &shortcut{s, &http.Transport{DisableKeepAlives: true}}},
		},
	}
}

// record keeps every event that the host's OnEvent or OnEventTx has taken.
func (s *Shop) record() {
	if handle := s.cfg.Plugin.OnEventTx; handle != nil {
		s.cfg.Plugin.OnEventTx = func(ctx context.Context, tx *sql.Tx, e kredivo.Event) error {
			err := handle(ctx, tx, e)
			if err == nil {
				s.took(e)
			}
			return err
		}
		return
	}
	handle := s.cfg.Plugin.OnEvent
	s.cfg.Plugin.OnEvent = func(ctx context.Context, e kredivo.Event) error {
		if handle != nil {
			if err := handle(ctx, e); err != nil {
				return err
			}
		}
		s.took(e)
		return nil
	}
}

func (s *Shop) took(e kredivo.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
	close(s.changed)
	s.changed = make(chan struct{})
}

// simulate makes the simulator and leads the plugin to it.
func (s *Shop) simulate() {
	public, err := url.Parse(s.cfg.Plugin.PublicURL)
	if err != nil {
		s.t.Fatalf("kredivotest: %v", err)
	}
	s.target = strings.TrimSuffix(public.Path, "/") + "/notifications"
	if s.cfg.Simulator.NotificationURL == "" {
		s.cfg.Simulator.NotificationURL = public.Scheme + "://" + public.Host + s.target
	}
	var l net.Listener
	if s.cfg.ServeSimulator {
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			s.t.Fatalf("kredivotest: %v", err)
		}
		s.cfg.Plugin.DOKU.BaseURL = "http://" + l.Addr().String()
	}
	sim, err := dokusim.New(s.cfg.Simulator)
	if err != nil {
		s.t.Fatalf("kredivotest: %v", err)
	}
	s.DOKU = sim
	if l == nil {
		if s.cfg.Plugin.DOKU.Transport == nil { // a test may stand between the two
			s.cfg.Plugin.DOKU.Transport = sim.Transport()
		}
		return
	}
	server := &httptest.Server{Listener: l, Config: &http.Server{Handler: sim, ReadHeaderTimeout: time.Minute}}
	server.Start()
	s.t.Cleanup(server.Close)
}

func (s *Shop) open(ctx context.Context, dir string) {
	if s.cfg.Plugin.Store == nil {
		st, err := sqlite.Open(ctx, filepath.Join(dir, "kredivo.db"))
		if err != nil {
			s.t.Fatalf("kredivotest: %v", err)
		}
		s.cfg.Plugin.Store = st
	}
	s.Store = s.cfg.Plugin.Store
}

// Invoice is the invoice number of the order's latest attempt. It fails the test when there is none.
func (s *Shop) Invoice(orderID string) string {
	s.t.Helper()
	payment, err := s.Plugin.Payment(context.Background(), orderID)
	if err != nil {
		s.t.Fatalf("kredivotest: payment of order %q: %v", orderID, err)
	}
	return payment.Attempts[len(payment.Attempts)-1].InvoiceNumber
}

// Pay pays the order's latest attempt, as the shopper does on Kredivo's page. The notification follows.
func (s *Shop) Pay(orderID string) {
	s.t.Helper()
	if err := s.DOKU.Pay(s.Invoice(orderID)); err != nil {
		s.t.Fatalf("kredivotest: pay order %q: %v", orderID, err)
	}
}

// Events returns what OnEvent has taken so far.
func (s *Shop) Events() []kredivo.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]kredivo.Event(nil), s.events...)
}

// Wait returns the first event of that kind for the order as soon as OnEvent has taken it, or OnEventTx has
// and its transaction is committed. It fails the test when that takes too long.
func (s *Shop) Wait(orderID string, kind kredivo.EventKind) kredivo.Event {
	s.t.Helper()
	limit := time.NewTimer(waitLimit)
	defer limit.Stop()
	again := time.NewTicker(20 * time.Millisecond) // a commit that follows OnEventTx tells nobody
	defer again.Stop()
	for {
		s.mu.Lock()
		events, changed := s.events, s.changed
		s.mu.Unlock()
		for _, e := range events {
			if e.OrderID == orderID && e.Kind == kind && s.committed(e) {
				return e
			}
		}
		select {
		case <-changed:
		case <-again.C:
		case <-limit.C:
			s.t.Fatalf("kredivotest: no event %s for order %q; there are %v", kind, orderID, events)
		}
	}
}

// committed reports whether what OnEventTx did for e is in the database.
func (s *Shop) committed(e kredivo.Event) bool {
	if s.cfg.Plugin.OnEventTx == nil {
		return true
	}
	records, err := s.Store.Events(context.Background(), e.OrderID)
	return err == nil && slices.ContainsFunc(records, func(r kredivo.EventRecord) bool {
		return r.Event.ID == e.ID && r.State == kredivo.WorkDone
	})
}

// Sign returns the headers of a notification with this body, signed as DOKU signs, under a new
// Request-Id. Any body may be signed; Notification makes a good one.
func (s *Shop) Sign(body []byte) http.Header {
	c := s.cfg.Plugin.DOKU
	return doku.SignNotification(c.SecretKey, c.ClientID, uuid.NewString(), time.Now(), s.target, body)
}

// Notification is the body with which DOKU would report the status of the order's latest attempt.
func (s *Shop) Notification(orderID string, status doku.Status) []byte {
	s.t.Helper()
	o, ok := s.DOKU.Order(s.Invoice(orderID))
	if !ok {
		s.t.Fatalf("kredivotest: DOKU does not know order %q", orderID)
	}
	return fmt.Appendf(nil, `{
  "order": {"invoice_number": %q, "amount": %s.00},
  "transaction": {"status": %q, "date": %q, "original_request_id": %q}
}`, o.Invoice, o.Amount, status, time.Now().UTC().Format(time.RFC3339), o.RequestID)
}
