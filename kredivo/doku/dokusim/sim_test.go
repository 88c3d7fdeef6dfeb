package dokusim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	testClient = "MCH-0001-10791114622547"
	testSecret = "SK-testSecretKey0123456789"
	notifyURL  = "http://shop.test/payments/notifications"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// A shop is the merchant's side of a test: it signs calls and takes notifications.
type shop struct {
	t     *testing.T
	sim   *Simulator
	clock *ManualClock
	http  *http.Client
	base  string // of the simulator

	mu       sync.Mutex
	answers  []int // to give to the next notifications; then 200
	received []received
}

type received struct {
	header http.Header
	path   string
	body   []byte
	at     time.Time
}

// newShop makes a simulator with a manual clock and a shop, both in process.
func newShop(t *testing.T, change ...func(*Config)) *shop {
	t.Helper()
	sh := &shop{t: t, clock: NewManualClock(start), base: "https://api-sandbox.doku.com"}
	cfg := Config{
		ClientID: testClient, SecretKey: testSecret, NotificationURL: notifyURL, PublicURL: "https://pay.test",
		Clock: sh.clock, Seed: 1, HTTPClient: &http.Client{Transport: InProcess(sh)},
	}
	for _, f := range change {
		f(&cfg)
	}
	sim, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	sh.sim = sim
	sh.http = &http.Client{Transport: sim.Transport(), CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return sh
}

// overSockets moves the calls to the simulator onto a real port.
func (sh *shop) overSockets() *shop {
	server := httptest.NewServer(sh.sim)
	sh.t.Cleanup(server.Close)
	sh.base = server.URL
	sh.http = server.Client()
	sh.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return sh
}

// ServeHTTP is the shop's notification endpoint.
func (sh *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.received = append(sh.received, received{r.Header.Clone(), r.URL.EscapedPath(), body, sh.clock.Now()})
	if len(sh.answers) > 0 {
		w.WriteHeader(sh.answers[0])
		sh.answers = sh.answers[1:]
	}
}

func (sh *shop) notifications() []received {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return append([]received(nil), sh.received...)
}

// statuses lists the statuses of the notifications received, in order.
func (sh *shop) statuses() (list []string) {
	for _, n := range sh.notifications() {
		var e event
		if err := json.Unmarshal(n.body, &e); err != nil {
			sh.t.Fatal(err)
		}
		list = append(list, e.Transaction.Status)
	}
	return list
}

// verify checks a notification's signature as DOKU documents it.
func (n received) verify() error {
	want := signedText{
		clientID: n.header.Get("Client-Id"), requestID: n.header.Get("Request-Id"), timeLabel: requestTime,
		time: n.header.Get(requestTime), target: n.path, digest: true, body: n.body,
	}.sign(testSecret)
	if got := n.header.Get("Signature"); got != want {
		return fmt.Errorf("signature is %s, want %s", got, want)
	}
	return nil
}

// request builds a signed call; change may spoil it afterwards.
func (sh *shop) request(method, path, requestID string, body []byte) *http.Request {
	sh.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, sh.base+path, bytes.NewReader(body))
	if err != nil {
		sh.t.Fatal(err)
	}
	text := signedText{
		clientID: testClient, requestID: requestID, timeLabel: requestTime, time: sh.clock.Now().Format(timeLayout),
		target: req.URL.EscapedPath(), digest: method != http.MethodGet, body: body,
	}
	req.Header.Set("Client-Id", text.clientID)
	req.Header.Set("Request-Id", text.requestID)
	req.Header.Set(requestTime, text.time)
	req.Header.Set("Signature", text.sign(testSecret))
	return req
}

type result struct {
	status int
	header http.Header
	body   []byte
}

func (sh *shop) do(req *http.Request) result {
	sh.t.Helper()
	resp, err := sh.http.Do(req)
	if err != nil {
		sh.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		sh.t.Fatal(err)
	}
	return result{resp.StatusCode, resp.Header, body}
}

// generate makes an order and fails the test if it is not PENDING.
func (sh *shop) generate(invoice string) generatedOrder {
	sh.t.Helper()
	got := sh.do(sh.request("POST", generatePath, "REQ-"+invoice, orderBody(invoice)))
	if got.status != http.StatusOK {
		sh.t.Fatalf("generate-order: %d %s", got.status, got.body)
	}
	return decode[generatedOrder](sh.t, got.body)
}

func (sh *shop) checkStatus(id string) (event, result) {
	sh.t.Helper()
	got := sh.do(sh.request("GET", statusPath+id, "STATUS-"+id, nil))
	return decode[event](sh.t, got.body), got
}

func decode[T any](t *testing.T, body []byte) (v T) {
	t.Helper()
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return v
}

// orderBody is a right request of Rp150.000.
func orderBody(invoice string) []byte {
	return []byte(strings.ReplaceAll(`{"order":{"invoice_number":"INV","amount":150000,"line_items":[`+
		`{"id":"SKU-1","name":"Kaos Polos","price":50000,"quantity":2,"type":"fashion","url":"https://shop.test/p/1"},`+
		`{"id":"SHIPPING","name":"Ongkos Kirim","price":50000,"quantity":1,"type":"shipping","url":"https://shop.test/shipping"}],`+
		`"callback_url":"https://shop.test/pay/return/a%2Bb?x=1&y=2","callback_url_cancel":"https://shop.test/pay/cancel/c"},`+
		`"peer_to_peer_info":{"expired_time":60,"merchant_unique_reference":"MUR-INV"},`+
		`"customer":{"first_name":"Budi","phone":"6281122334455","email":"budi@shop.test"},`+
		`"shipping_address":{"first_name":"Budi","address":"Jl. Sudirman 1","city":"Jakarta","postal_code":"10220",`+
		`"phone":"6281122334455","country_code":"IDN"}}`, "INV", invoice))
}

func errorOf(t *testing.T, body []byte) (code, message string) {
	t.Helper()
	e := decode[struct {
		Error struct{ Code, Message, Type string }
	}](t, body).Error
	if e.Type != "invalid_request_error" {
		t.Errorf("error type = %q", e.Type)
	}
	return e.Code, e.Message
}
