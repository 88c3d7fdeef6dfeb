package doku_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/money"
)

const (
	clientID = "MCH-0001-10791114622547"
	secret   = doku.Secret("SK-testSecretKey0123456789")
)

func ExampleSign() {
	fmt.Println(doku.Sign(secret, doku.Components{
		ClientID:  clientID,
		RequestID: "e71fe02a-bfef-4af9-a6f6-2cf1f03b00e7",
		Timestamp: "2026-01-02T03:20:00Z",
		Target:    "/orders/v1/status/INV-2026-000123",
	}))
	// Output: HMACSHA256=KdPlmLydz/sJ4/uAHWJ/fVyQcy5BG3x/KoWWKxNH65c=
}

func ExampleVerifier_Verify() {
	v, err := doku.NewVerifier(clientID, []doku.Secret{secret}, "/pay/notifications")
	if err != nil {
		fmt.Println(err)
		return
	}
	body := []byte("{\n  \"order\": {}\n}")
	header := doku.SignNotification(secret, clientID, "request-1", time.Now(), "/pay/notifications", body)
	fmt.Println(v.Verify(header, body))
	fmt.Println(v.Verify(header, append(body, '\n')))
	// Output:
	// <nil>
	// doku: signature does not match
}

func ExampleParseNotification() {
	n, err := doku.ParseNotification([]byte(`{
	  "order": { "invoice_number": "INV-2026-000123", "amount": 150000.00 },
	  "transaction": { "status": "SUCCESS", "date": "2026-01-02T03:14:05Z" }
	}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(n.InvoiceNumber, n.Status, n.Amount.Format())
	// Output: INV-2026-000123 SUCCESS Rp150.000
}

func ExampleClient_GenerateOrder() {
	server := httptest.NewServer(http.HandlerFunc(answer)) // instead of DOKU
	defer server.Close()
	client, err := doku.New(doku.Config{ClientID: clientID, SecretKey: secret, BaseURL: server.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.CloseIdleConnections()

	body, err := doku.GenerateOrderRequest{
		Order: doku.Order{
			InvoiceNumber: "INV-1",
			Amount:        money.Rupiah(99000),
			LineItems: []doku.LineItem{{
				ID: "KAOS-1", Name: "Kaos Polos", Price: money.Rupiah(99000), Quantity: 1, Type: "fashion", URL: "https://shop.example/kaos",
			}},
			CallbackURL: "https://shop.example/pay/return",
		},
		PeerToPeerInfo: doku.PeerToPeerInfo{MerchantUniqueReference: "MUR-1"},
		Customer:       doku.Customer{FirstName: "Budi", Phone: "6281122334455", Email: "budi@example.com"},
		ShippingAddress: &doku.Address{
			FirstName: "Budi", Address: "Jl. Sudirman 1", City: "Jakarta", PostalCode: "10220", Phone: "6281122334455", CountryCode: "IDN",
		},
	}.Encode()
	if err != nil {
		fmt.Println(err) // every field that is wrong
		return
	}
	// Store the Request-Id and body here: after a crash the same two are sent again.
	resp, err := client.GenerateOrder(context.Background(), "0f4b6d0e-5d0b-4b7e-8b1e-3f1f6f0a7c11", body)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(resp.Status, resp.PaymentURL)
	// Output: PENDING https://kredivo.example/pay?token=a%2Bb
}

// answer is a DOKU that accepts INV-1.
func answer(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	body := `{"order":{"invoice_number":"INV-1","amount":99000},"payment":{"status":"PENDING","url":"https://kredivo.example/pay?token=a%2Bb"}}`
	c := doku.Components{
		ClientID: r.Header.Get("Client-Id"), RequestID: r.Header.Get("Request-Id"), Timestamp: "2026-01-02T03:04:06Z",
		Target: r.URL.Path, Body: []byte(body), Response: true,
	}
	w.Header().Set("Client-Id", c.ClientID)
	w.Header().Set("Request-Id", c.RequestID)
	w.Header().Set("Response-Timestamp", c.Timestamp)
	w.Header().Set("Signature", doku.Sign(secret, c))
	_, _ = io.WriteString(w, body)
}
