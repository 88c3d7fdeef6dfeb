package kredivo_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/doku"
)

// Whatever is wrong with a message, explaining it neither fails nor lets it in: the answer is that of a
// forgery, one line is logged, and nothing of the message is in it.
func TestExplainAnything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		p, log := refusing(t)
		content := rapid.OneOf(
			rapid.SliceOfN(rapid.Byte(), 1, 300),
			rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"{", "}", "[", "]", `"a"`, ":", ",", "1.0", "null", "\r\n", " ", `"\/<\u003c"`, "\x1f\x8b\x08", "é", "\xe9"}), 1, 60),
				func(parts []string) []byte { return []byte(strings.Join(parts, "")) }),
		).Draw(rt, "body")
		// Signed for something, but never for this plugin's own target.
		target := "/elsewhere" + rapid.StringMatching(`(/[a-z%\.]{0,5}){0,12}`).Draw(rt, "target")
		h := doku.SignNotification(explainSecret, explainClient, "1", explainNow, target, content)
		for _, name := range []string{"Client-Id", "Request-Id", "Request-Timestamp", "Signature", "Content-Encoding", "Content-Length", "X-Original-Uri", "X-Forwarded-Prefix", probeHeader} {
			if rapid.IntRange(0, 3).Draw(rt, name) == 0 {
				h[name] = rapid.SliceOfN(rapid.StringN(0, 40, 200), 0, 2).Draw(rt, name+" is")
			}
		}
		resp := serve(t, p, "POST", "/notifications", &kredivo.Request{
			Path:   "/" + rapid.StringN(0, 60, 200).Draw(rt, "path"),
			Query:  url.Values{rapid.String().Draw(rt, "key"): {rapid.String().Draw(rt, "value")}},
			Header: h, Body: content,
		})
		if resp.Status != http.StatusUnauthorized && resp.Status != http.StatusUnsupportedMediaType {
			rt.Errorf("answered %d %s", resp.Status, resp.Body)
		}
		if lines := log.String(); strings.Count(lines, "\n") != 1 || !strings.Contains(lines, "cause=") || strings.Contains(lines, explainSecret) {
			rt.Errorf("logged %s", lines)
		}
	})
}
