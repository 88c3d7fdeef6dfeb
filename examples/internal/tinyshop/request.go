package tinyshop

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/money"
	"github.com/paylater-go/paylater/validation"
)

const (
	maxBody  = 32 << 10 // of POST /orders; a full order is about 2 KB
	maxLines = 50
)

// A FieldError is one thing that is wrong with an order. It never holds the value.
type FieldError struct {
	Path    string `json:"path"` // such as items[0].quantity
	Code    string `json:"code"`
	Message string `json:"message"`
}

// A refusal is why an order was not taken.
type refusal struct {
	status int
	detail string
	fields []FieldError
}

func (r *refusal) Error() string { return "tinyshop: " + r.detail }

// A Form is an order as a shopper fills it in: the body of POST /orders, and the shop's own form.
type Form struct {
	Items    []FormItem `json:"items"`
	Customer Customer   `json:"customer"`
	Shipping *Shipping  `json:"shipping_address"`
}

// A FormItem is one line of a Form. A price in it would be ignored: prices come from the catalogue.
type FormItem struct {
	SKU      string `json:"sku"`
	Quantity any    `json:"quantity"` // a number; anything else is an error of its own, not of the whole body
}

// A Customer is who orders.
type Customer struct {
	FirstName string `json:"first_name" validate:"required,max=255"`
	LastName  string `json:"last_name" validate:"max=255"`
	Phone     string `json:"phone" validate:"required,phone_id"`
	Email     string `json:"email" validate:"required,email,max=400"`
}

// A Shipping is where to. Name and phone default to the customer's.
type Shipping struct {
	FirstName   string `json:"first_name" validate:"max=255"`
	LastName    string `json:"last_name" validate:"max=255"`
	Address     string `json:"address" validate:"required,max=1000"`
	City        string `json:"city" validate:"required,max=255"`
	PostalCode  string `json:"postal_code" validate:"required,max=16"`
	Phone       string `json:"phone" validate:"omitempty,phone_id"`
	CountryCode string `json:"country_code" validate:"omitempty,country3"`
}

// line is a FormItem that makes sense, person the rest of such a Form.
type line struct {
	product  Product
	quantity int
}

type person struct {
	customer kredivo.Customer
	address  kredivo.Address
}

// readForm decodes the body of POST /orders.
func readForm(body io.Reader) (Form, error) {
	raw, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	if err != nil {
		return Form{}, &refusal{status: 400, detail: "the body could not be read"}
	}
	if len(raw) > maxBody {
		return Form{}, &refusal{status: 413, detail: fmt.Sprintf("the body is over %d bytes", maxBody)}
	}
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	var f *Form
	err = d.Decode(&f)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return Form{}, &refusal{status: 422, detail: "a field has the wrong type", fields: []FieldError{{
			Path: wrong.Field, Code: "type", Message: "must not be a JSON " + wrong.Value,
		}}}
	}
	if err != nil || f == nil || d.More() {
		return Form{}, &refusal{status: 400, detail: `the body must be one JSON object such as {"items":[{"sku":"KAOS-1","quantity":1}],"customer":{...},"shipping_address":{...}}`}
	}
	return *f, nil
}

// check turns a form into what can be ordered, or says everything that is wrong with it, in lang.
func (f Form) check(lang string) ([]line, person, error) {
	var problems []FieldError
	basket, wrong := f.basket(lang)
	problems = append(problems, wrong...)

	f = f.normalised()
	problems = append(problems, fieldErrors("customer", f.Customer, lang)...)
	if f.Shipping == nil {
		problems = append(problems, fieldError(validation.NewFieldError("shipping_address", "required"), lang))
	} else {
		problems = append(problems, fieldErrors("shipping_address", *f.Shipping, lang)...)
	}
	if len(problems) > 0 {
		return nil, person{}, &refusal{status: 422, detail: "the order cannot be taken as it is", fields: problems}
	}
	return basket, person{
		customer: kredivo.Customer(f.Customer),
		address:  kredivo.Address(*f.Shipping),
	}, nil
}

// basket reads the items.
func (f Form) basket(lang string) ([]line, []FieldError) {
	var problems []FieldError
	add := func(path, code string, params ...any) {
		problems = append(problems, fieldError(validation.NewFieldError(path, code, params...), lang))
	}
	switch {
	case len(f.Items) == 0:
		add("items", "required")
	case len(f.Items) > maxLines:
		add("items", "too_many_lines", maxLines)
		return nil, problems
	}
	basket := make([]line, 0, len(f.Items))
	for i, it := range f.Items {
		path := fmt.Sprintf("items[%d]", i)
		product, ok := Find(it.SKU)
		if !ok {
			problems = append(problems, FieldError{path + ".sku", "unknown_sku",
				Text{"produk ini tidak dijual di sini", "this product is not sold here"}.In(lang)})
		}
		number, _ := it.Quantity.(json.Number)
		n, err := number.Int64()
		if err != nil || n < 1 || n > money.MaxQuantity {
			add(path+".quantity", "quantity")
		}
		basket = append(basket, line{product, int(n)})
	}
	return basket, problems
}

// normalised returns the form as it will be kept: phones as 628..., countries as IDN, text without line
// breaks. What cannot be read stays as it is, for the rules to name.
func (f Form) normalised() Form {
	c := &f.Customer
	c.FirstName, c.LastName, c.Email = text(c.FirstName), text(c.LastName), text(c.Email)
	c.Phone = phone(c.Phone)
	if f.Shipping == nil {
		return f
	}
	a := *f.Shipping
	f.Shipping = &a
	a.FirstName, a.LastName, a.Phone = text(a.FirstName), text(a.LastName), phone(a.Phone)
	a.Address, a.City, a.PostalCode = text(a.Address), text(a.City), text(a.PostalCode)
	if code, err := validation.Country(a.CountryCode); err == nil {
		a.CountryCode = code
	}
	return f
}

// text cleans what a person typed. One rune over every limit is kept, so that the rules see what is too long.
func text(s string) string { return validation.Text(s, 1001) }

func phone(s string) string {
	if digits, err := validation.Phone(s); err == nil {
		return digits
	}
	return text(s)
}

// fieldErrors checks the struct tags of v, whose place in the body is root.
func fieldErrors(root string, v any, lang string) []FieldError {
	err := validation.Struct(root, v)
	found, _ := errors.AsType[validation.Errors](err)
	list := make([]FieldError, len(found))
	for i, f := range found {
		list[i] = fieldError(f, lang)
	}
	return list
}

func fieldError(f validation.FieldError, lang string) FieldError {
	return FieldError{f.Path, f.Code, f.Message(validation.Language(lang))}
}
