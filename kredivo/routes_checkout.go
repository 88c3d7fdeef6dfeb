package kredivo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strings"
)

// serveCheckout starts or resumes a payment and sends the shopper to it. The request carries an order
// reference and nothing else that counts: amounts and items come from the host's hook.
func (p *Plugin) serveCheckout(ctx context.Context, req *Request) (*Response, error) {
	if err := p.guard.Check(&http.Request{Method: req.Method, Host: req.Host, Header: req.Header, URL: &url.URL{Path: "/"}}); err != nil {
		return nil, newError(CodeCrossOrigin, err, "a page of another site may not start a payment")
	}
	ref, err := orderRef(req)
	if err != nil {
		return nil, err
	}
	buyer, err := buyerOf(req)
	if err != nil {
		return nil, err
	}
	o, err := orderOf(req, ref)
	if err != nil {
		return nil, err
	}
	if o.Buyer == "" || o.ID == "" {
		return nil, errors.New("kredivo: the Order hook returned an order without ID or Buyer; for an order that does not exist return ErrOrderNotFound")
	}
	if o.Buyer != buyer {
		return nil, newError(CodeOrderNotFound, nil, "the order belongs to another buyer")
	}
	c, err := p.Checkout(ctx, o)
	if errors.Is(err, ErrAlreadyPaid) && !wantsJSON(req) {
		if back := p.paidPage(ctx, o.ID); back != "" {
			return redirect(back), nil
		}
	}
	if err != nil {
		return nil, err
	}
	if wantsJSON(req) {
		return jsonResponse(http.StatusOK, map[string]any{
			"payment_url": c.PaymentURL,
			"status_url":  c.StatusURL,
			"expires_at":  c.ExpiresAt,
			"resumed":     c.Resumed,
		}), nil
	}
	return redirect(c.PaymentURL), nil
}

// paidPage is our page of the attempt that paid the order.
func (p *Plugin) paidPage(ctx context.Context, orderID string) string {
	payment, err := p.Payment(ctx, orderID)
	if err != nil {
		return ""
	}
	a, ok := payment.Paid()
	if t := p.tokenOf(a); ok && t != "" {
		return p.cfg.PublicURL + "/return/" + t
	}
	return ""
}

// orderRef finds the "order" field in a form, a JSON object or the query.
func orderRef(req *Request) (string, error) {
	if len(req.Body) == 0 {
		return req.Query.Get("order"), nil
	}
	media, _, _ := mime.ParseMediaType(req.Header.Get("Content-Type"))
	switch media {
	case "application/json":
		var fields struct {
			Order any `json:"order"`
		}
		d := json.NewDecoder(strings.NewReader(string(req.Body)))
		d.UseNumber()
		if err := d.Decode(&fields); err != nil {
			return "", newError(CodeInvalidRequest, nil, `the body must be a JSON object such as {"order": "1001"}`)
		}
		switch ref := fields.Order.(type) {
		case nil:
			return "", nil
		case string:
			return ref, nil
		case json.Number:
			return ref.String(), nil
		default:
			return "", newError(CodeInvalidRequest, nil, `the "order" field must be a string or a number`)
		}
	case "application/x-www-form-urlencoded", "":
		form, err := url.ParseQuery(string(req.Body))
		if err != nil {
			return "", newError(CodeInvalidRequest, nil, "the form cannot be read")
		}
		return form.Get("order"), nil
	default:
		return "", newError(CodeUnsupportedBody, nil, "send a form (application/x-www-form-urlencoded) or JSON (application/json)")
	}
}

// buyerOf asks the host who is asking.
func buyerOf(req *Request) (string, error) {
	if req.Hooks.Buyer == nil {
		return "", errors.New("kredivo: the adapter set no Buyer hook")
	}
	buyer, err := req.Hooks.Buyer()
	if err != nil {
		if e, ok := errors.AsType[*Error](err); ok {
			return "", e
		}
		return "", newError(CodeNotAuthorized, err, "the Buyer hook knows nobody here")
	}
	if buyer == "" {
		return "", newError(CodeNotAuthorized, nil, "the Buyer hook returned an empty key")
	}
	return strings.Clone(buyer), nil
}

// orderOf asks the host what is being bought. An unknown order and another buyer's look the same.
func orderOf(req *Request, ref string) (Order, error) {
	if req.Hooks.Order == nil {
		return Order{}, errors.New("kredivo: the adapter set no Order hook")
	}
	o, err := req.Hooks.Order(ref)
	if err != nil {
		return Order{}, fmt.Errorf("kredivo: Order hook: %w", err)
	}
	return o, nil // Checkout clones it before Serve returns
}

// serveStatus tells a page of the shop how an attempt stands. It asks only the store.
func (p *Plugin) serveStatus(ctx context.Context, req *Request) (*Response, error) {
	a, payment, err := p.byToken(ctx, req)
	if err != nil {
		return nil, err
	}
	if req.Hooks.Buyer != nil {
		// With a session at hand the token alone is not enough: it may have been shared in a link.
		if buyer, err := req.Hooks.Buyer(); err == nil && buyer != "" && hashOf(buyer) != a.Buyer {
			return nil, newError(CodeNotFound, nil, "no such payment")
		}
	}
	v := viewOf(a, payment)
	return jsonResponse(http.StatusOK, map[string]any{
		"order":  a.OrderID,
		"status": v.State,
		"final":  v.Final,
	}), nil
}

// serveReturn is where Kredivo sends the shopper after paying, or not: the visit proves nothing and
// moves nothing. It says what is known and makes sure that DOKU is asked.
func (p *Plugin) serveReturn(ctx context.Context, req *Request) (*Response, error) {
	return p.servePage(ctx, req, false)
}

// serveCancel is where Kredivo sends a shopper who left its page. The attempt stays open: the browser's
// back button leads to a page that still takes the payment.
func (p *Plugin) serveCancel(ctx context.Context, req *Request) (*Response, error) {
	return p.servePage(ctx, req, true)
}

func (p *Plugin) servePage(ctx context.Context, req *Request, left bool) (*Response, error) {
	a, payment, err := p.byToken(ctx, req)
	if err != nil {
		return nil, err
	}
	if err := p.askSoon(ctx, a); err != nil {
		p.log.WarnContext(ctx, "status check not scheduled", "invoice_number", a.InvoiceNumber, "error", err)
	}
	v := viewOf(a, payment)
	v.Left = left && v.State == stateChecking
	v.Amount = a.Amount
	v.OrderID = a.OrderID
	v.ShopURL = p.orderURL(a.OrderID)
	if v.Left && !p.now().After(a.ExpiresAt) {
		v.ResumeURL = a.PaymentURL
	}
	if v.State == stateChecking && !v.Left {
		v.Refresh = refreshEvery(p.now().Sub(a.CreatedAt))
	}
	return p.pages.payment(p.language(req), v), nil
}

func (p *Plugin) orderURL(orderID string) string {
	if p.cfg.OrderURL != nil {
		return p.cfg.OrderURL(orderID)
	}
	return p.cfg.ShopURL
}

// byToken finds the attempt of the path's token and its payment.
func (p *Plugin) byToken(ctx context.Context, req *Request) (Attempt, Payment, error) {
	a, err := p.store.AttemptByToken(ctx, hashOf(req.Token))
	if errors.Is(err, ErrNotFound) || err == nil && a.Environment != p.client.Environment() {
		return Attempt{}, Payment{}, newError(CodeNotFound, nil, "no such payment")
	}
	if err != nil {
		return Attempt{}, Payment{}, storeFailed(err)
	}
	payment, err := p.Payment(ctx, a.OrderID)
	return a, payment, err
}

// redirect answers 303, so that the browser follows with GET. The location is sent byte for byte.
func redirect(location string) *Response {
	return &Response{
		Status: http.StatusSeeOther,
		Header: http.Header{"Location": {location}, "Cache-Control": {"no-store"}, "Referrer-Policy": {"no-referrer"}},
	}
}

func jsonResponse(status int, v any) *Response {
	return jsonAs("application/json", status, v)
}

func jsonAs(mediaType string, status int, v any) *Response {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false) // payment URLs hold &, and people read this with curl
	if err := enc.Encode(v); err != nil {
		panic(err) // only our own maps and structs come here
	}
	return &Response{
		Status: status,
		Header: http.Header{"Content-Type": {mediaType}, "Cache-Control": {"no-store"}, "Referrer-Policy": {"no-referrer"}, "X-Content-Type-Options": {"nosniff"}},
		Body:   body.Bytes(),
	}
}
