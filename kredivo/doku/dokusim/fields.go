package dokusim

import (
	"bytes"
	"encoding/json"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/paylater-go/paylater/money"
)

// Limits of DOKU's field table for Kredivo.
const (
	maxInvoice     = 64
	maxName        = 255
	maxPhone       = 16
	maxEmail       = 400
	maxQuantity    = 9999  // "max length 4"
	maxMinutes     = 99999 // "max length 5"
	defaultMinutes = 1440
	noLimit        = 1 << 20
)

// readOrder reads the body of generate-order by DOKU's field table, and names every field that is missing or wrong.
func readOrder(body []byte) (o *order, problems []string) {
	o = &order{}
	root, ok := decodeObject(body)
	if !ok {
		return o, []string{"Invalid Field Format body"}
	}
	f := &fields{}
	o.Body = body

	in := f.object(root, "order", mandatory)
	o.Invoice = in.text("invoice_number", mandatory, maxInvoice)
	o.Amount = in.rupiah("amount")
	o.CallbackURL = in.url("callback_url", mandatory)
	o.CallbackURLCancel = in.url("callback_url_cancel", optional)
	sum := money.Rupiah(0)
	for _, item := range in.list("line_items", mandatory) {
		line := item.line()
		o.Lines = append(o.Lines, line)
		sum = sum.Add(line.Price.Mul(int64(line.Quantity)))
	}

	p2p := f.object(root, "peer_to_peer_info", mandatory)
	o.Reference = p2p.text("merchant_unique_reference", mandatory, noLimit)
	minutes := p2p.integer("expired_time", optional, 1, maxMinutes, defaultMinutes)
	o.lifetime = time.Duration(minutes) * time.Minute

	customer := f.object(root, "customer", mandatory)
	customer.text("first_name", mandatory, maxName)
	customer.text("last_name", optional, maxName)
	customer.phone("phone")
	customer.email("email")
	f.object(root, "billing_address", optional).address(optional)
	f.object(root, "shipping_address", mandatory).address(mandatory)
	for _, seller := range f.sellers(root) {
		seller.seller()
	}
	o.NotificationURL = f.object(root, "additional_info", optional).url("override_notification_url", optional)

	if len(f.problems) == 0 && o.Amount.IsZero() {
		f.wrong("order.amount", "must greater than 0")
	}
	if len(f.problems) == 0 && !sum.Equal(o.Amount) {
		f.wrong("order.amount", "line items sum up to "+sum.String())
	}
	return o, f.problems
}

func decodeObject(body []byte) (object map[string]any, ok bool) {
	if !utf8.Valid(body) {
		return nil, false
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	if d.Decode(&object) != nil || object == nil {
		return nil, false
	}
	_, err := d.Token()
	return object, err == io.EOF
}

const (
	mandatory = true
	optional  = false
)

// fields collects what is wrong, in DOKU's case-code texts.
type fields struct{ problems []string }

func (f *fields) missing(path string) {
	f.problems = append(f.problems, "Invalid Mandatory Field "+path)
}

func (f *fields) wrong(path, why string) {
	text := "Invalid Field Format " + path
	if why != "" {
		text += ": " + why
	}
	f.problems = append(f.problems, text)
}

// An object is one JSON object of the body with its path. A nil members map stands for an absent one: what is mandatory in it has
// been reported with it, so its getters stay silent.
type object struct {
	f       *fields
	path    string
	members map[string]any
}

func (f *fields) object(parent map[string]any, name string, must bool) object {
	v, there := parent[name]
	m, ok := v.(map[string]any)
	switch {
	case !there && must:
		f.missing(name)
	case there && !ok:
		f.wrong(name, "must be an object")
	}
	return object{f, name, m}
}

// sellers accepts an array of objects, or one object: DOKU's page writes "sellers.id" and shows neither.
func (f *fields) sellers(root map[string]any) []object {
	if one, ok := root["sellers"].(map[string]any); ok {
		return []object{{f, "sellers", one}}
	}
	return object{f, "", root}.list("sellers", optional)
}

func (o object) at(name string) string { return strings.TrimPrefix(o.path+"."+name, ".") }

// get returns the member, or false if there is none to look at; then it has been reported if it must be there.
func (o object) get(name string, must bool) (v any, ok bool) {
	if o.members == nil {
		return nil, false
	}
	v, ok = o.members[name]
	if must && (!ok || v == "") {
		o.f.missing(o.at(name))
		return nil, false
	}
	return v, ok
}

func (o object) text(name string, must bool, limit int) string {
	v, ok := o.get(name, must)
	if !ok {
		return ""
	}
	text, isText := v.(string)
	switch {
	case !isText:
		o.f.wrong(o.at(name), "must be a string")
	case utf8.RuneCountInString(text) > limit:
		o.f.wrong(o.at(name), "is longer than "+strconv.Itoa(limit))
	}
	return text
}

func (o object) list(name string, must bool) (list []object) {
	v, ok := o.get(name, must)
	if !ok {
		return nil
	}
	array, ok := v.([]any)
	if !ok {
		o.f.wrong(o.at(name), "must be an array")
		return nil
	}
	if len(array) == 0 && must {
		o.f.missing(o.at(name))
	}
	for i, v := range array {
		path := o.at(name) + "[" + strconv.Itoa(i) + "]"
		members, ok := v.(map[string]any)
		if !ok {
			o.f.wrong(path, "must be an object")
		}
		list = append(list, object{o.f, path, members})
	}
	return list
}

// rupiah reads a mandatory amount: a JSON number of at most 12 digits "without decimal".
func (o object) rupiah(name string) money.Amount {
	v, ok := o.get(name, mandatory)
	if !ok {
		return money.Amount{}
	}
	n, _ := v.(json.Number)
	a, err := money.Parse(n.String())
	if err != nil || strings.Trim(n.String(), "0123456789") != "" {
		o.f.wrong(o.at(name), "must be a number of at most 12 digits without decimals")
	}
	return a
}

func (o object) integer(name string, must bool, low, high, otherwise int) int {
	v, ok := o.get(name, must)
	if !ok {
		return otherwise
	}
	n, _ := v.(json.Number)
	i, err := strconv.Atoi(n.String())
	if err != nil || i < low || i > high {
		o.f.wrong(o.at(name), "must be an integer from "+strconv.Itoa(low)+" to "+strconv.Itoa(high))
		return otherwise
	}
	return i
}

func (o object) url(name string, must bool) string {
	text := o.text(name, must, noLimit)
	if _, there := o.members[name].(string); !there || must && text == "" {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		o.f.wrong(o.at(name), "must be an absolute URL")
	}
	return text
}

// phone is calling code and number, digits only; no calling code starts with 0.
func (o object) phone(name string) {
	text := o.text(name, mandatory, maxPhone)
	if text != "" && (strings.Trim(text, "0123456789") != "" || text[0] == '0') {
		o.f.wrong(o.at(name), "must be calling code and number, digits only")
	}
}

func (o object) email(name string) {
	if text := o.text(name, mandatory, maxEmail); text != "" && !strings.Contains(text, "@") {
		o.f.wrong(o.at(name), "must be an e-mail address")
	}
}

func (o object) line() Line {
	line := Line{
		ID:       o.text("id", mandatory, noLimit),
		Name:     o.text("name", mandatory, maxName),
		Price:    o.rupiah("price"),
		Quantity: o.integer("quantity", mandatory, 1, maxQuantity, 0),
		Type:     o.text("type", mandatory, noLimit),
		URL:      o.text("url", mandatory, noLimit),
	}
	o.text("image_url", optional, noLimit)
	o.text("parent_id", optional, noLimit)
	if parent := o.text("parent_type", optional, noLimit); parent != "" && !slices.Contains([]string{"SELLER", "ITEM"}, parent) {
		o.f.wrong(o.at("parent_type"), "must be SELLER or ITEM")
	}
	return line
}

func (o object) address(must bool) {
	o.text("first_name", must, maxName)
	o.text("last_name", optional, maxName)
	for _, name := range []string{"address", "city", "postal_code", "phone"} {
		o.text(name, must, noLimit)
	}
	country := o.text("country_code", must, noLimit)
	if country != "" && (len(country) != 3 || strings.Trim(country, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "") {
		o.f.wrong(o.at("country_code"), "must be ISO 3166-1 alpha-3")
	}
}

func (o object) seller() {
	for _, name := range []string{"id", "name", "email", "url", "legal_id"} {
		o.text(name, optional, noLimit)
	}
	if address, ok := o.members["address"]; ok {
		members, ok := address.(map[string]any)
		if !ok {
			o.f.wrong(o.at("address"), "must be an object")
		}
		object{o.f, o.at("address"), members}.address(optional)
	}
}
