package kredivo

import (
	"strings"

	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/money"
	"github.com/paylater-go/paylater/validation"
)

// An Order is what is being bought, as the shop itself knows it: it comes from Config's host through
// the Order hook, never from the browser. New attempts are built from it; it is not kept.
//
// Items minus discounts plus charges must come to Amount, or the order is refused with the difference.
// Amounts are whole rupiah.
type Order struct {
	ID     string       `json:"id" validate:"required,max=64,no_control"`     // the shop's order number
	Buyer  string       `json:"buyer" validate:"required,max=255,no_control"` // the key that the Buyer hook returns for its owner
	Amount money.Amount `json:"amount" validate:"rupiah"`                     // all that the shopper pays

	Items    []Item       `json:"line_items" validate:"required,min=1,max=500,dive"`
	Discount money.Amount `json:"discount" validate:"rupiah0"` // off the whole order, positive; spread over the items
	Charges  []Charge     `json:"charges" validate:"max=50,dive"`

	Customer Customer `json:"customer"`
	// ShippingAddress may be nil for what is not shipped (tickets, vouchers); BillingAddress is sent in
	// its place then, since DOKU wants one of every order.
	ShippingAddress *Address `json:"shipping_address" validate:"required_without=BillingAddress"`
	BillingAddress  *Address `json:"billing_address" validate:"omitempty"`
	// Sellers are required by Kredivo of marketplaces; a shop that sells its own goods leaves them out.
	Sellers []Seller `json:"sellers" validate:"max=100,dive"`
}

// DOKU's own forms of people and places, so that a host needs no second import.
type (
	// Customer is who pays. Phone may be typed in any Indonesian way; it is sent as 628...
	Customer = doku.Customer
	// Address is a postal address. FirstName and Phone default to the customer's. CountryCode may be alpha-2
	// or alpha-3 and defaults to IDN. Address, City and PostalCode are needed where it is shipped to.
	Address = doku.Address
	// Seller is one shop of a marketplace.
	Seller = doku.Seller
)

// An Item is one product line.
type Item struct {
	SKU      string       `json:"id" validate:"required,max=255,no_control"`
	Name     string       `json:"name" validate:"required,max=255,no_control"`
	Category string       `json:"type" validate:"required,max=255,no_control"` // the shop's category; Kredivo looks at it
	URL      string       `json:"url" validate:"required,https_url=loopback"`  // the product's page
	ImageURL string       `json:"image_url" validate:"omitempty,https_url=loopback"`
	Price    money.Amount `json:"price" validate:"rupiah0"` // of one piece
	Quantity int          `json:"quantity" validate:"quantity"`
	Discount money.Amount `json:"discount" validate:"rupiah0"` // off the whole line, positive
	SellerID string       `json:"parent_id" validate:"max=255,no_control"`
}

// A Charge is a line that is not a product: shipping, tax, fees.
type Charge struct {
	Kind     ChargeKind   `json:"id" validate:"required,oneof=shippingfee insurancefee taxfee adminfee additionalfee"`
	Name     string       `json:"name" validate:"max=255,no_control"` // defaults to an Indonesian name of the kind
	Amount   money.Amount `json:"price" validate:"rupiah0"`
	SellerID string       `json:"parent_id" validate:"max=255,no_control"` // empty: of the whole order
}

// A ChargeKind is one of Kredivo's reserved line ids.
type ChargeKind string

// The kinds of charge.
const (
	Shipping  ChargeKind = "shippingfee"
	Insurance ChargeKind = "insurancefee"
	Tax       ChargeKind = "taxfee" // as the shop computed it; nothing here computes PPN
	AdminFee  ChargeKind = "adminfee"
	OtherFee  ChargeKind = "additionalfee"
)

var chargeName = map[ChargeKind]string{
	Shipping:  "Ongkos kirim",
	Insurance: "Asuransi",
	Tax:       "Pajak",
	AdminFee:  "Biaya admin",
	OtherFee:  "Biaya tambahan",
}

// normalise returns a copy with every string cloned (a hook of a fiber host may return strings that
// point into a reused buffer) and with phones, countries and addresses in DOKU's form where that is
// safe. What cannot be brought into form is left for validation to name.
func (o Order) normalise() Order {
	o.ID, o.Buyer = strings.Clone(o.ID), strings.Clone(o.Buyer)
	o.Items = append([]Item(nil), o.Items...)
	for i, it := range o.Items {
		o.Items[i].SKU = strings.Clone(it.SKU)
		o.Items[i].Name = validation.Text(it.Name, 255)
		o.Items[i].Category = validation.Text(it.Category, 255)
		o.Items[i].URL = strings.Clone(it.URL)
		o.Items[i].ImageURL = strings.Clone(it.ImageURL)
		o.Items[i].SellerID = strings.Clone(it.SellerID)
	}
	o.Charges = append([]Charge(nil), o.Charges...)
	for i, c := range o.Charges {
		o.Charges[i].Kind = ChargeKind(strings.Clone(string(c.Kind)))
		o.Charges[i].Name = validation.Text(c.Name, 255)
		if c.Name == "" {
			o.Charges[i].Name = chargeName[c.Kind]
		}
		o.Charges[i].SellerID = strings.Clone(c.SellerID)
	}
	o.Customer = Customer{
		FirstName: validation.Text(o.Customer.FirstName, 255),
		LastName:  validation.Text(o.Customer.LastName, 255),
		Phone:     phone(o.Customer.Phone),
		Email:     strings.TrimSpace(strings.Clone(o.Customer.Email)),
	}
	o.ShippingAddress = address(o.ShippingAddress, o.Customer)
	o.BillingAddress = address(o.BillingAddress, o.Customer)
	o.Sellers = append([]Seller(nil), o.Sellers...)
	for i, s := range o.Sellers {
		o.Sellers[i] = Seller{
			ID: strings.Clone(s.ID), Name: validation.Text(s.Name, 255), Email: strings.Clone(s.Email),
			URL: strings.Clone(s.URL), LegalID: strings.Clone(s.LegalID), Address: address(s.Address, Customer{}),
		}
	}
	return o
}

// address brings a into DOKU's form. A name or phone left out is that of the customer, who lives there.
func address(a *Address, c Customer) *Address {
	if a == nil {
		return nil
	}
	postal, _ := validation.PostalCode(a.PostalCode)
	out := &Address{
		FirstName:   validation.Text(a.FirstName, 255),
		LastName:    validation.Text(a.LastName, 255),
		Address:     validation.Text(a.Address, 1000),
		City:        validation.Text(a.City, 255),
		PostalCode:  strings.Clone(postal),
		Phone:       phone(a.Phone),
		CountryCode: strings.Clone(a.CountryCode),
	}
	if out.FirstName == "" {
		out.FirstName, out.LastName = c.FirstName, c.LastName
	}
	if out.Phone == "" {
		out.Phone = c.Phone
	}
	if out.CountryCode == "" {
		out.CountryCode = "IDN"
	}
	if code, err := validation.Country(out.CountryCode); err == nil {
		out.CountryCode = code
	}
	return out
}

func phone(typed string) string {
	if digits, err := validation.Phone(typed); err == nil {
		return digits
	}
	return strings.Clone(typed)
}

// shipTo is the address that is sent as the shipping address.
func (o Order) shipTo() *Address {
	if o.ShippingAddress != nil {
		return o.ShippingAddress
	}
	return o.BillingAddress
}

// total is what the parts of the order come to.
func (o Order) total() money.Amount {
	t := o.goods()
	for _, c := range o.Charges {
		t = t.Add(c.Amount)
	}
	return t
}

// goods is what the items come to after every discount.
func (o Order) goods() money.Amount {
	var t money.Amount
	for _, it := range o.Items {
		t = t.Add(it.Price.Mul(int64(it.Quantity))).Sub(it.Discount)
	}
	return t.Sub(o.Discount)
}

// lines are the order's lines as DOKU wants them: discounts folded into whole unit prices, charges as
// lines of their own, and a sum that is exactly the amount. An error names what cannot be spread.
func (o Order) lines(shopURL string) ([]doku.LineItem, error) {
	parts, err := money.Allocate(o.goods(), o.moneyLines())
	if err != nil {
		return nil, newError(CodeInvalidOrder, err, "the discounts cannot be spread over the items")
	}
	lines := make([]doku.LineItem, 0, len(parts)+len(o.Charges))
	for _, part := range parts {
		it := o.Items[part.Line]
		line := doku.LineItem{
			ID: it.SKU, Name: it.Name, Type: it.Category, URL: it.URL, ImageURL: it.ImageURL,
			Price: part.Price, Quantity: part.Quantity,
		}
		line.ParentType, line.ParentID = parent(it.SellerID)
		lines = append(lines, line)
	}
	for _, c := range o.Charges {
		if c.Amount.IsZero() {
			continue
		}
		line := doku.LineItem{
			ID: string(c.Kind), Name: c.Name, Type: "fee", URL: shopURL, Price: c.Amount, Quantity: 1,
		}
		line.ParentType, line.ParentID = parent(c.SellerID)
		lines = append(lines, line)
	}
	return lines, nil
}

func (o Order) moneyLines() []money.Line {
	lines := make([]money.Line, len(o.Items))
	for i, it := range o.Items {
		lines[i] = money.Line{Price: it.Price, Quantity: it.Quantity, Discount: it.Discount}
	}
	return lines
}

func parent(sellerID string) (parentType, parentID string) {
	if sellerID == "" {
		return "", ""
	}
	return "SELLER", sellerID
}

// request builds the generate-order body for one attempt of a checked order.
func (o Order) request(a Attempt, c callbacks, minutes int) (doku.GenerateOrderRequest, error) {
	lines, err := o.lines(c.shop)
	if err != nil {
		return doku.GenerateOrderRequest{}, err
	}
	req := doku.GenerateOrderRequest{
		Order: doku.Order{
			InvoiceNumber:     a.InvoiceNumber,
			Amount:            o.Amount,
			LineItems:         lines,
			CallbackURL:       c.back,
			CallbackURLCancel: c.cancel,
		},
		PeerToPeerInfo: doku.PeerToPeerInfo{
			ExpiredTime:             minutes,
			MerchantUniqueReference: a.MerchantUniqueReference,
		},
		Sellers:         o.Sellers,
		Customer:        o.Customer,
		BillingAddress:  o.BillingAddress,
		ShippingAddress: o.shipTo(),
	}
	if c.notify != "" {
		req.AdditionalInfo = &doku.AdditionalInfo{OverrideNotificationURL: c.notify}
	}
	return req, nil
}

// callbacks are the URLs that one attempt carries.
type callbacks struct {
	back, cancel string // with the attempt's token
	notify       string // the override; empty for none
	shop         string // the page that stands for lines that are not products
}
