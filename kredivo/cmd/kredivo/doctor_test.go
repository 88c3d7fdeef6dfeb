package main

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gin-gonic/gin"
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/basicauth"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku/dokusim"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

// A call is a call of doctor for a shop. Tests change it to make mistakes.
type call struct {
	base string // of the shop, without a path
	env  map[string]string
	args []string
}

// admit serves a shop on h whose PublicURL has that path.
func admit(t *testing.T, h host, path string, change ...func(*kredivotest.Config)) *call {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + l.Addr().String()
	var cfg *kredivotest.Config
	shop := kredivotest.New(t, append(change, func(c *kredivotest.Config) {
		c.ServeSimulator = true
		c.Plugin.PublicURL = base + path
		cfg = c
	})...)
	h(t, l, shop.Plugin)
	return &call{base: base, args: []string{"doctor", "-url", base + path}, env: map[string]string{
		"DOKU_CLIENT_ID": kredivotest.ClientID, "DOKU_SECRET_KEY": kredivotest.SecretKey, "DOKU_BASE_URL": cfg.Plugin.DOKU.BaseURL,
	}}
}

// run calls doctor with -json.
func (c *call) run(t *testing.T) (int, map[string]kredivo.Finding) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := runDoctor(t.Context(), append(c.args[1:], "-json"), &stdout, &stderr, func(name string) string { return c.env[name] })
	var doc struct {
		OK       bool
		Findings []kredivo.Finding
	}
	if err := json.Unmarshal(stdout.Bytes(), &doc); err != nil {
		t.Fatalf("exit code %d, no JSON: %v\n%s%s", code, err, stdout.String(), stderr.String())
	}
	if doc.OK != (code == 0) {
		t.Errorf("ok is %v with the exit code %d", doc.OK, code)
	}
	for _, s := range []string{kredivotest.SecretKey, "HMACSHA256", "hush", "SK-"} {
		if strings.Contains(stdout.String()+stderr.String(), s) {
			t.Errorf("the report repeats %q:\n%s", s, stdout.String())
		}
	}
	findings := map[string]kredivo.Finding{}
	for _, f := range doc.Findings {
		findings[f.Check] = f
		if (f.State == kredivo.CheckOK) != (f.Do == "") {
			t.Errorf("%s is %s and says %q to do", f.Check, f.State, f.Do)
		}
	}
	return code, findings
}

func TestDoctorFindsNothingWrong(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]host{
		"net/http": onHTTP("/pay"),
		"gin":      onGin("/pay", func(*gin.Engine) {}),
		"fiber":    onFiber("/pay", func(*fiber.App) {}),
		"a proxy that renames the path": behind("/inner", func(r *http.Request) {
			r.URL.Path = strings.Replace(r.URL.Path, "/pay/", "/inner/", 1)
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, findings := admit(t, h, "/pay").run(t)
			if code != 0 || len(findings) != 7 {
				t.Errorf("exit code %d, %d findings", code, len(findings))
			}
			for _, f := range findings {
				if f.State != kredivo.CheckOK {
					t.Errorf("%+v", f)
				}
			}
		})
	}
}

func TestDoctorNamesTheFault(t *testing.T) {
	t.Parallel()
	good := onHTTP("/pay")
	garbage := filepath.Join(t.TempDir(), "garbage.db")
	if err := os.WriteFile(garbage, bytes.Repeat([]byte("garbage "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	ahead := func(c *kredivotest.Config) {
		c.Simulator.Clock = dokusim.NewManualClock(time.Now().Add(2 * time.Hour))
	}
	env := func(name, value string) func(*call) { return func(c *call) { c.env[name] = value } }
	arg := func(args ...string) func(*call) { return func(c *call) { c.args = append(c.args, args...) } }

	for name, c := range map[string]struct {
		host   host
		change func(*call)
		check  string
		state  kredivo.CheckState
		says   string // what was seen, or what to do
	}{
		"catch-all on net/http":       {onHTTP("/pay", answering(200, "Content-Type", "text/html")), nil, "notification_url", kredivo.CheckFailed, "200 OK (text/html), not by the plugin"},
		"CSRF guard on net/http":      {onHTTP("/pay", answering(403)), nil, "notification_url", kredivo.CheckFailed, "CSRF"},
		"JWT on net/http":             {onHTTP("/pay", answering(401, "WWW-Authenticate", `Bearer realm="hush"`)), nil, "notification_url", kredivo.CheckFailed, "asks for a login (Bearer)"},
		"limiter on net/http":         {onHTTP("/pay", answering(429)), nil, "notification_url", kredivo.CheckFailed, "rate limiter"},
		"login page":                  {onHTTP("/pay", answering(302, "Location", "/login?next=hush")), nil, "notification_url", kredivo.CheckFailed, "outside the login"},
		"redirect to a slash":         {onHTTP("/pay", slashed), nil, "notification_url", kredivo.CheckFailed, "adds or takes off a slash"},
		"redirect to https":           {onHTTP("/pay", answering(308, "Location", "https://127.0.0.1/pay/notifications")), nil, "notification_url", kredivo.CheckFailed, "write https"},
		"redirect to another host":    {onHTTP("/pay", answering(301, "Location", "http://www.shop.example/pay/notifications")), nil, "notification_url", kredivo.CheckFailed, "use the host www.shop.example"},
		"application down":            {onHTTP("/pay", answering(502)), nil, "notification_url", kredivo.CheckFailed, "does not reach the application"},
		"wrong prefix":                {onHTTP("/payments"), nil, "notification_url", kredivo.CheckFailed, "nothing is mounted"},
		"StripPrefix":                 {onHTTP("/pay", func(h http.Handler) http.Handler { return http.StripPrefix("/pay", h) }), nil, "notification_url", kredivo.CheckFailed, "nothing is mounted"},
		"read before the plugin":      {onHTTP("/pay", requests(drain)), nil, "notification_url", kredivo.CheckFailed, "read the body"},
		"decoded before the plugin":   {onHTTP("/pay", requests(decode)), nil, "compressed_body", kredivo.CheckWarning, "decodes bodies"},
		"Content-Encoding added":      {onHTTP("/pay", requests(func(r *http.Request) { r.Header.Set("Content-Encoding", "br") })), nil, "notification_url", kredivo.CheckFailed, "adds Content-Encoding"},
		"proxy parses and re-encodes": {behind("/pay", reencode), nil, "notification_url", kredivo.CheckFailed, "(body_changed)"},
		"proxy compacts":              {behind("/pay", compact), nil, "notification_url", kredivo.CheckFailed, "(body_reserialised): the JSON was written anew"},
		"proxy doubles a header":      {behind("/pay", func(r *http.Request) { r.Header.Add("Client-Id", "gateway") }), nil, "notification_url", kredivo.CheckFailed, "Client-Id came more than once"},
		"proxy drops a header":        {behind("/pay", func(r *http.Request) { r.Header.Del("Signature") }), nil, "notification_url", kredivo.CheckFailed, "Signature is missing"},
		"proxy drops our header":      {behind("/pay", func(r *http.Request) { r.Header.Del("X-Kredivo-Probe") }), nil, "notification_url", kredivo.CheckFailed, "does not know this secret key"},
		"PublicURL lacks the proxy's prefix": {
			behind("/pay", func(r *http.Request) { r.URL.Path = strings.TrimPrefix(r.URL.Path, "/gateway/7") }),
			func(c *call) { c.args[2] = c.base + "/gateway/7/pay" }, "notification_url", kredivo.CheckFailed, "would verify for /gateway/7/pay/notifications, and Config.PublicURL makes /pay/notifications",
		},

		"JWT on gin": {onGin("/pay", func(r *gin.Engine) {
			r.Use(func(c *gin.Context) { c.AbortWithStatusJSON(401, gin.H{"error": "no token"}) })
		}), nil, "notification_url", kredivo.CheckFailed, "no login, token or password"},
		"basic auth on gin":    {onGin("/pay", func(r *gin.Engine) { r.Use(gin.BasicAuth(gin.Accounts{"ani": "hush"})) }), nil, "notification_url", kredivo.CheckFailed, "asks for a login (Basic)"},
		"bound before, on gin": {onGin("/pay", func(r *gin.Engine) { r.Use(func(c *gin.Context) { _ = c.ShouldBindJSON(&map[string]any{}) }) }), nil, "notification_url", kredivo.CheckFailed, "read the body"},
		"catch-all on gin": {onGin("/payments", func(r *gin.Engine) {
			r.NoRoute(func(c *gin.Context) { c.Data(200, "text/html; charset=utf-8", []byte("<html>")) })
		}), nil, "notification_url", kredivo.CheckFailed, "200 OK (text/html), not by the plugin"},
		"catch-all behind gin": {onGin("/pay", func(r *gin.Engine) {
			r.RedirectTrailingSlash = false
			r.NoRoute(func(c *gin.Context) { c.Data(200, "text/html; charset=utf-8", []byte("<html>")) })
		}), nil, "trailing_slash", kredivo.CheckWarning, "would be lost"},

		"catch-all on fiber":     {onFiber("/pay", func(app *fiber.App) { app.Use(func(c *fiber.Ctx) error { return c.Type("html").SendString("<html>") }) }), nil, "notification_url", kredivo.CheckFailed, "200 OK (text/html), not by the plugin"},
		"CSRF guard on fiber":    {onFiber("/pay", func(app *fiber.App) { app.Use(guardForms) }), nil, "notification_url", kredivo.CheckFailed, "CSRF"},
		"limiter on fiber":       {onFiber("/pay", func(app *fiber.App) { app.Use(limit(5)) }), nil, "repeated_calls", kredivo.CheckFailed, "call 6 in a row was answered with 429"},
		"basic auth on fiber":    {onFiber("/pay", func(app *fiber.App) { app.Use(basicauth.New(basicauth.Config{})) }), nil, "notification_url", kredivo.CheckFailed, "asks for a login"},
		"decoded before, fiber":  {onFiber("/pay", func(app *fiber.App) { app.Use(decodeFiber) }), nil, "compressed_body", kredivo.CheckWarning, "decodes bodies"},
		"letter case on fiber":   {onFiber("/Pay", func(*fiber.App) {}), nil, "notification_url", kredivo.CheckFailed, "not under this path"},
		"wrong prefix on fiber":  {onFiber("/payments", func(*fiber.App) {}), nil, "notification_url", kredivo.CheckFailed, "nothing is mounted"},
		"shop down":              {good, func(c *call) { c.args[2] = "http://" + closedPort(t) + "/pay" }, "notification_url", kredivo.CheckFailed, "nothing listens there"},
		"shop with another key":  {good, env("DOKU_SECRET_KEY", "another"), "notification_url", kredivo.CheckFailed, "does not know this secret key"},
		"wrong key":              {good, env("DOKU_SECRET_KEY", "another"), "doku", kredivo.CheckFailed, "code invalid_signature"},
		"wrong client":           {good, env("DOKU_CLIENT_ID", "MCH-0009-OTHER"), "doku", kredivo.CheckFailed, "does not know this Client-Id"},
		"shop of another client": {good, env("DOKU_CLIENT_ID", "MCH-0009-OTHER"), "notification_url", kredivo.CheckFailed, "(client_id)"},
		"DOKU down":              {good, func(c *call) { c.env["DOKU_BASE_URL"] = "http://" + closedPort(t) }, "doku", kredivo.CheckFailed, "nothing listens there"},
		"not DOKU":               {good, func(c *call) { c.env["DOKU_BASE_URL"] = c.base }, "doku", kredivo.CheckWarning, "not DOKU's own answer"},
		"no such store":          {good, arg("-store", "sqlite:"+garbage+".missing"), "store", kredivo.CheckFailed, "no such file"},
		"not a store":            {good, arg("-store", garbage), "store", kredivo.CheckFailed, "not a database"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			call := admit(t, c.host, "/pay")
			if c.change != nil {
				c.change(call)
			}
			code, findings := call.run(t)
			f := findings[c.check]
			if f.State != c.state || !strings.Contains(f.Seen+"; "+f.Do, c.says) || code != exit(c.state) {
				t.Errorf("exit code %d, found %+v\nwant %s that says %q; all: %v", code, f, c.state, c.says, findings)
			}
		})
	}
	t.Run("clock", func(t *testing.T) {
		t.Parallel()
		code, findings := admit(t, good, "/pay", ahead).run(t)
		if f := findings["clock"]; code != 1 || f.State != kredivo.CheckFailed || !strings.Contains(f.Seen, "behind DOKU's") {
			t.Errorf("exit code %d, found %+v", code, f)
		}
	})
}

// exit is the code for the worst state that a report has.
func exit(s kredivo.CheckState) int {
	if s == kredivo.CheckFailed {
		return 1
	}
	return 0
}

// closedPort is an address that nothing listens at.
func closedPort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Error(err)
		return ""
	}
	_ = l.Close()
	return l.Addr().String()
}
