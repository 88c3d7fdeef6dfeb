package main

import (
	"net/http"
	"net/url"

	"github.com/paylater-go/paylater/examples/internal/tinyshop"
	"github.com/paylater-go/paylater/validation"
)

// A checkout is the delivery form.
type checkout struct {
	bill
	Fields []field
	Wrong  bool
}

// A field is one input of the form.
type field struct {
	Name, Type, Autocomplete, Hint string
	Value                          string
	Problem                        string // why it was not taken; empty when it was
	path                           string // in tinyshop.Form
	example                        string
}

func fields() []field {
	return []field{
		{Name: "name", Type: "text", Autocomplete: "name", path: "customer.first_name", example: "Siti Rahmawati"},
		{Name: "phone", Type: "tel", Autocomplete: "tel", Hint: "phone_hint", path: "customer.phone", example: "0812-3456-7890"},
		{Name: "email", Type: "email", Autocomplete: "email", path: "customer.email", example: "siti@example.com"},
		{Name: "address", Type: "text", Autocomplete: "street-address", Hint: "addr_hint", path: "shipping_address.address", example: "Jl. Melati No. 1, RT 02/RW 05, Cihapit"},
		{Name: "city", Type: "text", Autocomplete: "address-level2", path: "shipping_address.city", example: "Kota Bandung"},
		{Name: "postal_code", Type: "text", Autocomplete: "postal-code", path: "shipping_address.postal_code", example: "40114"},
	}
}

func (pg *pages) showCheckout(v *visit) error {
	form := fields()
	for i := range form {
		if v.r.URL.Query().Has("example") {
			form[i].Value = form[i].example
		}
	}
	return pg.renderCheckout(v, http.StatusOK, form)
}

func (pg *pages) renderCheckout(v *visit, status int, form []field) error {
	b, err := v.bill()
	if err != nil {
		return err
	}
	if len(b.Lines) == 0 {
		return v.see("/cart")
	}
	return v.render(status, "checkout", "delivery", checkout{b, form, status != http.StatusOK})
}

// placeOrder writes the order down, or shows the form again with what is wrong.
func (pg *pages) placeOrder(v *visit) error {
	ctx, value := v.r.Context(), v.r.PostFormValue
	cart, err := pg.shop.Cart(ctx, v.buyer)
	if err != nil {
		return err
	}
	if len(cart) == 0 {
		return v.see("/cart")
	}
	first, last := validation.Name(value("name"))
	r, err := pg.shop.Place(ctx, v.buyer, v.Lang, tinyshop.Form{
		Items:    tinyshop.Items(cart),
		Customer: tinyshop.Customer{FirstName: first, LastName: last, Phone: value("phone"), Email: value("email")},
		Shipping: &tinyshop.Shipping{Address: value("address"), City: value("city"), PostalCode: value("postal_code")},
	})
	if wrong := tinyshop.FieldErrors(err); len(wrong) > 0 {
		form := fields()
		for i := range form {
			form[i].Value = value(form[i].Name)
			form[i].Problem = pg.problem(v, form[i].path, wrong)
		}
		return pg.renderCheckout(v, http.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return err
	}
	if err := pg.shop.EmptyCart(ctx, v.buyer); err != nil {
		return err
	}
	return v.see("/order/" + url.PathEscape(r.ID))
}

// problem says in the shopper's words what is wrong with the field at path.
func (pg *pages) problem(v *visit, at string, wrong []tinyshop.FieldError) string {
	for _, e := range wrong {
		if e.Path != at {
			continue
		}
		switch e.Code {
		case "required", "too_long":
			return v.T(e.Code)
		case "phone", "email":
			return v.T("bad_" + e.Code)
		default:
			return v.T("bad_field")
		}
	}
	return ""
}
