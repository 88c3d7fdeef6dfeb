package mutants

const core = "kredivo/"

// tested is a test of package kredivo.
func tested(test string) proof { return proof{pkg: "kredivo", test: test} }

const simulation = "TestSimulation"

// simulated is the simulation, in worlds with all of the plugin (full), or with a part of its defence off (layered).
func simulated(mode, says string) proof {
	return proof{pkg: "kredivo", test: simulation, mode: mode, says: says}
}

// mistakes in what counts as evidence, and what follows from it
var evidenceMutants = []mutant{
	{
		name:   "the amount is not compared",
		edits:  []edit{{file: core + "settle.go", old: `!n.Amount.Equal(a.Amount)`, new: `false`}},
		proofs: []proof{tested("TestJudge/wrong amount"), simulated("full", "is PAID, which DOKU has never said")},
	},
	{
		name:   "original_request_id is not compared",
		edits:  []edit{{file: core + "settle.go", old: `foreign := n.OriginalRequestID != ""`, new: `foreign := false`}},
		proofs: []proof{tested("TestJudge/another request id"), simulated("full", "which DOKU has never said")},
	},
	{
		name:  "evidence of other credentials or another environment counts",
		edits: []edit{{file: core + "settle.go", old: `case a.ClientID != m.ClientID || a.Environment != p.client.Environment():`, new: `case false:`}},
		proofs: []proof{
			tested("TestJudge/other credentials"), tested("TestJudge/other environment"),
		},
	},
	{
		name:   "play money pays real orders",
		edits:  []edit{{file: core + "checkout.go", old: `return slices.DeleteFunc(slices.Clone(attempts), func(a Attempt) bool { return a.Environment != e })`, new: `return slices.Clone(attempts)`}},
		proofs: []proof{tested("TestJudgeKeepsEnvironmentsApart"), tested("TestSandboxAttemptsStayInTheSandbox")},
	},
	{
		name:   "a late FAILED overwrites PAID",
		edits:  []edit{{file: core + "payment.go", old: `return next.Rank() > s.Rank()`, new: `return next.Rank() > s.Rank() || s == Paid && next == Failed`}},
		proofs: []proof{tested("TestTransitionTable"), simulated("full", "fell from PAID to FAILED")},
	},
	{
		name:   "FAILED is final",
		edits:  []edit{{file: core + "payment.go", old: `return next.Rank() > s.Rank()`, new: `return next.Rank() > s.Rank() && s != Failed`}},
		proofs: []proof{tested("TestJudge/paid after failed"), simulated("full", "ended as FAILED, and should be PAID at least")},
	},
	{
		name: "PAID is applied twice: neither the status nor the event's ID stops it",
		edits: []edit{
			{file: core + "settle.go", old: `if !a.Status.CanBecome(to) {`, new: `if !a.Status.CanBecome(to) && a.Status != to {`},
			{file: core + "settle.go", old: `if changed.Status != a.Status {`, new: `if len(events) > 0 {`},
			statement(`VALUES (?, ?, ?, ?, ?, 'new', 0, ?, ?, '')`+"`, `event_id`", `VALUES (? || hex(randomblob(4)), ?, ?, ?, ?, 'new', 0, ?, ?, '')`+"`, `event_id`"),
		},
		proofs: []proof{tested("TestJudge/paid again"), simulated("full", "was emitted 2 times")},
	},
	{
		name:   "a status is told again",
		edits:  []edit{{file: core + "settle.go", old: `if !a.Status.CanBecome(to) {`, new: `if !a.Status.CanBecome(to) && a.Status != to {`}},
		proofs: []proof{tested("TestJudge/paid again")},
	},
	{
		name:   "a second payment of an order goes unnoticed",
		edits:  []edit{{file: core + "settle.go", old: `return o.Status.Rank() >= Paid.Rank() }`, new: `return o.Status.Rank() > Refunded.Rank() }`}},
		proofs: []proof{tested("TestJudge/paid twice"), tested("TestPaidTwiceNamesBothReferences")},
	},
	{
		name:   "an unknown invoice is dropped",
		edits:  []edit{{file: core + "settle.go", old: `return judgement{Decision: Decision{Message: o}}`, new: `return judgement{Decision: Decision{Message: Outcome{State: WorkDone}}}`}},
		proofs: []proof{tested("TestJudge/unknown invoice, young"), simulated("layered", "and should be")},
	},
	{
		name:   "an unreadable message is dropped",
		edits:  []edit{{file: core + "settle.go", old: `return Decision{Message: Outcome{State: WorkParked, Error: err.Error()}}, nil`, new: `return Decision{Message: Outcome{State: WorkDone}}, nil`}},
		proofs: []proof{simulated("full", "cannot be read and was not parked")},
	},
	{
		name:   "a replay from somebody's log is believed",
		edits:  []edit{{file: core + "settle.go", old: `if a.Status.CanBecome(to) && stale(m) {`, new: `if false {`}},
		proofs: []proof{tested("TestJudge/signed two days ago"), simulated("full", "is PAID, which DOKU has never said")},
	},
	{
		name:   "a message that looks old is done at once",
		edits:  []edit{{file: core + "settle.go", old: `j.Message = hostPatience.next(m.Failures+1, m.ReceivedAt, now, "older than a day: DOKU is asked first")`, new: `j.Message = Outcome{State: WorkDone}`}},
		proofs: []proof{tested("TestJudge/signed two days ago")},
	},
	{
		name: "a message is done in a transaction before what it says",
		edits: []edit{{
			file: core + "settle.go", old: `	err = p.store.Change(ctx, Scope{InvoiceNumber: n.InvoiceNumber, Message: &m, Now: now}, func(attempts []Attempt) (Decision, error) {
		result = p.judge(m, n, attempts, now)`,
			new: `	err = p.store.Change(ctx, Scope{InvoiceNumber: n.InvoiceNumber, Message: &m, Now: now}, func(attempts []Attempt) (Decision, error) {
		return Decision{Message: p.judge(m, n, attempts, now).Message}, nil
	})
	if err != nil {
		return err
	}
	err = p.store.Change(ctx, Scope{InvoiceNumber: n.InvoiceNumber, Now: now}, func(attempts []Attempt) (Decision, error) {
		result = p.judge(m, n, attempts, now)`,
		}},
		proofs: []proof{simulated("layered", "is done, and its attempt is")},
	},
	{
		name:   "customer data stays when it is not needed any more",
		edits:  []edit{{file: core + "settle.go", old: `a.Body = nil //`, new: `//`}},
		proofs: []proof{tested("TestBodyGoesWithTheAnswerHoweverItComes")},
	},
}
