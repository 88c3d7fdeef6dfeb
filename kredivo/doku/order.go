package doku

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/paylater-go/paylater/money"
	"github.com/paylater-go/paylater/validation"
)

// A GenerateOrderRequest asks DOKU for a Kredivo payment page. Validate says what is allowed; optional
// fields that are empty are left out. Field limits count characters.
//
// Source: DOKU, "Paylater, Kredivo", generate order, request body.
type GenerateOrderRequest struct {
	Order           Order           `json:"order"`
	PeerToPeerInfo  PeerToPeerInfo  `json:"peer_to_peer_info"`
	Sellers         []Seller        `json:"sellers,omitempty" validate:"omitempty,dive"` // for marketplaces
	Customer        Customer        `json:"customer"`
	BillingAddress  *Address        `json:"billing_address,omitempty"`
	ShippingAddress *Address        `json:"shipping_address" validate:"required"`
	AdditionalInfo  *AdditionalInfo `json:"additional_info,omitempty"`
}

// An Order is what is bought. The sum of price times quantity over the lines must be the amount:
// shipping, tax and fees are lines of their own, discounts are part of the prices.
type Order struct {
	// InvoiceNumber is new for every request, at most 64 characters, only A-Z a-z 0-9 . _ -: it
	// becomes part of the path and the signature of check status.
	InvoiceNumber     string       `json:"invoice_number" validate:"required,invoice_number"`
	Amount            money.Amount `json:"amount" validate:"rupiah,sum_of=LineItems"`
	LineItems         []LineItem   `json:"line_items" validate:"required,min=1,dive"`
	CallbackURL       string       `json:"callback_url" validate:"required,https_url=loopback"`                   // browser return after paying
	CallbackURLCancel string       `json:"callback_url_cancel,omitempty" validate:"omitempty,https_url=loopback"` // browser return after cancelling
}

// A LineItem is one line of an order.
type LineItem struct {
	ID       string       `json:"id" validate:"required,max=255,no_control"` // stock keeping unit
	Name     string       `json:"name" validate:"required,max=255,no_control"`
	Price    money.Amount `json:"price" validate:"rupiah0"`     // of one piece
	Quantity int          `json:"quantity" validate:"quantity"` // pieces
	Type     string       `json:"type" validate:"required,max=255,no_control"`
	URL      string       `json:"url" validate:"required,https_url=loopback"` // product page
	ImageURL string       `json:"image_url,omitempty" validate:"omitempty,https_url=loopback"`
	// ParentType, SELLER or ITEM, and ParentID say whom a fee belongs to; empty: the whole order.
	ParentType string `json:"parent_type,omitempty" validate:"omitempty,oneof=SELLER ITEM"`
	ParentID   string `json:"parent_id,omitempty" validate:"required_with=ParentType,max=255"`
}

// PeerToPeerInfo is the part for the lender.
type PeerToPeerInfo struct {
	// ExpiredTime is how long the order can be paid, in minutes, 1 to 99999. Zero leaves it out, and
	// DOKU takes 1440.
	ExpiredTime int `json:"expired_time,omitempty" validate:"omitempty,min=1,max=99999"`
	// MerchantUniqueReference is new for every request; Kredivo knows the order by it.
	MerchantUniqueReference string `json:"merchant_unique_reference" validate:"required,max=64,no_control"`
}

// A Customer is the shopper.
type Customer struct {
	FirstName string `json:"first_name" validate:"required,max=255,no_control"`
	LastName  string `json:"last_name,omitempty" validate:"omitempty,max=255,no_control"` // empty for people with one name
	Phone     string `json:"phone" validate:"required,phone_id"`                          // digits, 6281122334455
	Email     string `json:"email" validate:"required,email,max=400"`
}

// An Address is where to ship to, to bill, or where a seller is. For shipping all but LastName are
// mandatory, otherwise all are optional. DOKU's page types some of these as numbers; they are
// text (postal codes and phones have leading zeros).
type Address struct {
	FirstName   string `json:"first_name,omitempty" validate:"omitempty,max=255,no_control"`
	LastName    string `json:"last_name,omitempty" validate:"omitempty,max=255,no_control"`
	Address     string `json:"address,omitempty" validate:"omitempty,no_control"`
	City        string `json:"city,omitempty" validate:"omitempty,no_control"`
	PostalCode  string `json:"postal_code,omitempty" validate:"omitempty,no_control"`
	Phone       string `json:"phone,omitempty" validate:"omitempty,phone_id"`
	CountryCode string `json:"country_code,omitempty" validate:"omitempty,country3"` // alpha-3: IDN
}

// A Seller is one seller of a marketplace order. DOKU documents the fields but not whether sellers is
// an array; Kredivo's own API has an array.
type Seller struct {
	ID      string   `json:"id,omitempty" validate:"omitempty,max=255,no_control"`
	Name    string   `json:"name,omitempty" validate:"omitempty,max=255,no_control"`
	Email   string   `json:"email,omitempty" validate:"omitempty,email,max=400"`
	URL     string   `json:"url,omitempty" validate:"omitempty,https_url=loopback"`
	LegalID string   `json:"legal_id,omitempty" validate:"omitempty,max=255,no_control"` // KTP, SIM or passport number
	Address *Address `json:"address,omitempty"`
}

// AdditionalInfo holds optional extras.
type AdditionalInfo struct {
	// OverrideNotificationURL replaces the notification URL of the Back Office for this order. It may
	// differ in host but must have the same path, which is what DOKU signs.
	OverrideNotificationURL string `json:"override_notification_url,omitempty" validate:"omitempty,https_url"`
}

// Validate returns all problems at once as [validation.Errors], or nil.
func (r GenerateOrderRequest) Validate() error {
	var found validation.Errors
	if err := validation.Struct("", r); err != nil && !errors.As(err, &found) {
		return err
	}
	if found = append(found, r.ShippingAddress.missing()...); len(found) == 0 {
		return nil
	}
	return found
}

// missing lists what a shipping address lacks. A nil address is reported as such by its tag.
func (a *Address) missing() validation.Errors {
	if a == nil {
		return nil
	}
	var found validation.Errors
	for _, f := range []struct{ name, value string }{
		{"first_name", a.FirstName},
		{"address", a.Address},
		{"city", a.City},
		{"postal_code", a.PostalCode},
		{"phone", a.Phone},
		{"country_code", a.CountryCode},
	} {
		if f.value == "" {
			found = append(found, validation.NewFieldError("shipping_address."+f.name, "required"))
		}
	}
	return found
}

// Encode validates r and returns the body to pass to [Client.GenerateOrder]: JSON without HTML escapes
// and without a line feed at the end. Store these bytes: a repeat has to send the same ones.
func (r GenerateOrderRequest) Encode() ([]byte, error) {
	if err := r.Validate(); err != nil {
		return nil, fmt.Errorf("doku: generate order request: %w", err)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(r); err != nil {
		return nil, fmt.Errorf("doku: generate order request: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}
