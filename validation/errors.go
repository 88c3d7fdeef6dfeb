package validation

import (
	"fmt"
	"strings"

	"github.com/paylater-go/paylater/money"
)

// A Language is one that messages come in.
type Language string

// The languages. Any other value reads as Indonesian, the language of most shoppers.
const (
	Indonesian Language = "id"
	English    Language = "en"
)

// A FieldError is one thing that is wrong with one field. It never holds the value of the field, so it may be
// logged and shown. FieldErrors are comparable values.
type FieldError struct {
	Path string `json:"path"` // in JSON notation, for example order.line_items[2].price
	Code string `json:"code"` // stable, see the package comment

	text text
}

// text is a sentence in each language. fieldName stands for the path.
type text struct{ en, id string }

const fieldName = "{field}"

// Message returns the sentence for people in l.
func (e FieldError) Message(l Language) string {
	t := e.text
	if t == (text{}) { // a FieldError made without NewFieldError
		t = textOf(e.Code, nil)
	}
	if l == English {
		return strings.Replace(t.en, fieldName, e.Path, 1)
	}
	return strings.Replace(t.id, fieldName, e.Path, 1)
}

// Error returns the English message, with the path in front when the sentence does not name it.
func (e FieldError) Error() string {
	m := e.Message(English)
	if e.Path == "" || strings.Contains(m, e.Path) {
		return m
	}
	return e.Path + ": " + m
}

// Errors are all problems that were found, in the order of the fields.
type Errors []FieldError

// Error returns one line for each problem.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, f := range e {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// NewFieldError returns a problem that a caller found by itself, with the text that the code has in this
// package. The package comment lists the codes and their parameters; a code it does not list, or a missing
// parameter, gives a general text.
func NewFieldError(path, code string, params ...any) FieldError {
	return FieldError{Path: path, Code: code, text: textOf(code, params)}
}

// textOf is the table of our own texts. required and email are worded as in the validator package.
func textOf(code string, params []any) text {
	switch code {
	case "required":
		return text{"{field} is a required field", "{field} wajib diisi"}
	case "email":
		return text{"{field} must be a valid email address", "{field} harus berupa alamat email yang valid"}
	case "invoice_number":
		return text{
			"{field} must be 1 to 64 letters, digits, dots, dashes or underscores, and not only dots",
			"{field} harus terdiri dari 1 sampai 64 huruf, angka, titik, tanda hubung, atau garis bawah, dan tidak hanya titik",
		}
	case "rupiah":
		least := "Rp1"
		if len(params) > 0 {
			least = fmt.Sprint(params[0])
		}
		return text{
			"{field} must be whole rupiah from " + least + " to Rp999.999.999.999",
			"{field} harus berupa rupiah bulat dari " + least + " sampai Rp999.999.999.999",
		}
	case "amount_mismatch":
		return mismatchText(params)
	case "discount_too_large":
		return text{"{field} is more than what it is taken from", "{field} lebih besar dari nilai yang dipotong"}
	case "quantity":
		return text{"{field} must be 1 to 9999 pieces", "{field} harus 1 sampai 9999 buah"}
	case "too_many_lines":
		if len(params) == 0 {
			return text{"the order has too many lines", "pesanan memiliki terlalu banyak baris"}
		}
		return text{
			fmt.Sprintf("the order must have at most %v lines", params[0]),
			fmt.Sprintf("pesanan harus berisi paling banyak %v baris", params[0]),
		}
	case "https_url":
		t := text{
			"{field} must be an https URL with a host and without user, password or spaces",
			"{field} harus berupa URL https dengan host, tanpa nama pengguna, kata sandi, atau spasi",
		}
		if len(params) > 0 {
			t.en += "; http is allowed for this machine only"
			t.id += "; http hanya boleh untuk komputer ini sendiri"
		}
		return t
	case "phone":
		return text{
			"{field} must be a phone number of 8 to 15 digits with its country code, such as 6281234567890",
			"{field} harus berupa nomor telepon 8 sampai 15 angka dengan kode negara, misalnya 6281234567890",
		}
	case "country":
		return text{
			"{field} must be a country code of three capital letters, such as IDN",
			"{field} harus berupa kode negara tiga huruf besar, misalnya IDN",
		}
	case "control_characters":
		return text{
			"{field} must not contain control characters or line breaks",
			"{field} tidak boleh berisi karakter kontrol atau ganti baris",
		}
	}
	return text{"{field} is not valid", "{field} tidak valid"}
}

// mismatchText words how far the lines are from the amount. The first parameter is amount minus lines.
func mismatchText(params []any) text {
	if len(params) > 0 {
		switch diff, ok := params[0].(money.Amount); {
		case !ok || diff.IsZero():
		case diff.IsNegative():
			by := money.Rupiah(0).Sub(diff).Format()
			return text{
				"line items add up to " + by + " more than the amount",
				"jumlah semua baris " + by + " lebih besar dari total",
			}
		default:
			return text{
				"line items add up to " + diff.Format() + " less than the amount",
				"jumlah semua baris " + diff.Format() + " lebih kecil dari total",
			}
		}
	}
	return text{"line items do not add up to the amount", "jumlah semua baris tidak sama dengan total"}
}
