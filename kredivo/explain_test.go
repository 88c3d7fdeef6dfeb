package kredivo_test

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	otherClient := signed(func(c *doku.Components) { c.ClientID = "BRN-0002-1700000000000" })
	strangeClient := otherClient
	strangeClient.parts.ClientID = "ani@shop.example"
	otherAccount := otherClient
	otherAccount.secret = "SK-of-another-account"
	otherSecret := signed(nil)
	otherSecret.secret = "SK-of-another-account"
	late := otherSecret
	late.parts.Timestamp = "2026-01-01T03:14:06Z"
	previous := target("/api/pay/notifications")
	previous.secret = explainPrevious
	hinted := target("/gateway/7/notifications")
	hinted.change = func(r *kredivo.Request) { r.Header.Set("X-Original-Uri", "/gateway/7/notifications?token=hush") }
	withQuery := target("/pay/notifications?token=hush")
	withQuery.change = func(r *kredivo.Request) { r.Query = url.Values{"token": {"hush"}} }
	received := target("/x/y")
	received.change = func(r *kredivo.Request) { r.Path = "/x/y" }
	became := func(sent, arrived string) letter {
		l := changed(body(func(string) string { return arrived }))
		l.parts.Body = []byte(sent)
		return l
	}
	bodiless := became("", dokuBody)
	bodiless.parts.Body = nil
	unsigned := func(change func(*kredivo.Request)) letter { return letter{unsigned: true, change: change} }
	resigned := func(sig func(string) string) letter {
		return changed(header("Signature", func(s string) []string { return []string{sig(s)} }))
	}
	formDecoded := resigned(func(s string) string { return strings.ReplaceAll(s, "+", " ") })
	formDecoded.parts.RequestID = plusID(t, formDecoded)

	for name, c := range map[string]struct {
		letter letter
		cause  string
		says   string // in the line
		status int    // 401 unless said
	}{
		"prefix stripped by a proxy": {target("/api/pay/notifications"), "path", "would verify for /api/pay/notifications", 0},
		"prefix of a previous key":   {previous, "path", "previous secret key", 0},
		"prefix too much":            {target("/notifications"), "path", "would verify for /notifications,", 0},
		"path as received":           {received, "path", "would verify for /x/y,", 0},
		"path that a proxy names":    {hinted, "path", "would verify for /gateway/7/notifications,", 0},
		"slash at the end":           {target("/pay/notifications/"), "path", "slash at the end", 0},
		"doubled slash":              {target("/pay//notifications"), "path", "would verify for /pay//notifications,", 0},
		"query":                      {withQuery, "query", "without a query", 0},
		"another client, our key":    {otherClient, "client_id", "Client-Id (BRN-0002-1700000000000): Config", 0},
		"another client":             {otherAccount, "client_id", "(BRN-0002-1700000000000), and not signed", 0},
		"strange client":             {strangeClient, "client_id", "another Client-Id: Config", 0},
		"another key":                {otherSecret, "secret_key", "PreviousSecretKeys", 0},
		"a day old":                  {late, "timestamp", "stamped -24h0m0s from now", 0},
		"compact":                    {changed(body(flat)), "body_reserialised", "indented by two spaces", 0},
		"compact, with a newline":    {changed(body(func(s string) string { return flat(s) + "\n" })), "body_reserialised", "indented by two spaces", 0},
		"compact, html escaped": {changed(body(func(s string) string {
			return strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`).Replace(flat(s))
		})), "body_reserialised", "by two spaces with plain < > &", 0},
		"escaped slashes":              {changed(body(replace("/", `\/`))), "body_reserialised", "plain slashes", 0},
		"indented from compact":        {became(flat(dokuBody), dokuBody), "body_reserialised", "without line breaks", 0},
		"newline added":                {changed(body(func(s string) string { return s + "\n" })), "body_newline", "without one", 0},
		"newline removed":              {became(dokuBody+"\n", dokuBody), "body_newline", "with one", 0},
		"CRLF":                         {changed(body(replace("\n", "\r\n"))), "body_newline", "inside the body", 0},
		"latin1 made UTF-8":            {became(strings.ReplaceAll(dokuBody, "é", "\xe9"), dokuBody), "body_charset", "character set", 0},
		"UTF-8 made latin1":            {changed(body(replace("é", "\xe9"))), "body_charset", "character set", 0},
		"byte order mark":              {changed(body(func(s string) string { return "\ufeff" + s })), "body_charset", "byte order mark", 0},
		"re-encoded":                   {changed(body(replace("150000.00", "150000"))), "secret_key", "no usual change", 0},
		"sorted":                       {changed(body(func(string) string { return `{"order":{},"service":{},"transaction":{}}` })), "body_changed", "alphabetical order", 0},
		"cut":                          {changed(func(r *kredivo.Request) { r.Body = r.Body[:100] }), "body_changed", "Content-Length", 0},
		"read before us":               {changed(func(r *kredivo.Request) { r.Body = nil; r.Header.Del("Content-Length") }), "body_empty", "a middleware has read it", 0},
		"compressed":                   {changed(func(r *kredivo.Request) { body(gzipped)(r); r.Header.Set("Content-Encoding", "gzip") }), "gzip", "compresses bodies", 415},
		"compressed, header lost":      {changed(body(gzipped)), "gzip", "compresses bodies", 0},
		"decoded, header left":         {changed(func(r *kredivo.Request) { r.Header.Set("Content-Encoding", "gzip") }), "content_encoding", "leaves Content-Encoding", 415},
		"encoded and forged":           {unsigned(func(r *kredivo.Request) { r.Header.Set("Content-Encoding", "br") }), "content_encoding", "not what DOKU signed", 415},
		"no headers":                   {unsigned(nil), "unsigned", "none of DOKU's headers", 0},
		"one header missing":           {changed(func(r *kredivo.Request) { r.Header.Del("Request-Id") }), "header_missing", "Request-Id is missing", 0},
		"SNAP":                         {unsigned(func(r *kredivo.Request) { r.Header.Set("X-Signature", "c25hcA==") }), "snap", "SNAP", 0},
		"header doubled":               {changed(header("Request-Id", func(v string) []string { return []string{v, v} })), "header_doubled", "Request-Id came more than once: a proxy", 0},
		"header doubled, first forged": {changed(header("Client-Id", func(v string) []string { return []string{"x", v} })), "header_doubled", "Client-Id came more than once, with", 0},
		"lower-case scheme":            {resigned(func(s string) string { return strings.ToLower(s[:10]) + s[10:] }), "signature_form", "rewrites headers", 0},
		"quoted":                       {resigned(func(s string) string { return `"` + s + `"` }), "signature_form", "rewrites headers", 0},
		"form decoded":                 {formDecoded, "signature_form", "rewrites headers", 0},
		"SHA-512":                      {resigned(func(string) string { return "HMACSHA512=c2hhNTEyLXNpZ25hdHVyZQ==" }), "signature_scheme", "of scheme HMACSHA512", 0},
		"lower-case, forged":           {resigned(func(string) string { return "hmacsha256=AAAA" }), "signature_scheme", "upper case", 0},
		"no scheme":                    {resigned(func(string) string { return "c2lnbmF0dXJl" }), "signature_scheme", "does not begin", 0},
		"cut signature":                {resigned(func(s string) string { return s[:20] }), "header_malformed", "base64 of 32 bytes", 0},
		"an answer of DOKU's":          {signed(func(c *doku.Components) { c.Response = true }), "response_label", "Response-Timestamp", 0},
		"our own request":              {target("/kredivo-peer-to-peer/v2/generate-order"), "reflection", "overheard", 0},
		"signed without the body":      {bodiless, "no_digest", "without its body", 0},
		"long":                         {changed(body(func(s string) string { return s + strings.Repeat(" ", 8<<10) })), "body_large", "not looked into", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			other, _ := refusing(t)
			want, _ := letter{unsigned: true}.post(t, other)
			p, log := refusing(t)
			got, req := c.letter.post(t, p)
			if c.status == 0 && (got.Status != 401 || !bytes.Equal(got.Body, want.Body)) || c.status != 0 && got.Status != c.status {
				t.Errorf("answered %d %s", got.Status, got.Body)
			}
			line := log.String()
			if strings.Count(line, "\n") != 1 || !strings.Contains(line, "cause="+c.cause+" ") || !strings.Contains(line, c.says) {
				t.Errorf("logged %swant one line with the cause %s that says %q", line, c.cause, c.says)
			}
			wantQuiet(t, line, req)
		})
	}
}

// A flood of forgeries costs one explained line a second, compressed ones included; what comes then says how
// many were not logged.
func TestExplainSparingly(t *testing.T) {
	t.Parallel()
	now := explainNow
	p, log := refusing(t, func(c *kredivo.Config) { c.Now = func() time.Time { return now } })
	for range 50 {
		letter{unsigned: true}.post(t, p)
		letter{unsigned: true, change: func(r *kredivo.Request) { r.Header.Set("Content-Encoding", "gzip") }}.post(t, p)
	}
	if n := strings.Count(log.String(), "\n"); n != 1 {
		t.Errorf("%d lines for 100 refusals within a second, want 1", n)
	}
	now = now.Add(time.Second)
	log.Reset()
	letter{unsigned: true}.post(t, p)
	if !strings.Contains(log.String(), "refused_since_last_line=99") {
		t.Errorf("logged %s, want a count of 99", log)
	}
}

// Whatever a forger sends, the number of signatures that are tried is bounded.
func TestExplainIsBounded(t *testing.T) {
	t.Parallel()
	p, _ := refusing(t, func(c *kredivo.Config) {
		c.DOKU.PreviousSecretKeys = []doku.Secret{"1", "2", "3", "4", "5", "6", "7", "8"}
	})
	long := &kredivo.Request{Path: "/a/b/c/d/e/f/g/h", Query: url.Values{"q": {"1"}}, Header: http.Header{
		"Client-Id": {explainClient}, "Request-Id": {"1"}, "Request-Timestamp": {"2026-01-02T03:14:06Z"},
		"Signature": {"HMACSHA256=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
	}}
	for _, name := range []string{"X-Forwarded-Uri", "X-Original-Uri", "X-Original-Url", "X-Rewrite-Url", "X-Envoy-Original-Path", "Request-Target", "X-Forwarded-Prefix"} {
		long.Header.Set(name, "/"+name)
	}
	long.Body = []byte(`{"a":"</\/\u003c>\u00e9"}` + "\r\n\n")
	if n := p.ExplainTries(long); n != 512 {
		t.Errorf("%d signatures were computed for nine keys, want 512, the most there are", n)
	}
	if n := p.ExplainTries(&kredivo.Request{Path: "/a", Header: http.Header{}, Body: long.Body}); n != 0 {
		t.Errorf("%d signatures were computed for a message without one, want none", n)
	}
	long.Body = make([]byte, 60<<10)
	if n := p.ExplainTries(long); n != 0 {
		t.Errorf("%d signatures were computed over 60 KiB, want none", n)
	}
}

// A host with an endpoint of its own reads the cause too.
func TestVerifyNotificationExplains(t *testing.T) {
	t.Parallel()
	p, log := refusing(t)
	header := doku.SignNotification(explainSecret, explainClient, "1", explainNow, "/hooks/notifications", []byte(dokuBody))
	if err := p.VerifyNotification(&kredivo.Request{Path: "/hooks/notifications", Header: header, Body: []byte(dokuBody)}); err == nil {
		t.Fatal("verified for another path")
	}
	if !strings.Contains(log.String(), "would verify for /hooks/notifications,") {
		t.Errorf("logged %s", log)
	}
}
