package tinyshop

import "github.com/paylater-go/paylater/money"

// A Product is something to buy.
type Product struct {
	SKU      string
	Category string // Kredivo looks at it, so it must say what is sold
	Price    money.Amount
	Name     Text
	About    Text
}

// A Text is a sentence in Indonesian and in English.
type Text struct{ ID, EN string }

// In returns the sentence in lang, "en" or anything else for Indonesian.
func (t Text) In(lang string) string {
	if lang == "en" {
		return t.EN
	}
	return t.ID
}

// Catalogue returns everything on sale, in the order of the shop window.
func Catalogue() []Product {
	return []Product{
		{
			SKU: "KAOS-1", Category: "Fashion", Price: money.Rupiah(149_000),
			Name:  Text{"Kaos katun hitam", "Black cotton T-shirt"},
			About: Text{"Katun combed 24s, jahitan rantai.", "24s combed cotton, chain stitched."},
		},
		{
			SKU: "BATIK-1", Category: "Fashion", Price: money.Rupiah(385_000),
			Name:  Text{"Kemeja batik parang", "Parang batik shirt"},
			About: Text{"Batik cap, dikerjakan di Pekalongan.", "Hand-stamped in Pekalongan."},
		},
		{
			SKU: "TOPI-1", Category: "Fashion", Price: money.Rupiah(95_000),
			Name:  Text{"Topi anyaman pandan", "Woven pandan hat"},
			About: Text{"Anyaman tangan dari Tasikmalaya.", "Hand-woven in Tasikmalaya."},
		},
		{
			SKU: "TAS-1", Category: "Fashion", Price: money.Rupiah(210_000),
			Name:  Text{"Tas kanvas", "Canvas bag"},
			About: Text{"Muat laptop 14 inci.", "Holds a 14-inch laptop."},
		},
		{
			SKU: "KOPI-1", Category: "Food", Price: money.Rupiah(89_500),
			Name:  Text{"Kopi Gayo 250 g", "Gayo coffee, 250 g"},
			About: Text{"Arabika, disangrai minggu ini.", "Arabica, roasted this week."},
		},
		{
			SKU: "GELAS-1", Category: "Home", Price: money.Rupiah(67_000),
			Name:  Text{"Gelas keramik", "Stoneware mug"},
			About: Text{"Dibuat satu per satu di Kasongan.", "Made one by one in Kasongan."},
		},
	}
}

// Find returns the product with this SKU, and whether there is one.
func Find(sku string) (Product, bool) {
	for _, p := range Catalogue() {
		if p.SKU == sku {
			return p, true
		}
	}
	return Product{}, false
}

// ShippingFee is what every order costs to ship.
func ShippingFee() money.Amount { return money.Rupiah(15_000) }
