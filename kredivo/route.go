package kredivo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"
)

// A Request is one HTTP request, copied out of the framework that received it. The core may keep it.
type Request struct {
	Method string
	Host   string      // for the cross-origin check
	Path   string      // escaped, as received; the signed target comes from Config.PublicURL instead
	Token  string      // the {token} segment of the route's path, if it has one
	Query  url.Values  //
	Header http.Header // every value of every header, with canonical names
	Body   []byte      // exactly the bytes on the wire
	Hooks  Hooks
}

// Hooks are what the core may ask the host while it serves one request. Adapters fill them with
// closures over the framework's own context. The core calls them before Serve returns, never later,
// and clones what they return.
type Hooks struct {
	// Order returns the order that ref names. Ref is the "order" field of the request's form, JSON
	// object or query, and may be empty for a host that finds the cart in its session. An order that
	// does not exist is ErrOrderNotFound.
	Order func(ref string) (Order, error)
	// Buyer returns an opaque key of who asks: a user or session id, never empty. It is compared with
	// Order.Buyer.
	Buyer func() (string, error)
}

// A Response is what the adapter must send. Body is never reused.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// A Group tells which middleware of the host a route belongs under. Groups may be combined with |.
type Group uint8

// The groups.
const (
	CheckoutRoutes     Group = 1 << iota // browser: session, CSRF, login
	NotificationRoutes                   // DOKU: no session, no CSRF, raw body
	AdminRoutes                          // operators: the host's own authorisation
)

// A Route is one endpoint. Path is exact and has no trailing slash; only return, cancel and status end
// in one opaque {token} segment, so that a cache keyed on the path cannot mix up two orders. Adapters
// put that segment into Request.Token.
type Route struct {
	Group   Group
	Method  string
	Path    string
	MaxBody int64 // bytes

	plugin *Plugin
	handle func(context.Context, *Request) (*Response, error)
}

// Limits of what the routes read. A checkout carries an order reference; a notification of DOKU's is
// about 2 KB, so 64 KiB is room for growth, not for abuse.
const (
	maxBrowserBody      = 16 << 10
	maxNotificationBody = 64 << 10
)

// serveTimeout bounds the work on one request. Frameworks differ in whether and when they cancel, so
// the core sets its own deadline.
const serveTimeout = 60 * time.Second

// Marker is a header on every answer of this package, so that a check from outside can tell our
// answers from a catch-all page or a proxy that answers 200 in our place.
const Marker = "X-Kredivo-Plugin"

// Routes returns the routes of the groups in g, the same ones in the same order at every call.
func (p *Plugin) Routes(g Group) []Route {
	table := []Route{
		{Group: CheckoutRoutes, Method: "POST", Path: "/checkout", MaxBody: maxBrowserBody, handle: p.serveCheckout},
		{Group: CheckoutRoutes, Method: "GET", Path: "/status/{token}", handle: p.serveStatus},
		{Group: CheckoutRoutes, Method: "GET", Path: "/return/{token}", handle: p.serveReturn},
		{Group: CheckoutRoutes, Method: "POST", Path: "/return/{token}", MaxBody: maxBrowserBody, handle: p.serveReturn},
		{Group: CheckoutRoutes, Method: "GET", Path: "/cancel/{token}", handle: p.serveCancel},
		{Group: CheckoutRoutes, Method: "POST", Path: "/cancel/{token}", MaxBody: maxBrowserBody, handle: p.serveCancel},
		{Group: NotificationRoutes, Method: "POST", Path: notificationPath, MaxBody: maxNotificationBody, handle: p.serveNotification},
		{Group: AdminRoutes, Method: "GET", Path: "/health", handle: p.serveHealth},
	}
	var routes []Route
	for _, rt := range table {
		if rt.Group&g != 0 {
			rt.plugin = p
			routes = append(routes, rt)
		}
	}
	return routes
}

// Match reports whether the escaped path of a request ends in rt.Path, byte for byte, and returns what
// stands for {token}. Frameworks match more than that: other letter case, escapes, doubled slashes, a
// slash at the end.
func (rt Route) Match(path string) (token string, ok bool) {
	if strings.Contains(path, "//") {
		return "", false
	}
	stem, hasToken := strings.CutSuffix(rt.Path, "{token}")
	if !hasToken {
		return "", strings.HasSuffix(path, rt.Path)
	}
	i := strings.LastIndexByte(path, '/') + 1
	return path[i:], path[i:] != "" && strings.HasSuffix(path[:i], stem)
}

// Serve answers req. It sets its own deadline, checks MaxBody, turns errors and panics, also those of
// hooks, into responses, and never returns nil. Only http.ErrAbortHandler passes through, because it
// is the host's way of ending a connection.
func (rt Route) Serve(ctx context.Context, req *Request) (resp *Response) {
	ctx, cancel := context.WithTimeout(ctx, serveTimeout)
	defer cancel()
	defer func() {
		if v := recover(); v != nil {
			if v == http.ErrAbortHandler {
				panic(v)
			}
			resp = rt.plugin.refuse(ctx, rt, req, fmt.Errorf("kredivo: panic: %v\n%s", v, debug.Stack()))
		}
		resp.Header.Set(Marker, "1")
	}()
	if int64(len(req.Body)) > rt.MaxBody {
		return rt.plugin.refuse(ctx, rt, req, ErrBodyTooLarge)
	}
	if length := req.Header.Get("Content-Length"); rt.MaxBody > 0 && len(req.Body) == 0 && length != "" && length != "0" {
		return rt.plugin.refuse(ctx, rt, req, errDrained)
	}
	resp, err := rt.handle(ctx, req)
	if err != nil {
		return rt.plugin.refuse(ctx, rt, req, err)
	}
	return resp
}

// errDrained names the usual cause of a signature that fails, or an order that is missing, for no visible
// reason. It is our side's fault, so DOKU is answered 500 and comes again.
var errDrained = errors.New("kredivo: the body is empty although Content-Length is not: a middleware has read it; mount the routes before or outside it")

// refuse logs an error once and turns it into an answer.
func (p *Plugin) refuse(ctx context.Context, rt Route, req *Request, err error) *Response {
	e := asError(err)
	switch {
	case e.logged:
	case e.Code == CodeInternal:
		p.log.ErrorContext(ctx, "request failed", "route", rt.Path, "error", err)
	case e.Code == CodeBadSignature:
		// Anyone may send these; serveNotification logs them sparingly.
	case errors.Is(ctx.Err(), context.Canceled):
		p.log.InfoContext(ctx, "request abandoned", "route", rt.Path, "code", e.Code)
	default:
		p.log.WarnContext(ctx, "request refused", "route", rt.Path, "code", e.Code, "error", err)
	}
	return p.errorResponse(req, e)
}

// ErrorResponse turns an error into the answer that the routes would give, for an adapter's own
// errors such as a body over the limit (ErrBodyTooLarge) and for middleware such as RequirePaid. Any
// error that is not an *Error becomes an internal one: its text is logged and not shown. Req says which
// language and form the client reads; only Header is looked at.
func (p *Plugin) ErrorResponse(req *Request, err error) *Response {
	e := asError(err)
	if e.HTTPStatus() >= http.StatusInternalServerError {
		p.log.Error("request failed", "code", e.Code, "error", err)
	}
	resp := p.errorResponse(req, e)
	resp.Header.Set(Marker, "1")
	return resp
}
