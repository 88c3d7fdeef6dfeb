package dokusim

import (
	_ "embed"
	"html/template"
	"net/http"
	"slices"
	"strings"
)

// The public test shoppers of Kredivo's sandbox. The first one pays in full only, the second one in instalments too.
const (
	TestPhone       = "081513114262"
	TestPIN         = "663482"
	InstalmentPhone = "081291891818"
	InstalmentPIN   = "414141"
	TestOTP         = "4567"
)

const (
	payPath = "/kredivo/pay"
	maxForm = 16 << 10 // bytes of a form of ours
)

//go:embed paypage.html
var payPageSource string

var payPageTemplate = template.Must(template.New("pay").Parse(payPageSource))

// A payPage is what the template shows. Texts come from one of the two languages.
type payPage struct {
	Lang, Other string // "id" and "en", or the other way round
	T           map[string]string
	Order       Order
	Amount      string
	Until       string // with the zone's name
	Token       string
	Open        bool   // the form is shown
	Problem     string // why the last try did not work
	Phone, PIN  string // prefilled with ?fast=1
	OTP         string
	Tenor       string // chosen before
	Tenors      []tenor
	Back        string
}

type tenor struct{ Value, Label string }

func (s *Simulator) showPayPage(w http.ResponseWriter, r *http.Request) {
	s.renderPayPage(w, r, "")
}

// submitPayPage does what the shopper pressed. A browser that comes back to a finished order sees the page that says so.
func (s *Simulator) submitPayPage(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	o, ok := s.orderByToken(r.FormValue("tk"))
	if !ok {
		s.renderPayPage(w, r, "")
		return
	}
	back := o.CallbackURL
	var err error
	switch r.PostFormValue("action") {
	case "pay":
		if problem := signIn(r); problem != "" {
			s.renderPayPage(w, r, problem)
			return
		}
		err = s.move(o.Invoice, r.PostFormValue("tenor"), Success, Pending, Failed)
	case "refuse":
		err = s.Refuse(o.Invoice)
	case "expire":
		err = s.Expire(o.Invoice)
	case "leave":
		err = s.Leave(o.Invoice)
		if o.CallbackURLCancel != "" {
			back = o.CallbackURLCancel
		}
	default:
		http.Error(w, "unknown action", http.StatusBadRequest)
		return
	}
	if err != nil { // paid in another tab, or expired meanwhile
		s.renderPayPage(w, r, "")
		return
	}
	w.Header().Set("Location", back) // byte for byte
	w.WriteHeader(http.StatusSeeOther)
}

// signIn checks phone, PIN, one-time password and tenor, and returns the key of the text that says what is wrong.
func signIn(r *http.Request) (problem string) {
	phone := strings.Map(func(c rune) rune {
		if c < '0' || c > '9' {
			return -1
		}
		return c
	}, r.PostFormValue("phone"))
	phone = "0" + strings.TrimLeft(strings.TrimPrefix(phone, "62"), "0")
	pins := map[string]string{TestPhone: TestPIN, InstalmentPhone: InstalmentPIN}
	if pin, known := pins[phone]; !known || pin != r.PostFormValue("pin") {
		return "wrong_pin"
	}
	if r.PostFormValue("otp") != TestOTP {
		return "wrong_otp"
	}
	tenor := r.PostFormValue("tenor")
	if !slices.Contains(tenorValues(), tenor) {
		return "wrong_tenor"
	}
	if phone == TestPhone && tenor != tenorValues()[0] {
		return "full_only"
	}
	return ""
}

// tenorValues are Kredivo's payment types, in its own words.
func tenorValues() []string { return []string{"30_days", "3_months", "6_months", "12_months"} }

func (s *Simulator) renderPayPage(w http.ResponseWriter, r *http.Request, problem string) {
	lang := language(r)
	p := payPage{Lang: lang, Other: "en", T: payTexts(lang), Token: r.FormValue("tk")}
	if lang == "en" {
		p.Other = "id"
	}
	status := http.StatusOK
	o, ok := s.orderByToken(p.Token)
	if ok {
		p.Order, p.Amount, p.Back = o, o.Amount.Format(), o.CallbackURL
		p.Until = o.ExpiresAt.In(wib()).Format("02-01-2006 15:04 MST")
		p.Open = o.Status == Pending || o.Status == Failed
	} else {
		status = http.StatusNotFound
	}
	if problem != "" {
		p.Problem, status = p.T[problem], http.StatusUnprocessableEntity
		p.Phone, p.Tenor = r.PostFormValue("phone"), r.PostFormValue("tenor")
	}
	if r.FormValue("fast") != "" {
		p.Phone, p.PIN, p.OTP = TestPhone, TestPIN, TestOTP
	}
	for _, v := range tenorValues() {
		p.Tenors = append(p.Tenors, tenor{v, p.T[v]})
	}
	s.page(w, payPageTemplate, status, p)
}

// page writes an HTML page that runs no script and loads nothing.
func (s *Simulator) page(w http.ResponseWriter, t *template.Template, status int, data any) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "same-origin")
	w.WriteHeader(status)
	if err := t.Execute(w, data); err != nil {
		s.log.Error("page", "error", err)
	}
}

func (s *Simulator) orderByToken(token string) (Order, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.byToken[token]
	if !ok {
		return Order{}, false
	}
	return s.snapshot(o), true
}

// language is the one asked for with ?lang, or the browser's first one if it is English, or else Indonesian.
func language(r *http.Request) string {
	switch r.FormValue("lang") {
	case "id", "en":
		return r.FormValue("lang")
	}
	if strings.HasPrefix(strings.ToLower(r.Header.Get("Accept-Language")), "en") {
		return "en"
	}
	return "id"
}

func payTexts(lang string) map[string]string {
	if lang == "en" {
		return map[string]string{
			"title": "Pay with Kredivo", "simulator": "Simulator", "note": "No real money, no real Kredivo.", "other": "Bahasa Indonesia",
			"total": "Total", "invoice": "Invoice", "until": "Pay before",
			"phone": "Mobile number", "pin": "PIN", "otp": "One-time code (OTP)", "tenor": "Pay in",
			"30_days": "30 days", "3_months": "3 months", "6_months": "6 months", "12_months": "12 months",
			"pay": "Pay", "leave": "Cancel and go back to the shop", "refuse": "Refuse the credit", "expire": "Let the order expire",
			"act": "What else may happen", "hint": "Test shoppers", "full": "full payment only", "any": "instalments too",
			"wrong_pin": "Wrong number or PIN.", "wrong_otp": "Wrong one-time code.", "wrong_tenor": "Choose how to pay.",
			"full_only": "This shopper can only pay in 30 days.", "problem": "That did not work",
			"unknown": "This payment link is not known.", "back": "Back to the shop",
			Success: "This order has already been paid.", Expired: "This order has expired.", Refunded: "This order has been refunded.",
			Failed: "Kredivo has refused this credit. You may try again.",
		}
	}
	return map[string]string{
		"title": "Bayar dengan Kredivo", "simulator": "Simulator", "note": "Bukan uang asli, bukan Kredivo asli.", "other": "English",
		"total": "Total", "invoice": "Nomor tagihan", "until": "Bayar sebelum",
		"phone": "Nomor ponsel", "pin": "PIN", "otp": "Kode sekali pakai (OTP)", "tenor": "Bayar dalam",
		"30_days": "30 hari", "3_months": "3 bulan", "6_months": "6 bulan", "12_months": "12 bulan",
		"pay": "Bayar", "leave": "Batal dan kembali ke toko", "refuse": "Tolak kredit", "expire": "Biarkan pesanan kedaluwarsa",
		"act": "Kejadian lain", "hint": "Pembeli uji", "full": "hanya bayar penuh", "any": "bisa cicilan",
		"wrong_pin": "Nomor atau PIN salah.", "wrong_otp": "Kode OTP salah.", "wrong_tenor": "Pilih cara bayar.",
		"full_only": "Pembeli ini hanya bisa bayar dalam 30 hari.", "problem": "Tidak berhasil",
		"unknown": "Tautan pembayaran ini tidak dikenal.", "back": "Kembali ke toko",
		Success: "Pesanan ini sudah dibayar.", Expired: "Pesanan ini sudah kedaluwarsa.", Refunded: "Dana pesanan ini sudah dikembalikan.",
		Failed: "Kredivo menolak kredit ini. Anda boleh mencoba lagi.",
	}
}
