package kredivo

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/money"
	"github.com/paylater-go/paylater/validation"
)

// check reports everything that is wrong with a normalised order, at once.
func (o Order) check() error {
	var e Error
	if err := validation.Struct("order", o); err != nil {
		var ok bool
		if e.Fields, ok = errors.AsType[validation.Errors](err); !ok {
			return err
		}
	}
	for _, f := range o.peopleProblems() {
		if !slices.ContainsFunc(e.Fields, func(known validation.FieldError) bool { return known.Path == f.Path }) {
			e.Fields = append(e.Fields, f)
		}
	}
	found := slices.Clone(e.Fields)
	e.Fields = slices.DeleteFunc(e.Fields, func(f validation.FieldError) bool { return o.inherited(f.Path, found) })
	diff := o.Amount.Sub(o.total())
	if !diff.IsZero() {
		e.Fields = append(e.Fields, validation.NewFieldError("order.amount", "amount_mismatch", diff))
		e.Detail = o.breakdown()
	} else if len(e.Fields) == 0 {
		e.Fields = o.discountProblems()
	}
	if len(e.Fields) == 0 {
		return nil
	}
	e.Code = CodeInvalidOrder
	return &e
}

// peopleProblems is what DOKU's own rules say of the customer, the addresses and the sellers: which of an
// address's fields are mandatory depends on what it is for.
func (o Order) peopleProblems() validation.Errors {
	req := doku.GenerateOrderRequest{
		Customer: o.Customer, BillingAddress: o.BillingAddress, ShippingAddress: o.shipTo(), Sellers: o.Sellers,
	}
	found, _ := errors.AsType[validation.Errors](req.Validate())
	var problems validation.Errors
	for _, f := range found {
		if top, _, _ := strings.Cut(f.Path, "."); top != "order" && top != "peer_to_peer_info" {
			f.Path = "order." + f.Path
			problems = append(problems, f)
		}
	}
	return problems
}

// inherited reports whether the field at path is an address's name or phone that was taken over from the
// customer, where it is named already.
func (o Order) inherited(path string, fields validation.Errors) bool {
	for prefix, a := range map[string]*Address{"order.shipping_address.": o.ShippingAddress, "order.billing_address.": o.BillingAddress} {
		name, ok := strings.CutPrefix(path, prefix)
		if !ok || a == nil {
			continue
		}
		same := name == "first_name" && a.FirstName == o.Customer.FirstName || name == "phone" && a.Phone == o.Customer.Phone
		return same && slices.ContainsFunc(fields, func(f validation.FieldError) bool { return f.Path == "order.customer."+name })
	}
	return false
}

// discountProblems names the discount that is more than what it is taken from.
func (o Order) discountProblems() validation.Errors {
	_, err := money.Allocate(o.goods(), o.moneyLines())
	if err == nil {
		return nil
	}
	path := "order.discount"
	if e, ok := errors.AsType[*money.AllocateError](err); ok && e.Line >= 0 && e.Line < len(o.Items) {
		path = fmt.Sprintf("order.line_items[%d].discount", e.Line)
	}
	return validation.Errors{validation.NewFieldError(path, "discount_too_large")}
}

// breakdown spells out how the parts of the order add up, for the developer who has to find the slip.
func (o Order) breakdown() string {
	const most = 20
	var b strings.Builder
	for i, it := range o.Items[:min(len(o.Items), most)] {
		fmt.Fprintf(&b, "line_items[%d] %d x %s - %s, ", i, it.Quantity, it.Price.Format(), it.Discount.Format())
	}
	if more := len(o.Items) - most; more > 0 {
		fmt.Fprintf(&b, "%d more lines, ", more)
	}
	if !o.Discount.IsZero() {
		fmt.Fprintf(&b, "discount %s, ", o.Discount.Format())
	}
	for i, c := range o.Charges[:min(len(o.Charges), most)] {
		fmt.Fprintf(&b, "charges[%d] %s, ", i, c.Amount.Format())
	}
	fmt.Fprintf(&b, "together %s; the amount is %s", o.total().Format(), o.Amount.Format())
	return b.String()
}

// invalidRequest turns what is wrong with a built request into a refusal: what only shows when the lines
// are built, such as a line price over 12 digits.
func invalidRequest(err error) error {
	if fields, ok := errors.AsType[validation.Errors](err); ok {
		return &Error{Code: CodeInvalidOrder, Fields: fields}
	}
	return newError(CodeInvalidOrder, err, "the order cannot be written as DOKU wants it")
}
