package kredivo_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
	"github.com/paylater-go/paylater/kredivo/store/sqlite"
	"github.com/paylater-go/paylater/money"
)

// Tests of what must not happen to money when everything around it changes: the order, the settings, the
// caller, DOKU's mind. Each of these once went wrong.

// sibling is a second plugin on shop's store and simulator.
func sibling(t *testing.T, shop *kredivotest.Shop, change func(*kredivo.Config)) *kredivo.Plugin {
	t.Helper()
	cfg := kredivo.Config{
		DOKU: doku.Config{
			ClientID: kredivotest.ClientID, SecretKey: kredivotest.SecretKey, Transport: shop.DOKU.Transport(), MaxTries: 1,
		},
		PublicURL: kredivotest.PublicURL, Store: shop.Store, Logger: slog.New(slog.DiscardHandler),
		OnEvent: func(context.Context, kredivo.Event) error { return nil },
	}
	change(&cfg)
	p, err := kredivo.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// payable counts the orders at DOKU that somebody could still pay.
func payable(shop *kredivotest.Shop) int {
	n := 0
	for _, o := range shop.DOKU.Orders() {
		if o.Status == dokusim.Pending {
			n++
		}
	}
	return n
}

func TestOrderThatGrowsIsNotPaidByItsOldPage(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	first := checkout(t, shop, "1001")
	if err := shop.DOKU.Refuse(first.Attempt.InvoiceNumber); err != nil {
		t.Fatal(err)
	}
	shop.Wait("1001", kredivo.PaymentFailed)
	big := kredivotest.Order("1001", "ani")
	big.Items[0].Price, big.Amount = money.Rupiah(7_490_000), money.Rupiah(15_000_000)
	if _, err := shop.Plugin.Checkout(t.Context(), big); !errors.Is(err, kredivo.ErrOrderChanged) {
		t.Fatalf("checkout of the changed order = %v, want ErrOrderChanged: its first page may be paid late", err)
	}
}

func TestSandboxAttemptsStayInTheSandbox(t *testing.T) {
	t.Parallel()
	for _, reached := range []bool{true, false} {
		shop := kredivotest.New(t, quick)
		if !reached {
			shop.DOKU.Fail(dokusim.Fault{Kind: dokusim.ServerError})
		}
		_, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani"))
		if (err == nil) != reached {
			t.Fatal(err)
		}
		live := sibling(t, shop, func(c *kredivo.Config) { c.DOKU.Environment = doku.Production })
		c, err := live.Checkout(t.Context(), kredivotest.Order("1001", "ani"))
		if err != nil {
			t.Fatal(err)
		}
		if c.Resumed || c.Attempt.Environment != doku.Production || c.Attempt.Number != 2 {
			t.Errorf("production shopper got %+v, want an attempt of its own", c.Attempt)
		}
	}
	t.Run("paid", func(t *testing.T) {
		t.Parallel()
		shop := kredivotest.New(t)
		checkout(t, shop, "1001")
		shop.Pay("1001")
		shop.Wait("1001", kredivo.PaymentSucceeded)
		live := sibling(t, shop, func(c *kredivo.Config) { c.DOKU.Environment = doku.Production })
		if err := live.CheckPaid(t.Context(), "1001"); !errors.Is(err, kredivo.ErrNotPaid) {
			t.Errorf("CheckPaid in production = %v: play money paid a real order", err)
		}
	})
}

// A caller that stalled past its lease must not end what another caller has made payable.
func TestLateRefusalDoesNotEndALiveAttempt(t *testing.T) {
	t.Parallel()
	var offset atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
	shop := kredivotest.New(t, func(c *kredivotest.Config) { c.Plugin.Now, c.Plugin.DOKU.Now = now, time.Now })
	started, release := make(chan struct{}), make(chan struct{})
	refuse := func(r *http.Request, status int, code string) (*http.Response, error) {
		body := `{"error":{"code":"` + code + `","message":"no"}}`
		return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r, ContentLength: -1}, nil
	}
	stalled := sibling(t, shop, func(c *kredivo.Config) {
		c.Now, c.DOKU.Now = now, time.Now
		c.DOKU.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Method == http.MethodGet {
				return refuse(r, 404, "not_found") // also DOKU's status lags behind
			}
			close(started)
			<-release
			return refuse(r, 400, "duplicate_request")
		})
	})
	done := make(chan kredivo.Checkout, 1)
	go func() {
		c, err := stalled.Checkout(context.Background(), kredivotest.Order("1001", "ani"))
		if err != nil {
			t.Errorf("the stalled caller: %v, want the other's answer", err)
		}
		done <- c
	}()
	<-started
	offset.Store(int64(13 * time.Second))
	taken := checkout(t, shop, "1001")
	close(release)
	if late := <-done; late.PaymentURL != taken.PaymentURL {
		t.Errorf("the stalled caller got %q, want %q", late.PaymentURL, taken.PaymentURL)
	}
	if got := status(t, shop, "1001"); got != kredivo.Pending || payable(shop) != 1 {
		t.Errorf("status %s with %d payable orders at DOKU, want PENDING with 1", got, payable(shop))
	}
}

// A refusal after a try whose answer was lost is no proof that nothing exists.
func TestRefusalAfterALostAnswerKeepsTheAttempt(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t, func(c *kredivotest.Config) { c.Plugin.DOKU.MaxTries = 2 })
	shop.DOKU.Fail(dokusim.Fault{Kind: dokusim.DropAnswerAfterCommit, Endpoint: dokusim.GenerateOrder})
	shop.DOKU.Fail(dokusim.Fault{Kind: dokusim.AnswerStatus, Status: 400, Endpoint: dokusim.GenerateOrder})
	if _, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani")); !errors.Is(err, kredivo.ErrUnavailable) {
		t.Fatalf("first click = %v, want ErrUnavailable", err)
	}
	if c := checkout(t, shop, "1001"); c.Attempt.Number != 1 || payable(shop) != 1 {
		t.Errorf("second click is attempt %d with %d payable orders at DOKU, want 1 and 1", c.Attempt.Number, payable(shop))
	}
}

func TestBodyGoesWithTheAnswerHoweverItComes(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t, quick)
	shop.DOKU.Fail(dokusim.Fault{Kind: dokusim.DropAnswerAfterCommit})
	if _, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani")); !errors.Is(err, kredivo.ErrUnavailable) {
		t.Fatal(err)
	}
	if err := shop.DOKU.Pay(shop.DOKU.Orders()[0].Invoice); err != nil {
		t.Fatal(err)
	}
	shop.Wait("1001", kredivo.PaymentSucceeded)
	if a, err := shop.Store.Attempts(t.Context(), "1001"); err != nil || a[0].Body != nil {
		t.Errorf("a paid attempt keeps %d bytes of customer data, %v", len(a[0].Body), err)
	}
}

// brokenChange fails for one message, as a value that cannot be written would.
type brokenChange struct {
	kredivo.Store
	poison []byte
}

func (s brokenChange) Change(ctx context.Context, scope kredivo.Scope, decide func([]kredivo.Attempt) (kredivo.Decision, error)) error {
	if scope.Message != nil && bytes.Contains(scope.Message.Body, s.poison) && scope.InvoiceNumber != "" {
		return errors.New("cannot be written")
	}
	return s.Store.Change(ctx, scope, decide)
}

func TestMessageThatCannotBeSettledHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "k.db"))
		if err != nil {
			t.Fatal(err)
		}
		shop := kredivotest.New(t, func(c *kredivotest.Config) {
			c.Plugin.Store, c.Plugin.PollEvery = brokenChange{st, []byte("poison-1-")}, 30*time.Minute
			c.Plugin.Expiry = 500 * time.Hour // nothing else happens meanwhile
		})
		checkout(t, shop, "poison")
		checkout(t, shop, "good")
		// Both wait for the same claim, the bad one in front.
		for i, id := range []string{"poison", "good"} {
			body := shop.Notification(id, doku.Success)
			_, err := st.Receive(t.Context(), kredivo.Message{
				Source: kredivo.FromNotification, Dedupe: kredivo.Hash{byte(i)}, ClientID: kredivotest.ClientID,
				Header: shop.Sign(body), Body: body, ReceivedAt: time.Now(),
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(time.Hour)
		if got := status(t, shop, "good"); got != kredivo.Paid {
			t.Errorf("status = %s after an hour beside a bad message, want PAID", got)
		}
		<-time.After(120 * time.Hour)
		if b := backlog(t, shop); b.ParkedMessages != 1 || b.Messages != 0 {
			t.Errorf("backlog = %+v, want the bad message parked at the end of its ladder", b)
		}
	})
}

// DOKU was away when the shopper first clicked; the time to pay begins when it is back.
func TestExpiryBeginsWithTheOrderAtDOKU(t *testing.T) {
	t.Parallel()
	clock := dokusim.NewManualClock(time.Date(2026, 3, 1, 5, 0, 0, 0, time.UTC))
	shop := kredivotest.New(t, quick, func(c *kredivotest.Config) {
		c.Plugin.Now, c.Simulator.Clock, c.Plugin.Expiry = clock.Now, clock, time.Hour
	})
	shop.DOKU.Fail(dokusim.Fault{Kind: dokusim.ServerError})
	if _, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani")); !errors.Is(err, kredivo.ErrUnavailable) {
		t.Fatal(err)
	}
	clock.Advance(3 * time.Hour)
	c := checkout(t, shop, "1001")
	if want := clock.Now().Add(time.Hour); c.Attempt.Number != 1 || !c.ExpiresAt.Equal(want) {
		t.Errorf("attempt %d expires at %v, want 1 and %v", c.Attempt.Number, c.ExpiresAt, want)
	}
}

// DOKU's first answer was an error, which it will repeat for ever, although the order exists: its URL was
// never told to anybody, so a new attempt is safe, and the shopper is not stuck.
func TestConflictOverAnUnreachableOrderMakesANewAttempt(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t, quick)
	shop.DOKU.Fail(dokusim.Fault{Kind: dokusim.ServerError, Endpoint: dokusim.GenerateOrder, AfterCommit: true})
	shop.DOKU.Fail(dokusim.Fault{Kind: dokusim.AnswerStatus, Status: 409, Endpoint: dokusim.GenerateOrder, Body: `{"error":{"code":"internal","message":"first answer"}}`})
	for _, want := range []error{kredivo.ErrUnavailable, kredivo.ErrPaymentRefused} {
		if _, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani")); !errors.Is(err, want) {
			t.Fatalf("checkout = %v, want %v", err, want)
		}
	}
	if c := checkout(t, shop, "1001"); c.Attempt.Number != 2 {
		t.Errorf("third click is attempt %d, want 2", c.Attempt.Number)
	}
}

// A key that was replaced still opens the pages of payments that were begun under it.
func TestPagesSurviveANewSecret(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	first := checkout(t, shop, "1001")
	rotated := sibling(t, shop, func(c *kredivo.Config) {
		c.DOKU.SecretKey, c.DOKU.PreviousSecretKeys = "SK-new", []doku.Secret{kredivotest.SecretKey}
	})
	c, err := rotated.Checkout(t.Context(), kredivotest.Order("1001", "ani"))
	if err != nil || c.StatusURL != first.StatusURL {
		t.Errorf("resumed under a new key: %q, %v, want %q", c.StatusURL, err, first.StatusURL)
	}
	if resp := serve(t, rotated, "GET", "/status/{token}", &kredivo.Request{Token: token(t, first.StatusURL)}); resp.Status != 200 {
		t.Errorf("status page answered %d", resp.Status)
	}
}

func TestFloodOfForgeriesIsOneLogLineASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		shop := kredivotest.New(t)
		p := sibling(t, shop, func(c *kredivo.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		for range 500 {
			serve(t, p, "POST", "/notifications", &kredivo.Request{Body: []byte("x")})
		}
		<-time.After(2 * time.Second)
		serve(t, p, "POST", "/notifications", &kredivo.Request{Body: []byte("x")})
		if lines := strings.Count(log.String(), "\n"); lines != 2 || !strings.Contains(log.String(), "refused_since_last_line=499") {
			t.Errorf("%d log lines for 501 forgeries, want 2 with a count:\n%s", lines, log.String())
		}
	})
}

// blockedStore lets nothing in until it is released.
type blockedStore struct {
	kredivo.Store
	entered chan struct{}
	release chan struct{}
}

func (s blockedStore) Receive(context.Context, kredivo.Message) (bool, error) {
	s.entered <- struct{}{}
	<-s.release
	return true, nil
}

func TestNotificationsBeyondTheLimitAreToldToComeBack(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	checkout(t, shop, "1001")
	blocked := blockedStore{shop.Store, make(chan struct{}), make(chan struct{})}
	p := sibling(t, shop, func(c *kredivo.Config) { c.Store = blocked })
	body := shop.Notification("1001", doku.Success)
	answers := make(chan int)
	for range 64 {
		header := shop.Sign(body)
		go func() {
			answers <- p.Routes(kredivo.NotificationRoutes)[0].Serve(context.Background(), &kredivo.Request{Method: "POST", Header: header, Body: body}).Status
		}()
		<-blocked.entered
	}
	if resp := serve(t, p, "POST", "/notifications", &kredivo.Request{Header: shop.Sign(body), Body: body}); resp.Status != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("the 65th was answered %d, want 503 with Retry-After", resp.Status)
	}
	close(blocked.release)
	for range 64 {
		if got := <-answers; got != 200 {
			t.Errorf("one of the 64 was answered %d", got)
		}
	}
}

func TestWhoeverForgetsRunIsTold(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	checkout(t, shop, "1001")
	var log bytes.Buffer
	p := sibling(t, shop, func(c *kredivo.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	for range 3 {
		body := shop.Notification("1001", doku.Success)
		serve(t, p, "POST", "/notifications", &kredivo.Request{Header: shop.Sign(body), Body: body})
	}
	if n := strings.Count(log.String(), "Run is not running"); n != 1 {
		t.Errorf("%d warnings, want one:\n%s", n, log.String())
	}
}

// The addresses are checked with everything else, under the shop's own names.
func TestMissingAddressPartsAreNamedAtOnce(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	o := kredivotest.Order("1001", "ani")
	o.ShippingAddress.City, o.ShippingAddress.PostalCode, o.Customer.Phone = "", "", "0812-CALL-ME"
	_, err := shop.Plugin.Checkout(t.Context(), o)
	e, _ := errors.AsType[*kredivo.Error](err)
	if e == nil {
		t.Fatalf("error = %v", err)
	}
	paths := map[string]int{}
	for _, f := range e.Fields {
		paths[f.Path]++
	}
	for _, want := range []string{"order.shipping_address.city", "order.shipping_address.postal_code", "order.customer.phone"} {
		if paths[want] != 1 {
			t.Errorf("%s is named %d times in %v", want, paths[want], e.Fields)
		}
	}
}

func TestDiscountsBeyondTheGoodsAreNamed(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	tests := map[string]func(*kredivo.Order){
		"order.line_items[0].discount": func(o *kredivo.Order) {
			o.Items = append(o.Items, o.Items[0])
			o.Items[0].Discount, o.Amount = money.Rupiah(130_001), money.Rupiah(149_999)
		},
		"order.discount": func(o *kredivo.Order) {
			o.Discount, o.Amount = money.Rupiah(140_000), money.Rupiah(10_000)
		},
	}
	for path, change := range tests {
		o := kredivotest.Order("1001", "ani")
		change(&o)
		_, err := shop.Plugin.Checkout(t.Context(), o)
		e, _ := errors.AsType[*kredivo.Error](err)
		if e == nil || len(e.Fields) != 1 || e.Fields[0].Path != path || e.Fields[0].Code != "discount_too_large" {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestTheLinesAreSpelledOutWhenTheyDoNotAddUp(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	o := kredivotest.Order("1001", "ani")
	o.Amount = money.Rupiah(155_000)
	_, err := shop.Plugin.Checkout(t.Context(), o)
	for _, want := range []string{"Rp5.000", "line_items[0] 2 x Rp65.000", "charges[0] Rp20.000", "together Rp150.000", "the amount is Rp155.000"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not say %q: %v", want, err)
		}
	}
}

func TestMountAwayFromThePublicURLIsPointedOut(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	for prefix, want := range map[string]bool{"/pay": false, "": false, "/payment": true, "/shop/pay": true} {
		var log bytes.Buffer
		p := sibling(t, shop, func(c *kredivo.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		p.Mounted(prefix)
		if got := strings.Contains(log.String(), "not mounted where"); got != want {
			t.Errorf("mounted at %q: warned %t, want %t", prefix, got, want)
		}
	}
}

func TestFixedLineIsPointedOutAndTaken(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	for number, want := range map[string]bool{"021-8088 8888": true, "0812-3456-7890": false} {
		var log bytes.Buffer
		p := sibling(t, shop, func(c *kredivo.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		o := kredivotest.Order(number, "ani")
		o.Customer.Phone = number
		if _, err := p.Checkout(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(log.String(), "fixed line"); got != want {
			t.Errorf("%s: warned %t, want %t", number, got, want)
		}
		if strings.Contains(log.String(), "8088888") || strings.Contains(log.String(), "81234567890") {
			t.Errorf("the number is in the log:\n%s", log.String())
		}
	}
}

func TestPagesAndPaymentsKeepEnvironmentsApart(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	played := checkout(t, shop, "1001")
	shop.Pay("1001")
	shop.Wait("1001", kredivo.PaymentSucceeded)
	live := sibling(t, shop, func(c *kredivo.Config) { c.DOKU.Environment = doku.Production })
	c, err := live.Checkout(t.Context(), kredivotest.Order("1001", "ani"))
	if err != nil {
		t.Fatal(err)
	}
	if payment, err := live.Payment(t.Context(), "1001"); err != nil || payment.Status != kredivo.Pending || len(payment.Attempts) != 1 {
		t.Errorf("payment in production = %+v, %v", payment, err)
	}
	resp := serve(t, live, "GET", "/status/{token}", &kredivo.Request{Token: token(t, c.StatusURL)})
	if !strings.Contains(string(resp.Body), `"checking"`) {
		t.Errorf("status of an unpaid attempt = %s", resp.Body)
	}
	if resp := serve(t, live, "GET", "/return/{token}", &kredivo.Request{Token: token(t, played.StatusURL)}); resp.Status != 404 {
		t.Errorf("production shows the sandbox's page: %d", resp.Status)
	}
}

// The first answer was lost, the payment failed, and the order grew: the first page may exist all the same.
func TestOrderThatGrowsAfterALostAnswerIsRefused(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t, quick)
	shop.DOKU.Fail(dokusim.Fault{Kind: dokusim.DropAnswerAfterCommit})
	if _, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani")); !errors.Is(err, kredivo.ErrUnavailable) {
		t.Fatal(err)
	}
	if err := shop.DOKU.Refuse(shop.DOKU.Orders()[0].Invoice); err != nil {
		t.Fatal(err)
	}
	shop.Wait("1001", kredivo.PaymentFailed)
	big := kredivotest.Order("1001", "ani")
	big.Items[0].Price, big.Amount = money.Rupiah(7_490_000), money.Rupiah(15_000_000)
	if _, err := shop.Plugin.Checkout(t.Context(), big); !errors.Is(err, kredivo.ErrOrderChanged) {
		t.Errorf("checkout = %v, want ErrOrderChanged", err)
	}
}

// An order that DOKU refused outright has no page, so it may change before the next try.
func TestRefusedOrderMayChange(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t, quick)
	shop.DOKU.Fail(dokusim.Fault{Kind: dokusim.BusinessFailure})
	if _, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani")); !errors.Is(err, kredivo.ErrPaymentRefused) {
		t.Fatal(err)
	}
	o := kredivotest.Order("1001", "ani")
	o.Items[0].Quantity, o.Amount = 1, money.Rupiah(85_000)
	if _, err := shop.Plugin.Checkout(t.Context(), o); err != nil {
		t.Errorf("checkout of the smaller order = %v", err)
	}
}

// A 200 that comes after its attempt was given up is not handed out beside the page that replaced it.
func TestLateAnswerOfAGivenUpAttemptIsNotHandedOut(t *testing.T) {
	t.Parallel()
	var offset atomic.Int64
	now := func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
	shop := kredivotest.New(t, quick, func(c *kredivotest.Config) { c.Plugin.Now, c.Plugin.DOKU.Now = now, time.Now })
	started, release := make(chan struct{}), make(chan struct{})
	stalled := sibling(t, shop, func(c *kredivo.Config) {
		c.Now, c.DOKU.Now = now, time.Now
		c.DOKU.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			close(started)
			<-release
			return shop.DOKU.Transport().RoundTrip(r)
		})
	})
	done := make(chan error, 1)
	go func() {
		_, err := stalled.Checkout(context.Background(), kredivotest.Order("1001", "ani"))
		done <- err
	}()
	<-started
	offset.Store(int64(13 * time.Second))
	shop.DOKU.Fail(dokusim.Fault{Kind: dokusim.AnswerStatus, Status: 400, Endpoint: dokusim.GenerateOrder})
	if _, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani")); !errors.Is(err, kredivo.ErrPaymentRefused) {
		t.Fatal(err)
	}
	second := checkout(t, shop, "1001")
	close(release)
	if err := <-done; !errors.Is(err, kredivo.ErrUnavailable) {
		t.Errorf("the late answer was handed out: %v; the shopper has %s already", err, second.PaymentURL)
	}
}

// A handler that ends its goroutine, as a failing test does, is a handler that failed.
func TestHandlerThatEndsItsGoroutineIsAskedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		shop := kredivotest.New(t, func(c *kredivotest.Config) {
			c.Plugin.PollEvery = time.Second
			c.Plugin.OnEvent = func(context.Context, kredivo.Event) error {
				if calls.Add(1) == 1 {
					runtime.Goexit()
				}
				return nil
			}
		})
		checkout(t, shop, "1001")
		shop.Pay("1001")
		start := time.Now()
		shop.Wait("1001", kredivo.PaymentSucceeded)
		if took := time.Since(start); took > 15*time.Second {
			t.Errorf("asked again after %v", took)
		}
	})
}

// An instance whose clock was hours ahead died while it called DOKU. Its lease holds up nobody that long.
func TestLeaseFromAClockAheadIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t, quick)
	shop.DOKU.Fail(dokusim.Fault{Kind: dokusim.ServerError})
	if _, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani")); !errors.Is(err, kredivo.ErrUnavailable) {
		t.Fatalf("first click = %v, want ErrUnavailable", err)
	}
	now := time.Now()
	err := shop.Store.Change(t.Context(), kredivo.Scope{OrderID: "1001", Now: now}, func(attempts []kredivo.Attempt) (kredivo.Decision, error) {
		a := attempts[0]
		a.CallToken, a.CallUntil = "the dead one's", now.Add(15*time.Hour)
		return kredivo.Decision{Update: []kredivo.Attempt{a}}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if c := checkout(t, shop, "1001"); c.Attempt.Number != 1 {
		t.Errorf("the next click made attempt %d, want the first one resumed", c.Attempt.Number)
	}
}
