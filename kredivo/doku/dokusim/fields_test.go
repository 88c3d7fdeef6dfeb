package dokusim

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestReadOrderProblems(t *testing.T) {
	t.Parallel()
	good := string(orderBody("INV-1"))
	for name, c := range map[string]struct {
		old, new string // what to spoil
		want     []string
	}{
		"right":               {"", "", nil},
		"not JSON":            {good, `{"order":`, []string{"Invalid Field Format body"}},
		"two documents":       {good, good + "{}", []string{"Invalid Field Format body"}},
		"array":               {good, "[]", []string{"Invalid Field Format body"}},
		"null":                {good, "null", []string{"Invalid Field Format body"}},
		"empty":               {good, "", []string{"Invalid Field Format body"}},
		"not UTF-8":           {"Budi", "Bud\xff", []string{"Invalid Field Format body"}},
		"nothing":             {good, "{}", []string{"Invalid Mandatory Field order", "Invalid Mandatory Field peer_to_peer_info", "Invalid Mandatory Field customer", "Invalid Mandatory Field shipping_address"}},
		"null object":         {`"customer":{`, `"customer":null,"x":{`, []string{"Invalid Field Format customer: must be an object"}},
		"invoice missing":     {`"invoice_number":"INV-1",`, ``, []string{"Invalid Mandatory Field order.invoice_number"}},
		"invoice empty":       {`"invoice_number":"INV-1"`, `"invoice_number":""`, []string{"Invalid Mandatory Field order.invoice_number"}},
		"invoice number":      {`"invoice_number":"INV-1"`, `"invoice_number":1`, []string{"Invalid Field Format order.invoice_number: must be a string"}},
		"invoice 64":          {`"invoice_number":"INV-1"`, `"invoice_number":"` + strings.Repeat("é", 64) + `"`, nil},
		"invoice 65":          {`"invoice_number":"INV-1"`, `"invoice_number":"` + strings.Repeat("x", 65) + `"`, []string{"Invalid Field Format order.invoice_number: is longer than 64"}},
		"amount text":         {`"amount":150000`, `"amount":"150000"`, []string{"Invalid Field Format order.amount: must be a number of at most 12 digits without decimals"}},
		"amount decimals":     {`"amount":150000`, `"amount":150000.00`, []string{"Invalid Field Format order.amount: must be a number of at most 12 digits without decimals"}},
		"amount exponent":     {`"amount":150000`, `"amount":15e4`, []string{"Invalid Field Format order.amount: must be a number of at most 12 digits without decimals"}},
		"amount negative":     {`"amount":150000`, `"amount":-150000`, []string{"Invalid Field Format order.amount: must be a number of at most 12 digits without decimals"}},
		"amount 13 digits":    {`"amount":150000`, `"amount":1000000000000`, []string{"Invalid Field Format order.amount: must be a number of at most 12 digits without decimals"}},
		"amount null":         {`"amount":150000`, `"amount":null`, []string{"Invalid Field Format order.amount: must be a number of at most 12 digits without decimals"}},
		"amount zero":         {`"amount":150000`, `"amount":0`, []string{"Invalid Field Format order.amount: must greater than 0"}},
		"amount off":          {`"amount":150000`, `"amount":150001`, []string{"Invalid Field Format order.amount: line items sum up to 150000"}},
		"lines empty":         {`"line_items":[`, `"line_items":[],"x":[`, []string{"Invalid Mandatory Field order.line_items"}},
		"lines object":        {`"line_items":[`, `"line_items":{},"x":[`, []string{"Invalid Field Format order.line_items: must be an array"}},
		"line text":           {`"line_items":[`, `"line_items":["x",`, []string{"Invalid Field Format order.line_items[0]: must be an object"}},
		"line url missing":    {`,"url":"https://shop.test/shipping"`, ``, []string{"Invalid Mandatory Field order.line_items[1].url"}},
		"quantity text":       {`"quantity":2`, `"quantity":"2"`, []string{"Invalid Field Format order.line_items[0].quantity: must be an integer from 1 to 9999"}},
		"quantity decimals":   {`"quantity":2`, `"quantity":2.0`, []string{"Invalid Field Format order.line_items[0].quantity: must be an integer from 1 to 9999"}},
		"quantity 5 digits":   {`"quantity":2`, `"quantity":10000`, []string{"Invalid Field Format order.line_items[0].quantity: must be an integer from 1 to 9999"}},
		"parent type":         {`"type":"shipping"`, `"type":"shipping","parent_type":"SHOP"`, []string{"Invalid Field Format order.line_items[1].parent_type: must be SELLER or ITEM"}},
		"callback missing":    {`"callback_url":"https://shop.test/pay/return/a%2Bb?x=1&y=2",`, ``, []string{"Invalid Mandatory Field order.callback_url"}},
		"callback relative":   {`"callback_url":"https://shop.test/pay/return/a%2Bb?x=1&y=2"`, `"callback_url":"/pay"`, []string{"Invalid Field Format order.callback_url: must be an absolute URL"}},
		"cancel empty":        {`"callback_url_cancel":"https://shop.test/pay/cancel/c"`, `"callback_url_cancel":""`, []string{"Invalid Field Format order.callback_url_cancel: must be an absolute URL"}},
		"reference missing":   {`,"merchant_unique_reference":"MUR-INV-1"`, ``, []string{"Invalid Mandatory Field peer_to_peer_info.merchant_unique_reference"}},
		"expiry zero":         {`"expired_time":60`, `"expired_time":0`, []string{"Invalid Field Format peer_to_peer_info.expired_time: must be an integer from 1 to 99999"}},
		"expiry 6 digits":     {`"expired_time":60`, `"expired_time":100000`, []string{"Invalid Field Format peer_to_peer_info.expired_time: must be an integer from 1 to 99999"}},
		"phone plus":          {`"phone":"6281122334455","email"`, `"phone":"+6281122334455","email"`, []string{"Invalid Field Format customer.phone: must be calling code and number, digits only"}},
		"phone zero":          {`"phone":"6281122334455","email"`, `"phone":"081122334455","email"`, []string{"Invalid Field Format customer.phone: must be calling code and number, digits only"}},
		"phone 17":            {`"phone":"6281122334455","email"`, `"phone":"62811223344556677","email"`, []string{"Invalid Field Format customer.phone: is longer than 16"}},
		"email":               {`budi@shop.test`, `budi`, []string{"Invalid Field Format customer.email: must be an e-mail address"}},
		"country":             {`"IDN"`, `"ID"`, []string{"Invalid Field Format shipping_address.country_code: must be ISO 3166-1 alpha-3"}},
		"city number":         {`"Jakarta"`, `1`, []string{"Invalid Field Format shipping_address.city: must be a string"}},
		"billing may be bare": {`"customer":{`, `"billing_address":{},"customer":{`, nil},
		"billing number":      {`"customer":{`, `"billing_address":{"last_name":1},"customer":{`, []string{"Invalid Field Format billing_address.last_name: must be a string"}},
		"sellers array":       {`"customer":{`, `"sellers":[{"id":"1","address":{"city":"Depok"}}],"customer":{`, nil},
		"sellers object":      {`"customer":{`, `"sellers":{"id":1},"customer":{`, []string{"Invalid Field Format sellers.id: must be a string"}},
		"sellers address":     {`"customer":{`, `"sellers":[{"address":"Depok"}],"customer":{`, []string{"Invalid Field Format sellers[0].address: must be an object"}},
		"unknown fields":      {`"customer":{`, `"future":{"a":[null]},"customer":{"x":1,`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(good, c.old) {
				t.Fatalf("nothing to spoil: %s", c.old)
			}
			_, problems := readOrder([]byte(strings.Replace(good, c.old, c.new, 1)))
			if diff := cmp.Diff(c.want, problems); diff != "" {
				t.Errorf("problems (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzReadOrder(f *testing.F) {
	f.Add(orderBody("INV-1"))
	f.Add([]byte(`{"order":{"line_items":[{"price":1e999999999}]},"sellers":[null],"customer":[]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		o, problems := readOrder(body)
		if len(problems) > 0 {
			return
		}
		if o.Invoice == "" || o.Reference == "" || o.Amount.IsZero() || !o.Amount.InRange() || len(o.Lines) == 0 || o.lifetime <= 0 {
			t.Errorf("accepted: %+v", o)
		}
	})
}
