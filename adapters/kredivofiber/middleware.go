package kredivofiber

import (
	"strings"

	"github.com/gofiber/fiber/v2"

	"github.com/paylater-go/paylater/kredivo"
)

// RequirePaid lets a request pass only when the shop's order is paid. Order names it, from the path or
// a session; whether it belongs to who asks is the host's own check. Everybody else gets 402, or 503
// when the store does not answer.
func RequirePaid(p *kredivo.Plugin, order func(c *fiber.Ctx) string) fiber.Handler {
	if p == nil || order == nil {
		panic("kredivofiber: RequirePaid needs a plugin and a function that names the order")
	}
	return func(c *fiber.Ctx) error {
		if err := p.CheckPaid(c.UserContext(), strings.Clone(order(c))); err != nil {
			return write(c, p.ErrorResponse(copyHead(c), err))
		}
		return c.Next()
	}
}

// VerifySignature lets only notifications pass that DOKU signed for this plugin, for hosts with a
// notification endpoint of their own. The public path of that endpoint must be the one that the plugin
// verifies against: the path of Config.PublicURL and "/notifications". Everything else gets 401, and a
// body over the limit 413. The next handler reads the verified bytes with c.BodyRaw; c.Body decodes
// them by Content-Encoding.
//
// What passes is authentic, not new: DOKU repeats notifications, and so may anyone who saw one.
func VerifySignature(p *kredivo.Plugin) fiber.Handler {
	if p == nil {
		panic("kredivofiber: VerifySignature needs a plugin")
	}
	limit := p.Routes(kredivo.NotificationRoutes)[0].MaxBody
	return func(c *fiber.Ctx) error {
		req := copyHead(c)
		body, err := readBody(c, limit)
		closeUnread(c)
		if err == nil {
			req.Body = body
			err = p.VerifyNotification(req)
		}
		if err != nil {
			return write(c, p.ErrorResponse(req, err))
		}
		return c.Next()
	}
}
