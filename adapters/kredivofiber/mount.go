package kredivofiber

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/gofiber/fiber/v2"

	"github.com/paylater-go/paylater/kredivo"
)

// Hooks are what the plugin asks the host while it serves a request. Both are required with
// [kredivo.CheckoutRoutes]. They leave the answer to the plugin. A panic in a hook is answered with
// 500; fiber alone would let it end the process. Strings that they return may point into fiber's
// memory: the plugin copies them.
type Hooks struct {
	// Order returns the order that ref names; ref is the "order" field of the request and may be empty.
	// An order that does not exist is kredivo.ErrOrderNotFound.
	Order func(c *fiber.Ctx, ref string) (kredivo.Order, error)
	// Buyer returns an opaque key of who asks, such as a user or session id. An error means nobody.
	Buyer func(c *fiber.Ctx) (string, error)
}

// Mount registers the checkout and the notification routes on r: an app, or a group with a prefix and
// middleware. Call it before serving.
func Mount(r fiber.Router, p *kredivo.Plugin, h Hooks) error {
	return MountGroup(r, p, kredivo.CheckoutRoutes|kredivo.NotificationRoutes, h)
}

// MountGroup is Mount for the groups in g only. It needs hooks for kredivo.CheckoutRoutes only.
func MountGroup(r fiber.Router, p *kredivo.Plugin, g kredivo.Group, h Hooks) (err error) {
	if err := check(r, p, g, h); err != nil {
		return err
	}
	path := ""
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("kredivofiber: mount %s: %v", path, v)
		}
	}()
	m := &mount{plugin: p, hooks: h, prefix: prefixOf(r)}
	p.Mounted(m.prefix)
	for _, rt := range p.Routes(g) {
		path = strings.Replace(rt.Path, "{token}", ":token", 1)
		r.Add(rt.Method, path, m.serve(rt)) // not Get, which would take HEAD from the host as well
	}
	return nil
}

// check lists everything that is wrong with the arguments of a mount.
func check(r fiber.Router, p *kredivo.Plugin, g kredivo.Group, h Hooks) error {
	var problems []error
	if r == nil {
		problems = append(problems, errors.New("kredivofiber: the router is nil"))
	}
	if p == nil {
		problems = append(problems, errors.New("kredivofiber: the plugin is nil; make one with kredivo.New"))
	} else if len(p.Routes(g)) == 0 {
		problems = append(problems, fmt.Errorf("kredivofiber: no routes in group %d; use the constants of package kredivo", g))
	}
	if g&kredivo.CheckoutRoutes != 0 && h.Order == nil {
		problems = append(problems, errors.New("kredivofiber: Hooks.Order is missing: it tells what is being bought"))
	}
	if g&kredivo.CheckoutRoutes != 0 && h.Buyer == nil {
		problems = append(problems, errors.New("kredivofiber: Hooks.Buyer is missing: it tells who is asking"))
	}
	return errors.Join(problems...)
}

// prefixOf is the fixed path that r puts in front of the routes, as far as r knows it.
func prefixOf(r fiber.Router) string {
	if g, ok := r.(*fiber.Group); ok && !strings.ContainsAny(g.Prefix, `:*+?\`) {
		return strings.TrimSuffix(g.Prefix, "/")
	}
	return ""
}

// A mount is what the routes of one Mount share.
type mount struct {
	plugin *kredivo.Plugin
	hooks  Hooks
	prefix string
	warned sync.Once
}

func (m *mount) serve(rt kredivo.Route) fiber.Handler {
	full := rt
	full.Path = m.prefix + rt.Path
	return func(c *fiber.Ctx) error {
		m.warned.Do(func() { m.warn(c) })
		req, err := newRequest(c, full)
		if err != nil {
			return write(c, m.plugin.ErrorResponse(req, err))
		}
		req.Hooks = kredivo.Hooks{
			Order: func(ref string) (kredivo.Order, error) { return m.hooks.Order(c, ref) },
			Buyer: func() (string, error) { return m.hooks.Buyer(c) },
		}
		defer abort(c)
		return write(c, rt.Serve(c.UserContext(), req))
	}
}

// warn looks at the app that serves, which need not be the one that was mounted on.
func (m *mount) warn(c *fiber.Ctx) {
	if c.App().Config().ReadTimeout == 0 {
		m.plugin.Logger().WarnContext(c.UserContext(), "kredivofiber: fiber.Config.ReadTimeout is not set: slow clients can hold connections for ever")
	}
}
