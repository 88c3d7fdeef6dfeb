package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// TestPages looks at what the shop's pages give away, and to whom. The browser's own suite buys in them.
func TestPages(t *testing.T) {
	onEvery(t, func(t *testing.T, p program) {
		if p.name != "shop" {
			return // the others have no pages
		}
		h := newHost(t, p)
		siti := newBrowser(t)
		must := func(a answer, status int, words ...string) {
			t.Helper()
			if a.status != status {
				t.Fatalf("%s: %d, want %d\n%s", a.url, a.status, status, a.body)
			}
			for _, w := range words {
				if !strings.Contains(a.body, w) {
					t.Errorf("%s does not say %q:\n%s", a.url, w, a.body)
				}
			}
		}
		post := func(c *http.Client, path, fields string, header ...string) answer {
			t.Helper()
			return send(t, c, "POST", h.url+path, fields, append(header, "Content-Type", form)...)
		}
		must(send(t, siti, "GET", h.url+"/?sku=KAOS-1", ""), 200, `id="add-KAOS-1"`, `lang="id"`, "Keranjang")
		must(send(t, siti, "GET", h.url+"/", "", "Accept-Language", "en-GB"), 200, `lang="en"`, "Add to cart")
		must(send(t, siti, "GET", h.url+"/?lang=en", ""), 200, `lang="en"`)
		must(send(t, siti, "GET", h.url+"/cart", ""), 200, "Your cart is empty") // the choice is kept

		must(post(siti, "/cart", "action=add&sku=KAOS-1"), 200, `value="1"`)
		must(post(siti, "/cart", "action=set&sku=KAOS-1&quantity=3"), 200, `value="3"`, "Rp462.000")
		must(post(siti, "/cart", "action=set&sku=KAOS-1&quantity=lots"), 200, `value="3"`)
		must(post(siti, "/cart", "action=add&sku=NONE"), 200, `value="3"`)
		must(send(t, newBrowser(t), "GET", h.url+"/cart", "", "Accept-Language", "en"), 200, "Your cart is empty")

		a := post(siti, "/checkout", "name=%3Cb%3ESiti&phone=nonsense")
		must(a, 422, "We cannot read this number", "&lt;b&gt;Siti", `aria-invalid="true"`)
		fields := "name=Siti+Rahmawati&phone=0812-3456-7890&email=siti@example.com&address=Jl.+Melati+1&city=Bandung&postal_code=40111"
		if a := post(siti, "/checkout", fields, "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"); a.status != http.StatusForbidden {
			t.Errorf("a form of another site: %d, want 403", a.status)
		}
		a = post(siti, "/checkout", fields)
		must(a, 200, `id="pay"`, "3 × Black cotton T-shirt", "Rp447.000", "Rp462.000")
		if csp := a.header.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none'") {
			t.Errorf("Content-Security-Policy = %q", csp)
		}
		must(send(t, siti, "GET", h.url+"/cart", ""), 200, "Your cart is empty")

		// Whoever knows the number sees the order, but neither the buyer nor a way to pay.
		b := send(t, newBrowser(t), "GET", a.url, "")
		must(b, 200, `data-status="unpaid"`)
		for page, text := range map[string]string{"the owner's": a.body, "a stranger's": b.body} {
			if containsAny(text, []string{"Siti", "Rahmawati", "6281234567890", "siti@example.com", "Melati 1"}) {
				t.Errorf("%s page shows who has ordered:\n%s", page, text)
			}
		}
		if strings.Contains(b.body, `id="pay"`) {
			t.Error("a stranger's page has a pay button")
		}
		must(send(t, siti, "GET", h.url+"/order/NOSUCHORDER1", ""), 404, "There is no such page or order")
	})
}
