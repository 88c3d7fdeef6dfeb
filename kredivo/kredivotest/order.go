package kredivotest

import (
	"bytes"
	"io"
	"net/http"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/money"
)

// Order is a good order of that buyer's: two shirts and their shipping for Rp150.000, all of it invented.
func Order(id, buyer string) kredivo.Order {
	return kredivo.Order{
		ID: id, Buyer: buyer, Amount: money.Rupiah(150_000),
		Items: []kredivo.Item{{
			SKU: "KAOS-1", Name: "Kaos polos", Category: "Fashion", URL: "https://shop.example/p/kaos-1",
			Price: money.Rupiah(65_000), Quantity: 2,
		}},
		Charges:  []kredivo.Charge{{Kind: kredivo.Shipping, Amount: money.Rupiah(20_000)}},
		Customer: kredivo.Customer{FirstName: "Ani", LastName: "Contoh", Phone: "081234567890", Email: "ani@shop.example"},
		ShippingAddress: &kredivo.Address{
			Address: "Jalan Contoh 1", City: "Jakarta", PostalCode: "10110",
		},
	}
}

// shortcut takes notifications for PublicURL to the plugin without a server, and others to the network.
type shortcut struct {
	shop    *Shop
	network http.RoundTripper
}

func (t *shortcut) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme+"://"+r.URL.Host != "https://shop.example" {
		return t.network.RoundTrip(r)
	}
	defer func() { _ = r.Body.Close() }()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	answer := t.shop.Plugin.Routes(kredivo.NotificationRoutes)[0].Serve(r.Context(), &kredivo.Request{
		Method: r.Method, Host: r.URL.Host, Path: r.URL.EscapedPath(), Header: r.Header.Clone(), Body: body,
	})
	return &http.Response{
		StatusCode: answer.Status,
		Proto:      "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header:        answer.Header,
		Body:          io.NopCloser(bytes.NewReader(answer.Body)),
		ContentLength: int64(len(answer.Body)),
		Request:       r,
	}, nil
}
