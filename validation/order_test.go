package validation_test

import (
	"strings"

	"github.com/paylater-go/paylater/money"
)

// Types in the shape of DOKU's generate-order request.
type request struct {
	Order           order    `json:"order"`
	Info            info     `json:"peer_to_peer_info"`
	Sellers         []seller `json:"sellers,omitempty" validate:"omitempty,dive"`
	Customer        customer `json:"customer"`
	BillingAddress  *address `json:"billing_address,omitempty"`
	ShippingAddress *address `json:"shipping_address" validate:"required"`
}

type order struct {
	InvoiceNumber     string       `json:"invoice_number" validate:"required,invoice_number"`
	Amount            money.Amount `json:"amount" validate:"rupiah,sum_of=LineItems"`
	LineItems         []line       `json:"line_items" validate:"required,min=1,max=3,dive"`
	CallbackURL       string       `json:"callback_url" validate:"required,https_url=loopback"`
	CallbackURLCancel string       `json:"callback_url_cancel,omitempty" validate:"omitempty,https_url"`
}

type line struct {
	ID         string       `json:"id" validate:"required,max=255,no_control"`
	Name       string       `json:"name" validate:"required,max=255,no_control"`
	Price      money.Amount `json:"price" validate:"rupiah0"`
	Quantity   int          `json:"quantity" validate:"quantity"`
	URL        string       `json:"url" validate:"required,https_url"`
	ParentType string       `json:"parent_type,omitempty" validate:"required_with=ParentID,omitempty,oneof=SELLER ITEM"`
	ParentID   string       `json:"parent_id,omitempty" validate:"required_with=ParentType,max=255"`
}

type info struct {
	ExpiredTime int    `json:"expired_time,omitempty" validate:"omitempty,min=1,max=99999"`
	Reference   string `json:"merchant_unique_reference" validate:"required,max=64"`
}

type seller struct {
	Email   string   `json:"email,omitempty" validate:"omitempty,email,max=400"`
	Address *address `json:"address,omitempty"`
}

type customer struct {
	FirstName string `json:"first_name" validate:"required,max=255,no_control"`
	LastName  string `json:"last_name,omitempty" validate:"omitempty,max=255,no_control"`
	Phone     string `json:"phone" validate:"required,phone_id"`
	Email     string `json:"email" validate:"required,email,max=400"`
}

type address struct {
	FirstName   string `json:"first_name" validate:"required,max=255,no_control"`
	Phone       string `json:"phone" validate:"required,phone_id"`
	CountryCode string `json:"country_code" validate:"required,country3"`
}

// valid returns a request without a fault.
func valid() request {
	home := &address{FirstName: "Sukarno", Phone: "6281122334455", CountryCode: "IDN"}
	return request{
		Order: order{
			InvoiceNumber: "INV-2026.000_123",
			Amount:        money.Rupiah(150000),
			LineItems: []line{
				{ID: "SKU-1", Name: "Kaos Polos é 😀", Price: money.Rupiah(50000), Quantity: 2, URL: "https://shop.example/p/1"},
				{ID: "shippingfee", Name: "Ongkos Kirim", Price: money.Rupiah(50000), Quantity: 1, URL: "https://shop.example/",
					ParentType: "SELLER", ParentID: "S-1"},
			},
			CallbackURL: "http://127.0.0.1:8080/pay/return",
		},
		Info:            info{Reference: "MUR-1"},
		Sellers:         []seller{{Email: "toko@example.com"}},
		Customer:        customer{FirstName: "Sukarno", Phone: "6281122334455", Email: "sukarno@example.com"},
		ShippingAddress: home,
	}
}

func repeat(n int) string { return strings.Repeat("é", n) }
