package dokusim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/paylater-go/paylater/money"
	"pgregory.net/rapid"
)

func TestPaymentIsNotified(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	sh.generate("INV-1")
	must(t, sh.sim.Pay("INV-1"))
	sh.clock.Advance(time.Second - 1)
	if n := sh.notifications(); len(n) != 0 {
		t.Fatalf("%d notifications before NotifyAfter", len(n))
	}
	sh.clock.Advance(1)
	list := sh.notifications()
	if len(list) != 1 {
		t.Fatalf("%d notifications, want 1", len(list))
	}
	n := list[0]
	must(t, n.verify())
	if n.path != "/payments/notifications" || n.header.Get("User-Agent") != "Apache-HttpClient/5.2.3 (Java)" || n.header.Get("Client-Id") != testClient {
		t.Errorf("path %s, header %v", n.path, n.header)
	}
	text := string(n.body)
	for _, want := range []string{
		"{\n  \"service\": {\n    \"id\": \"PEER_TO_PEER\"", `"amount": 150000.00`, `"quantity": 2.0`, `"price": "50000"`, `"customer": {`,
		`"status": "SUCCESS"`, `"date": "2026-01-02T03:04:05Z"`, `"original_request_id": "REQ-INV-1"`, `"merchant_unique_reference": "MUR-INV-1"`,
		`"created_date": "20260102100405"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if strings.HasSuffix(text, "\n") || strings.Contains(text, "\r") || strings.Contains(text, "budi@shop.test") {
		t.Errorf("body: %q", text)
	}
}

func TestRetrySchedule(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers []int
		stop    bool
		want    []time.Duration // after the payment
	}{
		"never taken":      {[]int{500, 404, 301, 503, 500}, false, []time.Duration{time.Second, 30*time.Minute + time.Second, 6*time.Hour + time.Second, 17*time.Hour + 30*time.Minute + time.Second}},
		"taken the second": {[]int{500, 204}, false, []time.Duration{time.Second, 30*time.Minute + time.Second}},
		"any answer stops": {[]int{500}, true, []time.Duration{time.Second}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sh := newShop(t, func(cfg *Config) { cfg.StopOnAnswer = c.stop })
			sh.answers = c.answers
			sh.generate("INV-1")
			must(t, sh.sim.Pay("INV-1"))
			sh.clock.Advance(72 * time.Hour)
			var got []time.Duration
			for _, n := range sh.notifications() {
				must(t, n.verify())
				got = append(got, n.at.Sub(start))
				first := sh.notifications()[0]
				if n.header.Get("Request-Id") != first.header.Get("Request-Id") || !bytes.Equal(n.body, first.body) {
					t.Error("a retry has another Request-Id or other bytes")
				}
				if n.header.Get(requestTime) != n.at.Format(timeLayout) {
					t.Errorf("a retry at %v has the time %s", n.at, n.header.Get(requestTime))
				}
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("tries (-want +got):\n%s", diff)
			}
			for i, d := range sh.sim.Deliveries() {
				if d.Try != i+1 || d.AnswerStatus != append(c.answers, 200)[i] || d.Error != "" {
					t.Errorf("delivery %d: %+v", i, d)
				}
			}
			if n := sh.sim.Waiting(); n != 0 {
				t.Errorf("%d still waiting", n)
			}
		})
	}
}

func TestNoURLNoDelivery(t *testing.T) {
	t.Parallel()
	sh := newShop(t, func(cfg *Config) { cfg.NotificationURL = "" })
	sh.generate("INV-1")
	must(t, sh.sim.Pay("INV-1"))
	sh.clock.Advance(time.Hour)
	if d := sh.sim.Deliveries(); len(d) != 0 || sh.sim.Waiting() != 1 {
		t.Fatalf("deliveries %+v, %d waiting", d, sh.sim.Waiting())
	}
	if err := sh.sim.Send("INV-1", Notice{}); err == nil {
		t.Error("Send without a URL succeeded")
	}
	sh.sim.SetNotificationURL(notifyURL + "/")
	sh.clock.Advance(0)
	if n := sh.notifications(); len(n) != 1 || n[0].path != "/payments/notifications/" || n[0].verify() != nil {
		t.Errorf("notifications: %+v", n)
	}
}

// The query of the notification URL is not signed.
func TestQueryIsNotSigned(t *testing.T) {
	t.Parallel()
	sh := newShop(t, func(cfg *Config) { cfg.NotificationURL = notifyURL + "?task=notify" })
	sh.generate("INV-1")
	must(t, sh.sim.Send("INV-1", Notice{}))
	if n := sh.notifications(); len(n) != 1 || n[0].verify() != nil {
		t.Errorf("notifications: %+v", n)
	}
}

func TestMoves(t *testing.T) {
	t.Parallel()
	type step = func(*Simulator, string) error
	pay, late, refuse, expire, refund := (*Simulator).Pay, (*Simulator).PayLate, (*Simulator).Refuse, (*Simulator).Expire, (*Simulator).Refund
	for name, c := range map[string]struct {
		steps  []step
		status string
		told   []string
		wrong  []step // refused afterwards
	}{
		"new":                   {nil, Pending, nil, []step{late, refund}},
		"paid":                  {[]step{pay}, Success, []string{Success}, []step{pay, late, refuse, expire}},
		"refused":               {[]step{refuse}, Failed, []string{Failed}, []step{pay, refuse, refund}},
		"refused, then paid":    {[]step{refuse, late}, Success, []string{Failed, Success}, []step{pay, late}},
		"expired":               {[]step{expire}, Expired, nil, []step{pay, refuse, expire, refund}},
		"expired, then paid":    {[]step{expire, late}, Success, []string{Success}, nil},
		"paid, then refunded":   {[]step{pay, refund}, Refunded, []string{Success, Refunded}, []step{pay, late, refund, refuse}},
		"left, then paid":       {[]step{(*Simulator).Leave, pay}, Success, []string{Success}, nil},
		"refused, then expired": {[]step{refuse, expire}, Expired, []string{Failed}, []step{pay}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sh := newShop(t)
			sh.generate("INV-1")
			for _, do := range c.steps {
				must(t, do(sh.sim, "INV-1"))
				sh.clock.Advance(time.Minute)
			}
			for i, do := range c.wrong {
				if err := do(sh.sim, "INV-1"); !errors.Is(err, ErrWrongStatus) {
					t.Errorf("wrong step %d: %v", i, err)
				}
			}
			sh.clock.Advance(time.Minute)
			if o, _ := sh.sim.Order("INV-1"); o.Status != c.status {
				t.Errorf("status = %s, want %s", o.Status, c.status)
			}
			if diff := cmp.Diff(c.told, sh.statuses()); diff != "" {
				t.Errorf("told (-want +got):\n%s", diff)
			}
			if err := pay(sh.sim, "INV-2"); !errors.Is(err, ErrUnknownInvoice) {
				t.Errorf("unknown invoice: %v", err)
			}
		})
	}
}

func TestNotifyExpired(t *testing.T) {
	t.Parallel()
	sh := newShop(t, func(cfg *Config) { cfg.NotifyExpired = true })
	sh.generate("INV-1")
	sh.generate("INV-2")
	must(t, sh.sim.Pay("INV-2"))
	sh.clock.Advance(time.Hour + time.Second)
	if diff := cmp.Diff([]string{Success, Expired}, sh.statuses()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func TestSend(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	sh.generate("INV-1")
	must(t, sh.sim.Pay("INV-1"))
	send := func(n Notice) received {
		t.Helper()
		must(t, sh.sim.Send("INV-1", n))
		list := sh.notifications()
		return list[len(list)-1]
	}

	n := send(Notice{Status: Failed, Amount: money.Rupiah(1), RequestID: "AGAIN", InvoiceNumber: "INV-9", OriginalRequestID: "REQ-9"})
	var e event
	must(t, json.Unmarshal(n.body, &e))
	if n.verify() != nil || e.Transaction.Status != Failed || e.Order.Amount != "1.00" || n.header.Get("Request-Id") != "AGAIN" ||
		e.Order.InvoiceNumber != "INV-9" || e.Transaction.OriginalRequestID != "REQ-9" {
		t.Errorf("overridden: %v %s", n.header, n.body)
	}
	if n := send(Notice{BadSignature: true}); n.verify() == nil {
		t.Error("the signature is right")
	}
	if n := send(Notice{Target: "/other"}); n.verify() == nil {
		t.Error("the signature is over the right target")
	}
	if n := send(Notice{Body: []byte("not json\n")}); string(n.body) != "not json\n" || n.verify() != nil {
		t.Errorf("raw: %q %v", n.body, n.verify())
	}
	if n := send(Notice{Age: 48 * time.Hour}); n.header.Get(requestTime) != "2025-12-31T03:04:05Z" || n.verify() != nil {
		t.Errorf("old: %v", n.header)
	}
	n = send(Notice{Header: http.Header{"client-id": {"A", "B"}, "Signature": nil}})
	if !slices.Equal(n.header["Client-Id"], []string{"A", "B"}) || len(n.header["Signature"]) != 0 {
		t.Errorf("headers: %v", n.header)
	}

	before := len(sh.notifications())
	must(t, sh.sim.Send("INV-1", Notice{Duplicates: 2}))
	list := sh.notifications()[before:]
	if len(list) != 3 || !bytes.Equal(list[0].body, list[2].body) || list[0].header.Get("Request-Id") != list[2].header.Get("Request-Id") {
		t.Errorf("duplicates: %+v", list)
	}
	must(t, sh.sim.Send("INV-1", Notice{Delay: time.Hour, Status: "LATE"}))
	sh.clock.Advance(time.Hour - 1)
	if slices.Contains(sh.deliveredStatuses(), "LATE") {
		t.Error("sent before its time")
	}
	sh.clock.Advance(1)
	if !slices.Contains(sh.deliveredStatuses(), "LATE") {
		t.Error("not sent at its time")
	}
	if o, _ := sh.sim.Order("INV-1"); o.Status != Success {
		t.Errorf("the order became %s", o.Status)
	}
	if err := sh.sim.Send("INV-2", Notice{}); !errors.Is(err, ErrUnknownInvoice) {
		t.Errorf("unknown invoice: %v", err)
	}
}

// deliveredStatuses is statuses by the simulator's own record, for bodies that are not JSON.
func (sh *shop) deliveredStatuses() (list []string) {
	for _, d := range sh.sim.Deliveries() {
		list = append(list, d.Status)
	}
	return list
}

func TestNotifyFaults(t *testing.T) {
	t.Parallel()
	paid := func(t *testing.T, f NotifyFault) *shop {
		t.Helper()
		sh := newShop(t)
		sh.sim.NotifyFaults(f)
		for _, invoice := range []string{"INV-1", "INV-2"} {
			sh.generate(invoice)
			must(t, sh.sim.Pay(invoice))
		}
		return sh
	}
	invoices := func(sh *shop) (list []string) {
		for _, d := range sh.sim.Deliveries() {
			list = append(list, d.Invoice)
		}
		return list
	}
	t.Run("never", func(t *testing.T) {
		t.Parallel()
		sh := paid(t, NotifyFault{Never: true})
		sh.clock.Advance(72 * time.Hour)
		if diff := cmp.Diff([]string{"INV-2"}, invoices(sh)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("always", func(t *testing.T) {
		t.Parallel()
		sh := paid(t, NotifyFault{Never: true, Times: Always})
		sh.clock.Advance(time.Hour)
		sh.sim.Heal()
		must(t, sh.sim.Refund("INV-2"))
		sh.clock.Advance(time.Hour)
		if diff := cmp.Diff([]string{Refunded}, sh.statuses()); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("drop", func(t *testing.T) {
		t.Parallel()
		sh := paid(t, NotifyFault{Drop: 2})
		sh.clock.Advance(72 * time.Hour)
		if n := len(sh.notifications()); n != 2 {
			t.Errorf("%d arrived, want 2", n)
		}
		d := sh.sim.Deliveries()
		if len(d) != 4 || d[0].Error == "" || d[2].Error == "" || d[3].Try != 3 || d[3].AnswerStatus != 200 {
			t.Errorf("deliveries: %+v", d)
		}
	})
	t.Run("given up", func(t *testing.T) {
		t.Parallel()
		sh := paid(t, NotifyFault{Drop: 4})
		sh.clock.Advance(72 * time.Hour)
		if n := len(sh.notifications()); n != 1 || sh.sim.Waiting() != 0 {
			t.Errorf("%d arrived, want 1", n)
		}
	})
	t.Run("delay", func(t *testing.T) {
		t.Parallel()
		sh := paid(t, NotifyFault{Delay: time.Minute})
		sh.clock.Advance(time.Minute + time.Second)
		if diff := cmp.Diff([]string{"INV-2", "INV-1"}, invoices(sh)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("reorder", func(t *testing.T) {
		t.Parallel()
		sh := paid(t, NotifyFault{Reorder: true})
		if n := sh.sim.Waiting(); n != 2 {
			t.Errorf("%d waiting, want 2", n)
		}
		sh.clock.Advance(time.Second)
		if diff := cmp.Diff([]string{"INV-2", "INV-1"}, invoices(sh)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("duplicate, wrong amount, wrong signature, other status", func(t *testing.T) {
		t.Parallel()
		sh := paid(t, NotifyFault{Duplicates: 1, Amount: money.Rupiah(2000), BadSignature: true, Status: "REDIRECT"})
		sh.clock.Advance(time.Second)
		if diff := cmp.Diff([]string{"REDIRECT", "REDIRECT", Success}, sh.statuses()); diff != "" {
			t.Error(diff)
		}
		n := sh.notifications()[0]
		if n.verify() == nil || !bytes.Contains(n.body, []byte(`"amount": 2000.00`)) {
			t.Errorf("%v %s", n.header, n.body)
		}
	})
}

// Run delivers over real sockets and leaves nothing behind.
func TestRun(t *testing.T) {
	t.Parallel()
	arrived := make(chan string, 10)
	merchant := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		arrived <- r.Header.Get("Request-Id")
	}))
	defer merchant.Close()
	sim, err := New(Config{
		ClientID: testClient, SecretKey: testSecret, NotifyAfter: time.Millisecond, RetryDelays: []time.Duration{time.Millisecond},
	})
	must(t, err)
	sh := &shop{t: t, clock: NewManualClock(time.Now()), sim: sim, http: http.DefaultClient}
	sh.overSockets()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- sim.Run(ctx) }()
	sh.generate("INV-1")
	must(t, sim.Pay("INV-1"))
	sim.SetNotificationURL(merchant.URL + "/n")
	if first, second := <-arrived, <-arrived; first != second {
		t.Errorf("the retry has the Request-Id %s, the first try %s", second, first)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run: %v", err)
	}
}

// Whatever is done to an order in whatever sequence: paid money never becomes unpaid, and the shop hears of every change but expiry.
func TestAnySequence(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		sh := newShop(t)
		sh.generate("INV-1")
		changes, last := 0, Pending
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			do := rapid.SampledFrom([]func(string) error{
				sh.sim.Pay, sh.sim.PayLate, sh.sim.Refuse, sh.sim.Expire, sh.sim.Leave, sh.sim.Refund,
				func(string) error { sh.clock.Advance(20 * time.Minute); return nil },
			}).Draw(rt, "step")
			_ = do("INV-1")
			o, _ := sh.sim.Order("INV-1")
			if (last == Success || last == Refunded) && o.Status != last && o.Status != Refunded {
				rt.Fatalf("%s became %s", last, o.Status)
			}
			if o.Status != last && o.Status != Expired {
				changes++
			}
			last = o.Status
		}
		sh.clock.Advance(time.Minute)
		if got := len(sh.statuses()); got != changes {
			rt.Fatalf("%d notifications for %d changes", got, changes)
		}
	})
}

func TestSameSeedSameBytes(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) string {
		sh := newShop(t, func(cfg *Config) { cfg.Seed = seed })
		g := sh.generate("INV-1")
		must(t, sh.sim.Pay("INV-1"))
		sh.clock.Advance(time.Minute)
		return g.Payment.URL + string(sh.notifications()[0].body) + sh.notifications()[0].header.Get("Signature")
	}
	if run(7) != run(7) {
		t.Error("the same seed gave other bytes")
	}
	if run(7) == run(8) {
		t.Error("another seed gave the same bytes")
	}
}

func TestWhatIsRetried(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		notice Notice
		want   int // tries, all refused
	}{
		"by hand":         {Notice{}, 4},
		"once":            {Notice{Once: true}, 1},
		"with duplicates": {Notice{Duplicates: 2}, 6}, // only the first copy is repeated
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sh := newShop(t)
			sh.answers = slices.Repeat([]int{500}, 20)
			sh.generate("INV-1")
			must(t, sh.sim.Send("INV-1", c.notice))
			sh.clock.Advance(72 * time.Hour)
			if n := len(sh.notifications()); n != c.want {
				t.Errorf("%d tries, want %d", n, c.want)
			}
		})
	}
}

// What was held back goes out once, also if what overtook it is tried again.
func TestReorderedGoesOutOnce(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	sh.answers = []int{500, 200}
	sh.sim.NotifyFaults(NotifyFault{Reorder: true})
	sh.generate("INV-1")
	must(t, sh.sim.Refuse("INV-1"))
	must(t, sh.sim.PayLate("INV-1"))
	sh.clock.Advance(72 * time.Hour)
	if diff := cmp.Diff([]string{Success, Failed, Success}, sh.statuses()); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

// The date is that of the status: when it came about, or now for one that is made up.
func TestTransactionDate(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	sh.generate("INV-1")
	must(t, sh.sim.Pay("INV-1"))
	sh.clock.Advance(time.Hour)
	for status, want := range map[string]string{Success: "2026-01-02T03:04:05Z", Failed: "2026-01-02T04:04:05Z"} {
		must(t, sh.sim.Send("INV-1", Notice{Status: status}))
		list := sh.notifications()
		if e := decode[event](t, list[len(list)-1].body); e.Transaction.Date != want {
			t.Errorf("%s: date %s, want %s", status, e.Transaction.Date, want)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	asked := 0
	merchant := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	sh := newShop(t, func(cfg *Config) { cfg.HTTPClient = &http.Client{Transport: InProcess(merchant)} })
	sh.generate("INV-1")
	must(t, sh.sim.Send("INV-1", Notice{Once: true}))
	if d := sh.sim.Deliveries(); asked != 1 || d[0].AnswerStatus != http.StatusTemporaryRedirect {
		t.Errorf("asked %d times, %+v", asked, d)
	}
}
