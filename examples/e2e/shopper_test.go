package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
)

// An answer is an HTTP answer that was read to its end.
type answer struct {
	status int
	header http.Header
	body   string
	url    string // of the last request, after redirects
}

// into decodes the body as JSON.
func (a answer) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), v); err != nil {
		t.Fatalf("answer %d is not JSON: %v\n%s", a.status, err, a.body)
	}
}

// send makes one request. Values of header come in pairs.
func send(t *testing.T, c *http.Client, method, target, body string, header ...string) answer {
	t.Helper()
	a, err := try(c, method, target, body, header...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// try is send to a program that may be down.
func try(c *http.Client, method, target, body string, header ...string) (answer, error) {
	req, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{}, err
	}
	return answer{resp.StatusCode, resp.Header, string(read), resp.Request.URL.String()}, nil
}

// newProgram is a client like curl: no cookies, no redirects.
func newProgram(t *testing.T) *http.Client {
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// newBrowser is a client like a browser: it keeps cookies and follows redirects.
func newBrowser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Jar: jar}
}

const (
	form       = "application/x-www-form-urlencoded"
	acceptJSON = "application/json"
	acceptHTML = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

	shirts = `{"items":[{"sku":"KAOS-1","quantity":2}],
		"customer":{"first_name":"Siti","phone":"0812-3456-7890","email":"siti@example.com"},
		"shipping_address":{"address":"Jl. Melati 1","city":"Bandung","postal_code":"40111"}}`
)

// An order is what GET /orders/{id} says.
type order struct {
	ID       string `json:"id"`
	Amount   int64  `json:"amount"`
	Status   string `json:"status"`
	Attempts int    `json:"attempts"`
}

// order orders two shirts and returns the order's number.
func (h *host) order(t *testing.T, c *http.Client) string {
	t.Helper()
	a := send(t, c, "POST", h.url+"/orders", shirts, "Content-Type", acceptJSON)
	var o order
	a.into(t, &o)
	if a.status != http.StatusCreated || o.ID == "" || o.Amount <= 0 || o.Status != "unpaid" {
		t.Fatalf("POST /orders: %d %s", a.status, a.body)
	}
	return o.ID
}

// look returns the order as it is.
func (h *host) look(t *testing.T, id string) (o order) {
	t.Helper()
	a := send(t, newProgram(t), "GET", h.url+"/orders/"+id, "")
	if a.status != http.StatusOK {
		t.Fatalf("GET /orders/%s: %d %s", id, a.status, a.body)
	}
	a.into(t, &o)
	return o
}

// becomes waits until the order has this status.
func (h *host) becomes(t *testing.T, id, status string) {
	t.Helper()
	eventually(t, "order to become "+status, func() bool { return h.look(t, id).Status == status })
}

// An account is what GET /orders/{id}/events says: what the shop did, and what the plugin told it.
type account struct {
	Parcels int
	Applied []struct{ ID, Kind string }
	Emitted []struct {
		ID, Kind, State string
		Tries           int
	}
}

// account returns what became of the order.
func (h *host) account(t *testing.T, id string) (a account) {
	t.Helper()
	send(t, newProgram(t), "GET", h.url+"/orders/"+id+"/events", "").into(t, &a)
	return a
}

// events returns the kinds of the events that the shop has applied, oldest first. It checks that no id is there
// twice, and that the shop ships once when it is told of a success, and never without.
func (h *host) events(t *testing.T, id string) (kinds []string) {
	t.Helper()
	a := h.account(t, id)
	seen, successes := map[string]bool{}, 0
	for _, e := range a.Applied {
		if e.ID == "" || seen[e.ID] {
			t.Errorf("event id %q is empty or there twice: %+v", e.ID, a)
		}
		seen[e.ID] = true
		kinds = append(kinds, e.Kind)
		if e.Kind == "payment.succeeded" {
			successes = 1
		}
	}
	if a.Parcels != successes {
		t.Errorf("%d parcels after %v", a.Parcels, kinds)
	}
	return kinds
}

// hears waits until the order's events are these.
func (h *host) hears(t *testing.T, id string, kinds ...string) {
	t.Helper()
	eventually(t, "events "+strings.Join(kinds, ", "), func() bool {
		got := h.events(t, id)
		if len(got) > len(kinds) {
			t.Fatalf("events = %v, want %v", got, kinds)
		}
		return slices.Equal(got, kinds)
	})
}

// checkout presses the pay button as a program and returns the payment URL.
func (h *host) checkout(t *testing.T, id string) string {
	t.Helper()
	a := h.tryCheckout(t, newProgram(t), id)
	var c struct {
		PaymentURL string `json:"payment_url"`
	}
	a.into(t, &c)
	if a.status != http.StatusOK || c.PaymentURL == "" {
		t.Fatalf("POST /pay/checkout: %d %s", a.status, a.body)
	}
	return c.PaymentURL
}

// tryCheckout is checkout with whatever comes of it.
func (h *host) tryCheckout(t *testing.T, c *http.Client, id string) answer {
	t.Helper()
	return send(t, c, "POST", h.url+"/pay/checkout", `{"order":"`+id+`"}`, "Content-Type", acceptJSON, "Accept", acceptJSON)
}

// orders returns what DOKU knows of one of the shop's orders, oldest attempt first.
func (h *host) orders(id string) (found []dokusim.Order) {
	for _, o := range h.sim.Orders() {
		if strings.HasPrefix(o.Invoice, id+"-") {
			found = append(found, o)
		}
	}
	return found
}

// invoice starts a payment of a new order, and returns the order's number and the invoice's.
func (h *host) invoice(t *testing.T) (id, invoice string) {
	t.Helper()
	id = h.order(t, newProgram(t))
	h.checkout(t, id)
	return id, h.last(t, id)
}

// last returns the invoice number of the order's latest attempt.
func (h *host) last(t *testing.T, id string) string {
	t.Helper()
	known := h.orders(id)
	if len(known) == 0 {
		t.Fatalf("DOKU knows nothing of order %s", id)
	}
	return known[len(known)-1].Invoice
}

// press presses a button on Kredivo's page.
func press(t *testing.T, c *http.Client, paymentURL, action string) answer {
	t.Helper()
	u, err := url.Parse(paymentURL)
	if err != nil {
		t.Fatal(err)
	}
	fields := url.Values{
		"tk": {u.Query().Get("tk")}, "action": {action},
		"phone": {dokusim.TestPhone}, "pin": {dokusim.TestPIN}, "otp": {dokusim.TestOTP}, "tenor": {"30_days"},
	}
	return send(t, c, "POST", paymentURL, fields.Encode(), "Content-Type", form, "Accept", acceptHTML, "Accept-Language", "en")
}

// must fails the test when the simulator refuses.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
