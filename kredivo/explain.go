package kredivo

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/paylater-go/paylater/kredivo/doku"
)

// A diagnosis is the likely cause for which a notification was refused. It holds nothing of the
// notification but a path, the names of headers, and a Client-Id that looks like one of DOKU's.
type diagnosis struct {
	cause string // a stable name; docs/doctor.md lists them
	hint  string // what was found, and what to do
	found bool   // the signature proves it; else it is a guess
}

// An explainer finds out why a notification was refused. It tries what usually happens to notifications
// on their way, undoes it, and looks whether the signature fits then. It only explains: what is accepted
// is decided before it, by the verifier.
//
// It makes no timing oracle. A hypothesis fits only when whoever sent the message had DOKU's signature for
// it, and fits are compared in constant time; for everybody else the same hypotheses are tried, as many
// as their own headers, path and body give rise to, whatever the secret key and the Client-Id are. It runs only
// for a line that is logged, so at most once a second, and its work is bounded by maxExplained and maxTries.
type explainer struct {
	secrets     []doku.Secret // the first one is current
	target      string        // what notifications are verified for
	environment doku.Environment
	called      string // the path that a probe was sent to; empty for notifications
}

const (
	// maxExplained is the longest body that is looked into. DOKU's have about 2 KB.
	maxExplained = 8 << 10
	// maxTries bounds the signatures that are computed for one line in the log.
	maxTries = 512
	// dokuWindow is how far off DOKU lets clocks be.
	dokuWindow = time.Hour
)

// explain names the likely cause of refusal, an error of the verifier or one about the form of req.
func (x explainer) explain(req *Request, refusal error, now time.Time) diagnosis {
	s, fit, found := x.search(req)
	if !found {
		return x.unexplained(req, refusal, now)
	}
	d := fit.diagnosis
	if d.cause == "" {
		d = x.rightButRefused(req, refusal)
	}
	d.found = true
	if s.previous {
		d.hint += " (it is signed with a previous secret key)"
	}
	return d
}

// search tries hypotheses until one fits.
func (x explainer) search(req *Request) (s *search, fit hypothesis, found bool) {
	s = newSearch(x.secrets, req.Header)
	if !s.signed() || len(req.Body) > maxExplained {
		return s, hypothesis{}, false
	}
	for h := range x.hypotheses(req) {
		if s.fits(h) {
			return s, h, true
		}
	}
	return s, hypothesis{}, false
}

// rightButRefused explains a message whose signature is right, for its own Client-Id.
func (x explainer) rightButRefused(req *Request, refusal error) diagnosis {
	switch {
	case errors.Is(refusal, doku.ErrUnknownClient):
		return diagnosis{cause: "client_id", hint: "it is signed with this plugin's secret key, but for another Client-Id" + named(req.Header) +
			": Config.DOKU.ClientID does not belong to Config.DOKU.SecretKey"}
	case errors.Is(refusal, doku.ErrDuplicateHeader):
		return diagnosis{cause: "header_doubled", hint: "the first values are right, but " + doubled(req.Header) + " came more than once: a proxy adds headers instead of replacing them"}
	case errors.Is(refusal, doku.ErrMalformedHeader):
		return diagnosis{cause: "signature_form", hint: "the signature is right, but not written as HMACSHA256= and base64: something on the way rewrites headers"}
	default:
		return diagnosis{cause: "content_encoding", hint: "the signature is right for the body as it is: a middleware decodes bodies and leaves Content-Encoding, or a proxy adds it; keep both off this route"}
	}
}

// unexplained says what can be said when no hypothesis fits.
func (x explainer) unexplained(req *Request, refusal error, now time.Time) diagnosis {
	switch {
	case len(req.Body) > maxExplained:
		return diagnosis{cause: "body_large", hint: fmt.Sprintf("the body has %d bytes, far more than DOKU sends: probably not from DOKU; it was not looked into", len(req.Body))}
	case errors.Is(refusal, doku.ErrMissingHeader):
		return missing(req.Header)
	case errors.Is(refusal, doku.ErrDuplicateHeader):
		return diagnosis{cause: "header_doubled", hint: doubled(req.Header) + " came more than once, with values that do not fit: a proxy adds headers, or somebody tries what happens"}
	case errors.Is(refusal, doku.ErrMalformedHeader):
		return malformed(req.Header)
	case errors.Is(refusal, doku.ErrUnknownClient):
		return diagnosis{cause: "client_id", hint: "it is for another Client-Id" + named(req.Header) + ", and not signed with this plugin's secret key: the notification URL is also set for another account or environment (this plugin's is " +
			string(x.environment) + ")"}
	case !errors.Is(refusal, doku.ErrUnverified):
		return diagnosis{cause: "content_encoding", hint: "the body came with a Content-Encoding and is not what DOKU signed, compressed or not"}
	case len(req.Body) == 0:
		return diagnosis{cause: "body_empty", hint: "the body is empty: a middleware has read it (mount the routes outside it), or this is no notification"}
	case shortened(req):
		return diagnosis{cause: "body_changed", hint: "the body has another length than Content-Length says: a middleware has changed it; the route needs the bytes as they came"}
	case sortedKeys(req.Body):
		return diagnosis{cause: "body_changed", hint: "the names in the body are in alphabetical order, which DOKU's are not: probably something on the way parses and re-encodes bodies; the route needs the bytes as they came"}
	}
	hint := "no usual change on the way explains it: the secret key is not the one that signed it (another environment's, or replaced: an old one goes into Config.DOKU.PreviousSecretKeys), or it is forged"
	if off, ok := stampedOff(req.Header, now); ok && off.Abs() > dokuWindow {
		return diagnosis{cause: "timestamp", hint: fmt.Sprintf("it is stamped %v from now: an old message, or the clock of this machine is wrong; besides, %s", off.Round(time.Minute), hint)}
	}
	return diagnosis{cause: "secret_key", hint: hint}
}

// signedNames are the headers that every notification has exactly once.
var signedNames = [...]string{"Client-Id", "Request-Id", "Request-Timestamp", "Signature"}

// missing names the signed headers that are not there.
func missing(h http.Header) diagnosis {
	var names []string
	for _, name := range signedNames {
		if h.Get(name) == "" {
			names = append(names, name)
		}
	}
	switch {
	case h.Get("X-Signature") != "" || h.Get("X-Partner-Id") != "":
		return diagnosis{cause: "snap", hint: "it has the headers of DOKU's SNAP interface, which signs in another way: have the Paylater channel set to non-SNAP notifications"}
	case len(names) == len(signedNames):
		return diagnosis{cause: "unsigned", hint: "it has none of DOKU's headers: not from DOKU, or a proxy drops them"}
	}
	return diagnosis{cause: "header_missing", hint: strings.Join(names, ", ") + " is missing or empty: not from DOKU, or a proxy drops it"}
}

// doubled names the signed headers that came more than once.
func doubled(h http.Header) string {
	var names []string
	for _, name := range signedNames {
		if len(h[name]) > 1 {
			names = append(names, name)
		}
	}
	return strings.Join(names, ", ")
}

// malformed tells a signature of another scheme from other malformed headers.
func malformed(h http.Header) diagnosis {
	const want = "HMACSHA256="
	signature := h.Get("Signature")
	switch scheme, _, ok := strings.Cut(signature, "="); {
	case strings.HasPrefix(signature, want):
		return diagnosis{cause: "header_malformed", hint: "a signed header is longer than DOKU's or holds other characters, or the signature is not base64 of 32 bytes"}
	case ok && strings.EqualFold(scheme+"=", want):
		return diagnosis{cause: "signature_scheme", hint: "the scheme is not in upper case (HMACSHA256=), and the signature does not fit: probably not from DOKU"}
	case ok && knownSchemes[strings.ToUpper(scheme)]:
		return diagnosis{cause: "signature_scheme", hint: "the signature is of scheme " + strings.ToUpper(scheme) + ", and DOKU signs notifications with HMACSHA256"}
	}
	return diagnosis{cause: "signature_scheme", hint: "the signature does not begin with HMACSHA256=: probably not from DOKU"}
}

// knownSchemes may be repeated in a log.
var knownSchemes = map[string]bool{"HMACSHA512": true, "HMACSHA1": true, "HMAC": true, "SHA256": true, "SHA512": true, "SHA256WITHRSA": true}

// dokuClientID is the form of the Client-Ids that DOKU gives out. Anything else may be personal.
var dokuClientID = regexp.MustCompile(`^(MCH|BRN)-[0-9]{4}-[A-Za-z0-9]{1,40}$`)

// named is " (MCH-...)" when the message has such a Client-Id, else empty.
func named(h http.Header) string {
	if id := h.Get("Client-Id"); dokuClientID.MatchString(id) {
		return " (" + id + ")"
	}
	return ""
}

// shortened reports whether the body is not as long as was announced.
func shortened(req *Request) bool {
	n, err := strconv.Atoi(req.Header.Get("Content-Length"))
	return err == nil && n != len(req.Body)
}

var topLevelName = regexp.MustCompile(`"(service|acquirer|channel|order|transaction|peer_to_peer_info|payment)"\s*:\s*\{`)

// sortedKeys reports whether three or more of DOKU's top-level objects come in alphabetical order.
func sortedKeys(body []byte) bool {
	var names []string
	for _, m := range topLevelName.FindAllSubmatch(body, -1) {
		names = append(names, string(m[1]))
	}
	return len(names) > 2 && slices.IsSortedFunc(names, cmp.Compare)
}

// stampedOff is how far after now the message is stamped.
func stampedOff(h http.Header, now time.Time) (time.Duration, bool) {
	at, err := time.Parse(time.RFC3339, h.Get("Request-Timestamp"))
	return at.Sub(now), err == nil
}
