package kredivo

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"

	"github.com/paylater-go/paylater/money"
	"github.com/paylater-go/paylater/validation"
)

var (
	//go:embed pages/page.html
	pageHTML string
	//go:embed pages/page.css
	pageCSS string
)

// The states that shoppers and the shop's scripts see. They are stable.
const (
	stateChecking = "checking" // no word from DOKU yet
	statePaid     = "paid"
	stateFailed   = "failed"
	stateExpired  = "expired"
	stateReview   = "review"
	stateRefunded = "refunded"
)

// A view is what a page says.
type view struct {
	State     string
	Final     bool // nothing will change by waiting
	Left      bool // the shopper left Kredivo's page
	OrderID   string
	Amount    money.Amount
	ShopURL   string
	ResumeURL string
	Refresh   int // seconds until the page reloads itself; 0 for never
}

// viewOf says how an attempt stands, as part of its payment: a shopper who returns to an old attempt
// of a paid order reads "paid".
func viewOf(a Attempt, p Payment) view {
	status := a.Status
	if p.Status == Paid {
		status = Paid
	}
	switch status {
	case Paid:
		return view{State: statePaid, Final: true}
	case Review:
		return view{State: stateReview}
	case Refunded, Voided:
		return view{State: stateRefunded, Final: true}
	case Failed:
		return view{State: stateFailed}
	case Expired:
		return view{State: stateExpired}
	default:
		return view{State: stateChecking}
	}
}

// refreshEvery slows a waiting page down: the notification comes within seconds or takes long.
func refreshEvery(age time.Duration) int {
	switch {
	case age < 10*time.Minute:
		return 3
	case age < time.Hour:
		return 15
	default:
		return 60
	}
}

// pages renders what shoppers see: no script, no request to anyone else. The page is small and of one
// shape, and html/template would more than double what this module adds to a program: it makes the linker
// keep every method that a template might call. So the values are put in here, each of them escaped.
type pages struct{ headers http.Header }

func newPages() *pages {
	style := sha256.Sum256([]byte(pageCSS))
	return &pages{headers: http.Header{
		"Content-Type": {"text/html; charset=utf-8"},
		"Content-Security-Policy": {"default-src 'none'; style-src 'sha256-" +
			base64.StdEncoding.EncodeToString(style[:]) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
		"Cache-Control":          {"no-store"},
		"Referrer-Policy":        {"no-referrer"},
		"X-Content-Type-Options": {"nosniff"},
	}}
}

// payment is the page of one attempt.
func (pg *pages) payment(lang validation.Language, v view) *Response {
	state := v.State
	if v.Left {
		state = "left"
	}
	return pg.render(http.StatusOK, lang, pageText(lang, state), v)
}

// refusal is the page of an error.
func (pg *pages) refusal(lang validation.Language, e *Error, shopURL string) *Response {
	return pg.render(e.HTTPStatus(), lang, errorText(lang, e.Code), view{ShopURL: shopURL})
}

func (pg *pages) render(status int, lang validation.Language, t text, v view) *Response {
	var refresh, details string
	label := labels[lang]
	if v.Refresh > 0 {
		refresh = element(`<meta http-equiv="refresh" content="%s">`, strconv.Itoa(v.Refresh))
	}
	if v.OrderID != "" {
		details += element("<dl>\n<dt>%s</dt><dd>%s</dd>\n<dt>%s</dt><dd>%s</dd>\n</dl>\n", label["order"], v.OrderID, label["amount"], v.Amount.Format())
	}
	if isWebURL(v.ResumeURL) {
		details += element(`<p><a class="button" id="resume" href="%s" rel="noreferrer">%s</a></p>`+"\n", v.ResumeURL, label["resume"])
	}
	if isWebURL(v.ShopURL) {
		details += element(`<p><a id="back" href="%s">%s</a></p>`+"\n", v.ShopURL, label["back"])
	}
	if v.Refresh > 0 {
		details += element(`<p class="hint">%s</p>`+"\n", label["refresh"])
	}
	body := strings.NewReplacer(
		"{lang}", html.EscapeString(string(lang)), "{refresh}", refresh, "{style}", pageCSS,
		"{state}", html.EscapeString(v.State), "{title}", html.EscapeString(t.Title), "{body}", html.EscapeString(t.Body),
		"{details}", details,
	).Replace(pageHTML)
	return &Response{Status: status, Header: pg.headers.Clone(), Body: []byte(body)}
}

// element writes a piece of the page. The format is ours; every value is escaped, for text and for
// attributes in double quotes, the only two places where one stands.
func element(format string, values ...string) string {
	escaped := make([]any, len(values))
	for i, v := range values {
		escaped[i] = html.EscapeString(v)
	}
	return fmt.Sprintf(format, escaped...)
}

// isWebURL keeps links to what a browser may follow: no javascript: and the like, whoever wrote it. A path
// of the shop's own site is fine too.
func isWebURL(s string) bool {
	u, err := url.Parse(s)
	if err != nil || s == "" || strings.ContainsRune(s, '\\') { // browsers read \ as /
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" || (u.Scheme == "" && u.Host == "" && strings.HasPrefix(s, "/") && !strings.HasPrefix(s, "//"))
}

// errorResponse answers people with a page and programs with an RFC 9457 problem document. Neither
// holds the cause.
func (p *Plugin) errorResponse(req *Request, e *Error) *Response {
	lang := p.language(req)
	if wantsHTML(req) {
		return p.pages.refusal(lang, e, p.cfg.ShopURL)
	}
	problem := map[string]any{
		"type":   "about:blank",
		"title":  errorText(lang, e.Code).Title,
		"status": e.HTTPStatus(),
		"code":   e.Code,
	}
	if e.Detail != "" {
		problem["detail"] = e.Detail
	}
	if len(e.Fields) > 0 {
		fields := make([]map[string]string, len(e.Fields))
		for i, f := range e.Fields {
			fields[i] = map[string]string{"path": f.Path, "code": f.Code, "message": f.Message(lang)}
		}
		problem["errors"] = fields
	}
	resp := jsonAs("application/problem+json", e.HTTPStatus(), problem)
	if e.Code == CodeUnavailable {
		resp.Header.Set("Retry-After", retryAfter)
	}
	return resp
}

// newMatcher matches what shoppers' browsers ask for; the first language is the one for all others.
func newMatcher(fallback validation.Language) language.Matcher {
	if fallback == validation.English {
		return language.NewMatcher([]language.Tag{language.English, language.Indonesian})
	}
	return language.NewMatcher([]language.Tag{language.Indonesian, language.English})
}

// language picks the shopper's language by ?lang= or Accept-Language.
func (p *Plugin) language(req *Request) validation.Language {
	asked, accepted := req.Query.Get("lang"), strings.Join(req.Header["Accept-Language"], ",")
	if asked == "" && accepted == "" {
		return p.cfg.Language
	}
	tag, _ := language.MatchStrings(p.languages, asked, accepted)
	if base, _ := tag.Base(); base.String() == "en" {
		return validation.English
	}
	return validation.Indonesian
}

// wantsJSON reports whether the client reads JSON and did not ask for a page first.
func wantsJSON(req *Request) bool {
	accept := strings.ToLower(strings.Join(req.Header["Accept"], ","))
	json, html := strings.Index(accept, "json"), strings.Index(accept, "text/html")
	return json >= 0 && (html < 0 || json < html)
}

// wantsHTML reports whether a person is looking: browsers name text/html, programs rarely do.
func wantsHTML(req *Request) bool {
	return !wantsJSON(req) && strings.Contains(strings.ToLower(strings.Join(req.Header["Accept"], ",")), "text/html")
}
