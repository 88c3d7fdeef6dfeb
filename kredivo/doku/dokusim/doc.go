// Package dokusim is DOKU and Kredivo in a box: an [http.Handler] that stands in for DOKU's Kredivo channel and for the page on
// which the shopper pays. It is made for tests, for demonstrations and for the failure paths that no sandbox can be made to take.
//
// It is written from DOKU's published protocol, apart from the client in the parent package and with its own signing, so that each
// of the two checks the other. It holds everything in memory, and shows what it received to everybody who can reach it: never put
// it on a public address, and never send it the data of real people.
//
// # Map
//
//	config.go     Config, New
//	api.go        the gateway: headers in DOKU's order, errors, signed answers
//	generate.go   generate-order, the 409 replay; fields.go checks the body
//	status.go     check-status
//	order.go      Order and what can happen to it: Pay, Refuse, Expire, Leave, PayLate, Refund
//	notify.go     notifications, Notice and Send; deliver.go brings them to the merchant
//	fault.go      Fault and NotifyFault
//	paypage.go    Kredivo's page; control.go the page and the JSON under /_sim/
//	clock.go      ManualClock; transport.go runs it all without a port
//
// # What DOKU does not document
//
// Some reactions are nowhere described. The simulator has to do something, and does this:
//
//   - an invoice number or a merchant_unique_reference that another Request-Id has used: 400, and no order
//   - the same Request-Id with another body: the first answer again, with 409
//   - a request refused for its body is replayed with 409 too, and has used up its Request-Id
//   - invalid_client_id and invalid_signature: 401. An unknown invoice at check-status: 404. Both with the error envelope of the gateway
//   - answers to requests that fail the header checks carry no signature, all others do
//   - body errors use the texts of DOKU's case codes ("Invalid Mandatory Field ...", "Invalid Field Format ...") and name every field
//   - an override_notification_url with another path than the configured URL, or with none configured: 400
//   - a retried notification has the Request-Id and the bytes of the first try, and a fresh timestamp and signature
//   - refusing and expiring send the browser to callback_url, leaving to callback_url_cancel; nothing is appended to either
//   - nothing is sent when the shopper leaves; EXPIRED is sent only if [Config].NotifyExpired is set
//   - an order that expires after a refusal stays FAILED
package dokusim
