package main

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/paylater-go/paylater/examples/internal/tinyshop"
	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/money"
)

//go:embed templates
var templates embed.FS

const maxForm = 16 << 10 // bytes of a form of ours

// pages are what shoppers see, as plain net/http handlers: each framework has a bridge to those.
type pages struct {
	shop      *tinyshop.Shop
	plugin    *kredivo.Plugin
	simulator string // its control page, for the footer; may be empty
	texts     map[string]tinyshop.Text
	guard     *http.CrossOriginProtection
	templates map[string]*template.Template
	css       []byte
}

func newPages(shop *tinyshop.Shop, p *kredivo.Plugin, simulator string) (*pages, error) {
	pg := &pages{
		shop: shop, plugin: p, simulator: simulator, texts: texts(),
		guard: http.NewCrossOriginProtection(), templates: map[string]*template.Template{},
	}
	if err := pg.guard.AddTrustedOrigin(shop.Origin); err != nil {
		return nil, fmt.Errorf("shop: %w", err)
	}
	for _, name := range []string{"catalogue", "cart", "checkout", "order", "message"} {
		t, err := template.ParseFS(templates, "templates/layout.html", "templates/pictures.html", "templates/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("shop: %w", err)
		}
		pg.templates[name] = t
	}
	var err error
	if pg.css, err = templates.ReadFile("templates/shop.css"); err != nil {
		return nil, fmt.Errorf("shop: %w", err)
	}
	return pg, nil
}

// A route is one page, its path in the pattern language of http.ServeMux.
type route struct {
	method, path string
	handler      http.Handler
}

func (pg *pages) routes() []route {
	return []route{
		{"GET", "/{$}", pg.page(pg.showCatalogue)},
		{"GET", "/shop.css", http.HandlerFunc(pg.serveCSS)},
		{"GET", "/cart", pg.page(pg.showCart)},
		{"POST", "/cart", pg.page(pg.changeCart)},
		{"GET", "/checkout", pg.page(pg.showCheckout)},
		{"POST", "/checkout", pg.page(pg.placeOrder)},
		{"GET", "/order/{id}", pg.page(pg.showOrder)},
	}
}

// A visit is one request for a page, and what the page says.
type visit struct {
	pages *pages
	w     http.ResponseWriter
	r     *http.Request

	Lang      string
	Title     string
	CartCount int
	Simulator string
	Refresh   int // seconds until the page loads itself again; 0 for never
	Data      any

	buyer string
}

// T is the text of this key in the visitor's language.
func (v *visit) T(key string) string { return v.pages.texts[key].In(v.Lang) }

// Say is any text in the visitor's language.
func (v *visit) Say(t tinyshop.Text) string { return t.In(v.Lang) }

// NameOf is what an ordered product is called in the visitor's language.
func (v *visit) NameOf(it kredivo.Item) string {
	if p, ok := tinyshop.Find(it.SKU); ok {
		return v.Say(p.Name)
	}
	return it.Name // not sold any more
}

// CostOf is what all pieces of it cost.
func (v *visit) CostOf(it kredivo.Item) string { return it.Price.Mul(int64(it.Quantity)).Format() }

// Other is the language to switch to.
func (v *visit) Other() string {
	if v.Lang == "en" {
		return "id"
	}
	return "en"
}

// page finds out who visits and turns an error into a page.
func (pg *pages) page(show func(*visit) error) http.Handler {
	return pg.guard.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		v := &visit{pages: pg, w: w, r: r, Simulator: pg.simulator}
		v.session()
		v.language()
		err := v.countCart()
		if err == nil {
			err = show(v)
		}
		if errors.Is(err, kredivo.ErrOrderNotFound) {
			err = v.render(http.StatusNotFound, "message", "missing", nil)
		}
		if err != nil {
			slog.ErrorContext(r.Context(), "page failed", "route", r.Pattern, "error", err)
			if err := v.render(http.StatusInternalServerError, "message", "trouble", nil); err != nil {
				http.Error(w, http.StatusText(http.StatusInternalServerError), http.StatusInternalServerError)
			}
		}
	}))
}

// session makes sure that the visitor has one.
func (v *visit) session() {
	if v.buyer = buyer(v.r); v.buyer == tinyshop.Guest {
		cookie := v.pages.shop.NewSession()
		http.SetCookie(v.w, cookie)
		v.buyer = tinyshop.Buyer(cookie.Value)
	}
}

// buyer is the key of the visitor's session.
func buyer(r *http.Request) string {
	cookie, err := r.Cookie(tinyshop.SessionCookie)
	if err != nil {
		return tinyshop.Guest
	}
	return tinyshop.Buyer(cookie.Value)
}

// language is the one picked with ?lang=, else the one picked before, else the browser's, else Indonesian.
func (v *visit) language() {
	const name = "shop_language"
	if cookie, err := v.r.Cookie(name); err == nil {
		v.Lang = cookie.Value
	}
	if picked := v.r.URL.Query().Get("lang"); picked != "" {
		v.Lang = picked
		http.SetCookie(v.w, &http.Cookie{
			Name: name, Value: tinyshop.Language(picked, "id"), Path: "/", MaxAge: 365 * 24 * 60 * 60,
			HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: v.pages.shop.Secure(),
		})
	}
	v.Lang = tinyshop.Language(v.Lang, tinyshop.Language(v.r.Header.Get("Accept-Language"), "id"))
}

func (v *visit) countCart() error {
	cart, err := v.pages.shop.Cart(v.r.Context(), v.buyer)
	for _, l := range cart {
		v.CartCount += l.Quantity
	}
	return err
}

// render sends a page. Its policy allows nothing but this shop's own style sheet. There is no
// form-action in it: browsers hold redirects after a form to it too, and the pay button leads to Kredivo.
func (v *visit) render(status int, name, title string, data any) error {
	v.Title, v.Data = v.T(title), data
	var b bytes.Buffer
	if err := v.pages.templates[name].ExecuteTemplate(&b, "layout", v); err != nil {
		return fmt.Errorf("shop: %w", err)
	}
	h := v.w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	v.w.WriteHeader(status)
	_, _ = v.w.Write(b.Bytes()) // the shopper may be gone
	return nil
}

// see sends the browser to another page, with GET.
func (v *visit) see(location string) error {
	v.w.Header().Set("Location", location)
	v.w.WriteHeader(http.StatusSeeOther)
	return nil
}

func (pg *pages) serveCSS(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	w.Header().Set("Cache-Control", "no-cache")
	_, _ = w.Write(pg.css)
}

func (pg *pages) showCatalogue(v *visit) error {
	cart, err := pg.shop.Cart(v.r.Context(), v.buyer)
	if err != nil {
		return err
	}
	type item struct {
		tinyshop.Product
		InCart int
	}
	var items []item
	for _, p := range tinyshop.Catalogue() {
		it := item{Product: p}
		for _, l := range cart {
			if l.Product.SKU == p.SKU {
				it.InCart = l.Quantity
			}
		}
		items = append(items, it)
	}
	return v.render(http.StatusOK, "catalogue", "shop", items)
}

// A bill is a cart with what it comes to.
type bill struct {
	Lines           []tinyshop.CartLine
	Shipping, Total money.Amount
}

func (v *visit) bill() (bill, error) {
	cart, err := v.pages.shop.Cart(v.r.Context(), v.buyer)
	b := bill{Lines: cart, Shipping: tinyshop.ShippingFee(), Total: tinyshop.ShippingFee()}
	for _, l := range cart {
		b.Total = b.Total.Add(l.Total)
	}
	return b, err
}

func (pg *pages) showCart(v *visit) error {
	b, err := v.bill()
	if err != nil {
		return err
	}
	return v.render(http.StatusOK, "cart", "cart", b)
}

// changeCart adds one piece, or sets how many there are.
func (pg *pages) changeCart(v *visit) error {
	ctx, sku := v.r.Context(), v.r.PostFormValue("sku")
	if v.r.PostFormValue("action") == "add" {
		if err := pg.shop.AddToCart(ctx, v.buyer, sku, 1); err != nil {
			return err
		}
		return v.see("/cart")
	}
	quantity, err := strconv.Atoi(v.r.PostFormValue("quantity"))
	if v.r.PostFormValue("action") == "remove" {
		quantity, err = 0, nil
	}
	if err == nil { // a number that cannot be read leaves the cart as it is
		err = pg.shop.SetCart(ctx, v.buyer, sku, quantity)
		if err != nil {
			return err
		}
	}
	return v.see("/cart")
}
