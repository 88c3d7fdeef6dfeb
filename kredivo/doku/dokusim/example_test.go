package dokusim_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"

	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
)

// A whole simulator without a port: calls go in through its transport, notifications come out through the merchant's handler, and
// time passes when the test says so.
func ExampleNew() {
	merchant := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		fmt.Println("notified at", r.URL.Path)
	})
	clock := dokusim.NewManualClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	sim, err := dokusim.New(dokusim.Config{
		ClientID:        "MCH-0001-TEST",
		SecretKey:       "SK-test",
		NotificationURL: "https://shop.example/pay/notifications",
		Clock:           clock,
		HTTPClient:      &http.Client{Transport: dokusim.InProcess(merchant)},
	})
	if err != nil {
		fmt.Println(err)
		return
	}

	// The client under test gets sim.Transport() and any base URL. This one is written by hand.
	client := &http.Client{Transport: sim.Transport()}
	resp, err := client.Do(generateOrder("REQ-1", clock.Now().Format(time.RFC3339)))
	if err != nil {
		fmt.Println(err)
		return
	}
	_ = resp.Body.Close()
	fmt.Println(resp.Status)

	// The shopper pays; DOKU tells the merchant a second later.
	fmt.Println(sim.Pay("INV-1"))
	clock.Advance(time.Second)
	order, _ := sim.Order("INV-1")
	fmt.Println(order.Amount.Format(), order.Status, "answered", sim.Deliveries()[0].AnswerStatus)

	// Output:
	// 200 OK
	// <nil>
	// notified at /pay/notifications
	// Rp10.000 SUCCESS answered 200
}

// generateOrder is a signed request for one shirt.
func generateOrder(requestID, now string) *http.Request {
	body := []byte(`{
		"order": {"invoice_number": "INV-1", "amount": 10000, "callback_url": "https://shop.example/pay/return", "line_items": [
			{"id": "KAOS-1", "name": "Kaos", "price": 10000, "quantity": 1, "type": "fashion", "url": "https://shop.example/kaos"}]},
		"peer_to_peer_info": {"merchant_unique_reference": "MUR-1"},
		"customer": {"first_name": "Budi", "phone": "6281122334455", "email": "budi@shop.example"},
		"shipping_address": {"first_name": "Budi", "address": "Jl. Sudirman 1", "city": "Jakarta", "postal_code": "10220",
			"phone": "6281122334455", "country_code": "IDN"}
	}`)
	digest := sha256.Sum256(body)
	mac := hmac.New(sha256.New, []byte("SK-test"))
	_, _ = fmt.Fprintf(mac, "Client-Id:MCH-0001-TEST\nRequest-Id:%s\nRequest-Timestamp:%s\nRequest-Target:%s\nDigest:%s",
		requestID, now, "/kredivo-peer-to-peer/v2/generate-order", base64.StdEncoding.EncodeToString(digest[:]))
	req, err := http.NewRequest(http.MethodPost, "https://api-sandbox.doku.com/kredivo-peer-to-peer/v2/generate-order", bytes.NewReader(body))
	if err != nil {
		panic(err)
	}
	req.Header.Set("Client-Id", "MCH-0001-TEST")
	req.Header.Set("Request-Id", requestID)
	req.Header.Set("Request-Timestamp", now)
	req.Header.Set("Signature", "HMACSHA256="+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return req
}
