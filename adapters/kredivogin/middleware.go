package kredivogin

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"github.com/paylater-go/paylater/adapters/kredivohttp"
	"github.com/paylater-go/paylater/kredivo"
)

// RequirePaid lets a request pass only when the shop's order is paid. Order names it, from the path or
// a session; whether it belongs to who asks is the host's own check. Everybody else gets 402, or 503
// when the store does not answer, and the chain is aborted.
func RequirePaid(p *kredivo.Plugin, order func(c *gin.Context) string) gin.HandlerFunc {
	if p == nil || order == nil {
		panic("kredivogin: RequirePaid needs a plugin and a function that names the order")
	}
	return func(c *gin.Context) {
		through(c, kredivohttp.RequirePaid(p, func(*http.Request) string { return order(c) }))
	}
}

// VerifySignature lets only notifications pass that DOKU signed for this plugin, for hosts with a
// notification endpoint of their own. The public path of that endpoint must be the one that the plugin
// verifies against: the path of Config.PublicURL and "/notifications". The next handler can read the
// body. Everything else gets 401, a body over the limit 413, and a body that was read before 500; the
// chain is aborted then.
//
// What passes is authentic, not new: DOKU repeats notifications, and so may anyone who saw one.
func VerifySignature(p *kredivo.Plugin) gin.HandlerFunc {
	if p == nil {
		panic("kredivogin: VerifySignature needs a plugin")
	}
	verify := kredivohttp.VerifySignature(p)
	return func(c *gin.Context) {
		restoreBody(c)
		through(c, verify)
	}
}

// through runs a net/http middleware in gin's chain: the rest of the chain is its next handler.
func through(c *gin.Context, middleware func(http.Handler) http.Handler) {
	passed := false
	next := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		passed = true
		c.Request = r
		c.Next()
	})
	middleware(next).ServeHTTP(c.Writer, c.Request)
	if !passed {
		c.Abort()
	}
}
