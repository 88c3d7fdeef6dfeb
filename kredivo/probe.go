package kredivo

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/time/rate"

	"github.com/paylater-go/paylater/kredivo/doku"
)

// A probe is a request of SelfCheck to the notification route, signed as a notification is, but with a key
// of its own, which is derived from the secret key. The plugin that receives it says in a header of its
// refusal whether the signature fits, or what happened to the request on its way.
//
// A probe leaves nothing behind and opens nothing. It is answered before the store is touched, and always with the
// refusal of a forgery. Should a proxy drop the probe's header, what is left is a forgery: no notification is
// verified with a probe's key, and the secret key cannot be found from it. Who has seen a probe can send it again, changed or
// not, and learns what became of his own request: where the plugin is mounted and whether Run is running, nothing of a
// payment. So that this costs no more than other forgeries, only some probes a second are looked at.
type probe struct {
	id     string
	body   string // SHA-256 of the body as sent, in hexadecimal
	target string // the path that it is sent to
}

// probeHeader carries a sealed probe to the plugin, and what the plugin saw back.
const probeHeader = "X-Kredivo-Probe"

// Probes that are looked at per second, and at once.
const (
	probesPerSecond = 5
	probesAtOnce    = 20
)

func newProbeLimit() *rate.Limiter { return rate.NewLimiter(probesPerSecond, probesAtOnce) }

// probeKey derives the key that probes are signed with.
func probeKey(secret doku.Secret) doku.Secret {
	return doku.Secret(hex.EncodeToString(macOf(secret, "paylater/kredivo probe key")))
}

func macOf(key doku.Secret, text string) []byte {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// seal writes the probe's header.
func (pr probe) seal(key doku.Secret) string {
	text := pr.id + " " + pr.body + " " + pr.target
	return text + " " + hex.EncodeToString(macOf(key, text))
}

// openProbe reads a header that was sealed with the probe key of one of secrets, and says which one.
func openProbe(sealed string, secrets []doku.Secret) (pr probe, by int, ok bool) {
	cut := strings.LastIndexByte(sealed, ' ')
	if cut < 0 {
		return probe{}, 0, false
	}
	sum, err := hex.DecodeString(sealed[cut+1:])
	if err != nil {
		return probe{}, 0, false
	}
	for i, secret := range secrets {
		if hmac.Equal(sum, macOf(probeKey(secret), sealed[:cut])) {
			by, ok = i, true
		}
	}
	parts := strings.Split(sealed[:cut], " ")
	if !ok || len(parts) != 3 {
		return probe{}, 0, false
	}
	return probe{id: parts[0], body: parts[1], target: parts[2]}, by, true
}

// answerProbe refuses a probe like a forgery, and says what it saw. It is nil for every other request.
func (p *Plugin) answerProbe(ctx context.Context, req *Request) *Response {
	sealed := req.Header[probeHeader]
	if len(sealed) != 1 {
		return nil
	}
	pr, by, ok := openProbe(sealed[0], p.explainer.secrets)
	if !ok {
		return nil
	}
	d, err := diagnosis{cause: busy}, refusedSignature(doku.ErrBadSignature)
	if p.probes.Allow() {
		d, err = p.examine(req, pr, probeKey(p.explainer.secrets[by]))
		p.log.InfoContext(ctx, "probe of a self-check answered", "cause", d.cause)
	}
	resp := p.errorResponse(req, asError(err))
	resp.Header.Set(probeHeader, mime.FormatMediaType("probe", map[string]string{
		"cause":       d.cause,
		"hint":        d.hint,
		"environment": string(p.client.Environment()),
		"running":     strconv.FormatBool(p.running.Load() > 0),
		"previous":    strconv.FormatBool(by > 0),
	}))
	return resp
}

// Causes that only probes have.
const (
	arrived = "none" // nothing happened to it
	busy    = "busy" // there were too many to look at this one
)

// examine looks at a probe as if it were a notification. The error is what it is refused with.
func (p *Plugin) examine(req *Request, pr probe, key doku.Secret) (diagnosis, error) {
	x := p.explainer
	x.secrets, x.called = []doku.Secret{key}, pr.target
	verifier, err := doku.NewVerifier(p.cfg.DOKU.ClientID, x.secrets, x.target)
	if err != nil {
		return diagnosis{}, err
	}
	refusal := plainBody(req)
	if refusal == nil {
		refusal = refusedSignature(verifier.Verify(req.Header, req.Body))
	}
	if refusal == nil {
		return diagnosis{cause: arrived}, refusedSignature(doku.ErrBadSignature)
	}
	d := x.explain(req, refusal, p.now())
	if sum := sha256.Sum256(req.Body); pr.body != hex.EncodeToString(sum[:]) && !d.found {
		d = diagnosis{cause: "body_changed", hint: "the body that arrived is not the one that was sent: something on the way rewrites bodies; the route needs the bytes as they came"}
	}
	return d, refusal
}

// probeRequest makes the headers of a probe to target with that body.
func (p *Plugin) probeRequest(target string, body []byte) http.Header {
	key := probeKey(p.cfg.DOKU.SecretKey)
	sum := sha256.Sum256(body)
	pr := probe{id: newID(), body: hex.EncodeToString(sum[:]), target: target}
	h := doku.SignNotification(key, p.cfg.DOKU.ClientID, pr.id, p.now(), target, body)
	h.Set(probeHeader, pr.seal(key))
	return h
}
