package kredivo_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
	"github.com/paylater-go/paylater/money"
)

// quick makes DOKU's silence short, so that tests of it are.
func quick(c *kredivotest.Config) {
	c.Plugin.DOKU.TryTimeout = 200 * time.Millisecond
	c.Plugin.DOKU.MaxTries = 1
}

func TestCheckoutToPaid(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	ctx := t.Context()

	if err := shop.Plugin.CheckPaid(ctx, "1001"); !errors.Is(err, kredivo.ErrNotPaid) {
		t.Fatalf("CheckPaid before checkout = %v, want ErrNotPaid", err)
	}
	c, err := shop.Plugin.Checkout(ctx, kredivotest.Order("1001", "ani"))
	if err != nil {
		t.Fatal(err)
	}
	o, ok := shop.DOKU.Order(c.Attempt.InvoiceNumber)
	if !ok || o.PaymentURL != c.PaymentURL || c.Resumed || c.Attempt.Status != kredivo.Pending {
		t.Fatalf("checkout = %+v, DOKU has %+v", c, o)
	}
	if c.Attempt.Body != nil {
		t.Error("the body, which holds personal data, is kept after DOKU's answer")
	}
	shop.Pay("1001")
	e := shop.Wait("1001", kredivo.PaymentSucceeded)
	if !e.Amount.Equal(money.Rupiah(150_000)) || e.InvoiceNumber != o.Invoice || e.OrderStatus != kredivo.Paid {
		t.Errorf("event = %+v", e)
	}
	if err := shop.Plugin.CheckPaid(ctx, "1001"); err != nil {
		t.Errorf("CheckPaid = %v", err)
	}
	if _, err := shop.Plugin.Checkout(ctx, kredivotest.Order("1001", "ani")); !errors.Is(err, kredivo.ErrAlreadyPaid) {
		t.Errorf("checkout of a paid order = %v, want ErrAlreadyPaid", err)
	}
}

func TestAttemptIsOnDiskBeforeDOKUIsCalled(t *testing.T) {
	t.Parallel()
	var shop *kredivotest.Shop
	seen := make(chan kredivo.Attempt, 1)
	shop = kredivotest.New(t, func(c *kredivotest.Config) {
		c.Plugin.DOKU.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			attempts, err := shop.Store.Attempts(r.Context(), "1001")
			if err != nil || len(attempts) != 1 {
				t.Errorf("while DOKU is called the store holds %v, %v", attempts, err)
				return nil, errors.New("cut")
			}
			select {
			case seen <- attempts[0]:
			default:
			}
			return shop.DOKU.Transport().RoundTrip(r)
		})
	})
	c, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani"))
	if err != nil {
		t.Fatal(err)
	}
	var a kredivo.Attempt
	select {
	case a = <-seen:
	default:
		t.Fatal("DOKU was not called through the test's transport")
	}
	o, _ := shop.DOKU.Order(c.Attempt.InvoiceNumber)
	if a.Status != kredivo.Created || string(a.Body) != string(o.Body) || a.RequestID != o.RequestID {
		t.Errorf("on disk: %s %q; DOKU received %q", a.Status, a.RequestID, o.RequestID)
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestSecondClickResumes(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	first, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani"))
	if err != nil {
		t.Fatal(err)
	}
	if second.PaymentURL != first.PaymentURL || !second.Resumed || second.StatusURL != first.StatusURL || first.StatusURL == "" {
		t.Errorf("second click got %+v, want the first one's URLs %+v", second, first)
	}
	if n := len(shop.DOKU.Calls()); n != 1 {
		t.Errorf("DOKU was called %d times, want once", n)
	}
}

func TestClicksAtTheSameTimeShareOneAttempt(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	shop.DOKU.Fail(dokusim.Fault{Kind: dokusim.Slow, Wait: 50 * time.Millisecond, Times: dokusim.Always})
	var wg sync.WaitGroup
	urls := make([]string, 20)
	for i := range urls {
		wg.Go(func() {
			c, err := shop.Plugin.Checkout(context.Background(), kredivotest.Order("1001", "ani"))
			if err != nil {
				t.Errorf("click %d: %v", i, err)
			}
			urls[i] = c.PaymentURL
		})
	}
	wg.Wait()
	for _, u := range urls {
		if u != urls[0] {
			t.Errorf("two clicks got %q and %q", u, urls[0])
		}
	}
	if orders, calls := len(shop.DOKU.Orders()), len(shop.DOKU.Calls()); orders != 1 || calls != 1 {
		t.Errorf("DOKU has %d orders after %d calls, want 1 and 1", orders, calls)
	}
}

func TestLostAnswerResumesTheSameAttempt(t *testing.T) {
	t.Parallel()
	faults := []dokusim.Fault{
		{Kind: dokusim.DropAnswerAfterCommit},
		{Kind: dokusim.ServerError},
		{Kind: dokusim.ServerError, AfterCommit: true},
		{Kind: dokusim.TooManyRequests},
		{Kind: dokusim.Timeout, Wait: time.Minute, AfterCommit: true},
		{Kind: dokusim.HTML},
		{Kind: dokusim.Garbage, AfterCommit: true},
		{Kind: dokusim.Truncated, AfterCommit: true},
		{Kind: dokusim.Endless},
		{Kind: dokusim.WrongResponseSignature},
	}
	for _, f := range faults {
		t.Run(string(f.Kind)+map[bool]string{true: " after commit"}[f.AfterCommit], func(t *testing.T) {
			t.Parallel()
			shop := kredivotest.New(t, quick)
			shop.DOKU.Fail(f)
			_, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani"))
			if !errors.Is(err, kredivo.ErrUnavailable) {
				t.Fatalf("first click = %v, want ErrUnavailable", err)
			}
			c, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani"))
			if err != nil {
				t.Fatalf("second click: %v", err)
			}
			calls := shop.DOKU.Calls()
			if len(calls) != 2 || calls[0].RequestID != calls[1].RequestID || string(calls[0].Body) != string(calls[1].Body) {
				t.Errorf("the second click did not send the same Request-Id and bytes: %+v", calls)
			}
			if c.Attempt.Number != 1 || len(shop.DOKU.Orders()) != 1 {
				t.Errorf("attempt %d, %d orders at DOKU; want one of each", c.Attempt.Number, len(shop.DOKU.Orders()))
			}
		})
	}
}

func TestRefusedOrderMakesANewAttempt(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t, quick)
	shop.DOKU.Fail(dokusim.Fault{Kind: dokusim.BusinessFailure})
	_, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani"))
	if !errors.Is(err, kredivo.ErrPaymentRefused) {
		t.Fatalf("error = %v, want ErrPaymentRefused", err)
	}
	shop.Wait("1001", kredivo.PaymentFailed)
	c, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani"))
	if err != nil {
		t.Fatal(err)
	}
	payment, err := shop.Plugin.Payment(t.Context(), "1001")
	if err != nil {
		t.Fatal(err)
	}
	a, b := payment.Attempts[0], payment.Attempts[1]
	if c.Attempt.Number != 2 || a.InvoiceNumber == b.InvoiceNumber || a.RequestID == b.RequestID ||
		a.MerchantUniqueReference == b.MerchantUniqueReference || payment.Status != kredivo.Pending {
		t.Errorf("payment = %+v", payment)
	}
}

func TestWrongSecretKeepsTheAttempt(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t, quick, func(c *kredivotest.Config) { c.Plugin.DOKU.SecretKey = "wrong" })
	_, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani"))
	e, ok := errors.AsType[*kredivo.Error](err)
	if !ok || e.Code != kredivo.CodeMisconfigured {
		t.Fatalf("error = %v, want %s", err, kredivo.CodeMisconfigured)
	}
	payment, err := shop.Plugin.Payment(t.Context(), "1001")
	if err != nil || payment.Status != kredivo.Created || len(payment.Attempts[0].Body) == 0 {
		t.Errorf("payment = %+v, %v: the attempt must wait for the right secret", payment, err)
	}
}

func TestRefusalsLeaveNoTrace(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	tests := []struct {
		name   string
		change func(*kredivo.Order)
		path   string
		says   string
	}{
		{"does not add up", func(o *kredivo.Order) { o.Amount = money.Rupiah(155_000) }, "order.amount", "Rp5.000"},
		{"nothing", func(o *kredivo.Order) { o.Items = nil }, "order.line_items", ""},
		{"phone", func(o *kredivo.Order) { o.Customer.Phone = "0812-CALL-ME" }, "order.customer.phone", ""},
		{"quantity", func(o *kredivo.Order) { o.Items[0].Quantity = 10000 }, "order.line_items[0].quantity", ""},
		{"product page", func(o *kredivo.Order) { o.Items[0].URL = "http://shop.example/p" }, "order.line_items[0].url", "https"},
		{"no address", func(o *kredivo.Order) { o.ShippingAddress = nil }, "order.shipping_address", ""},
		{"no id", func(o *kredivo.Order) { o.ID = "" }, "order.id", ""},
		{"no buyer", func(o *kredivo.Order) { o.Buyer = "" }, "order.buyer", ""},
		{"country", func(o *kredivo.Order) { o.ShippingAddress.CountryCode = "ZZ" }, "order.shipping_address.country_code", ""},
		{"charge", func(o *kredivo.Order) { o.Charges[0].Kind = "discount" }, "order.charges[0].id", ""},
		{"price", func(o *kredivo.Order) {
			o.Items[0].Price = money.Rupiah(-1)
			o.Amount = money.Rupiah(19_998)
		}, "order.line_items[0].price", ""},
	}
	for _, tt := range tests {
		o := kredivotest.Order("bad", "ani")
		tt.change(&o)
		_, err := shop.Plugin.Checkout(t.Context(), o)
		e, ok := errors.AsType[*kredivo.Error](err)
		if !ok || e.Code != kredivo.CodeInvalidOrder {
			t.Errorf("%s: error = %v, want %s", tt.name, err, kredivo.CodeInvalidOrder)
			continue
		}
		found := false
		for _, f := range e.Fields {
			found = found || f.Path == tt.path && strings.Contains(f.Message("en"), tt.says)
		}
		if !found {
			t.Errorf("%s: %v names no %s saying %q", tt.name, err, tt.path, tt.says)
		}
	}
	if attempts, err := shop.Store.Attempts(t.Context(), "bad"); err != nil || len(attempts) != 0 || len(shop.DOKU.Calls()) != 0 {
		t.Errorf("a refused order left %d attempts and %d calls, %v", len(attempts), len(shop.DOKU.Calls()), err)
	}
}

func TestEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	o := kredivotest.Order("1001", "ani")
	o.Amount, o.Customer.Phone, o.Customer.Email, o.Items[0].Quantity = money.Rupiah(1), "12", "x", 0
	_, err := shop.Plugin.Checkout(t.Context(), o)
	e, _ := errors.AsType[*kredivo.Error](err)
	if e == nil || len(e.Fields) < 4 {
		t.Errorf("error = %v, want amount, phone, email and quantity in one", err)
	}
	for _, secret := range []string{`"12"`, `"x"`} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error repeats the value %s", secret)
		}
	}
}

func TestChangedOrderIsRefused(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	if _, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani")); err != nil {
		t.Fatal(err)
	}
	o := kredivotest.Order("1001", "ani")
	o.Items[0].Quantity, o.Amount = 1, money.Rupiah(85_000)
	if _, err := shop.Plugin.Checkout(t.Context(), o); !errors.Is(err, kredivo.ErrOrderChanged) {
		t.Errorf("error = %v, want ErrOrderChanged", err)
	}
}

func TestDiscountsAddUpAtDOKU(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	o := kredivotest.Order("1001", "ani")
	o.Items = []kredivo.Item{
		{SKU: "A", Name: "A", Category: "c", URL: "https://shop.example/a", Price: money.Rupiah(33_333), Quantity: 3},
		{SKU: "B", Name: "B", Category: "c", URL: "https://shop.example/b", Price: money.Rupiah(1), Quantity: 7, Discount: money.Rupiah(3)},
	}
	o.Discount = money.Rupiah(10_001)
	o.Charges = []kredivo.Charge{{Kind: kredivo.Shipping, Amount: money.Rupiah(9_000)}, {Kind: kredivo.Tax, Amount: money.Rupiah(11)}, {Kind: kredivo.AdminFee}}
	o.Amount = money.Rupiah(3*33_333 + 7 - 3 - 10_001 + 9_000 + 11)
	c, err := shop.Plugin.Checkout(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	got, _ := shop.DOKU.Order(c.Attempt.InvoiceNumber)
	var sum money.Amount
	for _, l := range got.Lines {
		sum = sum.Add(l.Price.Mul(int64(l.Quantity)))
		if l.ID == "adminfee" {
			t.Error("a charge of nothing was sent")
		}
	}
	if !sum.Equal(o.Amount) || !got.Amount.Equal(o.Amount) {
		t.Errorf("lines come to %s, amount %s, want %s", sum, got.Amount, o.Amount)
	}
}

func TestInvoiceNumbersAreSafe(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	seen := map[string]bool{}
	for _, id := range []string{"1001", "INV/2026/03/0001", "pesanan no. 7", "é€😀", "..", strings.Repeat("9", 64), "a?b#c%2f"} {
		c, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order(id, "ani"))
		if err != nil {
			t.Errorf("order %q: %v", id, err)
			continue
		}
		n := c.Attempt.InvoiceNumber
		if len(n) > 64 || strings.Trim(n, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") != "" || seen[n] {
			t.Errorf("order %q has the invoice number %q", id, n)
		}
		seen[n] = true
		shop.Pay(id)
		shop.Wait(id, kredivo.PaymentSucceeded)
	}
}

func TestExpiredAttemptMakesANewOneOnlyOnDOKUsWord(t *testing.T) {
	t.Parallel()
	clock := dokusim.NewManualClock(time.Date(2026, 3, 1, 5, 0, 0, 0, time.UTC))
	shop := kredivotest.New(t, func(c *kredivotest.Config) {
		c.Plugin.Now, c.Simulator.Clock, c.Plugin.Expiry = clock.Now, clock, time.Hour
	})
	first, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani"))
	if err != nil {
		t.Fatal(err)
	}
	clock.Advance(2 * time.Hour)

	shop.DOKU.Fail(dokusim.Fault{Kind: dokusim.ServerError, Endpoint: dokusim.CheckStatus, Times: dokusim.Always})
	if _, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani")); !errors.Is(err, kredivo.ErrUnavailable) {
		t.Fatalf("with DOKU silent: %v, want ErrUnavailable", err)
	}
	shop.DOKU.Heal()
	second, err := shop.Plugin.Checkout(t.Context(), kredivotest.Order("1001", "ani"))
	if err != nil {
		t.Fatal(err)
	}
	if second.Attempt.Number != 2 || second.PaymentURL == first.PaymentURL {
		t.Errorf("second checkout = %+v, want a new attempt", second)
	}
	shop.Wait("1001", kredivo.PaymentExpired)
}

func TestNewListsEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := kredivo.New(kredivo.Config{
		DOKU:            doku.Config{Environment: doku.Production, BaseURL: "https://api-sandbox.doku.com"},
		PublicURL:       "http://shop.example/pay?x=1",
		NotificationURL: "https://hooks.shop.example/other",
		Expiry:          90 * time.Second,
	})
	if err == nil {
		t.Fatal("New accepted a config without anything right in it")
	}
	for _, want := range []string{"Store", "OnEvent", "PublicURL", "Expiry", "secret", "client id", "production"} {
		if !strings.Contains(strings.ToLower(err.Error()), strings.ToLower(want)) {
			t.Errorf("the error does not name %s:\n%v", want, err)
		}
	}
}

func TestConfigOfURLs(t *testing.T) {
	t.Parallel()
	shop := kredivotest.New(t)
	base := kredivo.Config{
		DOKU: doku.Config{ClientID: "MCH-1", SecretKey: "key"}, Store: shop.Store,
		OnEvent: func(context.Context, kredivo.Event) error { return nil },
	}
	tests := []struct {
		public, override string
		production, ok   bool
	}{
		{"https://shop.example/pay", "", false, true},
		{"https://shop.example/pay/", "", false, true},
		{"https://shop.example", "", false, true},
		{"http://127.0.0.1:8080/pay", "", false, true},
		{"http://localhost:8080/pay", "", false, true},
		{"http://127.0.0.1:8080/pay", "", true, false},
		{"http://shop.example/pay", "", false, false},
		{"//shop.example/pay", "", false, false},
		{"shop.example/pay", "", false, false},
		{"https://user:pw@shop.example/pay", "", false, false},
		{"https://shop.example/a/../pay", "", false, false},
		{"https://shop.example//pay", "", false, false},
		{"https://shop.example/p%61y", "", false, false},
		{"https://shop.example/pay?x=1", "", false, false},
		{"https://shop.example/orders/v1", "", false, false},
		{"https://shop.example/pay", "https://hooks.shop.example/pay/notifications", false, true},
		{"https://shop.example/pay", "https://hooks.shop.example/notifications", false, false},
		{"https://shop.example/pay", "https://hooks.shop.example/pay/notifications?x=1", false, false},
	}
	for _, tt := range tests {
		cfg := base
		cfg.PublicURL, cfg.NotificationURL = tt.public, tt.override
		if tt.production {
			cfg.DOKU.Environment = doku.Production
		}
		if _, err := kredivo.New(cfg); (err == nil) != tt.ok {
			t.Errorf("%+v: %v", tt, err)
		}
	}
}
