package validation_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/go-playground/validator/v10"
	"github.com/google/go-cmp/cmp"

	"github.com/paylater-go/paylater/money"
	"github.com/paylater-go/paylater/validation"
)

func TestValidRequestPasses(t *testing.T) {
	t.Parallel()
	r := valid()
	for _, v := range []any{r, &r} {
		if err := validation.Struct("", v); err != nil {
			t.Errorf("%T: %v", v, err)
		}
	}
}

// Every case breaks one thing in a valid request and names the one problem it must give.
func TestEachFieldRule(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		path, code string
		fault      func(*request)
	}{
		{"order.invoice_number", "required", func(r *request) { r.Order.InvoiceNumber = "" }},
		{"order.invoice_number", "invoice_number", func(r *request) { r.Order.InvoiceNumber = strings.Repeat("a", 65) }},
		{"order.invoice_number", "invoice_number", func(r *request) { r.Order.InvoiceNumber = "INV/1" }},
		{"order.invoice_number", "invoice_number", func(r *request) { r.Order.InvoiceNumber = "INV é" }},
		{"order.invoice_number", "invoice_number", func(r *request) { r.Order.InvoiceNumber = ".." }},
		{"order.amount", "amount_mismatch", func(r *request) { r.Order.Amount = money.Rupiah(150001) }},
		{"order.amount", "amount_mismatch", func(r *request) { r.Order.LineItems[0].Quantity = 3 }},
		{"order.line_items", "required", func(r *request) { r.Order.LineItems = nil }},
		{"order.line_items", "too_few", func(r *request) { r.Order.LineItems = []line{} }},
		{"order.line_items", "too_many", func(r *request) {
			free := r.Order.LineItems[1]
			free.Price = money.Rupiah(0)
			r.Order.LineItems = append(r.Order.LineItems, free, free)
		}},
		{"order.line_items[1].id", "required", func(r *request) { r.Order.LineItems[1].ID = "" }},
		{"order.line_items[1].name", "too_long", func(r *request) { r.Order.LineItems[1].Name = repeat(256) }},
		{"order.line_items[0].name", "control_characters", func(r *request) { r.Order.LineItems[0].Name = "a\nb" }},
		{"order.line_items[0].name", "control_characters", func(r *request) { r.Order.LineItems[0].Name = "a\xffb" }},
		{"order.line_items[0].name", "control_characters", func(r *request) { r.Order.LineItems[0].Name = "a\u202eb" }},
		{"order.line_items[0].url", "https_url", func(r *request) { r.Order.LineItems[0].URL = "http://127.0.0.1/" }},
		{"order.line_items[0].parent_id", "required", func(r *request) { r.Order.LineItems[0].ParentType = "ITEM" }},
		{"order.line_items[0].parent_type", "required", func(r *request) { r.Order.LineItems[0].ParentID = "S-1" }},
		{"order.line_items[1].parent_type", "one_of", func(r *request) { r.Order.LineItems[1].ParentType = "seller" }},
		{"order.callback_url", "https_url", func(r *request) { r.Order.CallbackURL = "http://shop.example/pay" }},
		{"order.callback_url_cancel", "https_url", func(r *request) { r.Order.CallbackURLCancel = "http://localhost/pay" }},
		{"peer_to_peer_info.expired_time", "too_large", func(r *request) { r.Info.ExpiredTime = 100000 }},
		{"peer_to_peer_info.expired_time", "too_small", func(r *request) { r.Info.ExpiredTime = -1 }},
		{"sellers[0].email", "email", func(r *request) { r.Sellers[0].Email = "toko" }},
		{"sellers[0].address.country_code", "country", func(r *request) {
			r.Sellers[0].Address = &address{FirstName: "Budi", Phone: "6281122334455", CountryCode: "ID"}
		}},
		{"customer.first_name", "too_long", func(r *request) { r.Customer.FirstName = repeat(256) }},
		{"customer.phone", "phone", func(r *request) { r.Customer.Phone = "+6281122334455" }},
		{"customer.phone", "phone", func(r *request) { r.Customer.Phone = "081122334455" }},
		{"customer.phone", "phone", func(r *request) { r.Customer.Phone = "62081122334455" }},
		{"customer.phone", "phone", func(r *request) { r.Customer.Phone = "6281122" }},
		{"customer.phone", "phone", func(r *request) { r.Customer.Phone = "6281122334455667" }},
		{"customer.email", "too_long", func(r *request) { r.Customer.Email = longEmail() }},
		{"shipping_address", "required", func(r *request) { r.ShippingAddress = nil }},
		{"shipping_address.country_code", "country", func(r *request) { r.ShippingAddress.CountryCode = "idn" }},
		{"shipping_address.country_code", "country", func(r *request) { r.ShippingAddress.CountryCode = "ZZZ" }},
		{"billing_address.first_name", "required", func(r *request) {
			r.BillingAddress = &address{Phone: "6281122334455", CountryCode: "IDN"}
		}},
	} {
		r := valid()
		c.fault(&r)
		err := validation.Struct("", r)
		got := codes(err)
		if want := []string{c.path + " " + c.code}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if err != nil && !strings.Contains(err.Error(), lastName(c.path)) && c.code != "amount_mismatch" {
			t.Errorf("text %q does not name the field %s", err, c.path)
		}
	}
}

func longEmail() string {
	labels := strings.Repeat(strings.Repeat("a", 60)+".", 7)
	return "budi@" + labels + "example"
}

func lastName(path string) string { return path[strings.LastIndexByte(path, '.')+1:] }

// codes lists path and code of every problem in err.
func codes(err error) []string {
	var all []string
	found, _ := errors.AsType[validation.Errors](err)
	for _, e := range found {
		all = append(all, e.Path+" "+e.Code)
	}
	return all
}

func TestLengthsCountRunes(t *testing.T) {
	t.Parallel()
	r := valid()
	r.Customer.FirstName = repeat(255) // 510 bytes
	r.Customer.Email = repeat(200) + "@example.com"
	if err := validation.Struct("", r); err != nil {
		t.Error(err)
	}
}

func TestAllProblemsAtOnceUnderTheRoot(t *testing.T) {
	t.Parallel()
	r := valid()
	r.Order.InvoiceNumber = ""
	r.Order.Amount = money.Rupiah(155000)
	r.Order.LineItems[1].Quantity = 0
	r.Order.LineItems[1].Price = money.Rupiah(-1)
	r.Customer = customer{}
	want := []string{
		"request.order.invoice_number required",
		"request.order.amount amount_mismatch",
		"request.order.line_items[1].price rupiah",
		"request.order.line_items[1].quantity quantity",
		"request.customer.first_name required",
		"request.customer.phone required",
		"request.customer.email required",
	}
	err := validation.Struct("request", r)
	if diff := cmp.Diff(want, codes(err)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := strings.Count(err.Error(), "\n") + 1; got != len(want) {
		t.Errorf("Error() has %d lines, want %d:\n%v", got, len(want), err)
	}
}

func TestTexts(t *testing.T) {
	t.Parallel()
	r := valid()
	r.Order.Amount = money.Rupiah(155000)
	r.Order.LineItems[0].Price = money.Rupiah(1_000_000_000_000)
	r.Order.LineItems[1].Name = repeat(256)
	r.Info.ExpiredTime = 100000
	r.Customer = customer{Phone: "x", Email: "x"}
	r.Sellers[0].Email = "x"
	r.ShippingAddress.CountryCode = "ID"
	err := validation.Struct("", r)
	found, _ := errors.AsType[validation.Errors](err)
	var got []string
	for _, e := range found {
		got = append(got, e.Message(validation.English), e.Message(validation.Indonesian))
	}
	want := []string{
		"line items add up to Rp1.999.999.895.000 more than the amount",
		"jumlah semua baris Rp1.999.999.895.000 lebih besar dari total",
		"order.line_items[0].price must be whole rupiah from Rp0 to Rp999.999.999.999",
		"order.line_items[0].price harus berupa rupiah bulat dari Rp0 sampai Rp999.999.999.999",
		"order.line_items[1].name must be a maximum of 255 characters in length",
		"panjang maksimal order.line_items[1].name adalah 255 karakter",
		"peer_to_peer_info.expired_time must be 99,999 or less",
		"peer_to_peer_info.expired_time harus 99.999 atau kurang",
		"sellers[0].email must be a valid email address",
		"sellers[0].email harus berupa alamat email yang valid",
		"customer.first_name is a required field",
		"customer.first_name wajib diisi",
		"customer.phone must be a phone number of 8 to 15 digits with its country code, such as 6281234567890",
		"customer.phone harus berupa nomor telepon 8 sampai 15 angka dengan kode negara, misalnya 6281234567890",
		"customer.email must be a valid email address",
		"customer.email harus berupa alamat email yang valid",
		"shipping_address.country_code must be a country code of three capital letters, such as IDN",
		"shipping_address.country_code harus berupa kode negara tiga huruf besar, misalnya IDN",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Whoever logs or shows an error must not publish what a shopper typed.
func TestErrorsNeverHoldTheValue(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t-73519"
	r := valid()
	r.Order.InvoiceNumber = secret + "/"
	r.Order.Amount = money.Rupiah(1_073_519_000_000)
	r.Order.LineItems[0].Name = secret + repeat(255)
	r.Order.LineItems[0].URL = "http://" + secret
	r.Order.LineItems[0].ParentType = secret
	r.Order.CallbackURL = secret
	r.Info.Reference = secret + repeat(64)
	r.Customer = customer{FirstName: secret + "\n", Phone: secret, Email: secret}
	r.ShippingAddress.CountryCode = secret
	err := validation.Struct("", r)
	found, _ := errors.AsType[validation.Errors](err)
	if len(found) < 10 {
		t.Fatalf("only %d problems: %v", len(found), err)
	}
	asJSON, _ := json.Marshal(found)
	for _, s := range []string{err.Error(), fmt.Sprintf("%v %+v %#v %q", err, err, err, found), string(asJSON)} {
		if strings.Contains(s, "73519") || strings.Contains(s, "073.519") {
			t.Errorf("an error holds a value: %s", s)
		}
	}
	if got := string(asJSON); !strings.HasPrefix(got, `[{"path":"order.invoice_number","code":"invoice_number"}`) {
		t.Errorf("JSON is %s", got)
	}
}

func TestNewFieldErrorHasTheTextOfTheRule(t *testing.T) {
	t.Parallel()
	r := valid()
	r.Order.Amount = money.Rupiah(155000)
	r.Order.CallbackURLCancel = "http://shop.example/"
	r.Order.LineItems[0].Quantity, r.Order.LineItems[1].Quantity = 3, 0
	r.Customer.FirstName, r.Customer.Email = "", "x"
	want := validation.Errors{
		validation.NewFieldError("order.amount", "amount_mismatch", money.Rupiah(5000)),
		validation.NewFieldError("order.line_items[1].quantity", "quantity"),
		validation.NewFieldError("order.callback_url_cancel", "https_url"),
		validation.NewFieldError("customer.first_name", "required"),
		validation.NewFieldError("customer.email", "email"),
	}
	got, _ := errors.AsType[validation.Errors](validation.Struct("", r))
	if !slices.Equal(got, want) {
		t.Errorf("got  %#v\nwant %#v", got, want)
	}
}

func TestFieldErrorTexts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		e      validation.FieldError
		en, id string
	}{
		{validation.NewFieldError("order.amount", "amount_mismatch", money.Rupiah(5000)),
			"order.amount: line items add up to Rp5.000 less than the amount", "jumlah semua baris Rp5.000 lebih kecil dari total"},
		{validation.NewFieldError("order.amount", "amount_mismatch", money.Rupiah(-5000)),
			"order.amount: line items add up to Rp5.000 more than the amount", "jumlah semua baris Rp5.000 lebih besar dari total"},
		{validation.NewFieldError("order.amount", "amount_mismatch"),
			"order.amount: line items do not add up to the amount", "jumlah semua baris tidak sama dengan total"},
		{validation.NewFieldError("order.discount", "discount_too_large"), "order.discount is more than what it is taken from", "order.discount lebih besar dari nilai yang dipotong"},
		{validation.NewFieldError("order.line_items", "too_many_lines", 200),
			"order.line_items: the order must have at most 200 lines", "pesanan harus berisi paling banyak 200 baris"},
		{validation.NewFieldError("order.line_items", "too_many_lines"),
			"order.line_items: the order has too many lines", "pesanan memiliki terlalu banyak baris"},
		{validation.NewFieldError("x.quantity", "quantity"), "x.quantity must be 1 to 9999 pieces", "x.quantity harus 1 sampai 9999 buah"},
		{validation.NewFieldError("x", "no such code"), "x is not valid", "x tidak valid"},
		{validation.FieldError{Path: "x", Code: "required"}, "x is a required field", "x wajib diisi"},
		{validation.NewFieldError("", "amount_mismatch"), "line items do not add up to the amount", "jumlah semua baris tidak sama dengan total"},
	} {
		if c.e.Error() != c.en {
			t.Errorf("Error() = %q, want %q", c.e.Error(), c.en)
		}
		if got := c.e.Message(validation.Indonesian); got != c.id {
			t.Errorf("Message(id) = %q, want %q", got, c.id)
		}
		if c.e.Message("fr") != c.id {
			t.Errorf("Message(fr) = %q, want Indonesian", c.e.Message("fr"))
		}
	}
}

func TestPathsThroughEveryShape(t *testing.T) {
	t.Parallel()
	type Lifted struct {
		City string `json:"city" validate:"required"`
	}
	type leaf struct {
		Name string `validate:"required"`
	}
	type shape struct {
		Lifted
		Named  Lifted            `json:"named"`
		Hidden leaf              `json:"-"`
		ByKey  map[string]leaf   `json:"by_key" validate:"dive"`
		Rows   [][]*leaf         `json:"rows" validate:"dive,dive"`
		Any    any               `json:"any"`
		Tags   []string          `json:"tags" validate:"dive,max=2"`
		Odd    map[string]string `json:"odd" validate:"dive,max=1"`
	}
	err := validation.Struct("", shape{
		ByKey: map[string]leaf{"a.b": {}}, Rows: [][]*leaf{{{Name: "x"}, {}}}, Any: &leaf{}, Tags: []string{"a", "abc"},
		Odd: map[string]string{"k": "long"},
	})
	want := []string{
		"city required", "named.city required", "Hidden.Name required", "by_key[a.b].Name required", "rows[0][1].Name required",
		"any.Name required", "tags[1] too_long", "odd[k] too_long",
	}
	if diff := cmp.Diff(want, codes(err)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestOtherTagsOfTheValidatorPackage(t *testing.T) {
	t.Parallel()
	type form struct {
		Code  string  `json:"code" validate:"numeric,len=3"`
		When  string  `json:"when" validate:"datetime=2006-01-02"`
		Ratio float32 `json:"ratio" validate:"gt=1"`
		Hash  string  `json:"hash" validate:"hexadecimal"`
		Other string  `json:"other" validate:"excluded_with=Code"`
	}
	err := validation.Struct("", form{Code: "12", When: "x", Hash: "x", Other: "x"})
	if diff := cmp.Diff([]string{
		"code wrong_length", "when datetime", "ratio too_small", "hash hexadecimal", "other excluded_with",
	}, codes(err)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i, e := range err.(validation.Errors) {
		for _, l := range []validation.Language{validation.English, validation.Indonesian} {
			if m := e.Message(l); !strings.Contains(m, e.Path) || strings.Contains(m, "Key:") {
				t.Errorf("%d in %s: %q", i, l, m)
			}
		}
	}
}

func TestStructRefusesWhatIsNoStruct(t *testing.T) {
	t.Parallel()
	for _, v := range []any{nil, 7, (*request)(nil), "x"} {
		err := validation.Struct("", v)
		if _, ok := errors.AsType[validation.Errors](err); err == nil || ok {
			t.Errorf("Struct(%T) = %v", v, err)
		}
	}
}

func TestSumOfRefusesAWrongTag(t *testing.T) {
	t.Parallel()
	type noLines struct {
		Amount money.Amount `validate:"sum_of=Items"`
	}
	type noAmount struct {
		Amount int `validate:"sum_of=Items"`
		Items  []line
	}
	type noPrice struct {
		Amount money.Amount `validate:"sum_of=Items"`
		Items  []seller
	}
	for _, v := range []any{noLines{}, noAmount{}, noPrice{Items: []seller{{}}}} {
		func() {
			defer func() {
				if r := recover(); r == nil || !strings.HasPrefix(fmt.Sprint(r), "validation: sum_of") {
					t.Errorf("%T: recovered %v", v, r)
				}
			}()
			_ = validation.Struct("", v)
		}()
	}
}

func TestSumOfThroughPointers(t *testing.T) {
	t.Parallel()
	type cart struct {
		Total *money.Amount `json:"total" validate:"required,sum_of=Items"`
		Items []*line       `json:"items"`
	}
	sum := money.Rupiah(20)
	c := &cart{Total: &sum, Items: []*line{{Price: money.Rupiah(10), Quantity: 2}, nil}}
	if err := validation.Struct("", c); err != nil {
		t.Error(err)
	}
	sum = money.Rupiah(15)
	if got, want := fmt.Sprint(validation.Struct("", c)), "total: line items add up to Rp5 more than the amount"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A host's own validator, with gin's tag and its own idea of field names.
func TestRegisterAndExplain(t *testing.T) {
	t.Parallel()
	type item struct {
		Price    money.Amount `json:"price" binding:"rupiah"`
		Quantity int          `json:"quantity" binding:"quantity"`
	}
	type cart struct {
		Total money.Amount `json:"total" binding:"rupiah,sum_of=Items"`
		Items []item       `json:"items" binding:"required,dive"`
		Phone string       `json:"phone" binding:"required,phone_id"`
		Email string       `json:"email" binding:"email"`
		Note  string       `json:"note" binding:"max=3"`
		Own   string       `json:"own" binding:"theirs"`
	}
	host := validator.New()
	host.SetTagName("binding")
	if err := host.RegisterValidation("theirs", func(validator.FieldLevel) bool { return false }); err != nil {
		t.Fatal(err)
	}
	if err := validation.Register(host); err != nil {
		t.Fatal(err)
	}
	c := cart{Total: money.Rupiah(30), Items: []item{{money.Rupiah(10), 2}, {money.Rupiah(0), 0}}, Email: "x", Note: "long"}
	err := validation.Explain("cart", &c, fmt.Errorf("binding: %w", host.Struct(c)))
	want := []string{
		"cart.total: line items add up to Rp10 less than the amount",
		"cart.items[1].price must be whole rupiah from Rp1 to Rp999.999.999.999",
		"cart.items[1].quantity must be 1 to 9999 pieces",
		"cart.phone is a required field",
		"cart.email must be a valid email address",
		"cart.note must be a maximum of 3 characters in length",
		"cart.own is not valid",
	}
	if diff := cmp.Diff(want, strings.Split(fmt.Sprint(err), "\n")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := validation.Explain("cart", c, nil); err != nil {
		t.Errorf("Explain of no error is %v", err)
	}
	if other := errors.New("other"); validation.Explain("cart", c, other) != other {
		t.Error("Explain changed an error that is not the validator's")
	}
	// Without what was validated there are still codes and texts.
	if got := codes(validation.Explain("", nil, host.Struct(c))); len(got) != len(want) || got[0] != "cart.Total amount_mismatch" {
		t.Errorf("without the struct: %q", got)
	}
}

// Registering for several hosts while others validate: run with -race.
func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			r := valid()
			r.Customer.Email = ""
			r.Order.Amount = money.Rupiah(int64(i))
			for range 20 {
				if got := codes(validation.Struct("", r)); len(got) < 2 {
					t.Errorf("got %q", got)
				}
				if err := validation.Register(validator.New()); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkStruct(b *testing.B) {
	r := valid()
	b.ReportAllocs()
	for b.Loop() {
		if err := validation.Struct("", &r); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleStruct() {
	type Item struct {
		Name     string       `json:"name" validate:"required,max=255,no_control"`
		Price    money.Amount `json:"price" validate:"rupiah0"`
		Quantity int          `json:"quantity" validate:"quantity"`
	}
	type Cart struct {
		Amount money.Amount `json:"amount" validate:"rupiah,sum_of=Items"`
		Items  []Item       `json:"line_items" validate:"required,dive"`
		Phone  string       `json:"phone" validate:"required,phone_id"`
	}
	err := validation.Struct("order", Cart{
		Amount: money.Rupiah(105000),
		Items:  []Item{{Name: "Kaos Polos", Price: money.Rupiah(50000), Quantity: 2}},
		Phone:  "0812",
	})
	var found validation.Errors
	if errors.As(err, &found) {
		for _, e := range found {
			fmt.Println(e.Path, e.Code)
			fmt.Println(" ", e.Message(validation.English))
			fmt.Println(" ", e.Message(validation.Indonesian))
		}
	}
	// Output:
	// order.amount amount_mismatch
	//   line items add up to Rp5.000 less than the amount
	//   jumlah semua baris Rp5.000 lebih kecil dari total
	// order.phone phone
	//   order.phone must be a phone number of 8 to 15 digits with its country code, such as 6281234567890
	//   order.phone harus berupa nomor telepon 8 sampai 15 angka dengan kode negara, misalnya 6281234567890
}

func ExampleRegister() {
	host := validator.New() // with gin: binding.Validator.Engine().(*validator.Validate)
	if err := validation.Register(host); err != nil {
		fmt.Println(err)
		return
	}
	type Checkout struct {
		Phone string `json:"phone" validate:"required,phone_id"`
	}
	form := Checkout{Phone: "0812-3456-7890"}
	fmt.Println(validation.Explain("", form, host.Struct(form)))
	form.Phone, _ = validation.Phone(form.Phone)
	fmt.Println(validation.Explain("", form, host.Struct(form)))
	// Output:
	// phone must be a phone number of 8 to 15 digits with its country code, such as 6281234567890
	// <nil>
}
