package dokusim

import (
	"bytes"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/paylater-go/paylater/money"
)

// DOKU checks one thing after the other: each case repairs what the one before failed on.
func TestHeaderOrder(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	body := orderBody("INV-1")
	good := sh.request("POST", generatePath, "REQ-1", body)
	req := sh.request("POST", generatePath, "REQ-1", body)
	req.Header = http.Header{}

	steps := []struct {
		header, value, code, message string
		status                       int
	}{
		{"", "", "invalid_header_request", "Header Client-Id is required", 400},
		{"Client-Id", "MCH-OTHER", "invalid_header_request", "Header Request-Id is required", 400},
		{"Request-Id", "REQ-1", "invalid_header_request", "Header Request-Timestamp is required", 400},
		{requestTime, "2026-01-02 03:04:05", "invalid_header_request", "Header Signature is required", 400},
		{"Signature", "HMACSHA256=AAAA", "invalid_header_request", "Invalid format Header Request-Timestamp", 400},
		{requestTime, "2026-01-02T04:04:06Z", "request_time_out_of_range", "Header Request-Timestamp is not in +- 3600 second of now", 400},
		{requestTime, good.Header.Get(requestTime), "invalid_client_id", "Invalid Client-Id", 401},
		{"Client-Id", testClient, "invalid_signature", "Invalid Header Signature", 401},
	}
	for _, step := range steps {
		if step.header != "" {
			req.Header.Set(step.header, step.value)
		}
		again := req.Clone(t.Context())
		again.Body = sh.request("POST", generatePath, "REQ-1", body).Body
		got := sh.do(again)
		code, message := errorOf(t, got.body)
		if got.status != step.status || code != step.code || message != step.message {
			t.Errorf("after %q: %d %s %q, want %d %s %q", step.header, got.status, code, message, step.status, step.code, step.message)
		}
		if got.header.Get("Signature") != "" {
			t.Errorf("after %q: a refusal of the gateway is signed", step.header)
		}
	}
	if n := len(sh.sim.Orders()); n != 0 {
		t.Errorf("%d orders, want none", n)
	}
	if got := sh.do(good); got.status != 200 {
		t.Errorf("with everything right: %d %s", got.status, got.body)
	}
}

func TestTimeWindow(t *testing.T) {
	t.Parallel()
	for offset, want := range map[time.Duration]int{
		3600 * time.Second: 200, -3600 * time.Second: 200, 3601 * time.Second: 400, -3601 * time.Second: 400,
	} {
		sh := newShop(t)
		req := sh.request("POST", generatePath, "REQ", orderBody("INV-1"))
		sh.clock.Advance(offset)
		if got := sh.do(req); got.status != want {
			t.Errorf("%v: %d %s, want %d", offset, got.status, got.body, want)
		}
	}
}

func TestTimestampFormat(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	for _, stamp := range []string{"2026-01-02T03:04:05+00:00", "2026-01-02T03:04:05.000Z", "2026-01-02T03:04:05", "1767323045", "2026-01-02t03:04:05z"} {
		req := sh.request("POST", generatePath, "REQ", orderBody("INV-1"))
		req.Header.Set(requestTime, stamp)
		if _, message := errorOf(t, sh.do(req).body); message != "Invalid format Header Request-Timestamp" {
			t.Errorf("%s: %q", stamp, message)
		}
	}
}

func TestGenerateOrder(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	req := sh.request("POST", generatePath, "REQ-1", orderBody("INV-1"))
	sh.clock.Advance(7 * time.Second)
	got := sh.do(req)
	g := decode[generatedOrder](t, got.body)

	if got.status != 200 || g.Order.InvoiceNumber != "INV-1" || g.Order.Amount != "150000" || g.Payment.Status != Pending {
		t.Errorf("answer: %d %s", got.status, got.body)
	}
	if !strings.HasPrefix(g.Payment.URL, "https://pay.test/kredivo/pay?tk=k%2B%2F") || !bytes.Contains(got.body, []byte("&ch=KREDIVO")) {
		t.Errorf("payment URL: %s in %s", g.Payment.URL, got.body)
	}
	p := g.PeerToPeer
	dates := []string{p.CreatedDate, p.ExpiredDate, p.CreatedDateUTC, p.ExpiredDateUTC}
	if diff := cmp.Diff([]string{"20260102100412", "20260102110412", "2026-01-02T03:04:12Z", "2026-01-02T04:04:12Z"}, dates); diff != "" {
		t.Errorf("dates (-want +got):\n%s", diff)
	}
	want := signedText{
		clientID: testClient, requestID: "REQ-1", timeLabel: responseTime, time: "2026-01-02T03:04:12Z",
		target: generatePath, digest: true, body: got.body,
	}.sign(testSecret)
	if got.header.Get("Signature") != want || got.header.Get(responseTime) != "2026-01-02T03:04:12Z" || got.header.Get("Request-Id") != "REQ-1" {
		t.Errorf("headers: %v", got.header)
	}

	o, ok := sh.sim.Order("INV-1")
	if !ok || !o.Amount.Equal(money.Rupiah(150000)) || len(o.Lines) != 2 || o.Calls != 1 || !bytes.Equal(o.Body, orderBody("INV-1")) {
		t.Errorf("order: %v %+v", ok, o)
	}
	if o.Reference != "MUR-INV-1" || o.CallbackURL != "https://shop.test/pay/return/a%2Bb?x=1&y=2" || !o.ExpiresAt.Equal(o.CreatedAt.Add(time.Hour)) {
		t.Errorf("order: %+v", o)
	}
}

func TestExpiryDefaultsToADay(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	body := bytes.Replace(orderBody("INV-1"), []byte(`"expired_time":60,`), nil, 1)
	sh.do(sh.request("POST", generatePath, "REQ-1", body))
	if o, _ := sh.sim.Order("INV-1"); o.ExpiresAt.Sub(o.CreatedAt) != 24*time.Hour {
		t.Errorf("expires at %v, created at %v", o.ExpiresAt, o.CreatedAt)
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	first := sh.do(sh.request("POST", generatePath, "REQ-1", orderBody("INV-1")))
	sh.clock.Advance(time.Minute)
	second := sh.do(sh.request("POST", generatePath, "REQ-1", orderBody("INV-1")))
	other := sh.do(sh.request("POST", generatePath, "REQ-1", orderBody("INV-2")))
	for _, got := range []result{second, other} {
		if got.status != http.StatusConflict || !bytes.Equal(got.body, first.body) {
			t.Errorf("replay: %d %s, want 409 %s", got.status, got.body, first.body)
		}
		if got.header.Get(responseTime) != "2026-01-02T03:05:05Z" || got.header.Get("Signature") == first.header.Get("Signature") {
			t.Errorf("replay is not signed afresh: %v", got.header)
		}
	}
	if o, _ := sh.sim.Order("INV-1"); o.Calls != 3 || len(sh.sim.Orders()) != 1 {
		t.Errorf("%d calls, %d orders; want 3 and 1", o.Calls, len(sh.sim.Orders()))
	}
}

func TestReplayOfARefusal(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	first := sh.do(sh.request("POST", generatePath, "REQ-1", []byte(`{}`)))
	second := sh.do(sh.request("POST", generatePath, "REQ-1", orderBody("INV-1")))
	if first.status != 400 || second.status != 409 || !bytes.Equal(first.body, second.body) {
		t.Errorf("%d %s, then %d %s", first.status, first.body, second.status, second.body)
	}
}

func TestConcurrentCallsMakeOneOrder(t *testing.T) {
	t.Parallel()
	sh := newShop(t).overSockets()
	var group sync.WaitGroup
	statuses := make([]int, 16)
	for i := range statuses {
		req := sh.request("POST", generatePath, "REQ-1", orderBody("INV-1"))
		group.Go(func() {
			resp, err := sh.http.Do(req)
			if err != nil {
				return
			}
			_ = resp.Body.Close()
			statuses[i] = resp.StatusCode
		})
	}
	group.Wait()
	count := map[int]int{}
	for _, status := range statuses {
		count[status]++
	}
	if diff := cmp.Diff(map[int]int{200: 1, 409: 15}, count); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
}

func TestUsedReferences(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	sh.generate("INV-1")
	both := sh.do(sh.request("POST", generatePath, "REQ-2", orderBody("INV-1")))
	body := bytes.Replace(orderBody("INV-2"), []byte("MUR-INV-2"), []byte("MUR-INV-1"), 1)
	reference := sh.do(sh.request("POST", generatePath, "REQ-3", body))
	for name, c := range map[string]struct {
		got  result
		want []string
	}{
		"invoice":   {both, []string{"order.invoice_number: has been used", "merchant_unique_reference: has been used"}},
		"reference": {reference, []string{"merchant_unique_reference: has been used"}},
	} {
		code, message := errorOf(t, c.got.body)
		if c.got.status != 400 || code != "invalid_parameter" || strings.Count(message, ";") != len(c.want)-1 {
			t.Errorf("%s: %d %s %s", name, c.got.status, code, message)
		}
		for _, want := range c.want {
			if !strings.Contains(message, want) {
				t.Errorf("%s: %q lacks %q", name, message, want)
			}
		}
		if c.got.header.Get("Signature") == "" {
			t.Errorf("%s: the answer is not signed", name)
		}
	}
	if o, _ := sh.sim.Order("INV-1"); !cmp.Equal(o.RequestIDs, []string{"REQ-INV-1", "REQ-2"}) {
		t.Errorf("request ids: %v", o.RequestIDs)
	}
}

func TestOverrideNotificationURL(t *testing.T) {
	t.Parallel()
	const samePath, otherPath = "https://hooks.test/payments/notifications", "https://shop.test/other"
	for _, c := range []struct {
		configured, override string
		want                 int
	}{
		{notifyURL, samePath, 200},
		{notifyURL, otherPath, 400},
		{notifyURL, "", 400},
		{"", samePath, 400},
	} {
		sh := newShop(t, func(cfg *Config) { cfg.NotificationURL = c.configured })
		body := append(bytes.TrimSuffix(orderBody("INV-1"), []byte("}")), `,"additional_info":{"override_notification_url":"`+c.override+`"}}`...)
		got := sh.do(sh.request("POST", generatePath, "REQ-1", body))
		if got.status != c.want {
			t.Errorf("%q over %q: %d %s, want %d", c.override, c.configured, got.status, got.body, c.want)
			continue
		}
		if c.want != 200 {
			continue
		}
		if g := decode[generatedOrder](t, got.body); g.AdditionalInfo == nil || g.AdditionalInfo.OverrideNotificationURL != c.override {
			t.Errorf("the override is not echoed: %s", got.body)
		}
		must(t, sh.sim.Pay("INV-1"))
		sh.clock.Advance(time.Second)
		if d := sh.sim.Deliveries(); len(d) != 1 || d[0].URL != samePath || d[0].AnswerStatus != 200 {
			t.Errorf("deliveries: %+v", d)
		}
	}
}

func TestCheckStatus(t *testing.T) {
	t.Parallel()
	sh := newShop(t, func(cfg *Config) { cfg.StatusLag = time.Minute })
	if _, got := sh.checkStatus("INV-1"); got.status != 404 {
		t.Errorf("before the order: %d %s", got.status, got.body)
	}
	sh.generate("INV-1")
	e, got := sh.checkStatus("INV-1")
	if e.Transaction.Status != Pending || e.Transaction.Date != "" || e.Transaction.OriginalRequestID != "REQ-INV-1" {
		t.Errorf("pending: %s", got.body)
	}
	if e.Order.Amount != "150000" || e.Channel.ID != "PEER_TO_PEER_KREDIVO" || e.PeerToPeer.Reference != "MUR-INV-1" || e.Customer != nil {
		t.Errorf("pending: %s", got.body)
	}
	want := signedText{
		clientID: testClient, requestID: "STATUS-INV-1", timeLabel: responseTime, time: "2026-01-02T03:04:05Z", target: statusPath + "INV-1",
	}.sign(testSecret)
	if got.header.Get("Signature") != want {
		t.Errorf("signature: %s, want %s (no digest line)", got.header.Get("Signature"), want)
	}

	must(t, sh.sim.Pay("INV-1"))
	sh.clock.Advance(59 * time.Second)
	if e, _ := sh.checkStatus("INV-1"); e.Transaction.Status != Pending {
		t.Errorf("within the lag: %s", e.Transaction.Status)
	}
	sh.clock.Advance(time.Second)
	byRequest, _ := sh.checkStatus("REQ-INV-1")
	if byRequest.Transaction.Status != Success || byRequest.Transaction.Date != "2026-01-02T03:04:05Z" || byRequest.Order.InvoiceNumber != "INV-1" {
		t.Errorf("paid, by Request-Id: %+v", byRequest)
	}
}

// The signed target is the path as it is on the wire, not decoded.
func TestEscapedInvoiceInPath(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	body := bytes.ReplaceAll(orderBody("INV-1"), []byte("INV-1"), []byte("INV/é 1"))
	if got := sh.do(sh.request("POST", generatePath, "REQ-1", body)); got.status != 200 {
		t.Fatalf("%d %s", got.status, got.body)
	}
	if e, got := sh.checkStatus("INV%2F%C3%A9%201"); e.Order.InvoiceNumber != "INV/é 1" {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestOrderExpiresByTheClock(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	sh.generate("INV-1")
	sh.clock.Advance(time.Hour - time.Second)
	if e, _ := sh.checkStatus("INV-1"); e.Transaction.Status != Pending {
		t.Errorf("a second before: %s", e.Transaction.Status)
	}
	sh.clock.Advance(time.Second)
	if e, _ := sh.checkStatus("INV-1"); e.Transaction.Status != Expired {
		t.Errorf("at its time: %s", e.Transaction.Status)
	}
	if err := sh.sim.Pay("INV-1"); err == nil {
		t.Error("an expired order was paid")
	}
	sh.clock.Advance(24 * time.Hour)
	if n := sh.notifications(); len(n) != 0 {
		t.Errorf("%d notifications, want none", len(n))
	}
}

func TestUnknownPathsAndMethods(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	for _, c := range []struct {
		method, path string
		want         int
	}{
		{"GET", generatePath, 404}, {"POST", statusPath + "INV", 404}, {"GET", "/nothing", 404}, {"POST", "/kredivo-peer-to-peer/v2/refund", 404},
	} {
		if got := sh.do(sh.request(c.method, c.path, "R", nil)); got.status != c.want {
			t.Errorf("%s %s: %d %s", c.method, c.path, got.status, got.body)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
