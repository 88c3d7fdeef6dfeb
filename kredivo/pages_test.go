package kredivo

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/paylater-go/paylater/money"
	"github.com/paylater-go/paylater/validation"
)

// Whatever a shop uses as an order number, it is text on the page and nothing else.
func TestPagesEscapeEverything(t *testing.T) {
	t.Parallel()
	attacks := []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`,
		"{details}", "{style}", "</style><script>", "&lt;b&gt;", "%s%d", "\u202e", `\x3cscript\x3e`,
	}
	for _, lang := range []validation.Language{validation.Indonesian, validation.English} {
		for _, attack := range attacks {
			resp := newPages().payment(lang, view{
				State: stateChecking, OrderID: attack, Amount: money.Rupiah(1), Refresh: 3, Left: true,
				ShopURL: "https://shop.example/?q=" + attack, ResumeURL: "https://pay.example/?q=" + attack,
			})
			page := string(resp.Body)
			for _, tag := range tags(t, page) {
				if !strings.Contains(" html head meta title style body main h1 p dl dt dd a ", " "+tag.name+" ") {
					t.Errorf("%q brought <%s> into the page", attack, tag.name)
				}
				for name := range tag.attributes {
					if strings.HasPrefix(name, "on") {
						t.Errorf("%q brought %s into <%s>", attack, name, tag.name)
					}
				}
			}
			if strings.Count(page, "<style>") != 1 || strings.Contains(page, "{title}") || strings.Contains(page, "%!") {
				t.Errorf("%q broke the page:\n%s", attack, page)
			}
		}
	}
}

// Links lead to the web, whoever set them.
func TestPagesLinkToTheWebOnly(t *testing.T) {
	t.Parallel()
	for link, want := range map[string]bool{
		"https://shop.example/orders/1": true, "http://127.0.0.1:8080/orders/1": true, "/orders/1": true,
		"javascript:alert(1)": false, "JaVaScRiPt:alert(1)": false, "data:text/html,x": false, "//evil.example": false,
		"": false, `/\evil.example`: false, "\x01javascript:alert(1)": false, "orders/1": false,
	} {
		page := string(newPages().refusal(validation.English, ErrOrderNotFound, link).Body)
		if got := strings.Contains(page, `id="back"`); got != want {
			t.Errorf("link to %q: %t, want %t", link, got, want)
		}
	}
}

// Every state and every code has its words in both languages.
func TestEveryPageHasWords(t *testing.T) {
	t.Parallel()
	for _, lang := range []validation.Language{validation.Indonesian, validation.English} {
		for _, state := range []string{stateChecking, "left", statePaid, stateFailed, stateExpired, stateReview, stateRefunded} {
			if words := pageText(lang, state); words.Title == "" || words.Body == "" {
				t.Errorf("%s has no words in %s", state, lang)
			}
		}
		for code := range httpStatus {
			if words := errorText(lang, code); words.Title == "" || words.Body == "" {
				t.Errorf("%s has no words in %s", code, lang)
			}
		}
	}
}

type tag struct {
	name       string
	attributes map[string]string
}

// tags reads the page with a parser that knows nothing of how it was written.
func tags(t *testing.T, page string) []tag {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
	var found []tag
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return found
		}
		if err != nil {
			t.Fatalf("the page cannot be parsed: %v\n%s", err, page)
		}
		if start, ok := token.(xml.StartElement); ok {
			attributes := map[string]string{}
			for _, a := range start.Attr {
				attributes[strings.ToLower(a.Name.Local)] = a.Value
			}
			found = append(found, tag{start.Name.Local, attributes})
		}
	}
}
