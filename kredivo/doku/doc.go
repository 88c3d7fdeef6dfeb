// Package doku is a client for DOKU's direct, non-SNAP API for Kredivo: it asks for a payment page, asks
// how a payment stands, and checks and reads the notifications DOKU pushes.
//
// # Map
//
// Going out:
//
//   - [GenerateOrderRequest.Encode] validates an order and gives the bytes to keep and send;
//   - [Client.GenerateOrder] sends them and gives a [GenerateOrderResponse] with the payment page;
//   - [Client.CheckStatus] asks about an order and gives a [StatusResponse];
//   - [Error] is what both fail with: Retryable (the outcome is open, send the same again), Rejected (DOKU
//     refused for good), or neither (somebody has to look, or check status has to tell).
//
// Coming in:
//
//   - [Verifier.Verify] checks that headers and raw body are from DOKU;
//   - [ParseNotification] reads the body of a verified notification.
//
// For tests of hosts: [Sign] and [SignNotification].
//
// Files, in reading order: sign.go and verify.go (the signature), json.go (JSON without guessing),
// notification.go and dates.go (what DOKU says), order.go (what we say), config.go, client.go (the two
// calls), exchange.go (one HTTP exchange, retries, the clock), answer.go (what an answer means),
// errors.go, secret.go.
//
// # Protocol
//
// Every fact here comes from DOKU's developer pages, its own plugins, or captured traffic; the page is
// named where the fact is used:
//
//   - "Paylater, Kredivo": POST /kredivo-peer-to-peer/v2/generate-order, its fields and limits. HTTP 200
//     with payment.status FAILED is a failure without a payment page.
//   - "Signature component, non-SNAP": HMAC-SHA256 over Client-Id, Request-Id, Request-Timestamp,
//     Request-Target and Digest, one per line, no line feed at the end. No Digest for GET; the label
//     Response-Timestamp on answers. The digest is over raw bytes, which for notifications are
//     pretty-printed and hold amounts such as 150000.00.
//   - "Idempotency request": the same Request-Id and body again gives the first answer again, as HTTP 409.
//   - "Notification": four signed headers; Request-Target is the path of the configured URL, without the
//     query. Read leniently: fields may be added. Repeats come for up to about 18 hours.
//   - "Check status API, non-SNAP": GET /orders/v1/status/{invoice number or Request-Id}, not earlier than
//     60 seconds after payment. FAILED is not final.
//   - "HTTP status and case code": errors, in several envelopes. Request-Timestamp must be within 3600
//     seconds of DOKU's clock (seen in the sandbox).
//
// Not documented, and treated with care: whether and how answers to GET are signed ([SignaturePolicy]),
// the host of the payment page, the form of the "_utc" dates, whether sellers is an array, the answer to
// a repeated invoice number, the HTTP status of signature errors.
//
// # Limits
//
// One try takes at most 10 seconds, one call 30 seconds and 3 tries; an answer is read up to 1 MiB
// (generate order) or 256 KiB (check status), a notification up to 64 KiB. Redirects are not followed.
//
// # What is not logged
//
// Keys, signatures, bodies and customer data appear in no error and no log line. The raw bodies in
// results, and the unknown members of a [Notification], may hold personal data.
package doku
