package kredivo

import (
	"fmt"
	"testing"

	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/money"
)

// An order of five lines with all its addresses, from the host's hook to signed bytes: normalise, check,
// build, validate, encode, sign.
func BenchmarkOrder(b *testing.B) {
	o := Order{
		ID: "1001", Buyer: "ani", Amount: money.Rupiah(1_020_000), Discount: money.Rupiah(50_001),
		Charges:         []Charge{{Kind: Shipping, Amount: money.Rupiah(20_001)}},
		Customer:        Customer{FirstName: "Ani", LastName: "Contoh", Phone: "0812-3456-7890", Email: "ani@shop.example"},
		ShippingAddress: &Address{Address: "Jl. Contoh 1", City: "Jakarta", PostalCode: "10110", CountryCode: "ID"},
		BillingAddress:  &Address{Address: "Jl. Contoh 2", City: "Jakarta", PostalCode: "10110", CountryCode: "IDN"},
	}
	for i := range 5 {
		o.Items = append(o.Items, Item{
			SKU: fmt.Sprint("SKU-", i), Name: "Kaos polos", Category: "Fashion", URL: "https://shop.example/p/1",
			Price: money.Rupiah(70_000), Quantity: 3,
		})
	}
	a := Attempt{InvoiceNumber: "1001-1-abcdef", MerchantUniqueReference: "1001-1-abcdef"}
	urls := callbacks{back: "https://shop.example/pay/return/x", cancel: "https://shop.example/pay/cancel/x", shop: "https://shop.example/"}
	b.ReportAllocs()
	for b.Loop() {
		o := o.normalise()
		if err := o.check(); err != nil {
			b.Fatal(err)
		}
		req, err := o.request(a, urls, 1440)
		if err != nil {
			b.Fatal(err)
		}
		body, err := req.Encode()
		if err != nil {
			b.Fatal(err)
		}
		_ = doku.Sign("secret", doku.Components{ClientID: "MCH-1", RequestID: "r", Timestamp: "2026-01-02T03:04:05Z", Target: "/kredivo-peer-to-peer/v2/generate-order", Body: body})
	}
}
