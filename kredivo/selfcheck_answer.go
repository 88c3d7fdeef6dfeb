package kredivo

import (
	"fmt"
	"net/http"
	"strings"
)

// readFirst says what the answer to the first call means. A check that our own plugin answers it with 401 is all
// that can be seen without credentials; with them it also says how the call arrived.
func (m *mountCheck) readFirst(a mountAnswer) Finding {
	const check = "notification_url"
	called := place(m.url)
	failed := func(seen, do string) Finding { return fault(check, called+" "+seen, do) }
	switch {
	case a.err != nil:
		return failed("cannot be reached from here: "+netCause(a.err), "look at DNS, TLS, firewall and whether the application is serving; DOKU must reach it from the Internet")
	case a.ours && a.status == http.StatusUnauthorized:
		return m.readProbe(a)
	case a.ours:
		seen, do := oursRefused(a)
		return failed(seen, do)
	case a.location != nil && a.status/100 == 3:
		seen, do := m.redirected(a)
		return failed(seen, do)
	}
	seen, do := m.notOurs(a)
	return failed(seen, do)
}

// readProbe reads what the plugin says that answered with our own 401.
func (m *mountCheck) readProbe(a mountAnswer) Finding {
	const check = "notification_url"
	called := place(m.url)
	switch {
	case m.plugin == nil:
		return good(check, "%s is answered by a plugin: an unsigned call gets its 401", called)
	case a.probe == nil:
		return fault(check, called+" is answered by a plugin that does not know this secret key", "compare Client-Id, secret key and environment with those of the plugin that is mounted there; or a proxy drops the header "+probeHeader)
	}
	m.running = a.probe["running"]
	here := string(m.plugin.client.Environment())
	switch cause := a.probe["cause"]; {
	case a.probe["environment"] != here:
		return fault(check, called+" is answered by a plugin for "+clean(a.probe["environment"])+", and this one is for "+here, "use one Config.DOKU.Environment, and give the environments different paths")
	case cause == busy:
		return doubt(check, called+" is answered by this plugin, which had too many self-checks to look at this one", "call it again in a minute")
	case cause != arrived:
		return fault(check, called+": a signed call arrives changed ("+clean(cause)+"): "+clean(a.probe["hint"]), "put that right: notifications of DOKU's would be refused in the same way")
	case a.probe["previous"] == "true":
		return doubt(check, called+" is answered by a plugin with a newer secret key", "give this process the new key too")
	}
	return good(check, "%s is answered by this plugin, and a signed call arrives unchanged", called)
}

// clean keeps to what may be printed of somebody else's text.
func clean(s string) string {
	const limit = 400
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
	return s[:min(len(s), limit)]
}

// oursRefused explains an answer of the plugin's other than its 401.
func oursRefused(a mountAnswer) (seen, do string) {
	switch a.status {
	case http.StatusInternalServerError:
		return "is answered by the plugin with 500: a middleware has read the body, or the plugin failed; its log says which",
			"mount the notification route outside of what reads bodies: loggers, binders, form parsers"
	case http.StatusNotFound:
		return "is answered by a plugin with 404: it is here, but not under this path",
			"let the prefix that the routes are mounted under be the path of Config.PublicURL, letter by letter"
	case http.StatusUnsupportedMediaType:
		return "is answered by the plugin with 415: something adds Content-Encoding to the request", "keep it off the notification route"
	case http.StatusRequestTimeout:
		return "is answered by the plugin with 408: the body does not reach it in time", "look at the proxy in front, and at what reads bodies before the plugin"
	default:
		return "is answered by a plugin with " + a.String() + ", not with 401", "look in the log of the process that answers"
	}
}

// redirected explains a redirect, which DOKU does not follow.
func (m *mountCheck) redirected(a mountAnswer) (seen, do string) {
	seen = "redirects, " + a.String() + ": DOKU does not follow that"
	to, from := a.location, m.url
	switch {
	case strings.Contains(strings.ToLower(to.Path), "login") || strings.Contains(strings.ToLower(to.Path), "signin"):
		return seen, "mount the notification route outside the login: MountGroup with kredivo.NotificationRoutes"
	case to.Scheme == "https" && from.Scheme == "http":
		return seen, "write https in Config.PublicURL and in DOKU's Back Office"
	case !strings.EqualFold(to.Host, from.Host):
		return seen, fmt.Sprintf("use the host %s in Config.PublicURL and in DOKU's Back Office", clean(to.Host))
	case strings.TrimSuffix(to.Path, "/") == strings.TrimSuffix(from.Path, "/"):
		return seen, "something adds or takes off a slash at the end: switch that off for this path, or mount the plugin before it"
	case strings.EqualFold(to.Path, from.Path):
		return seen, "let Config.PublicURL have the letter case that the routes are mounted with"
	default:
		return seen, "take the redirect off this path, or let Config.PublicURL be where it leads to"
	}
}

// notOurs explains an answer that is not the plugin's.
func (m *mountCheck) notOurs(a mountAnswer) (seen, do string) {
	seen = "is answered with " + a.String() + ", not by the plugin"
	const exempt = ": mount the notification route outside of it (MountGroup with kredivo.NotificationRoutes)"
	switch a.status {
	case http.StatusUnauthorized:
		if scheme, _, _ := strings.Cut(a.header.Get("WWW-Authenticate"), " "); scheme != "" {
			seen += " but by something that asks for a login (" + clean(scheme) + ")"
		}
		return seen, "DOKU has no login, token or password" + exempt
	case http.StatusForbidden, 419: // 419: Laravel's answer to a missing CSRF token
		return seen, "a CSRF guard or a firewall refuses it: DOKU has no token and no fixed address" + exempt
	case http.StatusNotFound:
		return seen, "nothing is mounted under this path: let Config.PublicURL be the public address of the mounted routes, mount them before any catch-all, and look whether a proxy strips or adds a prefix"
	case http.StatusMethodNotAllowed:
		return seen, "something else is mounted under this path, or a proxy or static server takes it and allows no POST"
	case http.StatusTooManyRequests:
		return seen, "a rate limiter counts DOKU's calls: exempt the notification route from it"
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return seen, "the proxy in front does not reach the application: is it serving?"
	case http.StatusUnsupportedMediaType, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusLengthRequired:
		return seen, "something in front judges the request: keep it off the notification route"
	}
	if a.status/100 == 2 {
		return seen, "a catch-all or single-page app takes it, and DOKU would take that for a delivery: mount the plugin before it, under the path of Config.PublicURL"
	}
	return seen, "find out what answers there, and mount the plugin before it, under the path of Config.PublicURL"
}
