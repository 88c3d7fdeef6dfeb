package mutants

const doku = "kredivo/doku/"

// asDOKU is a test of the client and verifier.
func asDOKU(test string) proof { return proof{pkg: "kredivo/doku", test: test} }

// mistakes in what is believed to come from DOKU, and what goes there
var dokuMutants = []mutant{
	{
		name:   "signatures are compared with ==",
		edits:  []edit{{file: doku + "verify.go", old: `match |= subtle.ConstantTimeCompare(p.got[:], p.want[:])`, new: `if p.got == p.want { match = 1 }`}},
		proofs: []proof{{pkg: "kredivo/doku", test: "TestVerifyComparesInConstantTime", source: true}},
	},
	{
		name:   "signatures are not compared",
		edits:  []edit{{file: doku + "verify.go", old: `if match != 1 {`, new: `if match > 1 {`}},
		proofs: []proof{asDOKU("TestVerifyBitFlips")},
	},
	{
		name:   "another account's messages are taken",
		edits:  []edit{{file: doku + "verify.go", old: `if subtle.ConstantTimeCompare(client, r.clientID) != 1 {`, new: `if subtle.ConstantTimeCompare(client, r.clientID) > 1 {`}},
		proofs: []proof{asDOKU("TestVerifyRefusesOtherSignedMessages/another account with the same secret")},
	},
	{
		name:   "previous secret keys are forgotten",
		edits:  []edit{{file: doku + "verify.go", old: `range r.keys {`, new: `range r.keys[:1] {`}},
		proofs: []proof{asDOKU("TestVerifyRotation")},
	},
	{
		name:   "a signed header may come twice",
		edits:  []edit{{file: doku + "verify.go", old: `case len(values) > 1:`, new: `case len(values) > 2:`}},
		proofs: []proof{asDOKU("TestVerifyRefusals/two Request-Ids"), asDOKU("TestVerifyRefusals/two Signatures")},
	},
	{
		name:   "of two members with one name the last counts",
		edits:  []edit{{file: doku + "json.go", old: `if o.repeats() {`, new: `if false {`}},
		proofs: []proof{asDOKU("TestParseNotificationRefusals/amount twice"), asDOKU("TestParseNotificationRefusals/order in another case")},
	},
	{
		name:   "DOKU's answers need no signature",
		edits:  []edit{{file: doku + "exchange.go", old: `if a.call.enforce {`, new: `if false {`}},
		proofs: []proof{asDOKU("TestGenerateOrderAnswers/unsigned"), asDOKU("TestGenerateOrderAnswers/signed by another key")},
	},
	{
		name:   "the answer to another request is taken",
		edits:  []edit{{file: doku + "exchange.go", old: `if parts.RequestID != a.requestID {`, new: `if false {`}},
		proofs: []proof{asDOKU("TestGenerateOrderAnswers/signature of another answer")},
	},
	{
		name:   "a 409 with another invoice number is taken",
		edits:  []edit{{file: doku + "answer.go", old: `return fmt.Errorf("%w: another invoice number", ErrForeignReplay)`, new: ``}},
		proofs: []proof{asDOKU("TestGenerateOrderAnswers/409 foreign invoice"), asDOKU("TestGenerateOrderAnswers/another invoice")},
	},
	{
		name:   "a 409 with another amount is taken",
		edits:  []edit{{file: doku + "answer.go", old: `if !got.Equal(s.amount) {`, new: `if !got.Equal(s.amount) && false {`}},
		proofs: []proof{asDOKU("TestGenerateOrderAnswers/another amount")},
	},
	{
		name:   "the status of another order is taken",
		edits:  []edit{{file: doku + "answer.go", old: `if n.InvoiceNumber != id && n.OriginalRequestID != id {`, new: `if false {`}},
		proofs: []proof{asDOKU("TestCheckStatusAnswers/another order")},
	},
	{
		name:   "a 404 of check-status is read as FAILED",
		edits:  []edit{statusReadAsFailed(`a.status == 404`)},
		proofs: []proof{asDOKU("TestCheckStatusAnswers/404"), simulated("full", "is FAILED, which DOKU has never said")},
	},
	{
		name:   "a 5xx of check-status is read as FAILED",
		edits:  []edit{statusReadAsFailed(`a.status >= 500`)},
		proofs: []proof{asDOKU("TestCheckStatusAnswers/500"), simulated("full", "is FAILED, which DOKU has never said")},
	},
	{
		name: "a 5xx of generate-order is read as a refusal",
		edits: []edit{{
			file: doku + "answer.go", old: "a.status/100 != 4:\n\t\te.Err = ErrUnavailable", new: "a.status/100 != 4:\n\t\te.Err = ErrFailed",
		}},
		proofs: []proof{asDOKU("TestGenerateOrderAnswers/500"), simulated("full", "is FAILED, which DOKU has never said")},
	},
	{
		name:   "the client tries again under a new Request-Id",
		edits:  []edit{{file: doku + "client.go", old: `requestID: func() string { return requestID },`, new: `requestID: rand.Text,`}},
		proofs: []proof{asDOKU("TestRetryIsSignedAgain"), simulated("full", "in REVIEW without cause")},
	},
	{
		name:   "redirects are followed",
		edits:  []edit{{file: doku + "client.go", old: `{ return http.ErrUseLastResponse }`, new: `{ return nil }`}},
		proofs: []proof{asDOKU("TestGenerateOrderAnswers/307")},
	},
	{
		name:   "shoppers are sent to pages without TLS",
		edits:  []edit{{file: doku + "answer.go", old: `case u.Scheme == "https":`, new: `case u.Scheme != "":`}},
		proofs: []proof{asDOKU("TestGenerateOrderAnswers/http page")},
	},
}

// statusReadAsFailed takes some answers to check-status for the news that the payment failed.
func statusReadAsFailed(which string) edit {
	return edit{
		file: doku + "answer.go", old: "		e := a.failure()\n		if errors.Is(e.Err, ErrRejected) ||", new: `		if ` + which + ` {
			raw := []byte("{\"order\":{\"invoice_number\":\"" + id + "\",\"amount\":1},\"transaction\":{\"status\":\"FAILED\"}}")
			n, err := ParseStatus(raw)
			return &StatusResponse{Notification: *n, Raw: raw}, err
		}
		e := a.failure()
		if errors.Is(e.Err, ErrRejected) ||`,
	}
}
