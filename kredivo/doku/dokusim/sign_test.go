package dokusim

import (
	"encoding/json"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/paylater-go/paylater/money"
)

// A vector was computed with DOKU's own libraries (PHP, Node, Java), which agree byte for byte.
type vector struct {
	Name           string  `json:"name"`
	ClientID       string  `json:"client_id"`
	Secret         string  `json:"secret"`
	RequestID      string  `json:"request_id"`
	TimestampLabel string  `json:"timestamp_label"`
	Timestamp      string  `json:"timestamp"`
	RequestTarget  string  `json:"request_target"`
	Body           *string `json:"body"`
	Signature      string  `json:"signature"`
}

func vectors(t *testing.T) map[string]vector {
	t.Helper()
	raw, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var list []vector
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	byName := map[string]vector{}
	for _, v := range list {
		byName[v.Name] = v
	}
	if len(byName) != 5 {
		t.Fatalf("%d vectors, want 5", len(byName))
	}
	return byName
}

func (v vector) text() signedText {
	text := signedText{
		clientID: v.ClientID, requestID: v.RequestID, timeLabel: v.TimestampLabel, time: v.Timestamp, target: v.RequestTarget,
	}
	if v.Body != nil {
		text.digest, text.body = true, []byte(*v.Body)
	}
	return text
}

func TestSignVectors(t *testing.T) {
	t.Parallel()
	for name, v := range vectors(t) {
		if got := v.text().sign(v.Secret); got != v.Signature {
			t.Errorf("%s: %s, want %s", name, got, v.Signature)
		}
	}
}

// The wrong signatures that plausible mistakes lead to, as published beside the vectors.
func TestSignMistakes(t *testing.T) {
	t.Parallel()
	all := vectors(t)
	withLF, query, label, trailing := all["V6"].text(), all["V6"].text(), all["V7"].text(), all["V5"].text()
	withLF.body = append(withLF.body, '\n')
	query.target += "?task=notify"
	label.timeLabel = requestTime
	trailing.target += "\n"
	for name, c := range map[string]struct {
		text signedText
		want string
	}{
		"body and LF":      {withLF, "HMACSHA256=RHLny4uKssgwiKI52tG+M3cEKSnj9CzelWHoDpofpcw="},
		"query in target":  {query, "HMACSHA256=bXepSQgohuLfqT3aAEbswLH+wlDEVfTcdjBhnEkN5/g="},
		"label of request": {label, "HMACSHA256=ojeSJ97QE1W+pAqs3OYgalvw2CjIgh4K67XBnDfGsog="},
		"LF at the end":    {trailing, "HMACSHA256=xm0zQT3GmOOS5+UxyeuYOrJrKQifks2hCzay/DrLDcE="},
	} {
		if got := c.text.sign(testSecret); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

// The simulator accepts V1 as DOKU would have, byte for byte.
func TestGatewayAcceptsVector(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"V1", "V5"} {
		v := vectors(t)[name]
		sh := newShop(t)
		method, body := http.MethodGet, []byte(nil)
		if v.Body != nil {
			method, body = http.MethodPost, []byte(*v.Body)
		}
		sh.clock.Advance(15 * time.Minute)
		req := sh.request(method, v.RequestTarget, v.RequestID, body)
		req.Header.Set(requestTime, v.Timestamp)
		req.Header.Set("Signature", v.Signature)
		want := map[string]int{"V1": http.StatusOK, "V5": http.StatusNotFound}[name] // V5's invoice does not exist here
		if got := sh.do(req); got.status != want {
			t.Errorf("%s: %d %s, want %d", name, got.status, got.body, want)
		}
	}
}

// Without the decoration the simulator's notification is V6, byte for byte.
func TestNotificationBytes(t *testing.T) {
	t.Parallel()
	o := &order{Order: Order{
		Invoice: "INV-2026-000123", Reference: "MUR-2026-000123", RequestID: "5f0c6a3e-2b7d-4c55-9f5a-0d1f0f1d9a11",
		Amount: money.Rupiah(150000), CreatedAt: start, ExpiresAt: start.Add(time.Hour),
	}, identifier: []pair{}}
	got := encodeIndent(o.notification(Success, o.Amount.String(), start.Add(10*time.Minute)), "  ")
	if diff := cmp.Diff(*vectors(t)["V6"].Body, string(got)); diff != "" {
		t.Errorf("notification (-want +got):\n%s", diff)
	}
}
