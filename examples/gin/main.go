// Command gin is a shop on gin that takes Kredivo payments.
package main

import (
	"context"
	"net/http"
	"os"

	"github.com/gin-gonic/gin"

	"github.com/paylater-go/paylater/adapters/kredivogin"
	"github.com/paylater-go/paylater/examples/internal/demo"
	"github.com/paylater-go/paylater/examples/internal/tinyshop"
	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/store"
)

func main() {
	gin.SetMode(gin.ReleaseMode)
	os.Exit(demo.Main(run))
}

func run(ctx context.Context, app *demo.App) error {
	shop := app.Shop
	// snippet:start plugin
	st, err := store.Open(ctx, app.Store) // "" is the SQLite file kredivo.db
	if err != nil {
		return err
	}
	defer st.Close()
	p, err := kredivo.New(kredivo.Config{
		DOKU:      app.DOKU,      // Client-Id and secret key of the Back Office
		PublicURL: app.PublicURL, // such as https://shop.example/pay
		Store:     st,
		OnEvent:   shop.Apply, // marks the order as paid, once for each Event.ID
	})
	if err != nil {
		return err
	}
	// snippet:end plugin

	r := gin.New()
	r.Use(gin.Recovery())
	r.HandleMethodNotAllowed = true
	shopRoutes(r, shop, p)

	// snippet:start mount
	err = kredivogin.Mount(r.Group("/pay"), p, kredivogin.Hooks{
		Order: func(c *gin.Context, ref string) (kredivo.Order, error) {
			return shop.Order(c.Request.Context(), ref, buyer(c)) // amount and lines from the shop's database
		},
		Buyer: func(c *gin.Context) (string, error) { return buyer(c), nil },
	})
	// snippet:end mount
	if err != nil {
		return err
	}
	return app.ServeHTTP(ctx, p, r)
}

// buyer is who asks: whatever the shop knows its visitors by.
func buyer(c *gin.Context) string {
	session, _ := c.Cookie(tinyshop.SessionCookie)
	return tinyshop.Buyer(session)
}

// shopRoutes are the shop's own.
func shopRoutes(r gin.IRoutes, shop *tinyshop.Shop, p *kredivo.Plugin) {
	r.GET("/", func(c *gin.Context) {
		if buyer(c) == tinyshop.Guest {
			http.SetCookie(c.Writer, shop.NewSession())
		}
		send(c, shop.Welcome())
	})
	r.POST("/orders", func(c *gin.Context) {
		send(c, shop.PostOrder(c.Request.Context(), buyer(c), c.GetHeader("Accept-Language"), c.Request.Body))
	})
	r.GET("/orders/:id", func(c *gin.Context) { send(c, shop.GetOrder(c.Request.Context(), p, c.Param("id"))) })
	r.GET("/orders/:id/events", func(c *gin.Context) { send(c, shop.GetEvents(c.Request.Context(), p, c.Param("id"))) })
}

func send(c *gin.Context, r tinyshop.Reply) { c.Data(r.Status, r.Type, r.Body) }
