package main

import (
	"context"
	"strings"

	"github.com/gin-gonic/gin"

	"github.com/paylater-go/paylater/adapters/kredivogin"
	"github.com/paylater-go/paylater/examples/internal/demo"
	"github.com/paylater-go/paylater/examples/internal/tinyshop"
	"github.com/paylater-go/paylater/kredivo"
)

func serveGin(ctx context.Context, app *demo.App, p *kredivo.Plugin, pages *pages) error {
	gin.SetMode(gin.ReleaseMode)
	r := gin.New()
	r.Use(gin.Recovery())
	r.HandleMethodNotAllowed = true
	for _, page := range pages.routes() {
		path := strings.TrimSuffix(page.path, "{$}")
		r.Handle(page.method, strings.Replace(path, "{id}", ":id", 1), gin.WrapH(page.handler))
	}
	shop := app.Shop
	send := func(c *gin.Context, r tinyshop.Reply) { c.Data(r.Status, r.Type, r.Body) }
	r.POST("/orders", func(c *gin.Context) {
		send(c, shop.PostOrder(c.Request.Context(), buyer(c.Request), c.GetHeader("Accept-Language"), c.Request.Body))
	})
	r.GET("/orders/:id", func(c *gin.Context) { send(c, shop.GetOrder(c.Request.Context(), p, c.Param("id"))) })
	r.GET("/orders/:id/events", func(c *gin.Context) { send(c, shop.GetEvents(c.Request.Context(), p, c.Param("id"))) })
	err := kredivogin.Mount(r.Group("/pay"), p, kredivogin.Hooks{
		Order: func(c *gin.Context, ref string) (kredivo.Order, error) {
			return shop.Order(c.Request.Context(), ref, buyer(c.Request))
		},
		Buyer: func(c *gin.Context) (string, error) { return buyer(c.Request), nil },
	})
	if err != nil {
		return err
	}
	return app.ServeHTTP(ctx, p, r)
}
