package kredivohttp

import (
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"

	"github.com/paylater-go/paylater/kredivo"
)

// Hooks are what the plugin asks the host while it serves a request. Both are required with
// [kredivo.CheckoutRoutes]. They run before the answer is written, and must not write one themselves.
// A panic in a hook is answered with 500. The body can be read in each of them.
type Hooks struct {
	// Order returns the order that ref names; ref is the "order" field of the request and may be empty.
	// An order that does not exist is kredivo.ErrOrderNotFound.
	Order func(r *http.Request, ref string) (kredivo.Order, error)
	// Buyer returns an opaque key of who asks, such as a user or session id. An error means nobody.
	Buyer func(r *http.Request) (string, error)
}

// A Mux takes a handler for a pattern in the language of [http.ServeMux]: "POST /pay/checkout".
type Mux interface {
	Handle(pattern string, handler http.Handler)
}

// Mount registers the checkout and the notification routes under prefix, which is empty or like "/pay":
// it starts with a slash and does not end in one. HEAD is answered where GET is, as ServeMux does;
// a pattern of the host's for HEAD or OPTIONS goes first.
//
// A pattern that clashes with one of the host's is an error, after which the mux may hold some of the
// routes and should not be used. Call Mount before serving.
func Mount(mux Mux, prefix string, p *kredivo.Plugin, h Hooks) error {
	return MountGroup(mux, prefix, p, kredivo.CheckoutRoutes|kredivo.NotificationRoutes, h)
}

// MountGroup is Mount for the groups in g only. It needs hooks for kredivo.CheckoutRoutes only.
func MountGroup(mux Mux, prefix string, p *kredivo.Plugin, g kredivo.Group, h Hooks) (err error) {
	if mux == nil {
		return errors.New("kredivohttp: the mux is nil")
	}
	if err := check(prefix, p, g, h); err != nil {
		return err
	}
	pattern := ""
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("kredivohttp: mount %s: %v", pattern, v)
		}
	}()
	p.Mounted(prefix)
	for _, rt := range p.Routes(g) {
		pattern = rt.Method + " " + prefix + rt.Path
		mux.Handle(pattern, serve(p, rt, prefix, h))
	}
	return nil
}

// check lists everything that is wrong with the arguments of a mount.
func check(prefix string, p *kredivo.Plugin, g kredivo.Group, h Hooks) error {
	var problems []error
	if p == nil {
		problems = append(problems, errors.New("kredivohttp: the plugin is nil; make one with kredivo.New"))
	} else if len(p.Routes(g)) == 0 {
		problems = append(problems, fmt.Errorf("kredivohttp: no routes in group %d; use the constants of package kredivo", g))
	}
	if prefix != "" && (prefix[0] != '/' || prefix == "/" || path.Clean(prefix) != prefix || strings.ContainsAny(prefix, "{}% ?#")) {
		problems = append(problems, fmt.Errorf(`kredivohttp: prefix %q must be empty or like "/pay": a slash at the start, none at the end, no wildcards, no escapes`, prefix))
	}
	if g&kredivo.CheckoutRoutes != 0 && h.Order == nil {
		problems = append(problems, errors.New("kredivohttp: Hooks.Order is missing: it tells what is being bought"))
	}
	if g&kredivo.CheckoutRoutes != 0 && h.Buyer == nil {
		problems = append(problems, errors.New("kredivohttp: Hooks.Buyer is missing: it tells who is asking"))
	}
	return errors.Join(problems...)
}

// serve makes the handler of one route that is mounted under prefix.
func serve(p *kredivo.Plugin, rt kredivo.Route, prefix string, h Hooks) http.Handler {
	mounted := rt
	mounted.Path = prefix + rt.Path
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		req, err := NewRequest(w, r, mounted)
		if err != nil {
			Write(w, p.ErrorResponse(req, err))
			return
		}
		req.Hooks = kredivo.Hooks{
			Order: func(ref string) (kredivo.Order, error) {
				rewind(r, req.Body)
				return h.Order(r, ref)
			},
			Buyer: func() (string, error) {
				rewind(r, req.Body)
				return h.Buyer(r)
			},
		}
		Write(w, rt.Serve(r.Context(), req))
	})
}
