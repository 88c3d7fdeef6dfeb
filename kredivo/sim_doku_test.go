package kredivo_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

// A bank is DOKU: its orders, what it knows of each, and its two API calls. It is written from DOKU's
// documentation and shares no code with the client.
type bank struct {
	w         *world
	orders    []*bankOrder
	byInvoice map[string]*bankOrder
	byRequest map[string]*bankOrder
	notices   int
	sent      map[string]*notice // by Request-Id
	troubles  []trouble          // of the API
	lastEnd   time.Time
}

// A bankOrder is one generate-order.
type bankOrder struct {
	name      string // the shop's order and the attempt's number: "o2-1"
	orderID   string
	invoice   string
	requestID string
	body      []byte // of the request
	answer    []byte // to it, repeated with 409
	amount    json.Number
	created   time.Time
	status    string
	since     time.Time
	expires   time.Time
	url       string
	visited   bool // a shopper got the payment page
	declined  bool // no payment page was made

	told      map[string]bool // statuses that a genuine message may have brought to the plugin
	toldWrong bool            // success with another amount, or for another Request-Id
	acked     map[string]bool // statuses in notifications that the plugin has acknowledged
	everPaid  bool
}

// A trouble is a time in which DOKU's API does not work.
type trouble struct{ from, to time.Time }

func newBank(w *world) *bank {
	return &bank{w: w, byInvoice: map[string]*bankOrder{}, byRequest: map[string]*bankOrder{}, sent: map[string]*notice{}}
}

const (
	rfc3339UTC  = "2006-01-02T15:04:05Z"
	compactWIB  = "20060102150405"
	requestTime = "Request-Timestamp"
	answerTime  = "Response-Timestamp"
)

// sign makes DOKU's signature as its documentation describes it.
func sign(secret, clientID, requestID, timeLabel, timestamp, target string, body []byte) string {
	text := "Client-Id:" + clientID + "\nRequest-Id:" + requestID + "\n" + timeLabel + ":" + timestamp + "\nRequest-Target:" + target
	if body != nil {
		sum := sha256.Sum256(body)
		text += "\nDigest:" + base64.StdEncoding.EncodeToString(sum[:])
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return "HMACSHA256=" + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// A wire carries one instance's calls to DOKU.
type wire struct{ in *instance }

// RoundTrip implements [http.RoundTripper].
func (t wire) RoundTrip(r *http.Request) (*http.Response, error) {
	w := t.in.w
	var body []byte
	if r.Body != nil {
		body, _ = io.ReadAll(r.Body)
		_ = r.Body.Close()
	}
	call, what := "generate-order", ""
	if r.Method == http.MethodGet {
		call, what = "check-status", r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:]
		what = nameOf(what)
	}
	who := activityOf(r.Context())
	t.in.calling.Store(who, true)
	defer t.in.calling.Delete(who)
	f := w.yield(r.Context(), t.in, call, what)
	switch {
	case t.in.dead.Load() || f == killBefore:
		t.in.kill()
		return nil, errDead
	case f == hang:
		if w.chance(0.5) {
			w.bank.serve(r, body)
		}
		<-r.Context().Done()
		return nil, r.Context().Err()
	case f == failBefore || f == goOn && w.bank.down():
		return w.bank.nonsense(r)
	}
	status, answer := w.bank.serve(r, body)
	switch f {
	case killAfter:
		t.in.kill()
		return nil, errDead
	case failAfter:
		return nil, io.ErrUnexpectedEOF
	default:
		return w.bank.respond(r, status, answer, true), nil
	}
}

// nonsense is what comes from DOKU, or from something in front of it, when it does not work.
func (b *bank) nonsense(r *http.Request) (*http.Response, error) {
	switch b.w.rng.IntN(4) {
	case 0:
		return nil, io.EOF
	case 1:
		return b.respond(r, http.StatusBadGateway, []byte("<html>bad gateway</html>"), false), nil
	case 2:
		return b.respond(r, http.StatusInternalServerError, []byte(`{"error":{"code":"internal_server_error"}}`), false), nil
	default:
		return b.respond(r, http.StatusOK, []byte("<html>we will be right back</html>"), false), nil
	}
}

func (b *bank) down() bool {
	now := time.Now()
	for _, t := range b.troubles {
		if now.After(t.from) && now.Before(t.to) {
			return true
		}
	}
	return false
}

// respond makes the HTTP answer; signed as DOKU signs.
func (b *bank) respond(r *http.Request, status int, body []byte, signed bool) *http.Response {
	now := time.Now().UTC()
	h := http.Header{"Content-Type": {"application/json"}, "Date": {now.Format(http.TimeFormat)}}
	if signed {
		id, at := r.Header.Get("Request-Id"), now.Format(rfc3339UTC)
		h.Set("Client-Id", kredivotest.ClientID)
		h.Set("Request-Id", id)
		h.Set(answerTime, at)
		h.Set("Signature", sign(kredivotest.SecretKey, kredivotest.ClientID, id, answerTime, at, r.URL.Path, body))
	}
	return &http.Response{
		StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: h, Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)), Request: r,
	}
}

// serve answers a call that reached DOKU.
func (b *bank) serve(r *http.Request, body []byte) (int, []byte) {
	id, stamp := r.Header.Get("Request-Id"), r.Header.Get(requestTime)
	if want := sign(kredivotest.SecretKey, kredivotest.ClientID, id, requestTime, stamp, r.URL.Path, body); r.Header.Get("Signature") != want {
		b.w.violation("a request to DOKU is not signed")
	}
	at, err := time.Parse(rfc3339UTC, stamp)
	if err != nil || time.Since(at).Abs() > time.Hour {
		b.w.reach("DOKU refused a timestamp")
		return http.StatusBadRequest, []byte(`{"error":{"code":"request_time_out_of_range","message":"not in +- 3600 second of now"}}`)
	}
	if r.Method == http.MethodGet {
		return b.serveStatus(r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:])
	}
	return b.serveGenerate(id, body)
}

// serveGenerate makes an order, or repeats what the same Request-Id was told before.
func (b *bank) serveGenerate(requestID string, body []byte) (int, []byte) {
	if o, ok := b.byRequest[requestID]; ok {
		if !bytes.Equal(o.body, body) {
			b.w.violation("%s: the same Request-Id came with another body", o.name)
		}
		b.w.reach("generate-order repeated: 409")
		return http.StatusConflict, o.answer
	}
	var q struct {
		Order struct {
			InvoiceNumber string      `json:"invoice_number"`
			Amount        json.Number `json:"amount"`
		} `json:"order"`
		Info struct {
			ExpiredTime int    `json:"expired_time"`
			Reference   string `json:"merchant_unique_reference"`
		} `json:"peer_to_peer_info"`
	}
	if err := json.Unmarshal(body, &q); err != nil {
		b.w.violation("generate-order cannot be read: %v", err)
	}
	if o, ok := b.byInvoice[q.Order.InvoiceNumber]; ok {
		b.w.violation("%s: a second order for one attempt", o.name)
	}
	now := time.Now()
	o := &bankOrder{
		name: nameOf(q.Order.InvoiceNumber), invoice: q.Order.InvoiceNumber, requestID: requestID, body: body, amount: q.Order.Amount,
		status: "PENDING", created: now, since: now, told: map[string]bool{}, acked: map[string]bool{},
	}
	o.orderID = nameOf(o.name)
	b.orders, b.byInvoice[o.invoice], b.byRequest[requestID] = append(b.orders, o), o, o
	// No two orders end in the same second, so that what is due is due in one order.
	o.expires = now.Truncate(time.Second).Add(time.Duration(q.Info.ExpiredTime) * time.Minute)
	if !o.expires.After(b.lastEnd) {
		o.expires = b.lastEnd.Add(time.Second)
	}
	b.lastEnd = o.expires
	if b.w.chance(b.w.mix.decline) {
		o.declined, o.status = true, "FAILED"
		o.told["FAILED"] = true
		b.w.reach("DOKU declined an order")
	} else {
		o.url = "https://pay.example/kredivo?tk=" + requestID
		b.w.at(o.expires, o.name+" expires at DOKU", func() { b.expire(o) })
	}
	o.answer = fmt.Appendf(nil, `{"order":{"invoice_number":%q,"amount":%s},"payment":{"status":%q,"url":%q},`+
		`"peer_to_peer_info":{"created_date":%q,"expired_date":%q,"created_date_utc":%q,"expired_date_utc":%q,"merchant_unique_reference":%q}}`,
		o.invoice, o.amount, o.status, o.url, now.Add(7*time.Hour).UTC().Format(compactWIB), o.expires.Add(7*time.Hour).UTC().Format(compactWIB),
		now.UTC().Format(rfc3339UTC), o.expires.UTC().Format(rfc3339UTC), q.Info.Reference)
	return http.StatusOK, o.answer
}

// serveStatus answers check-status.
func (b *bank) serveStatus(invoice string) (int, []byte) {
	o, ok := b.byInvoice[invoice]
	if !ok {
		return http.StatusNotFound, []byte(`{"error":{"code":"transaction_not_found","message":"Transaction not found"}}`)
	}
	o.told[o.status] = true
	if o.status == "SUCCESS" {
		b.w.reach("check-status found a payment")
	}
	return http.StatusOK, o.event(o.status, o.amount.String(), o.requestID, o.since)
}

// event is the body of check-status answers and notifications.
func (o *bankOrder) event(status, amount, requestID string, at time.Time) []byte {
	return fmt.Appendf(nil, "{\n  \"order\": {\"invoice_number\": %q, \"amount\": %s},\n  \"transaction\": "+
		"{\"status\": %q, \"date\": %q, \"original_request_id\": %q},\n  \"service\": {\"id\": \"PEER_TO_PEER\"}\n}",
		o.invoice, amount, status, at.UTC().Format(rfc3339UTC), requestID)
}

// nameOf makes an invoice number the same in every repetition: it ends in a hash of something random.
func nameOf(invoice string) string {
	if i := strings.LastIndexByte(invoice, '-'); i > 0 {
		return invoice[:i]
	}
	return invoice
}
