package dokusim

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// visit opens a page with a browser's headers.
func (sh *shop) visit(target, language string) result {
	sh.t.Helper()
	req, err := http.NewRequestWithContext(sh.t.Context(), http.MethodGet, target, nil)
	must(sh.t, err)
	req.Header.Set("Accept-Language", language)
	return sh.do(req)
}

// press posts the pay page's form as a browser does.
func (sh *shop) press(g generatedOrder, action string, fields ...string) result {
	sh.t.Helper()
	u, err := url.Parse(g.Payment.URL)
	must(sh.t, err)
	form := url.Values{"tk": {u.Query().Get("tk")}, "action": {action}}
	for i := 0; i < len(fields); i += 2 {
		form.Set(fields[i], fields[i+1])
	}
	return sh.post("https://pay.test"+payPath+"?lang=en", form, "text/html")
}

func (sh *shop) post(target string, form url.Values, accept string) result {
	sh.t.Helper()
	req, err := http.NewRequestWithContext(sh.t.Context(), http.MethodPost, target, strings.NewReader(form.Encode()))
	must(sh.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", accept)
	return sh.do(req)
}

func signedIn(tenor string) []string {
	return []string{"phone", TestPhone, "pin", TestPIN, "otp", TestOTP, "tenor", tenor}
}

func TestPayPage(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	g := sh.generate("INV-1")
	id, en := string(sh.visit(g.Payment.URL, "de,en").body), string(sh.visit(g.Payment.URL, "en-GB,en;q=0.9").body)
	for _, want := range []string{`lang="id"`, "Simulator", "Rp150.000", "Nomor ponsel", "30 hari", "Batal dan kembali ke toko", "WIB"} {
		if !strings.Contains(id, want) {
			t.Errorf("id: no %s", want)
		}
	}
	for _, want := range []string{`lang="en"`, "Simulator", "Mobile number", "30 days", "12 months", "Refuse the credit"} {
		if !strings.Contains(en, want) {
			t.Errorf("en: no %s", want)
		}
	}
	for _, want := range []string{`id="phone"`, `id="pin"`, `id="otp"`, `id="tenor"`, `id="pay"`, `id="refuse"`, `id="leave"`, `id="expire"`, `for="phone"`, `for="pin"`, `for="otp"`, `for="tenor"`} {
		if strings.Count(en, want) != 1 {
			t.Errorf("%s is there %d times", want, strings.Count(en, want))
		}
	}
	if got := sh.visit(g.Payment.URL+"&lang=en", "id"); !strings.Contains(string(got.body), `lang="en"`) {
		t.Error("?lang=en is not followed")
	}
	if got := sh.visit(g.Payment.URL+"&fast=1", "id"); !strings.Contains(string(got.body), `value="`+TestPIN+`"`) {
		t.Error("?fast=1 fills nothing in")
	}
	// A shop that decodes the payment URL once too often is found out.
	if got := sh.visit(strings.ReplaceAll(g.Payment.URL, "%2B", "+"), "id"); got.status != http.StatusNotFound {
		t.Errorf("decoded URL: %d", got.status)
	}
}

func TestPayPageActions(t *testing.T) {
	t.Parallel()
	const back, cancel = "https://shop.test/pay/return/a%2Bb?x=1&y=2", "https://shop.test/pay/cancel/c"
	for action, c := range map[string]struct{ location, status, told string }{
		"pay": {back, Success, Success}, "refuse": {back, Failed, Failed}, "leave": {cancel, Pending, ""}, "expire": {back, Expired, ""},
	} {
		t.Run(action, func(t *testing.T) {
			t.Parallel()
			sh := newShop(t)
			g := sh.generate("INV-1")
			got := sh.press(g, action, signedIn("30_days")...)
			if got.status != http.StatusSeeOther || got.header.Get("Location") != c.location {
				t.Errorf("%d %s %s", got.status, got.header.Get("Location"), got.body)
			}
			sh.clock.Advance(time.Minute)
			if o, _ := sh.sim.Order("INV-1"); o.Status != c.status || (o.Left == 1) != (action == "leave") {
				t.Errorf("order: %+v", o)
			}
			if told := strings.Join(sh.statuses(), ","); told != c.told {
				t.Errorf("told %q, want %q", told, c.told)
			}
		})
	}
}

func TestPayPageSignIn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fields  []string
		problem string // "" if paid
	}{
		"right":               {signedIn("30_days"), ""},
		"phone with 62":       {[]string{"phone", "+62 815-1311-4262", "pin", TestPIN, "otp", TestOTP, "tenor", "30_days"}, ""},
		"phone without 0":     {[]string{"phone", "81513114262", "pin", TestPIN, "otp", TestOTP, "tenor", "30_days"}, ""},
		"instalments":         {[]string{"phone", InstalmentPhone, "pin", InstalmentPIN, "otp", TestOTP, "tenor", "6_months"}, ""},
		"nothing":             {nil, "Wrong number or PIN"},
		"wrong PIN":           {[]string{"phone", TestPhone, "pin", InstalmentPIN, "otp", TestOTP, "tenor", "30_days"}, "Wrong number or PIN"},
		"unknown phone":       {[]string{"phone", "0811", "pin", TestPIN, "otp", TestOTP, "tenor", "30_days"}, "Wrong number or PIN"},
		"wrong OTP":           {[]string{"phone", TestPhone, "pin", TestPIN, "otp", "1234", "tenor", "30_days"}, "Wrong one-time code"},
		"no such tenor":       {signedIn("99_months"), "Choose how to pay"},
		"instalments refused": {signedIn("3_months"), "can only pay in 30 days"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sh := newShop(t)
			got := sh.press(sh.generate("INV-1"), "pay", c.fields...)
			o, _ := sh.sim.Order("INV-1")
			if c.problem == "" {
				if got.status != http.StatusSeeOther || o.Status != Success {
					t.Errorf("%d, %s", got.status, o.Status)
				}
				must(t, sh.sim.Refund("INV-1"))
				if o, _ := sh.sim.Order("INV-1"); o.Tenor != c.fields[len(c.fields)-1] {
					t.Errorf("tenor %q", o.Tenor)
				}
				return
			}
			if got.status != http.StatusUnprocessableEntity || o.Status != Pending || !strings.Contains(string(got.body), c.problem) {
				t.Errorf("%d, %s: %s", got.status, o.Status, got.body)
			}
			if strings.Contains(string(got.body), `value="`+TestPIN+`"`) {
				t.Error("the PIN is shown again")
			}
		})
	}
}

// Two tabs show the form; the second payment finds the order paid, and money moves once.
func TestTwoTabs(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	g := sh.generate("INV-1")
	first, second := sh.press(g, "pay", signedIn("30_days")...), sh.press(g, "pay", signedIn("30_days")...)
	if first.status != http.StatusSeeOther || second.status != http.StatusOK || !strings.Contains(string(second.body), "has already been paid") {
		t.Errorf("%d, then %d %s", first.status, second.status, second.body)
	}
	if page := string(sh.visit(g.Payment.URL, "id").body); !strings.Contains(page, "sudah dibayar") || strings.Contains(page, `id="pay"`) || !strings.Contains(page, `id="back"`) {
		t.Errorf("page of a paid order: %s", page)
	}
	sh.clock.Advance(time.Hour)
	if n := len(sh.notifications()); n != 1 {
		t.Errorf("%d notifications, want 1", n)
	}
}

// After a refusal the page can be opened again, and the payment succeeds: SUCCESS after FAILED.
func TestPayAfterRefusal(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	g := sh.generate("INV-1")
	sh.press(g, "refuse")
	if page := string(sh.visit(g.Payment.URL, "en").body); !strings.Contains(page, "has refused") || !strings.Contains(page, `id="pay"`) {
		t.Errorf("page: %s", page)
	}
	if got := sh.press(g, "pay", signedIn("30_days")...); got.status != http.StatusSeeOther {
		t.Errorf("%d %s", got.status, got.body)
	}
	sh.clock.Advance(time.Minute)
	if told := strings.Join(sh.statuses(), ","); told != "FAILED,SUCCESS" {
		t.Errorf("told %s", told)
	}
}

func TestPagesEscape(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	body := strings.ReplaceAll(string(orderBody("INV-1")), "INV-1", "<script>1</script>")
	got := sh.do(sh.request("POST", generatePath, "REQ-1", []byte(body)))
	g := decode[generatedOrder](t, got.body)
	for _, target := range []string{g.Payment.URL, "https://pay.test/_sim/"} {
		if page := string(sh.visit(target, "en").body); strings.Contains(page, "<script>") || !strings.Contains(page, "&lt;script&gt;") {
			t.Errorf("%s: %s", target, page)
		}
	}
}

func TestControl(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	sh.generate("INV-1")
	post := func(path string, want int, fields ...string) State {
		t.Helper()
		form := url.Values{}
		for i := 0; i < len(fields); i += 2 {
			form.Set(fields[i], fields[i+1])
		}
		got := sh.post("https://pay.test/_sim/"+path, form, "application/json")
		if got.status != want {
			t.Errorf("%s %v: %d %s, want %d", path, fields, got.status, got.body, want)
		}
		var state State
		if got.status == 200 {
			must(t, json.Unmarshal(got.body, &state))
		}
		return state
	}
	post("order", 404, "invoice", "INV-2", "action", "pay")
	post("order", 409, "invoice", "INV-1", "action", "refund")
	post("order", 400, "invoice", "INV-1", "action", "dance")
	post("order", 200, "invoice", "INV-1", "action", "expire")
	post("order", 200, "invoice", "INV-1", "action", "pay-late")
	state := post("advance", 200, "by", "1s")
	if len(state.Orders) != 1 || state.Orders[0].Status != Success || len(state.Deliveries) != 1 || state.Deliveries[0].AnswerStatus != 200 || len(state.Calls) != 1 {
		t.Errorf("state: %+v", state)
	}
	post("send", 200, "invoice", "INV-1", "status", "FAILED", "amount", "2000", "duplicates", "1", "age", "1h")
	post("send", 400, "invoice", "INV-1", "amount", "20.5")
	if told := strings.Join(sh.statuses(), ","); told != "SUCCESS,FAILED,FAILED" {
		t.Errorf("told %s", told)
	}
	post("fail", 200, "kind", "server_error", "endpoint", "check-status", "times", "1")
	post("fail", 400, "kind", "nonsense")
	post("fail", 400, "kind", "answer_status", "status", "99")
	if got := sh.do(sh.request("GET", statusPath+"INV-1", "S", nil)); got.status != 500 {
		t.Errorf("fault: %d", got.status)
	}
	post("notify-fault", 200, "never", "true")
	post("notify-fault", 400, "delay", "soon")
	post("heal", 200)
	post("notification-url", 200, "url", "http://shop.test/other")
	post("notification-url", 400, "url", "shop.test")
	post("order", 200, "invoice", "INV-1", "action", "refund")
	post("order", 200, "invoice", "INV-1", "action", "resend")
	if d := sh.sim.Deliveries(); d[len(d)-1].URL != "http://shop.test/other" || d[len(d)-1].Status != Refunded {
		t.Errorf("last delivery: %+v", d[len(d)-1])
	}
	page := string(sh.visit("https://pay.test/_sim/", "en").body)
	for _, want := range []string{"Simulator", "INV-1", "REFUNDED", "server_error"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page has no %s", want)
		}
	}
	if got := sh.post("https://pay.test/_sim/heal", nil, "text/html,*/*"); got.status != http.StatusSeeOther || got.header.Get("Location") != "/_sim/" {
		t.Errorf("a browser's press: %d %v", got.status, got.header)
	}
}

// Another site cannot press the buttons of a simulator on the developer's machine.
func TestControlRefusesOtherSites(t *testing.T) {
	t.Parallel()
	sh := newShop(t)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://pay.test/_sim/heal", nil)
	must(t, err)
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	if got := sh.do(req); got.status != http.StatusForbidden {
		t.Errorf("%d", got.status)
	}
}
