package kredivo_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
	"github.com/paylater-go/paylater/money"
)

func checkout(t *testing.T, shop *kredivotest.Shop, orderID string) kredivo.Checkout {
	t.Helper()
	c, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order(orderID, "ani"))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func status(t *testing.T, shop *kredivotest.Shop, orderID string) kredivo.Status {
	t.Helper()
	p, err := shop.Plugin.Payment(t.Context(), orderID)
	if err != nil {
		t.Fatal(err)
	}
	return p.Status
}

// eventually waits for something that the workers do. It fails the test after far longer than they need.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-limit.C:
			t.Fatalf("never happened: %s", what)
		case <-tick.C:
		}
	}
}

func backlog(t *testing.T, shop *kredivotest.Shop) kredivo.Backlog {
	t.Helper()
	b, err := shop.Store.Backlog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// idle waits until every message is settled and every event delivered.
func idle(t *testing.T, shop *kredivotest.Shop) {
	t.Helper()
	eventually(t, "no work left", func() bool { b := backlog(t, shop); return b.Messages == 0 && b.Events == 0 })
}

func send(t *testing.T, shop *kredivotest.Shop, orderID string, n dokusim.Notice) {
	t.Helper()
	if err := shop.DOKU.Send(shop.Invoice(orderID), n); err != nil {
		t.Fatal(err)
	}
}

func TestRefuseThenPay(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	first := checkout(t, shop, "1001")
	if err := shop.DOKU.Refuse(first.Attempt.InvoiceNumber); err != nil {
		t.Fatal(err)
	}
	shop.Wait("1001", kredivo.PaymentFailed)
	second := checkout(t, shop, "1001")
	if second.Attempt.Number != 2 {
		t.Fatalf("after a refusal the attempt is number %d, want 2", second.Attempt.Number)
	}
	shop.Pay("1001")
	shop.Wait("1001", kredivo.PaymentSucceeded)
}

func TestPaidLateIsPaid(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t, func(c *kredivotest.Config) { c.Simulator.NotifyExpired = true })
	c := checkout(t, shop, "1001")
	if err := shop.DOKU.Expire(c.Attempt.InvoiceNumber); err != nil {
		t.Fatal(err)
	}
	shop.Wait("1001", kredivo.PaymentExpired)
	if err := shop.DOKU.PayLate(c.Attempt.InvoiceNumber); err != nil {
		t.Fatal(err)
	}
	if e := shop.Wait("1001", kredivo.PaymentSucceeded); !e.Late {
		t.Error("the event is not marked late")
	}
	shop.Wait("1001", kredivo.PaidAfterExpiry)
	if got := status(t, shop, "1001"); got != kredivo.Paid {
		t.Errorf("status = %s, want PAID", got)
	}
}

func TestPaidTwiceIsAnAlarm(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	first := checkout(t, shop, "1001")
	if err := shop.DOKU.Refuse(first.Attempt.InvoiceNumber); err != nil {
		t.Fatal(err)
	}
	shop.Wait("1001", kredivo.PaymentFailed)
	second := checkout(t, shop, "1001")
	shop.Pay("1001")
	shop.Wait("1001", kredivo.PaymentSucceeded)
	// The other tab, with the first attempt's page, goes through after all.
	if err := shop.DOKU.PayLate(first.Attempt.InvoiceNumber); err != nil {
		t.Fatal(err)
	}
	e := shop.Wait("1001", kredivo.PaidTwice)
	if e.InvoiceNumber != first.Attempt.InvoiceNumber || e.OtherInvoiceNumber != second.Attempt.InvoiceNumber {
		t.Errorf("alarm names %s and %s, want %s and %s", e.InvoiceNumber, e.OtherInvoiceNumber, first.Attempt.InvoiceNumber, second.Attempt.InvoiceNumber)
	}
}

func TestWrongAmountIsNeverPaid(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	checkout(t, shop, "1001")
	shop.DOKU.NotifyFaults(dokusim.NotifyFault{Amount: money.Rupiah(1)})
	shop.Pay("1001")
	e := shop.Wait("1001", kredivo.AmountMismatch)
	if e.ReportedAmount == nil || !e.ReportedAmount.Equal(money.Rupiah(1)) || !e.Amount.Equal(money.Rupiah(150_000)) {
		t.Errorf("alarm = %+v", e)
	}
	if err := shop.Plugin.CheckPaid(t.Context(), "1001"); !errors.Is(err, kredivo.ErrNotPaid) {
		t.Errorf("CheckPaid = %v, want ErrNotPaid", err)
	}
	if _, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani")); !errors.Is(err, kredivo.ErrInReview) {
		t.Errorf("checkout = %v, want ErrInReview", err)
	}
	send(t, shop, "1001", dokusim.Notice{Status: dokusim.Success}) // the right amount after all
	shop.Wait("1001", kredivo.PaymentSucceeded)
}

func TestDuplicatesTakeEffectOnce(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	checkout(t, shop, "1001")
	shop.DOKU.NotifyFaults(dokusim.NotifyFault{Duplicates: 5})
	shop.Pay("1001")
	shop.Wait("1001", kredivo.PaymentSucceeded)
	send(t, shop, "1001", dokusim.Notice{Status: dokusim.Success}) // a resend under a new Request-Id
	send(t, shop, "1001", dokusim.Notice{Status: dokusim.Failed})  // a late failure
	send(t, shop, "1001", dokusim.Notice{Status: dokusim.Expired})
	send(t, shop, "1001", dokusim.Notice{Status: "SOMETHING_NEW"})
	idle(t, shop)
	if got := shop.Events(); len(got) != 1 {
		t.Errorf("the host saw %d events, want 1: %+v", len(got), got)
	}
	if got := status(t, shop, "1001"); got != kredivo.Paid {
		t.Errorf("status = %s, want PAID", got)
	}
}

func TestSignedNonsenseIsParked(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	checkout(t, shop, "1001")
	for _, body := range []string{"not json", `{}`, `{"order":{"invoice_number":"x","amount":1},"ORDER":{}}`, `[]`} {
		send(t, shop, "1001", dokusim.Notice{Body: []byte(body), Once: true})
	}
	for _, d := range shop.DOKU.Deliveries() {
		if d.AnswerStatus != 200 {
			t.Errorf("signed nonsense was answered %d, want 200", d.AnswerStatus)
		}
	}
	eventually(t, "four parked messages", func() bool { return backlog(t, shop).ParkedMessages == 4 })
	shop.Pay("1001") // and the workers go on
	shop.Wait("1001", kredivo.PaymentSucceeded)
}

func TestForgedNotificationIsRefusedAndNotStored(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	checkout(t, shop, "1001")
	send(t, shop, "1001", dokusim.Notice{Status: dokusim.Success, BadSignature: true, Once: true})
	send(t, shop, "1001", dokusim.Notice{Status: dokusim.Success, Target: "/other", Once: true})
	send(t, shop, "1001", dokusim.Notice{Status: dokusim.Success, Header: map[string][]string{"Signature": nil}, Once: true})
	for _, d := range shop.DOKU.Deliveries() {
		if d.AnswerStatus != 401 {
			t.Errorf("answered %d, want 401", d.AnswerStatus)
		}
	}
	if b := backlog(t, shop); b != (kredivo.Backlog{}) {
		t.Errorf("backlog = %+v, want nothing", b)
	}
	if got := status(t, shop, "1001"); got != kredivo.Pending {
		t.Errorf("status = %s, want PENDING", got)
	}
}

func TestEventsOfOneOrderComeInOrderAndAlone(t *testing.T) {
	t.Parallel()
	var running sync.Map
	var overlaps, slow atomic.Int32
	shop := kredivotest.New(t, func(c *kredivotest.Config) {
		c.Plugin.OnEvent = func(_ context.Context, e kredivo.Event) error {
			if _, taken := running.LoadOrStore(e.OrderID, true); taken {
				overlaps.Add(1)
			}
			defer running.Delete(e.OrderID)
			slow.Add(1)
			return nil
		}
	})
	const orders = 12
	for i := range orders {
		id := fmt.Sprint(i)
		checkout(t, shop, id)
		shop.Pay(id)
	}
	for i := range orders {
		shop.Wait(fmt.Sprint(i), kredivo.PaymentSucceeded)
		if err := shop.DOKU.Refund(shop.Invoice(fmt.Sprint(i))); err != nil {
			t.Fatal(err)
		}
	}
	for i := range orders {
		shop.Wait(fmt.Sprint(i), kredivo.PaymentRefunded)
	}
	if n := overlaps.Load(); n != 0 {
		t.Errorf("%d events ran beside another of their order", n)
	}
	last := map[string]kredivo.EventKind{}
	for _, e := range shop.Events() {
		if e.Kind == kredivo.PaymentSucceeded && last[e.OrderID] != "" {
			t.Errorf("order %s: %s after %s", e.OrderID, e.Kind, last[e.OrderID])
		}
		last[e.OrderID] = e.Kind
	}
}

func TestHostThatRefusesIsAskedAgain(t *testing.T) {
	t.Parallel()
	clock := dokusim.NewManualClock(time.Date(2026, 3, 1, 5, 0, 0, 0, time.UTC))
	var calls atomic.Int32
	shop := kredivotest.New(t, func(c *kredivotest.Config) {
		c.Plugin.Now, c.Simulator.Clock = clock.Now, clock
		c.Plugin.OnEvent = func(_ context.Context, e kredivo.Event) error {
			switch {
			case e.OrderID != "poison":
				return nil
			case calls.Add(1) == 1:
				panic("the cart is nil")
			default:
				return errors.New("order was swept")
			}
		}
	})
	checkout(t, shop, "poison")
	checkout(t, shop, "good")
	shop.Pay("poison")
	shop.Pay("good")
	clock.Advance(time.Second)
	shop.Wait("good", kredivo.PaymentSucceeded) // poison holds up nobody
	for i := range int32(13) {
		eventually(t, fmt.Sprintf("try %d", i+1), func() bool {
			clock.Advance(30 * time.Hour) // past whatever pause came after the last one
			return calls.Load() > i
		})
	}
	eventually(t, "a parked event", func() bool {
		clock.Advance(30 * time.Hour) // a try whose claim ran out on the way does not count
		return backlog(t, shop).ParkedEvents == 1
	})
	if got := status(t, shop, "poison"); got != kredivo.Paid {
		t.Errorf("status = %s: what the host does must not change that the order is PAID", got)
	}
}

type quietError struct{}

func (*quietError) Error() string { return "never" }

func TestTypedNilIsSuccess(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t, func(c *kredivotest.Config) {
		c.Plugin.OnEvent = func(context.Context, kredivo.Event) error {
			var e *quietError
			return e
		}
	})
	checkout(t, shop, "1001")
	shop.Pay("1001")
	eventually(t, "an empty backlog after payment", func() bool {
		return status(t, shop, "1001") == kredivo.Paid && backlog(t, shop) == (kredivo.Backlog{})
	})
}

func TestStatusCheckFindsWhatNobodyReported(t *testing.T) {
	t.Parallel()
	clock := dokusim.NewManualClock(time.Date(2026, 3, 1, 5, 0, 0, 0, time.UTC))
	shop := kredivotest.New(t, func(c *kredivotest.Config) { c.Plugin.Now, c.Simulator.Clock = clock.Now, clock })
	shop.DOKU.NotifyFaults(dokusim.NotifyFault{Never: true, Times: dokusim.Always})
	checkout(t, shop, "1001")
	shop.Pay("1001")
	clock.Advance(4 * time.Minute)
	if e := shop.Wait("1001", kredivo.PaymentSucceeded); e.Late {
		t.Error("the payment was not late")
	}
}

func TestStatusCheckNeverFailsAnOrderItCannotSee(t *testing.T) {
	t.Parallel()
	for _, f := range []dokusim.Fault{
		{Kind: dokusim.AnswerStatus, Status: 404},
		{Kind: dokusim.ServerError}, {Kind: dokusim.HTML}, {Kind: dokusim.Garbage}, {Kind: dokusim.Truncated},
		{Kind: dokusim.AnswerStatus, Status: 400}, {Kind: dokusim.AnswerStatus, Status: 401},
	} {
		t.Run(fmt.Sprint(f.Kind, f.Status), func(t *testing.T) {
			t.Parallel()
			clock := dokusim.NewManualClock(time.Date(2026, 3, 1, 5, 0, 0, 0, time.UTC))
			shop := kredivotest.New(t, quick, func(c *kredivotest.Config) { c.Plugin.Now, c.Simulator.Clock = clock.Now, clock })
			c := checkout(t, shop, "1001")
			f.Endpoint, f.Times = dokusim.CheckStatus, dokusim.Always
			shop.DOKU.Fail(f)
			clock.Advance(4 * time.Minute)
			eventually(t, "a status check", func() bool {
				a, err := shop.Store.Attempts(context.Background(), "1001")
				return err == nil && a[0].Checks > 0
			})
			if got := status(t, shop, "1001"); got != kredivo.Pending {
				t.Errorf("status = %s after an answer that tells nothing, want PENDING", got)
			}
			shop.DOKU.Heal()
			if err := shop.DOKU.Pay(c.Attempt.InvoiceNumber); err != nil {
				t.Fatal(err)
			}
			clock.Advance(time.Second)
			shop.Wait("1001", kredivo.PaymentSucceeded)
		})
	}
}

func TestAttemptThatNobodyReportsIsClosed(t *testing.T) {
	t.Parallel()
	clock := dokusim.NewManualClock(time.Date(2026, 3, 1, 5, 0, 0, 0, time.UTC))
	shop := kredivotest.New(t, quick, func(c *kredivotest.Config) {
		c.Plugin.Now, c.Simulator.Clock, c.Plugin.Expiry = clock.Now, clock, time.Hour
	})
	c := checkout(t, shop, "1001")
	shop.DOKU.Fail(dokusim.Fault{Kind: dokusim.ServerError, Endpoint: dokusim.CheckStatus, Times: dokusim.Always})
	clock.Advance(60 * time.Hour) // the last scheduled check is 48 hours after the expiry
	eventually(t, "a check without an answer", func() bool { return checks(t, shop) > 0 })
	if got := status(t, shop, "1001"); got != kredivo.Pending {
		t.Fatalf("status = %s although DOKU never answered, want PENDING", got)
	}
	shop.DOKU.Heal()
	shop.DOKU.Fail(dokusim.Fault{Kind: dokusim.AnswerStatus, Status: 404, Endpoint: dokusim.CheckStatus, Times: dokusim.Always})
	clock.Advance(time.Hour)
	shop.Wait("1001", kredivo.PaymentExpired)
	if err := shop.DOKU.PayLate(c.Attempt.InvoiceNumber); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Second)
	shop.Wait("1001", kredivo.PaymentSucceeded) // closed is not lost
}

func checks(t *testing.T, shop *kredivotest.Shop) int {
	t.Helper()
	a, err := shop.Store.Attempts(t.Context(), "1001")
	if err != nil {
		t.Fatal(err)
	}
	return a[0].Checks
}

func TestOldNotificationIsConfirmedFirst(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	checkout(t, shop, "1001")
	// A replay from somebody's log: signed two days ago, for a payment that DOKU does not have.
	send(t, shop, "1001", dokusim.Notice{Status: dokusim.Success, Age: 48 * time.Hour, Once: true})
	eventually(t, "a status check", func() bool { return checks(t, shop) > 0 })
	if got := status(t, shop, "1001"); got != kredivo.Pending {
		t.Fatalf("status = %s after an unconfirmed old notification, want PENDING", got)
	}
}

func TestConflictOverARefusalMakesANewAttempt(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t, quick)
	// DOKU refuses the order for good, but its answer is lost; the repeat gets the refusal as a 409.
	refusal := `{"error":{"code":"invalid_request","message":"no"}}`
	shop.DOKU.Fail(dokusim.Fault{Kind: dokusim.ServerError, Endpoint: dokusim.GenerateOrder})
	shop.DOKU.Fail(dokusim.Fault{Kind: dokusim.AnswerStatus, Status: 409, Body: refusal, Endpoint: dokusim.GenerateOrder})
	if _, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani")); !errors.Is(err, kredivo.ErrUnavailable) {
		t.Fatalf("first click = %v, want ErrUnavailable", err)
	}
	if _, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani")); !errors.Is(err, kredivo.ErrPaymentRefused) {
		t.Fatalf("second click = %v, want ErrPaymentRefused", err)
	}
	if c := checkout(t, shop, "1001"); c.Attempt.Number != 2 {
		t.Errorf("third click is attempt %d, want 2", c.Attempt.Number)
	}
}

func TestRestartFinishesWhatWasAcknowledged(t *testing.T) {
	t.Parallel()
	// The first instance stores and acknowledges, and never runs its workers; the second one does.
	shop := kredivotest.New(t)
	cfg := kredivo.Config{
		DOKU:      doku.Config{ClientID: kredivotest.ClientID, SecretKey: kredivotest.SecretKey, Transport: shop.DOKU.Transport()},
		PublicURL: kredivotest.PublicURL, Store: shop.Store,
		OnEvent: func(context.Context, kredivo.Event) error { return errors.New("not here") },
	}
	first, err := kredivo.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Checkout(t.Context(), kredivotest.Order("1001", "ani")); err != nil {
		t.Fatal(err)
	}
	body := shop.Notification("1001", doku.Success)
	resp := first.Routes(kredivo.NotificationRoutes)[0].Serve(t.Context(), &kredivo.Request{Method: "POST", Header: shop.Sign(body), Body: body})
	if resp.Status != 200 {
		t.Fatalf("notification answered %d", resp.Status)
	}
	shop.Wait("1001", kredivo.PaymentSucceeded)
}

// A handler that takes longer than a claim lasts keeps its event, also from another instance.
func TestSlowHandlerKeepsItsEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int32
		slow := func(context.Context, kredivo.Event) error {
			calls.Add(1)
			<-time.After(2 * time.Minute)
			return nil
		}
		shop := kredivotest.New(t, func(c *kredivotest.Config) {
			c.Plugin.OnEvent, c.Plugin.HandlerTimeout, c.Plugin.PollEvery = slow, 5*time.Minute, time.Second
		})
		other, err := kredivo.New(kredivo.Config{
			DOKU:      doku.Config{ClientID: kredivotest.ClientID, SecretKey: kredivotest.SecretKey, Transport: shop.DOKU.Transport()},
			PublicURL: kredivotest.PublicURL, Store: shop.Store, OnEvent: slow, PollEvery: time.Second,
			Logger: slog.New(slog.DiscardHandler),
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- other.Run(ctx) }()

		checkout(t, shop, "1001")
		shop.Pay("1001")
		<-time.After(3 * time.Minute)
		if n := calls.Load(); n != 1 {
			t.Errorf("the handler was called %d times, want once", n)
		}
		if b := backlog(t, shop); b != (kredivo.Backlog{}) {
			t.Errorf("backlog = %+v, want none", b)
		}
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
}

// A host that hangs on some orders, deaf to its context, holds up no other order.
func TestHangingHostHoldsUpNobodyElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var calls atomic.Int32
		shop := kredivotest.New(t, func(c *kredivotest.Config) {
			c.Plugin.HandlerTimeout, c.Plugin.PollEvery = time.Second, time.Second
			c.Plugin.OnEvent = func(_ context.Context, e kredivo.Event) error {
				if e.OrderID == "good" {
					return nil
				}
				calls.Add(1)
				<-release
				return nil
			}
		})
		const hanging = 12
		for i := range hanging {
			id := fmt.Sprint("hangs-", i)
			checkout(t, shop, id)
			shop.Pay(id)
		}
		checkout(t, shop, "good")
		shop.Pay("good")
		shop.Wait("good", kredivo.PaymentSucceeded)
		<-time.After(time.Minute)
		if n := calls.Load(); n != hanging {
			t.Errorf("%d calls for %d orders: an order had two at once, or none", n, hanging)
		}
		<-time.After(6 * time.Minute)
		if n := calls.Load(); n <= hanging {
			t.Error("a stuck event was not delivered again")
		}
		close(release)
		idle(t, shop)
	})
}

// Run ends although the host does not.
func TestRunEndsWithoutAStuckHost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		shop := kredivotest.New(t, func(c *kredivotest.Config) { c.Plugin.PollEvery = time.Hour }) // leaves the work to other
		entered, release := make(chan struct{}), make(chan struct{})
		other, err := kredivo.New(kredivo.Config{
			DOKU:      doku.Config{ClientID: kredivotest.ClientID, SecretKey: kredivotest.SecretKey, Transport: shop.DOKU.Transport()},
			PublicURL: kredivotest.PublicURL, Store: shop.Store, PollEvery: time.Second, Logger: slog.New(slog.DiscardHandler),
			OnEvent: func(context.Context, kredivo.Event) error {
				close(entered)
				<-release
				return nil
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		checkout(t, shop, "1001")
		synctest.Wait() // the shop's own workers sleep for an hour now, and leave the event to other
		go func() { ended <- other.Run(ctx) }()
		body := shop.Notification("1001", doku.Success)
		serve(t, other, "POST", "/notifications", &kredivo.Request{Header: shop.Sign(body), Body: body})
		<-entered
		cancel()
		start := time.Now()
		if err := <-ended; err != nil || time.Since(start) > 15*time.Second {
			t.Errorf("Run ended with %v after %v", err, time.Since(start))
		}
		close(release)
	})
}
