package doku

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/paylater-go/paylater/money"
	"github.com/paylater-go/paylater/validation"
)

// order returns the smallest request: that of vector V1.
func order() GenerateOrderRequest {
	return GenerateOrderRequest{
		Order: Order{
			InvoiceNumber: "INV-2026-000123",
			Amount:        money.Rupiah(150000),
			LineItems: []LineItem{
				{ID: "SKU-1", Name: "Kaos Polos", Price: money.Rupiah(50000), Quantity: 2, Type: "fashion", URL: "https://shop.example/p/1"},
				{ID: "SHIPPING", Name: "Ongkos Kirim", Price: money.Rupiah(50000), Quantity: 1, Type: "shipping", URL: "https://shop.example/shipping"},
			},
			CallbackURL: "https://shop.example/pay/return",
		},
		PeerToPeerInfo: PeerToPeerInfo{ExpiredTime: 60, MerchantUniqueReference: "MUR-2026-000123"},
		Customer:       Customer{FirstName: "Budi", Phone: "6281122334455", Email: "budi@example.com"},
		ShippingAddress: &Address{FirstName: "Budi", Address: "Jl. Sudirman 1", City: "Jakarta", PostalCode: "10220",
			Phone: "6281122334455", CountryCode: "IDN"},
	}
}

// fullOrder has every field.
func fullOrder() GenerateOrderRequest {
	r := order()
	address := *r.ShippingAddress
	address.LastName = "Hartono"
	r.BillingAddress = &address
	r.Customer.LastName = "Hartono"
	r.Order.CallbackURLCancel = "https://shop.example/pay/cancel"
	r.Order.LineItems[0].ImageURL = "https://shop.example/p/1.jpg"
	r.Order.LineItems[1].ParentType, r.Order.LineItems[1].ParentID = "SELLER", "S-1"
	r.Sellers = []Seller{{ID: "S-1", Name: "Toko Budi", Email: "s1@example.com", URL: "https://shop.example/s/1",
		LegalID: "3174000000000001", Address: &address}}
	r.AdditionalInfo = &AdditionalInfo{OverrideNotificationURL: "https://hooks.shop.example/payments/notifications"}
	return r
}

// The encoding of the smallest request is, byte for byte, the body of vector V1.
func TestEncodeVector(t *testing.T) {
	t.Parallel()
	got, err := order().Encode()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(testBody(t)), string(got)); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
}

// The names and types of every field, as documented.
func TestEncodeFull(t *testing.T) {
	t.Parallel()
	r := fullOrder()
	r.Order.LineItems[0].Name = "Kopi & <Susu> – Café 東京 😀"
	got, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	const address = `{"first_name":"Budi","last_name":"Hartono","address":"Jl. Sudirman 1","city":"Jakarta","postal_code":"10220","phone":"6281122334455","country_code":"IDN"}`
	want := `{"order":{"invoice_number":"INV-2026-000123","amount":150000,"line_items":[` +
		`{"id":"SKU-1","name":"Kopi & <Susu> – Café 東京 😀","price":50000,"quantity":2,"type":"fashion","url":"https://shop.example/p/1","image_url":"https://shop.example/p/1.jpg"},` +
		`{"id":"SHIPPING","name":"Ongkos Kirim","price":50000,"quantity":1,"type":"shipping","url":"https://shop.example/shipping","parent_type":"SELLER","parent_id":"S-1"}],` +
		`"callback_url":"https://shop.example/pay/return","callback_url_cancel":"https://shop.example/pay/cancel"},` +
		`"peer_to_peer_info":{"expired_time":60,"merchant_unique_reference":"MUR-2026-000123"},` +
		`"sellers":[{"id":"S-1","name":"Toko Budi","email":"s1@example.com","url":"https://shop.example/s/1","legal_id":"3174000000000001","address":` + address + `}],` +
		`"customer":{"first_name":"Budi","last_name":"Hartono","phone":"6281122334455","email":"budi@example.com"},` +
		`"billing_address":` + address + `,"shipping_address":` + strings.Replace(address, `"last_name":"Hartono",`, "", 1) + `,` +
		`"additional_info":{"override_notification_url":"https://hooks.shop.example/payments/notifications"}}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("body (-want +got):\n%s", diff)
	}
	if !json.Valid(got) || bytes.HasSuffix(got, []byte("\n")) {
		t.Error("the body is not plain JSON")
	}
	if _, err := readSent(got); err != nil {
		t.Errorf("GenerateOrder would refuse it: %v", err)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*GenerateOrderRequest)
		paths  []string // nil: valid
	}{
		{"full", func(*GenerateOrderRequest) {}, nil},
		{"no expiry", func(r *GenerateOrderRequest) { r.PeerToPeerInfo.ExpiredTime = 0 }, nil},
		{"longest expiry", func(r *GenerateOrderRequest) { r.PeerToPeerInfo.ExpiredTime = 99999 }, nil},
		{"no billing", func(r *GenerateOrderRequest) { r.BillingAddress = nil }, nil},
		{"partial billing", func(r *GenerateOrderRequest) { r.BillingAddress = &Address{City: "Bandung"} }, nil},
		{"callback on loopback", func(r *GenerateOrderRequest) { r.Order.CallbackURL = "http://127.0.0.1:8080/pay/return" }, nil},
		{"long names in runes", func(r *GenerateOrderRequest) { r.Customer.FirstName = strings.Repeat("é", 255) }, nil},
		{"free line", func(r *GenerateOrderRequest) {
			gift := r.Order.LineItems[0]
			gift.Price = money.Rupiah(0)
			r.Order.LineItems = append(r.Order.LineItems, gift)
		}, nil},

		{"sum", func(r *GenerateOrderRequest) { r.Order.Amount = money.Rupiah(150001) }, []string{"order.amount"}},
		{"amount zero", func(r *GenerateOrderRequest) {
			r.Order.Amount = money.Rupiah(0)
			r.Order.LineItems[0].Price, r.Order.LineItems[1].Price = money.Rupiah(0), money.Rupiah(0)
		}, []string{"order.amount"}},
		{"no lines", func(r *GenerateOrderRequest) { r.Order.LineItems = nil }, []string{"order.line_items"}},
		{"invoice", func(r *GenerateOrderRequest) { r.Order.InvoiceNumber = "INV/1" }, []string{"order.invoice_number"}},
		{"quantity", func(r *GenerateOrderRequest) {
			r.Order.LineItems[1].Quantity = 10000
			r.Order.Amount = money.Rupiah(500100000)
		}, []string{"order.line_items[1].quantity"}},
		{"negative price", func(r *GenerateOrderRequest) {
			r.Order.LineItems[1].Price = money.Rupiah(-1)
			r.Order.Amount = money.Rupiah(99999)
		}, []string{"order.line_items[1].price"}},
		{"line fields", func(r *GenerateOrderRequest) {
			l := &r.Order.LineItems[0]
			l.ID, l.Name, l.Type, l.URL = "", strings.Repeat("é", 256), "", "http://shop.example"
		}, []string{"order.line_items[0].id", "order.line_items[0].name", "order.line_items[0].type", "order.line_items[0].url"}},
		{"parent", func(r *GenerateOrderRequest) { r.Order.LineItems[1].ParentID = "" }, []string{"order.line_items[1].parent_id"}},
		{"parent type", func(r *GenerateOrderRequest) { r.Order.LineItems[1].ParentType = "SHOP" }, []string{"order.line_items[1].parent_type"}},
		{"callbacks", func(r *GenerateOrderRequest) {
			r.Order.CallbackURL, r.Order.CallbackURLCancel = "", "javascript:alert(1)"
		}, []string{"order.callback_url", "order.callback_url_cancel"}},
		{"expiry", func(r *GenerateOrderRequest) { r.PeerToPeerInfo.ExpiredTime = 100000 }, []string{"peer_to_peer_info.expired_time"}},
		{"negative expiry", func(r *GenerateOrderRequest) { r.PeerToPeerInfo.ExpiredTime = -1 }, []string{"peer_to_peer_info.expired_time"}},
		{"reference", func(r *GenerateOrderRequest) { r.PeerToPeerInfo.MerchantUniqueReference = "" }, []string{"peer_to_peer_info.merchant_unique_reference"}},
		{"customer", func(r *GenerateOrderRequest) { r.Customer = Customer{Phone: "0811", Email: "x"} },
			[]string{"customer.first_name", "customer.phone", "customer.email"}},
		{"line break in a name", func(r *GenerateOrderRequest) { r.Customer.FirstName = "a\nb" }, []string{"customer.first_name"}},
		{"no shipping", func(r *GenerateOrderRequest) { r.ShippingAddress = nil }, []string{"shipping_address"}},
		{"empty shipping", func(r *GenerateOrderRequest) { r.ShippingAddress = &Address{} }, []string{"shipping_address.first_name", "shipping_address.address",
			"shipping_address.city", "shipping_address.postal_code", "shipping_address.phone", "shipping_address.country_code"}},
		{"country", func(r *GenerateOrderRequest) { r.ShippingAddress.CountryCode = "ID" }, []string{"shipping_address.country_code"}},
		{"seller", func(r *GenerateOrderRequest) { r.Sellers[0].Email = "x"; r.Sellers[0].Address = &Address{Phone: "+62"} },
			[]string{"sellers[0].email", "sellers[0].address.phone"}},
		{"override", func(r *GenerateOrderRequest) {
			r.AdditionalInfo.OverrideNotificationURL = "http://hooks.shop.example/payments/notifications"
		}, []string{"additional_info.override_notification_url"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := fullOrder()
			tt.change(&r)
			err := r.Validate()
			var found validation.Errors
			if err != nil && !errors.As(err, &found) {
				t.Fatalf("Validate = %v, want validation.Errors", err)
			}
			var paths []string
			for _, f := range found {
				paths = append(paths, f.Path)
			}
			slices.Sort(paths)
			slices.Sort(tt.paths)
			if diff := cmp.Diff(tt.paths, paths); diff != "" {
				t.Errorf("paths (-want +got):\n%s%v", diff, err)
			}
			if _, encErr := r.Encode(); (encErr != nil) != (err != nil) || err != nil && !errors.As(encErr, &found) {
				t.Errorf("Encode: %v, Validate: %v", encErr, err)
			}
		})
	}
}
