package kredivohttp

import (
	"net/http"

	"github.com/paylater-go/paylater/kredivo"
)

// RequirePaid lets a request pass only when the shop's order is paid. Order names it, from the path or
// a session; whether it belongs to who asks is the host's own check. Everybody else gets 402, or 503
// when the store does not answer.
func RequirePaid(p *kredivo.Plugin, order func(r *http.Request) string) func(http.Handler) http.Handler {
	if p == nil || order == nil {
		panic("kredivohttp: RequirePaid needs a plugin and a function that names the order")
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := p.CheckPaid(r.Context(), order(r)); err != nil {
				Write(w, p.ErrorResponse(copyHead(r), err))
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// VerifySignature lets only notifications pass that DOKU signed for this plugin, for hosts with a
// notification endpoint of their own. The public path of that endpoint must be the one that the plugin
// verifies against: the path of Config.PublicURL and "/notifications". The next handler can read the
// body. Everything else gets 401, a body over the limit 413, and a body that was read before 500.
//
// What passes is authentic, not new: DOKU repeats notifications, and so may anyone who saw one.
func VerifySignature(p *kredivo.Plugin) func(http.Handler) http.Handler {
	if p == nil {
		panic("kredivohttp: VerifySignature needs a plugin")
	}
	limit := p.Routes(kredivo.NotificationRoutes)[0].MaxBody
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			req := copyHead(r)
			body, err := readBody(w, r, limit, notificationReadTimeout)
			if err == nil {
				req.Body = body
				err = verify(p, req)
			}
			if err != nil {
				Write(w, p.ErrorResponse(req, err))
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

func verify(p *kredivo.Plugin, req *kredivo.Request) error {
	if length := req.Header.Get("Content-Length"); len(req.Body) == 0 && length != "" && length != "0" {
		return &kredivo.Error{
			Code:   kredivo.CodeInternal,
			Detail: "a middleware has read the body; put VerifySignature in front of it",
		}
	}
	return p.VerifyNotification(req)
}
