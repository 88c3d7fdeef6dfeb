package kredivo

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/hex"
	"iter"
	"net/http"
	"strings"

	"github.com/paylater-go/paylater/kredivo/doku"
)

// A hypothesis is what DOKU may have signed, if the diagnosis is right. Without a cause nothing was changed.
type hypothesis struct {
	diagnosis

	target   string
	body     []byte // nil for a signature without a Digest line
	response bool   // signed as DOKU signs its answers
}

// A search compares the signature of one message with hypotheses.
type search struct {
	secrets  []doku.Secret
	parts    doku.Components // as received
	want     string          // the signature as received, in DOKU's form
	left     int             // signatures that may still be computed
	previous bool            // a previous secret key fitted
}

func newSearch(secrets []doku.Secret, h http.Header) *search {
	return &search{
		secrets: secrets,
		parts: doku.Components{
			ClientID:  h.Get("Client-Id"),
			RequestID: h.Get("Request-Id"),
			Timestamp: h.Get("Request-Timestamp"),
		},
		want: readSignature(h.Get("Signature")),
		left: maxTries,
	}
}

// signed reports whether there is something to compare with.
func (s *search) signed() bool {
	return s.want != "" && s.parts.ClientID != "" && s.parts.RequestID != "" && s.parts.Timestamp != ""
}

// fits reports whether the signature fits h under any of the secret keys.
func (s *search) fits(h hypothesis) bool {
	c := s.parts
	c.Target, c.Body, c.Response = h.target, h.body, h.response
	for i, secret := range s.secrets {
		if s.left == 0 {
			return false
		}
		s.left--
		if s.previous = i > 0; hmac.Equal([]byte(doku.Sign(secret, c)), []byte(s.want)) {
			return true
		}
	}
	return false
}

// readSignature reads 32 bytes out of a Signature header in any usual spelling, and writes them in DOKU's.
// It is empty when they are not there.
func readSignature(raw string) string {
	const scheme = "HMACSHA256="
	raw = strings.Trim(raw, `"' `)
	if i := strings.IndexByte(raw, '='); i > 0 && strings.EqualFold(raw[:i+1], scheme) {
		raw = raw[i+1:]
	}
	raw = strings.ReplaceAll(raw, " ", "+") // of a form decoder
	for _, decode := range [...]func(string) ([]byte, error){
		hex.DecodeString,
		base64.StdEncoding.DecodeString, base64.RawStdEncoding.DecodeString,
		base64.URLEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
	} {
		if sum, err := decode(raw); err == nil && len(sum) == 32 {
			return scheme + base64.StdEncoding.EncodeToString(sum)
		}
	}
	return ""
}

// hypotheses lists what is tried, the likely first. Its length does not depend on secrets.
func (x explainer) hypotheses(req *Request) iter.Seq[hypothesis] {
	body := req.Body
	if body == nil {
		body = []byte{} // signed with a Digest line, as the verifier has it
	}
	return func(yield func(hypothesis) bool) {
		if !yield(hypothesis{target: x.target, body: body}) {
			return
		}
		for _, v := range bodyVariants(body) {
			if !yield(hypothesis{diagnosis: v.diagnosis, target: x.target, body: v.body}) {
				return
			}
		}
		for _, h := range x.labels(body) {
			if !yield(h) {
				return
			}
		}
		for _, target := range x.targets(req) {
			if !yield(hypothesis{diagnosis: x.otherPath(target), target: target, body: body}) {
				return
			}
		}
	}
}

// labels are signatures that are genuine, but not of a notification.
func (x explainer) labels(body []byte) []hypothesis {
	reflected := diagnosis{cause: "reflection", hint: "it carries the signature of another message between this plugin and DOKU: somebody sends back what was overheard"}
	const generateOrder = "/kredivo-peer-to-peer/v2/generate-order"
	return []hypothesis{
		{diagnosis: reflected, target: generateOrder, body: body},
		{diagnosis: reflected, target: generateOrder, body: body, response: true},
		{
			diagnosis: diagnosis{cause: "response_label", hint: "it is signed with the label Response-Timestamp, as DOKU signs answers: not a notification"},
			target:    x.target, body: body, response: true,
		},
		{
			diagnosis: diagnosis{cause: "no_digest", hint: "it is signed without its body, as GET requests are: not a notification, or something turns GET into POST"},
			target:    x.target,
		},
	}
}

// otherPath explains a signature for another path than the configured one.
func (x explainer) otherPath(target string) diagnosis {
	path, _, query := strings.Cut(target, "?")
	switch {
	case query:
		return diagnosis{cause: "query", hint: "it would verify for " + path + " with its query: give DOKU's Back Office a notification URL without a query"}
	case strings.TrimSuffix(path, "/") == x.target:
		return diagnosis{cause: "path", hint: "it would verify for " + path + ", with a slash at the end: take that off the notification URL in DOKU's Back Office"}
	}
	return diagnosis{cause: "path", hint: "it would verify for " + path + ", and Config.PublicURL makes " + x.target +
		": both must have the path of the notification URL in DOKU's Back Office, whatever prefix a proxy adds or strips"}
}

// usualPrefixes are put in front of a path by proxies and API gateways.
var usualPrefixes = [...]string{"/api", "/api/v1", "/api/v2", "/v1", "/v2", "/app", "/backend", "/shop", "/store", "/public", "/index.php", "/pay", "/payment", "/payments", "/webhook", "/webhooks"}

// forwarding headers say what the path was before a proxy. Anyone may set them, which does no harm: a path
// counts only when the signature fits it.
var forwarding = [...]string{"X-Forwarded-Uri", "X-Original-Uri", "X-Original-Url", "X-Rewrite-Url", "X-Envoy-Original-Path", "Request-Target"}

// maxPath is the longest path that is tried, and logged when it fits.
const maxPath = 200

// targets are other paths that DOKU may have signed.
func (x explainer) targets(req *Request) []string {
	query := req.Query.Encode()
	var all []string
	seen := map[string]bool{x.target: true}
	add := func(path string) {
		if path == "" || path[0] != '/' || len(path) > maxPath || strings.Trim(path, pathChars) != "" {
			return
		}
		for _, p := range [...]string{path, path + "/", strings.TrimSuffix(path, "/"), path + "?" + query, path + "/?" + query} {
			if p != "" && !seen[p] && (query != "" || !strings.HasSuffix(p, "?")) {
				seen[p] = true
				all = append(all, p)
			}
		}
	}
	add(x.target)
	add(req.Path)
	add(x.called)
	for _, name := range forwarding {
		path, _, _ := strings.Cut(req.Header.Get(name), "?")
		add(path)
	}
	for _, path := range [...]string{req.Path, x.target} {
		add(req.Header.Get("X-Forwarded-Prefix") + path)
		for rest := path; strings.Count(rest, "/") > 1 && strings.Count(rest, "/") < 10; {
			rest = rest[1+strings.IndexByte(rest[1:], '/'):]
			add(rest)
		}
		for _, prefix := range usualPrefixes {
			add(prefix + path)
		}
		add(strings.ToLower(path))
		add(strings.TrimSuffix(path, notificationPath) + "/" + notificationPath) // a doubled slash
	}
	return all
}

const pathChars = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~!$&'()*+,;=:@%/"
