package doku

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/paylater-go/paylater/money"
)

const (
	testRequestID = "5f0c6a3e-2b7d-4c55-9f5a-0d1f0f1d9a11"
	testInvoice   = "INV-2026-000123"
)

// testBody is the request of vector V1, goodAnswer the answer of vector V7.
func testBody(t testing.TB) []byte { return []byte(*vectors(t)["V1"].Body) }

const goodAnswer = `{"order":{"amount":150000,"invoice_number":"INV-2026-000123"},"payment":{"status":"PENDING","url":"https://sandbox.example/kredivo/pay?token=abc%2Bdef"},"peer_to_peer_info":{"identifier":[],"created_date":"20260102100405","expired_date":"20260102110405","created_date_utc":"2026-01-02T03:04:05Z","expired_date_utc":"2026-01-02T04:04:05Z","merchant_unique_reference":"MUR-2026-000123"}}`

const goodStatus = `{"order":{"invoice_number":"INV-2026-000123","amount":150000,"status":"ORDER_GENERATED"},"transaction":{"status":"SUCCESS","date":"2026-01-02T03:14:05Z","original_request_id":"5f0c6a3e-2b7d-4c55-9f5a-0d1f0f1d9a11"}}`

// A reply is one answer of a test server.
type reply struct {
	status int
	body   string
	secret Secret              // signs the answer when not empty
	header func(h http.Header) // last changes to the header
}

func (p reply) write(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	if p.secret != "" {
		c := Components{
			ClientID:  r.Header.Get("Client-Id"),
			RequestID: r.Header.Get("Request-Id"),
			Timestamp: "2026-01-02T03:04:06Z",
			Target:    r.URL.EscapedPath(),
			Body:      []byte(p.body),
			Response:  true,
		}
		if r.Method == http.MethodGet {
			c.Body = nil
		}
		h.Set("Client-Id", c.ClientID)
		h.Set("Request-Id", c.RequestID)
		h.Set("Response-Timestamp", c.Timestamp)
		h.Set("Signature", Sign(p.secret, c))
	}
	if p.header != nil {
		p.header(h)
	}
	w.WriteHeader(p.status)
	_, _ = io.WriteString(w, p.body)
}

// A recorder is a test server that gives its replies in turn, the last one again and again.
type recorder struct {
	*httptest.Server
	mu      sync.Mutex
	seen    []*http.Request
	bodies  [][]byte
	conns   int
	replies []reply
}

func serve(t testing.TB, replies ...reply) *recorder {
	t.Helper()
	s := &recorder{replies: replies}
	s.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("server: %v", err)
		}
		s.mu.Lock()
		p := s.replies[min(len(s.seen), len(s.replies)-1)]
		s.seen, s.bodies = append(s.seen, r), append(s.bodies, body)
		s.mu.Unlock()
		p.write(w, r)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			s.mu.Lock()
			s.conns++
			s.mu.Unlock()
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// newTestClient returns a client of base that does not pause between tries.
func newTestClient(t testing.TB, base string, change ...func(*Config)) *Client {
	t.Helper()
	cfg := Config{
		ClientID:  testClient,
		SecretKey: testSecret,
		BaseURL:   base,
		Logger:    slog.New(slog.DiscardHandler),
		Now:       func() time.Time { return testTime },
	}
	for _, f := range change {
		f(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	c.newBackOff = func() backoff.BackOff { return &backoff.ZeroBackOff{} }
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func good(body string) reply { return reply{status: 200, body: body, secret: testSecret} }

func TestGenerateOrder(t *testing.T) {
	t.Parallel()
	answer := good(goodAnswer)
	answer.header = dated(testTime.Add(time.Minute))
	s := serve(t, answer)
	c := newTestClient(t, s.URL+"/")
	body := testBody(t)
	got, err := c.GenerateOrder(t.Context(), testRequestID, body)
	if err != nil {
		t.Fatal(err)
	}
	want := &GenerateOrderResponse{
		InvoiceNumber:           testInvoice,
		Amount:                  money.Rupiah(150000),
		Status:                  "PENDING",
		PaymentURL:              "https://sandbox.example/kredivo/pay?token=abc%2Bdef",
		MerchantUniqueReference: "MUR-2026-000123",
		CreatedAt:               testTime,
		ExpiresAt:               testTime.Add(time.Hour),
		AnsweredAt:              testTime.Add(time.Minute),
		Raw:                     []byte(goodAnswer),
	}
	if diff := cmp.Diff(want, got, amounts); diff != "" {
		t.Errorf("response (-want +got):\n%s", diff)
	}

	r := s.seen[0]
	if r.Method != "POST" || r.RequestURI != generatePath || !bytes.Equal(s.bodies[0], body) {
		t.Errorf("sent %s %s with %d bytes", r.Method, r.RequestURI, len(s.bodies[0]))
	}
	wantHeader := map[string]string{
		"Client-Id": testClient, "Request-Id": testRequestID, "Request-Timestamp": "2026-01-02T03:04:05Z",
		"Signature":    vectors(t)["V1"].Signature, // the same request
		"Content-Type": "application/json", "Accept-Encoding": "identity",
		"Request-Target": "", "Digest": "",
	}
	for name, want := range wantHeader {
		if got := strings.Join(r.Header.Values(name), "|"); got != want {
			t.Errorf("header %s = %q, want %q", name, got, want)
		}
	}
}

// Vector V7 is an answer signed by DOKU's rules; it is accepted as it stands.
func TestGenerateOrderAcceptsVectorV7(t *testing.T) {
	t.Parallel()
	v := vectors(t)["V7"]
	s := serve(t, reply{status: 200, body: *v.Body, header: func(h http.Header) {
		h.Set("Client-Id", v.ClientID)
		h.Set("Request-Id", v.RequestID)
		h.Set("Response-Timestamp", v.Timestamp)
		h.Set("Signature", v.Signature)
	}})
	if _, err := newTestClient(t, s.URL).GenerateOrder(t.Context(), testRequestID, testBody(t)); err != nil {
		t.Error(err)
	}
}

// edit changes one thing in the good answer.
func edit(old, new string) string {
	changed := strings.Replace(goodAnswer, old, new, 1)
	if changed == goodAnswer {
		panic("nothing to replace: " + old)
	}
	return changed
}

const (
	retryable = "retryable"
	rejected  = "rejected"
	neither   = "neither"
)

// kind tells the three kinds of errors apart.
func kind(e *Error) string {
	switch {
	case e.Retryable() && e.Rejected():
		return "both"
	case e.Retryable():
		return retryable
	case e.Rejected():
		return rejected
	}
	return neither
}

func TestGenerateOrderAnswers(t *testing.T) {
	t.Parallel()
	plain := func(status int, body string) reply { return reply{status: status, body: body} }
	signed := func(status int, body string) reply { return reply{status: status, body: body, secret: testSecret} }
	tests := []struct {
		name    string
		reply   reply
		is      error // nil: success
		kind    string
		code    string
		message string
	}{
		{"PENDING", good(goodAnswer), nil, "", "", ""},
		{"lower case status", good(edit("PENDING", "pending")), nil, "", "", ""},
		{"201", signed(201, goodAnswer), nil, "", "", ""},
		{"amount as text", good(edit("150000", `"150000.00"`)), nil, "", "", ""},
		{"no amount", good(edit(`"amount":150000,`, "")), nil, "", "", ""},
		{"reference under payment", good(edit(`"payment":{`, `"payment":{"merchant_unique_reference":"other",`)), nil, "", "", ""},
		{"no peer_to_peer_info", good(`{"order":{"invoice_number":"INV-2026-000123"},"payment":{"status":"PENDING","url":"https://a/b"}}`), nil, "", "", ""},
		{"new fields", good(edit(`{"order"`, `{"new":{"x":[1]},"order"`)), nil, "", "", ""},
		{"null error beside the order", good(edit(`{"order"`, `{"error":null,"order"`)), nil, "", "", ""},
		{"loopback http page in the sandbox", good(edit("https://sandbox.example", "http://127.0.0.1:9")), nil, "", "", ""},

		{"FAILED (G)", good(edit("PENDING", "FAILED")), ErrFailed, rejected, "", ""},
		{"FAILED without url", good(`{"order":{"invoice_number":"INV-2026-000123","amount":150000},"payment":{"status":"FAILED"}}`), ErrFailed, rejected, "", ""},
		{"FAILED unsigned", plain(200, edit("PENDING", "FAILED")), ErrResponseSignature, retryable, "", ""},
		{"status unknown", good(edit("PENDING", "SUCCESS")), ErrUnreadable, retryable, "", ""},
		{"no payment", good(`{"order":{"invoice_number":"INV-2026-000123","amount":150000}}`), ErrUnreadable, retryable, "", ""},
		{"no url", good(`{"order":{"invoice_number":"INV-2026-000123"},"payment":{"status":"PENDING"}}`), ErrUnreadable, retryable, "", ""},
		{"another invoice", good(edit("INV-2026-000123", "INV-2026-000124")), ErrForeignReplay, neither, "", ""},
		{"another reference", good(edit("MUR-2026-000123", "MUR")), ErrForeignReplay, neither, "", ""},
		{"another amount", good(edit("150000", "150001")), ErrForeignReplay, neither, "", ""},
		{"odd amount", good(edit("150000", "150000.5")), ErrUnreadable, retryable, "", ""},
		{"no invoice", good(edit(`,"invoice_number":"INV-2026-000123"`, "")), ErrUnreadable, retryable, "", ""},
		{"name twice", good(edit(`"payment":{`, `"payment":{"URL":"https://evil/",`)), ErrUnreadable, retryable, "", ""},

		{"http page", good(edit("https://sandbox", "http://sandbox")), ErrUnreadable, retryable, "", ""},
		{"javascript page", good(edit("https://sandbox.example/", "javascript:alert(1)//")), ErrUnreadable, retryable, "", ""},
		{"page with user", good(edit("https://", "https://doku.com@")), ErrUnreadable, retryable, "", ""},
		{"page with line break", good(edit("/kredivo/", `/\r\nSet-Cookie:/`)), ErrUnreadable, retryable, "", ""},
		{"page with backslash", good(edit("https://sandbox", `https://a\\b`)), ErrUnreadable, retryable, "", ""},
		{"page with backslash in the path", good(edit("/kredivo/", `/\\kredivo/`)), ErrUnreadable, retryable, "", ""},
		{"page with space", good(edit("/kredivo/", "/kre divo/")), ErrUnreadable, retryable, "", ""},
		{"page not in ASCII", good(edit("/kredivo/", "/krédivo/")), ErrUnreadable, retryable, "", ""},
		{"page without host", good(edit("https://sandbox.example/", "https:///")), ErrUnreadable, retryable, "", ""},
		{"relative page", good(edit("https://sandbox.example", "")), ErrUnreadable, retryable, "", ""},
		{"endless page", good(edit("token=", "token="+strings.Repeat("a", 5000))), ErrUnreadable, retryable, "", ""},

		{"409 replay", signed(409, goodAnswer), nil, "", "", ""},
		{"409 FAILED replay", signed(409, edit("PENDING", "FAILED")), ErrFailed, rejected, "", ""},
		{"409 foreign invoice", signed(409, edit("INV-2026-000123", "INV-1")), ErrForeignReplay, neither, "", ""},
		{"409 foreign reference", signed(409, edit("MUR-2026-000123", "MUR-1")), ErrForeignReplay, neither, "", ""},
		{"409 unsigned", plain(409, goodAnswer), ErrResponseSignature, retryable, "", ""},
		{"409 HTML", plain(409, "<html>"), ErrUnreadable, retryable, "", ""},
		{"409 empty", plain(409, ""), ErrUnreadable, retryable, "", ""},
		{"409 envelope", plain(409, `{"error":{"code":"conflict","message":"in process"}}`), ErrConflict, neither, "conflict", "in process"},
		{"409 envelope beside order", plain(409, `{"order":{"invoice_number":"INV-2026-000123"},"error":{"code":"x"}}`), ErrConflict, neither, "x", ""},

		{"A", plain(400, `{"error":{"code":"invalid_parameter","message":"bad line","type":"t"}}`), ErrRejected, rejected, "invalid_parameter", "bad line"},
		{"A with order", plain(422, `{"error":{"code":"c","message":"m"},"order":{"invoice_number":"X"}}`), ErrRejected, rejected, "c", "m"},
		{"A without code", plain(400, `{"error":{"message":"m"}}`), ErrRejected, rejected, "", "m"},
		{"A as text", plain(400, `{"error":"Bad Request"}`), ErrRejected, rejected, "", "Bad Request"},
		{"B", plain(400, `{"message":["PAYMENT CHANNEL IS INACTIVE"]}`), ErrRejected, rejected, "", "PAYMENT CHANNEL IS INACTIVE"},
		{"B as text", plain(400, `{"message":"NO"}`), ErrRejected, rejected, "", "NO"},
		{"C", plain(400, `{"error_messages":["order.amount must greater than 0","second"]}`), ErrRejected, rejected, "", "order.amount must greater than 0; second"},
		{"D", plain(400, `{"errors":{"message":"m"}}`), ErrRejected, rejected, "", "m"},
		{"D of another form", plain(400, `{"errors":{"a":["b"]}}`), ErrRejected, rejected, "", ""},
		{"E", plain(404, `{"responseCode":"4042701","responseMessage":"m"}`), ErrRejected, rejected, "4042701", "m"},
		{"F", plain(400, `{"status":"FAILED","response_code":"INVALID_PARAMETER"}`), ErrRejected, rejected, "INVALID_PARAMETER", ""},
		{"F under 200", good(`{"status":"FAILED","response_code":"INVALID_PARAMETER"}`), ErrUnreadable, retryable, "INVALID_PARAMETER", ""},
		{"A under 200", good(`{"error":{"code":"c","message":"m"}}`), ErrUnreadable, retryable, "c", "m"},
		{"A beside a page", good(edit(`{"order"`, `{"error":{"code":"c"},"order"`)), ErrUnreadable, retryable, "c", ""},
		{"409 A beside a page", signed(409, edit(`{"order"`, `{"error":{"code":"c"},"order"`)), ErrConflict, neither, "c", ""},
		{"code with a line feed", plain(400, `{"error":{"code":"a\nb","message":"m"}}`), ErrRejected, rejected, "", "m"},

		{"bad signature", plain(400, `{"error":{"code":"invalid_signature","message":"Invalid Header Signature"}}`), ErrUnauthorized, neither, "invalid_signature", "Invalid Header Signature"},
		{"bad client", plain(401, `{"error":{"code":"invalid_client_id","message":"Invalid Client-Id"}}`), ErrUnauthorized, neither, "invalid_client_id", "Invalid Client-Id"},
		{"bad header", plain(400, `{"error":{"code":"invalid_header_request","message":"Header Client-Id is required"}}`), ErrUnauthorized, neither, "invalid_header_request", "Header Client-Id is required"},
		{"401 without body", plain(401, ""), ErrUnauthorized, neither, "", ""},
		{"403", plain(403, `{"message":["no"]}`), ErrUnauthorized, neither, "", "no"},
		{"clock, no better time known", reply{status: 400, body: clockError, header: dated(testTime)}, ErrClock, neither, "request_time_out_of_range",
			"Header Request-Timestamp is not in +- 3600 second of now"},

		{"500", plain(500, `{"message":["INTERNAL SERVER ERROR"]}`), ErrUnavailable, retryable, "", "INTERNAL SERVER ERROR"},
		{"502 HTML", plain(502, "<html>"), ErrUnavailable, retryable, "", ""},
		{"503 empty", plain(503, ""), ErrUnavailable, retryable, "", ""},
		{"408", plain(408, ""), ErrUnavailable, retryable, "", ""},
		{"429", plain(429, `{"error":{"code":"x"}}`), ErrUnavailable, retryable, "x", ""},
		{"maintenance", plain(400, `{"response_code":"MAINTENANCE_MODE"}`), ErrUnavailable, retryable, "MAINTENANCE_MODE", ""},
		{"404 HTML", plain(404, "<html>Not Found"), ErrUnreadable, retryable, "", ""},
		{"400 empty", plain(400, ""), ErrUnreadable, retryable, "", ""},
		{"200 HTML", plain(200, "<html>"), ErrUnreadable, retryable, "", ""},
		{"200 empty", plain(200, ""), ErrUnreadable, retryable, "", ""},
		{"200 cut off", good(goodAnswer[:200]), ErrUnreadable, retryable, "", ""},
		{"200 array", good("[" + goodAnswer + "]"), ErrUnreadable, retryable, "", ""},
		{"302", reply{status: 302, header: func(h http.Header) { h.Set("Location", "/elsewhere") }}, ErrUnavailable, retryable, "", ""},
		{"307", reply{status: 307, header: func(h http.Header) { h.Set("Location", "/elsewhere") }}, ErrUnavailable, retryable, "", ""},
		{"gzip", reply{status: 200, body: goodAnswer, secret: testSecret, header: func(h http.Header) { h.Set("Content-Encoding", "gzip") }}, ErrUnreadable, retryable, "", ""},
		{"over 1 MiB", good(goodAnswer + strings.Repeat(" ", 1<<20)), ErrUnreadable, retryable, "", ""},

		{"unsigned", plain(200, goodAnswer), ErrResponseSignature, retryable, "", ""},
		{"signed by another key", reply{status: 200, body: goodAnswer, secret: "other"}, ErrResponseSignature, retryable, "", ""},
		{"signed, then changed", reply{status: 200, body: goodAnswer, secret: testSecret, header: func(h http.Header) { h.Set("Response-Timestamp", "2026-01-02T03:04:07Z") }}, ErrResponseSignature, retryable, "", ""},
		{"signature of another answer", reply{status: 200, body: goodAnswer, secret: testSecret, header: func(h http.Header) {
			h.Set("Request-Id", "other")
			h.Set("Signature", Sign(testSecret, Components{ClientID: testClient, RequestID: "other", Timestamp: "2026-01-02T03:04:06Z",
				Target: generatePath, Body: []byte(goodAnswer), Response: true}))
		}}, ErrResponseSignature, retryable, "", ""},
		{"request label", reply{status: 200, body: goodAnswer, secret: testSecret, header: func(h http.Header) {
			h.Set("Signature", Sign(testSecret, Components{ClientID: testClient, RequestID: testRequestID, Timestamp: "2026-01-02T03:04:06Z",
				Target: generatePath, Body: []byte(goodAnswer)}))
		}}, ErrResponseSignature, retryable, "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, tt.reply)
			got, err := newTestClient(t, s.URL, func(c *Config) { c.MaxTries = 2 }).GenerateOrder(t.Context(), testRequestID, testBody(t))
			if tt.is == nil {
				if err != nil {
					t.Fatal(err)
				}
				if got.Replayed != (tt.reply.status == 409) || string(got.Raw) != tt.reply.body || got.InvoiceNumber != testInvoice {
					t.Errorf("response = %+v", got)
				}
				return
			}
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("error = %v, want an *Error", err)
			}
			if !errors.Is(err, tt.is) || kind(e) != tt.kind || got != nil {
				t.Errorf("error = %v (%s), want %v (%s)", err, kind(e), tt.is, tt.kind)
			}
			if e.Code != tt.code || e.Message != tt.message || e.HTTPStatus != tt.reply.status || e.RequestID != testRequestID || e.Op != "generate order" {
				t.Errorf("error = %+v, want code %q, message %q, status %d", e, tt.code, tt.message, tt.reply.status)
			}
			wantTries := 1
			if tt.kind == retryable {
				wantTries = 2
			}
			if len(s.seen) != wantTries {
				t.Errorf("%d tries, want %d", len(s.seen), wantTries)
			}
			for i, b := range s.bodies {
				if !bytes.Equal(b, s.bodies[0]) || s.seen[i].Header.Get("Request-Id") != testRequestID {
					t.Errorf("try %d sent something else", i)
				}
			}
		})
	}
}

const clockError = `{"error":{"code":"request_time_out_of_range","message":"Header Request-Timestamp is not in +- 3600 second of now"}}`

func dated(at time.Time) func(http.Header) {
	return func(h http.Header) { h.Set("Date", at.Format(http.TimeFormat)) }
}

func TestGenerateOrderLoopbackPageOnlyInSandbox(t *testing.T) {
	t.Parallel()
	body := edit("https://sandbox.example", "http://127.0.0.1:9")
	c := newTestClient(t, "", func(c *Config) {
		c.Environment = Production
		c.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			good(body).write(w, r)
			return w.Result(), nil
		})
	})
	if _, err := c.GenerateOrder(t.Context(), testRequestID, testBody(t)); !errors.Is(err, ErrUnreadable) {
		t.Errorf("error = %v, want %v", err, ErrUnreadable)
	}
	if c.Environment() != Production {
		t.Errorf("environment = %q", c.Environment())
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestResponseSignaturePolicies(t *testing.T) {
	t.Parallel()
	other := func(body string) reply { return reply{status: 200, body: body, secret: "other"} }
	for _, tt := range []struct {
		policy            SignaturePolicy
		postFail, getFail bool
	}{
		{EnforcePOST, true, false},
		{EnforceAll, true, true},
		{ReportOnly, false, false},
	} {
		t.Run(fmt.Sprint(tt.policy), func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			s := serve(t, other(goodAnswer), other(goodStatus))
			c := newTestClient(t, s.URL, func(c *Config) {
				c.ResponseSignatures, c.MaxTries = tt.policy, 1
				c.Logger = slog.New(slog.NewTextHandler(&log, nil))
			})
			_, err := c.GenerateOrder(t.Context(), testRequestID, testBody(t))
			if errors.Is(err, ErrResponseSignature) != tt.postFail || (err != nil) != tt.postFail {
				t.Errorf("POST: %v, want an error: %t", err, tt.postFail)
			}
			_, err = c.CheckStatus(t.Context(), testInvoice)
			if errors.Is(err, ErrResponseSignature) != tt.getFail || (err != nil) != tt.getFail {
				t.Errorf("GET: %v, want an error: %t", err, tt.getFail)
			}
			if n := strings.Count(log.String(), "without a valid signature"); n != 2 {
				t.Errorf("logged %d times, want 2:\n%s", n, &log)
			}
		})
	}
}

func TestResponseSignatureRotation(t *testing.T) {
	t.Parallel()
	s := serve(t, reply{status: 200, body: goodAnswer, secret: "old"})
	c := newTestClient(t, s.URL, func(c *Config) { c.PreviousSecretKeys = []Secret{"old"} })
	if _, err := c.GenerateOrder(t.Context(), testRequestID, testBody(t)); err != nil {
		t.Error(err)
	}
	v, err := c.Verifier(testTarget)
	if err != nil {
		t.Fatal(err)
	}
	_, body := notification(t)
	for _, secret := range []Secret{testSecret, "old"} {
		if err := v.Verify(SignNotification(secret, testClient, "r", testTime, testTarget, body), body); err != nil {
			t.Errorf("signed with %q: %v", string(secret), err)
		}
	}
	if _, err := c.Verifier("x"); err == nil {
		t.Error("a relative path is accepted")
	}
}

// GET answers may be signed with or without a digest: nobody has published one.
func TestCheckStatusSignatureForms(t *testing.T) {
	t.Parallel()
	withDigest := reply{status: 200, body: goodStatus, secret: testSecret, header: func(h http.Header) {
		h.Set("Signature", Sign(testSecret, Components{ClientID: testClient, RequestID: h.Get("Request-Id"),
			Timestamp: h.Get("Response-Timestamp"), Target: statusPath + testInvoice, Body: []byte(goodStatus), Response: true}))
	}}
	for _, r := range []reply{good(goodStatus), withDigest} {
		s := serve(t, r)
		c := newTestClient(t, s.URL, func(c *Config) { c.ResponseSignatures = EnforceAll })
		if _, err := c.CheckStatus(t.Context(), testInvoice); err != nil {
			t.Error(err)
		}
	}
}

func TestCheckStatus(t *testing.T) {
	t.Parallel()
	s := serve(t, good(goodStatus))
	c := newTestClient(t, s.URL)
	for _, id := range []string{testInvoice, testRequestID} {
		got, err := c.CheckStatus(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if got.Status != Success || !got.Amount.Equal(money.Rupiah(150000)) || string(got.Raw) != goodStatus {
			t.Errorf("status = %+v", got)
		}
	}
	first, second := s.seen[0], s.seen[1]
	if first.Method != "GET" || first.RequestURI != "/orders/v1/status/"+testInvoice || len(s.bodies[0]) != 0 {
		t.Errorf("sent %s %s", first.Method, first.RequestURI)
	}
	if first.Header.Get("Content-Type") != "" {
		t.Error("a GET has a content type")
	}
	want := Sign(testSecret, Components{ClientID: testClient, RequestID: first.Header.Get("Request-Id"),
		Timestamp: "2026-01-02T03:04:05Z", Target: "/orders/v1/status/" + testInvoice})
	if got := first.Header.Get("Signature"); got != want {
		t.Errorf("signature = %s, want %s", got, want)
	}
	if a, b := first.Header.Get("Request-Id"), second.Header.Get("Request-Id"); a == b || len(a) < 20 {
		t.Errorf("request ids %q and %q: want fresh ones", a, b)
	}
}

func TestCheckStatusAnswers(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		reply reply
		is    error
		kind  string
	}{
		{"unsigned", reply{status: 200, body: goodStatus}, nil, ""},
		{"404", reply{status: 404, body: `{"error":{"code":"TRANSACTION_NOT_FOUND","message":"m"}}`}, ErrUnknownOrder, neither},
		{"404 empty", reply{status: 404}, ErrUnknownOrder, neither},
		{"404 HTML", reply{status: 404, body: "<html>"}, ErrUnknownOrder, neither},
		{"400", reply{status: 400, body: `{"message":["no"]}`}, ErrUnknownOrder, neither},
		{"200 error", good(`{"error":{"message":"not found"}}`), ErrUnknownOrder, neither},
		{"200 error beside order", good(`{"error":{"message":"x"},` + goodStatus[1:]), ErrUnknownOrder, neither},
		{"200 F", good(`{"status":"FAILED","response_code":"TRANSACTION_NOT_FOUND"}`), ErrUnknownOrder, neither},
		{"401", reply{status: 401, body: `{"error":{"code":"invalid_client_id"}}`}, ErrUnauthorized, neither},
		{"400 signature", reply{status: 400, body: `{"error":{"code":"invalid_signature"}}`}, ErrUnauthorized, neither},
		{"500", reply{status: 500, body: `{"error":{"message":"x"}}`}, ErrUnavailable, retryable},
		{"301", reply{status: 301, header: func(h http.Header) { h.Set("Location", "/") }}, ErrUnavailable, retryable},
		{"HTML", reply{status: 200, body: "<html>"}, ErrUnreadable, retryable},
		{"empty", reply{status: 200}, ErrUnreadable, retryable},
		{"no amount", good(`{"order":{"invoice_number":"INV-2026-000123"}}`), ErrUnreadable, retryable},
		{"over 256 KiB", good(goodStatus + strings.Repeat(" ", 256<<10)), ErrUnreadable, retryable},
		{"another order", good(strings.ReplaceAll(goodStatus, "000123", "000124")), ErrForeignReplay, neither},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, tt.reply)
			_, err := newTestClient(t, s.URL, func(c *Config) { c.MaxTries = 2 }).CheckStatus(t.Context(), testInvoice)
			if tt.is == nil {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var e *Error
			if !errors.As(err, &e) || !errors.Is(err, tt.is) || kind(e) != tt.kind {
				t.Errorf("error = %v, want %v (%s)", err, tt.is, tt.kind)
			}
			if errors.Is(err, ErrFailed) || e.Rejected() {
				t.Error("no answer to check status may read as a failed payment")
			}
		})
	}
}

// Who judges by DOKU's clock gets it with a good answer and with one that is an error, and nothing when DOKU
// does not say.
func TestCheckStatusTellsDOKUsTime(t *testing.T) {
	t.Parallel()
	at := testTime.Add(72 * time.Hour)
	for _, tt := range []struct {
		name   string
		reply  reply
		header func(http.Header)
		want   time.Time
	}{
		{"known", good(goodStatus), dated(at), at},
		{"unknown", reply{status: 404}, dated(at), at},
		{"known, undated", good(goodStatus), func(h http.Header) { h["Date"] = nil }, time.Time{}},
		{"unknown, odd date", reply{status: 404}, func(h http.Header) { h.Set("Date", "tomorrow") }, time.Time{}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.reply.header = tt.header
			got, err := newTestClient(t, serve(t, tt.reply).URL).CheckStatus(t.Context(), testInvoice)
			var told time.Time
			if e, ok := errors.AsType[*Error](err); ok {
				told = e.AnsweredAt
			} else if err == nil {
				told = got.AnsweredAt
			}
			if !told.Equal(tt.want) {
				t.Errorf("answered at %v, want %v (%v)", told, tt.want, err)
			}
		})
	}
}

func TestInvalidArgumentsAreNotSent(t *testing.T) {
	t.Parallel()
	c := newTestClient(t, "", func(c *Config) {
		c.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			t.Errorf("sent %s", r.URL)
			return nil, io.EOF
		})
	})
	check := func(name string, err error) {
		t.Helper()
		var e *Error
		if !errors.As(err, &e) || !errors.Is(err, ErrRequest) || kind(e) != neither {
			t.Errorf("%s: %v, want %v", name, err, ErrRequest)
		}
	}
	for _, id := range []string{"", ".", "..", "a/b", "../x", "a?b", "a#b", "a%2fb", "a b", "é", "a\n", strings.Repeat("a", 129)} {
		_, err := c.CheckStatus(t.Context(), id)
		check("status of "+id, err)
	}
	for _, id := range []string{"", "a b", "a\nb", "é", strings.Repeat("a", 129)} {
		_, err := c.GenerateOrder(t.Context(), id, testBody(t))
		check("request id "+id, err)
	}
	for _, body := range []string{"", "x", "{}", "[]", `{"order":{"invoice_number":"I","amount":1}}`,
		`{"order":{"invoice_number":"I","amount":-1},"peer_to_peer_info":{"merchant_unique_reference":"M"}}`} {
		_, err := c.GenerateOrder(t.Context(), testRequestID, []byte(body))
		check("body "+body, err)
	}
}
