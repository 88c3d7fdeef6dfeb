package kredivogin_test

import (
	"net/http/httptest"
	"testing"

	"github.com/gin-gonic/gin"
	"go.uber.org/goleak"

	"github.com/paylater-go/paylater/adapters/adaptertest"
	"github.com/paylater-go/paylater/adapters/kredivogin"
	"github.com/paylater-go/paylater/kredivo"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode) // quiet
	goleak.VerifyTestMain(m)
}

// TestMount is the suite on gin.
func TestMount(t *testing.T) {
	t.Parallel()
	adaptertest.Run(t, start)
}

func start(t *testing.T, app adaptertest.App) string {
	engine := gin.New()
	engine.HandleMethodNotAllowed = true
	register(engine, app, app.Before)
	for _, m := range app.Mounts {
		var group gin.IRoutes = engine.Group(m.Prefix)
		for _, run := range m.Middleware {
			group = group.Use(func(c *gin.Context) {
				if !run(native{c}) {
					c.Abort()
				}
			})
		}
		var err error
		if m.Group == 0 {
			err = kredivogin.Mount(group, app.Plugin, hooks(app))
		} else {
			err = kredivogin.MountGroup(group, app.Plugin, m.Group, hooks(app))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	register(engine, app, app.After)
	server := httptest.NewServer(engine)
	t.Cleanup(server.Close)
	return server.URL
}

func hooks(app adaptertest.App) kredivogin.Hooks {
	return kredivogin.Hooks{
		Order: func(c *gin.Context, ref string) (kredivo.Order, error) { return app.Order(native{c}, ref) },
		Buyer: func(c *gin.Context) (string, error) { return app.Buyer(native{c}) },
	}
}

func register(engine *gin.Engine, app adaptertest.App, routes []adaptertest.Route) {
	for _, rt := range routes {
		var chain []gin.HandlerFunc
		if rt.Paid != nil {
			chain = append(chain, kredivogin.RequirePaid(app.Plugin, func(c *gin.Context) string { return rt.Paid(native{c}) }))
		}
		if rt.Verified {
			chain = append(chain, kredivogin.VerifySignature(app.Plugin))
		}
		chain = append(chain, func(c *gin.Context) { rt.Handle(native{c}) })
		switch {
		case rt.CatchAll:
			engine.NoRoute(chain...)
		case rt.Method == "":
			engine.Any(rt.Path, chain...)
		default:
			engine.Handle(rt.Method, rt.Path, chain...)
		}
	}
}

// native is a request in gin's hands.
type native struct{ c *gin.Context }

func (n native) Header(name string) string    { return n.c.GetHeader(name) }
func (n native) Query(name string) string     { return n.c.Query(name) }
func (n native) Form(name string) string      { return n.c.PostForm(name) }
func (n native) AddHeader(name, value string) { n.c.Writer.Header().Add(name, value) }
func (n native) Send(status int, body string) { n.c.String(status, "%s", body) }

func (n native) Body() []byte {
	body, _ := n.c.GetRawData() // what could be read is what a host would work with
	return body
}
