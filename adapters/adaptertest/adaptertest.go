// Package adaptertest is the conformance suite for adapters: the packages that mount the plugin's routes
// into a web framework. Every check crosses a real socket.
//
//	func TestAdapter(t *testing.T) { adaptertest.Run(t, start) }
//
// Start is the one function a framework has to write: it builds a host from an [App] with the framework's
// own means, serves it on loopback and returns its address.
package adaptertest

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
	"github.com/paylater-go/paylater/kredivo/store/sqlite"
)

// An App describes a host. Start registers Before, then Mounts, then After, each in the order given.
type App struct {
	Plugin        *kredivo.Plugin
	Order         func(n Native, ref string) (kredivo.Order, error) // the hooks of every mount
	Buyer         func(n Native) (string, error)
	Before, After []Route // the host's own routes
	Mounts        []Mount
}

// A Mount is one call of the adapter's Mount or, when Group is not 0, of its MountGroup.
type Mount struct {
	Prefix     string // empty or like "/v1/pay"; use the framework's groups where it has them
	Group      kredivo.Group
	Middleware []Middleware // of the host, around the mounted routes, outermost first
}

// A Middleware of the host runs before the routes. When it returns false it has answered, and the chain ends.
type Middleware func(n Native) bool

// A Route is one of the host's own.
type Route struct {
	Method, Path string                // an exact path; an empty method is any method
	CatchAll     bool                  // instead of Path: everything that no other route takes, as an SPA host has it
	Paid         func(n Native) string // behind the adapter's RequirePaid, if not nil
	Verified     bool                  // behind the adapter's VerifySignature
	Handle       func(n Native)
}

// A Native is one request in the framework's own hands. Strings may be as short-lived as the
// framework's are.
type Native interface {
	Header(name string) string
	Query(name string) string
	Form(name string) string      // a field of the form in the body
	Body() []byte                 // the raw body, read as handlers of this framework read it
	AddHeader(name, value string) // to the answer
	Send(status int, body string) // the answer
}

// Start serves app on loopback until the test ends and returns its base URL, without a slash at the end.
type Start func(t *testing.T, app App) (baseURL string)

// Run checks one adapter. It fails start's framework for the first promise that it does not keep; there
// are no opt-outs.
func Run(t *testing.T, start Start) {
	s := newSuite(t, start)
	t.Run("Redirect", s.redirect)
	t.Run("Pay", s.pay)
	t.Run("OrderReference", s.orderReference)
	t.Run("HookErrors", s.hookErrors)
	t.Run("HookPanics", s.hookPanics)
	t.Run("HooksReadTheBody", s.hooksReadTheBody)
	t.Run("ReturnAndStatus", s.returnAndStatus)
	t.Run("Prefixes", s.prefixes)
	t.Run("GroupsAndMiddleware", s.groupsAndMiddleware)
	t.Run("HostHeadersArrive", s.hostHeadersArrive)
	t.Run("CatchAllAfter", s.catchAllAfter)
	t.Run("CatchAllBefore", s.catchAllBefore)
	t.Run("HeadAndOptionsAreTheHosts", s.headAndOptions)
	t.Run("WrongMethods", s.wrongMethods)
	t.Run("Paths", s.paths)
	t.Run("BodyLimit", s.bodyLimit)
	t.Run("EndlessBody", s.endlessBody)
	t.Run("SignedHeadersOnce", s.signedHeadersOnce)
	t.Run("ContentEncoding", s.contentEncoding)
	t.Run("DrainedBody", s.drainedBody)
	t.Run("ClientHangsUp", s.clientHangsUp)
	t.Run("NotificationsAreKept", s.notificationsAreKept)
	t.Run("HookResultsAreKept", s.hookResultsAreKept)
	t.Run("ParallelNotifications", s.parallelNotifications)
	t.Run("RequirePaid", s.requirePaid)
	t.Run("VerifySignature", s.verifySignature)
}

// A suite is one shop that every check mounts into a host of its own.
type suite struct {
	start Start
	shop  *kredivotest.Shop
	kept  *keeper
}

func newSuite(t *testing.T, start Start) *suite {
	st, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "kredivo.db"))
	if err != nil {
		t.Fatal(err)
	}
	kept := &keeper{Store: st, received: make(chan kredivo.Message, 4096), memory: map[string][]kredivo.Attempt{}}
	shop := kredivotest.New(t, func(c *kredivotest.Config) { c.Plugin.Store = kept })
	return &suite{start: start, shop: shop, kept: kept}
}

// host starts app with what it leaves out: the plugin at /pay, and hooks that make an order of any
// reference for the buyer in the X-Buyer header.
func (s *suite) host(t *testing.T, app App) client {
	t.Helper()
	app.Plugin = s.shop.Plugin
	if app.Mounts == nil {
		app.Mounts = []Mount{{Prefix: "/pay"}}
	}
	if app.Order == nil {
		app.Order = func(n Native, ref string) (kredivo.Order, error) {
			return kredivotest.Order(ref, n.Header("X-Buyer")), nil
		}
	}
	if app.Buyer == nil {
		app.Buyer = func(n Native) (string, error) { return n.Header("X-Buyer"), nil }
	}
	return newClient(t, s.start(t, app))
}
