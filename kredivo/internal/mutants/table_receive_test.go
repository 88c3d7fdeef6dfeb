package mutants

// mistakes in what is answered to DOKU and to shoppers
var receiveMutants = []mutant{
	{
		name: "notifications are acknowledged before they are committed",
		edits: []edit{{
			file: core + "routes_notification.go", old: `added, err := p.store.Receive(ctx, m)`, new: `added, err := true, error(nil)
	go func() { _, _ = p.store.Receive(context.WithoutCancel(ctx), m) }()`,
		}},
		proofs: []proof{tested("TestNotificationThatCannotBeStoredIsNotAcknowledged"), simulated("full", "was acknowledged and is not in the store")},
	},
	{
		name:   "notifications are acknowledged although the commit got no answer",
		edits:  []edit{{file: core + "routes_notification.go", old: "if err != nil {\n\t\tp.log.ErrorContext(ctx, \"notification not stored\"", new: "if err != nil && false {\n\t\tp.log.ErrorContext(ctx, \"notification not stored\""}},
		proofs: []proof{tested("TestNotificationThatCannotBeStoredIsNotAcknowledged"), simulated("full", "was acknowledged and is not in the store")},
	},
	{
		name:   "every copy of a notification is another message",
		edits:  []edit{{file: core + "routes_notification.go", old: `h.Write([]byte(part))`, new: `h.Write([]byte(part + newID()))`}},
		proofs: []proof{simulated("layered", "is in the store 2 times")},
	},
	{
		name: "notifications older than five minutes are refused",
		edits: []edit{{
			file: core + "routes_notification.go", old: "	select {\n	case p.receiving", new: `	if at, err := time.Parse(time.RFC3339, req.Header.Get("Request-Timestamp")); err == nil && p.now().Sub(at) > 5*time.Minute {
		return nil, newError(CodeBadSignature, nil, "too old")
	}
	select {
	case p.receiving`,
		}},
		proofs: []proof{tested("TestNotificationRoute"), simulated("full", "was answered 401")},
	},
	{
		name: "notifications are parsed before they are verified",
		edits: []edit{{
			file: core + "routes_notification.go", old: "	err := plainBody(req)", new: `	if _, err := doku.ParseNotification(req.Body); err != nil {
		return nil, newError(CodeInvalidRequest, err, "the notification cannot be read")
	}
	err := plainBody(req)`,
			imports: []string{"github.com/paylater-go/paylater/kredivo/doku"},
		}},
		proofs: []proof{tested("TestNotificationRoute"), simulated("full", "was answered 400")},
	},
	{
		name: "notifications are verified for the path that they came to",
		edits: []edit{{
			file: core + "plugin.go", old: "p.verifier.Verify(req.Header, req.Body)", new: `func() error {
		v, err := p.client.Verifier(req.Path)
		if err != nil {
			return err
		}
		return v.Verify(req.Header, req.Body)
	}()`,
		}},
		proofs: []proof{tested("TestNotificationRoute")},
	},
	{
		name:   "a notification is lost when DOKU hangs up",
		edits:  []edit{{file: core + "routes_notification.go", old: `context.WithTimeout(context.WithoutCancel(ctx), acknowledgeWithin)`, new: `context.WithTimeout(ctx, acknowledgeWithin)`}},
		proofs: []proof{tested("TestHangUpDoesNotLoseANotification")},
	},
	{
		name: "coming back from Kredivo's page pays the order",
		edits: []edit{{
			file: core + "routes_checkout.go", old: "	if err := p.askSoon(ctx, a); err != nil {", new: `	_ = p.store.Change(ctx, Scope{OrderID: a.OrderID, Now: p.now()}, func(attempts []Attempt) (Decision, error) {
		paid, events := advance(a, attempts, Paid, time.Time{}, p.now())
		return Decision{Update: []Attempt{paid}, Emit: events}, nil
	})
	if err := p.askSoon(ctx, a); err != nil {`,
			imports: []string{"time"},
		}},
		proofs: []proof{tested("TestReturnPageProvesNothing")},
	},
	{
		name:   "a shopper may pay somebody else's order",
		edits:  []edit{{file: core + "routes_checkout.go", old: `if o.Buyer != buyer {`, new: `if o.Buyer == "" && o.Buyer != buyer {`}},
		proofs: []proof{tested("TestCheckoutRouteGuards/another buyer's order")},
	},
	{
		name:   "pages of other sites may start a payment",
		edits:  []edit{{file: core + "routes_checkout.go", old: "URL: &url.URL{Path: \"/\"}}); err != nil {", new: "URL: &url.URL{Path: \"/\"}}); err != nil && false {"}},
		proofs: []proof{tested("TestCheckoutRouteGuards/cross-site form")},
	},
}
