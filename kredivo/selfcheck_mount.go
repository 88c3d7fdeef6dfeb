package kredivo

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	// answerTime bounds one call of our own URL.
	answerTime = 10 * time.Second
	// repeats are the calls after the first one: limiters that let fewer through in a row would refuse DOKU, too.
	repeats = 5
	// probeBody is set as DOKU sets notifications, so that whatever rewrites those rewrites this.
	probeBody = `{
  "service": {
    "id": "SELF_CHECK"
  },
  "order": {
    "invoice_number": "SELFCHECK",
    "amount": 150000.00,
    "note": "a & b / <c> é"
  },
  "channel": {
    "id": "SELF_CHECK"
  }
}`
)

// A mountCheck calls a notification URL from outside, as DOKU does.
type mountCheck struct {
	url    *url.URL
	broken error   // of the URL
	plugin *Plugin // nil: unsigned
	http   *http.Client

	running string // what the plugin that answers says of itself: true, false, or nothing
}

func newMountCheck(rawURL string, p *Plugin) *mountCheck {
	u, err := url.Parse(rawURL)
	return &mountCheck{
		url: u, broken: err, plugin: p,
		http: &http.Client{
			Timeout: answerTime,
			Transport: &http.Transport{
				Proxy:                  http.ProxyFromEnvironment,
				DisableKeepAlives:      true,
				DisableCompression:     true,
				MaxResponseHeaderBytes: 64 << 10,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // as DOKU
		},
	}
}

// check makes the calls, one after another.
func (m *mountCheck) check(ctx context.Context) []Finding {
	if m.broken != nil || m.url.Host == "" {
		return []Finding{fault("notification_url", "the URL cannot be read", `give an absolute one, such as "https://shop.example/pay"`)}
	}
	first := m.post(ctx, m.url, []byte(probeBody), "")
	found := m.readFirst(first)
	if !first.ours || first.status != http.StatusUnauthorized {
		return []Finding{found}
	}
	return []Finding{found, m.again(ctx, first), m.compressed(ctx), m.slash(ctx)}
}

// An answer is what came back from the notification URL.
type mountAnswer struct {
	err      error
	status   int
	ours     bool              // it has our marker
	probe    map[string]string // what the plugin saw; nil unless it knows our key
	header   http.Header
	location *url.URL
}

// post sends one notification that must be refused.
func (m *mountCheck) post(ctx context.Context, to *url.URL, body []byte, encoding string) mountAnswer {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), bytes.NewReader(body))
	if err != nil {
		return mountAnswer{err: err}
	}
	if m.plugin != nil {
		req.Header = m.plugin.probeRequest(m.url.EscapedPath(), body)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "paylater-go")
	if encoding != "" {
		req.Header.Set("Content-Encoding", encoding)
	}
	resp, err := m.http.Do(req)
	if err != nil {
		return mountAnswer{err: err}
	}
	defer resp.Body.Close()
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10) // politely; what it says does not matter
	a := mountAnswer{status: resp.StatusCode, ours: resp.Header.Get(Marker) != "", header: resp.Header}
	a.location, _ = resp.Location()
	if _, params, err := mime.ParseMediaType(resp.Header.Get(probeHeader)); err == nil && params["cause"] != "" {
		a.probe = params
	}
	return a
}

// again calls some more times: every instance must answer alike, and no limiter step in.
func (m *mountCheck) again(ctx context.Context, first mountAnswer) Finding {
	const check = "repeated_calls"
	for i := range repeats {
		switch a := m.post(ctx, m.url, []byte(probeBody), ""); {
		case a.status == http.StatusTooManyRequests:
			return fault(check, fmt.Sprintf("call %d in a row was answered with 429: a rate limiter counts DOKU's calls", i+2), "exempt the notification route from it: DOKU calls from few addresses, and repeats a refused notification only three times")
		case a.err != nil:
			return doubt(check, fmt.Sprintf("call %d in a row failed: %s", i+2, netCause(a.err)), "look at the proxy and the instances behind it")
		case a.status != first.status || a.ours != first.ours:
			return fault(check, fmt.Sprintf("call %d in a row was answered with %s, the first with %s", i+2, a, first), "look for an instance, or a rule of a firewall, that differs")
		}
	}
	return good(check, "%d calls in a row were answered alike", repeats+1)
}

// compressed looks whether something decodes bodies on the way.
func (m *mountCheck) compressed(ctx context.Context) Finding {
	const check = "compressed_body"
	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	_, _ = z.Write([]byte(probeBody)) // a bytes.Buffer takes everything
	_ = z.Close()
	switch a := m.post(ctx, m.url, body.Bytes(), "gzip"); {
	case a.ours && a.status == http.StatusUnsupportedMediaType:
		return good(check, "compressed bodies reach the plugin as they are")
	case a.ours && a.status == http.StatusUnauthorized:
		return doubt(check, "a middleware or proxy decodes bodies before the plugin sees them", "keep it off the notification route: signatures are over the bytes on the wire")
	case a.err != nil:
		return doubt(check, "a call with a compressed body failed: "+netCause(a.err), "look at the proxy in front")
	default:
		return doubt(check, "a compressed body is answered with "+a.String()+" before it reaches the plugin", "keep what reads bodies off the notification route")
	}
}

// slash looks what a notification URL that is set with a slash at its end would get.
func (m *mountCheck) slash(ctx context.Context) Finding {
	const check = "trailing_slash"
	to := *m.url
	to.Path += "/"
	switch a := m.post(ctx, &to, []byte(probeBody), ""); {
	case a.err != nil:
		return doubt(check, "a call with a slash at the end failed: "+netCause(a.err), "look at the proxy in front")
	case !a.ours && a.status/100 == 2:
		return doubt(check, "with a slash at the end the URL is answered with "+a.String()+", and not by the plugin", "set the URL in DOKU's Back Office without that slash: DOKU would take this for a delivery, and the notification would be lost")
	default:
		return good(check, "with a slash at the end the URL is answered with %s: it must be set without", a)
	}
}

// String names a status, and where a redirect leads.
func (a mountAnswer) String() string {
	s := fmt.Sprintf("%d", a.status)
	if text := http.StatusText(a.status); text != "" {
		s += " " + text
	}
	if kind, _, err := mime.ParseMediaType(a.header.Get("Content-Type")); err == nil && a.status/100 == 2 {
		s += " (" + kind + ")"
	}
	if a.location != nil {
		s += " to " + place(a.location)
	}
	return s
}

// place is a URL without what may be private in it.
func place(u *url.URL) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String())
}
