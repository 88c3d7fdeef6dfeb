// Package kredivo lets a shop take "pay later with Kredivo" through the DOKU gateway: a plugin that is
// mounted into the shop's own gin, fiber or net/http application and can be trusted with money.
//
//	st, err := store.Open(ctx, "")                    // payments, in the file kredivo.db
//	p, err := kredivo.New(kredivo.Config{
//		DOKU:      doku.Config{ClientID: id, SecretKey: key},
//		PublicURL: "https://shop.example/pay",
//		Store:     st,
//		OnEvent:   shop.Apply,                    // an order is paid, refunded, ...
//	})
//	err = kredivogin.Mount(router.Group("/pay"), p, hooks) // or kredivofiber, kredivohttp
//	go p.Run(ctx)
//
// # The life of a payment
//
// POST /checkout asks the host's Order hook what is being bought, writes an [Attempt] to the store,
// calls DOKU and sends the shopper to Kredivo's page. DOKU's signed notification comes to POST
// /notifications, is verified over its raw bytes, stored and acknowledged. [Plugin.Run] reads it from
// the store, moves the attempt through the transition table in payment.go, and hands the resulting
// [Event] to Config.OnEvent until the host accepts it. When no notification comes, Run asks DOKU. The
// shopper's return page only shows what is known; it moves nothing.
//
// # Where things are
//
//	config.go plugin.go    Config, New, Plugin and its reads
//	order.go               Order: what the host sells, and how it becomes DOKU's lines
//	payment.go             Payment, Attempt, Status and THE transition table
//	checkout.go            starting and resuming an attempt
//	route.go               the seam to the frameworks: Request, Response, Route, Group, Hooks
//	routes_*.go            the routes, one file per group
//	settle.go              what a message means: judge and advance
//	worker.go              Run: the loops, settling, pruning
//	deliver.go retry.go    events to the host's handler; the retry ladder, Permanent, RetryAfter
//	once.go                Once, for handlers on another database
//	check.go ask.go        asking DOKU on a schedule, and not too often
//	reconcile.go           Reconcile, ReconcileSince, ReconcileOrder, CanRelease
//	explain*.go            why a notification was refused, for the log
//	selfcheck*.go probe.go SelfCheck: whether payments will work
//	event.go               Event and its kinds
//	work.go                what happened and what is parked: Events, Parked, Redrive
//	store.go               the seam to the database, every promise in words
//	errors.go texts.go     refusals: Error, Code, and what shoppers read
//
// The DOKU client is package doku, a simulator of DOKU and Kredivo is package dokusim, and the
// adapters are beside this directory in adapters.
package kredivo
