package kredivohttp

import (
	"net/http"
	"slices"
	"strings"

	"github.com/paylater-go/paylater/kredivo"
)

// Handler returns one handler for the checkout and the notification routes, for routers with a pattern
// language of their own: send everything under prefix to it.
//
//	router.Handle("/pay/*", pay)               // chi
//	e.Any("/pay/*", echo.WrapHandler(pay))     // echo
//	router.PathPrefix("/pay/").Handler(pay)    // gorilla/mux
//	mux.Handle("/", http.StripPrefix("/v1", pay))
//
// Prefix is what is left of the path in front of "/checkout" when the request arrives here: all of it
// where routers leave the path alone, as chi, echo and gorilla do in groups too, and less behind
// [http.StripPrefix]. A path from which the whole prefix has been stripped is understood as well.
//
// Other paths get 404, other methods 405 with Allow. HEAD is answered where GET is.
func Handler(prefix string, p *kredivo.Plugin, h Hooks) (http.Handler, error) {
	return HandlerGroup(prefix, p, kredivo.CheckoutRoutes|kredivo.NotificationRoutes, h)
}

// HandlerGroup is Handler for the groups in g only. It needs hooks for kredivo.CheckoutRoutes only.
func HandlerGroup(prefix string, p *kredivo.Plugin, g kredivo.Group, h Hooks) (http.Handler, error) {
	if err := check(prefix, p, g, h); err != nil {
		return nil, err
	}
	ro := &router{plugin: p, prefix: prefix, routes: map[string]methods{}}
	for _, rt := range p.Routes(g) {
		if ro.routes[rt.Path] == nil {
			ro.routes[rt.Path] = methods{}
		}
		// The prefix is this router's business: it may be there or not.
		ro.routes[rt.Path][rt.Method] = serve(p, rt, "", h)
	}
	p.Mounted(prefix)
	return ro, nil
}

// methods are the handlers of one path.
type methods map[string]http.Handler

// A router finds a route by exact path. It is never changed after it is made.
type router struct {
	plugin *kredivo.Plugin
	prefix string
	routes map[string]methods // by Route.Path
}

func (ro *router) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	found := ro.find(r.URL.EscapedPath())
	if found == nil {
		Write(w, ro.plugin.ErrorResponse(copyHead(r), &kredivo.Error{Code: kredivo.CodeNotFound}))
		return
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	if h, ok := found[method]; ok {
		h.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Allow", strings.Join(found.allow(), ", "))
	Write(w, ro.plugin.ErrorResponse(copyHead(r), &kredivo.Error{Code: kredivo.CodeWrongMethod}))
}

// find looks for the path without the prefix, and then for the path as it is.
func (ro *router) find(path string) methods {
	if rest, ok := strings.CutPrefix(path, ro.prefix); ok {
		if found := ro.lookup(rest); found != nil {
			return found
		}
	}
	return ro.lookup(path)
}

func (ro *router) lookup(path string) methods {
	if found, ok := ro.routes[path]; ok {
		return found
	}
	i := strings.LastIndexByte(path, '/') + 1
	if i == 0 || path[i:] == "" {
		return nil
	}
	return ro.routes[path[:i]+"{token}"]
}

// allow lists the methods as net/http does: sorted, with HEAD beside GET.
func (m methods) allow() []string {
	var names []string
	for name := range m {
		names = append(names, name)
		if name == http.MethodGet {
			names = append(names, http.MethodHead)
		}
	}
	slices.Sort(names)
	return names
}
