package kredivogin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/paylater-go/paylater/adapters/kredivohttp"
	"github.com/paylater-go/paylater/kredivo"
)

// Hooks are what the plugin asks the host while it serves a request. Both are required with
// [kredivo.CheckoutRoutes]. A hook that returns an error leaves the answer to the plugin; one that has
// written an answer itself, as c.AbortWithStatusJSON does, has answered. A panic in a hook is answered
// with 500. The body can be read in each of them, also with ShouldBindJSON and PostForm.
type Hooks struct {
	// Order returns the order that ref names; ref is the "order" field of the request and may be empty.
	// An order that does not exist is kredivo.ErrOrderNotFound.
	Order func(c *gin.Context, ref string) (kredivo.Order, error)
	// Buyer returns an opaque key of who asks, such as a user or session id. An error means nobody.
	Buyer func(c *gin.Context) (string, error)
}

// Mount registers the checkout and the notification routes on r: an engine, or a group with a prefix
// and middleware.
//
// A route that clashes with one of the host's is an error, after which r may hold some of the routes
// and should not be used. Call Mount before serving.
func Mount(r gin.IRoutes, p *kredivo.Plugin, h Hooks) error {
	return MountGroup(r, p, kredivo.CheckoutRoutes|kredivo.NotificationRoutes, h)
}

// MountGroup is Mount for the groups in g only. It needs hooks for kredivo.CheckoutRoutes only.
func MountGroup(r gin.IRoutes, p *kredivo.Plugin, g kredivo.Group, h Hooks) (err error) {
	if err := check(r, p, g, h); err != nil {
		return err
	}
	path := ""
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("kredivogin: mount %s: %v", path, v)
		}
	}()
	if group, ok := r.(interface{ BasePath() string }); ok {
		p.Mounted(strings.TrimSuffix(group.BasePath(), "/"))
	}
	for _, rt := range p.Routes(g) {
		path = strings.Replace(rt.Path, "{token}", ":token", 1)
		r.Handle(rt.Method, path, serve(p, rt, h))
	}
	return nil
}

// check lists everything that is wrong with the arguments of a mount.
func check(r gin.IRoutes, p *kredivo.Plugin, g kredivo.Group, h Hooks) error {
	var problems []error
	if r == nil {
		problems = append(problems, errors.New("kredivogin: the router is nil"))
	}
	if p == nil {
		problems = append(problems, errors.New("kredivogin: the plugin is nil; make one with kredivo.New"))
	} else if len(p.Routes(g)) == 0 {
		problems = append(problems, fmt.Errorf("kredivogin: no routes in group %d; use the constants of package kredivo", g))
	}
	if g&kredivo.CheckoutRoutes != 0 && h.Order == nil {
		problems = append(problems, errors.New("kredivogin: Hooks.Order is missing: it tells what is being bought"))
	}
	if g&kredivo.CheckoutRoutes != 0 && h.Buyer == nil {
		problems = append(problems, errors.New("kredivogin: Hooks.Buyer is missing: it tells who is asking"))
	}
	return errors.Join(problems...)
}

func serve(p *kredivo.Plugin, rt kredivo.Route, h Hooks) gin.HandlerFunc {
	return func(c *gin.Context) {
		restoreBody(c)
		req, err := kredivohttp.NewRequest(c.Writer, c.Request, mounted(c, rt))
		if err != nil {
			kredivohttp.Write(c.Writer, p.ErrorResponse(req, err))
			return
		}
		req.Hooks = kredivo.Hooks{
			Order: func(ref string) (kredivo.Order, error) {
				setBody(c, req.Body)
				return h.Order(c, ref)
			},
			Buyer: func() (string, error) {
				setBody(c, req.Body)
				return h.Buyer(c)
			},
		}
		resp := rt.Serve(c.Request.Context(), req)
		if c.Writer.Written() {
			return // a hook has answered
		}
		kredivohttp.Write(c.Writer, resp)
	}
}

// mounted is rt with the path that it was registered under, when that is fixed: gin matches decoded
// paths, and the request must be spelled like the route.
func mounted(c *gin.Context, rt kredivo.Route) kredivo.Route {
	prefix := strings.TrimSuffix(c.FullPath(), strings.Replace(rt.Path, "{token}", ":token", 1))
	if !strings.ContainsAny(prefix, ":*") {
		rt.Path = prefix + rt.Path
	}
	return rt
}

// restoreBody brings back a body that ShouldBindBodyWith has read.
func restoreBody(c *gin.Context) {
	if kept, ok := c.Get(gin.BodyBytesKey); ok {
		if body, ok := kept.([]byte); ok {
			setBody(c, body)
		}
	}
}

// setBody lets the next reader of the body start at the beginning.
func setBody(c *gin.Context, body []byte) {
	if body != nil {
		c.Request.Body = io.NopCloser(bytes.NewReader(body))
	}
}
