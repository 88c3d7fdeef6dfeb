package mutants

// mistakes in what is asked of DOKU, and when
var askingMutants = []mutant{
	{
		name: "DOKU is called before the attempt is on disk",
		edits: []edit{{
			file: core + "checkout.go", old: "			d.Create, next = &a, stepCall\n", new: "			_, _ = p.client.GenerateOrder(ctx, a.RequestID, a.Body)\n			d.Create, next = &a, stepCall\n",
		}},
		proofs: []proof{tested("TestAttemptIsOnDiskBeforeDOKUIsCalled")},
	},
	{
		name:  "a click tries again under a new Request-Id",
		edits: []edit{{file: core + "call.go", old: `p.client.GenerateOrder(ctx, a.RequestID, a.Body)`, new: `p.client.GenerateOrder(ctx, newID(), a.Body)`}},
		proofs: []proof{
			tested("TestLostAnswerResumesTheSameAttempt/drop_answer_after_commit"), simulated("full", "in REVIEW without cause"),
		},
	},
	{
		name:   "clicks at the same time all call DOKU",
		edits:  []edit{{file: core + "checkout.go", old: `case a.CallUntil.After(now) &&`, new: `case false &&`}},
		proofs: []proof{tested("TestClicksAtTheSameTimeShareOneAttempt")},
	},
	{
		name:   "an answer that never came is read as a refusal",
		edits:  []edit{{file: core + "call.go", old: "	default:\n		return false\n	}", new: "	default:\n		return callErr != nil\n	}"}},
		proofs: []proof{tested("TestLostAnswerResumesTheSameAttempt/drop_answer_after_commit"), simulated("full", "is FAILED, which DOKU has never said")},
	},
	{
		name:   "a 4xx is a refusal, whatever an earlier try did",
		edits:  []edit{{file: core + "call.go", old: "		_, err := p.client.CheckStatus(ctx, a.InvoiceNumber)\n		return errors.Is(err, doku.ErrUnknownOrder)", new: "		return true"}},
		proofs: []proof{tested("TestRefusalAfterALostAnswerKeepsTheAttempt")},
	},
	{
		name:   "an order that grew is paid by its old page",
		edits:  []edit{{file: core + "checkout.go", old: `mayBePaid && !a.Amount.Equal(o.Amount)`, new: `mayBePaid && false`}},
		proofs: []proof{tested("TestOrderThatGrowsIsNotPaidByItsOldPage")},
	},
	{
		name:   "DOKU is never asked",
		edits:  []edit{{file: core + "check.go", old: `limit := p.asking.room(checkBatch)`, new: `limit := p.asking.room(0)`}},
		proofs: []proof{simulated("full", "there is always something left to do")},
	},
	{
		name:   "new attempts have no date to be asked about",
		edits:  []edit{{file: core + "checkout.go", old: `NextCheckAt: now.Add(firstCheck),`, new: ``}},
		proofs: []proof{simulated("full", "and should be")},
	},
	{
		name:   "silence closes an attempt",
		edits:  []edit{{file: core + "check.go", old: `case askErr != nil, orNow(`, new: `case orNow(`}},
		proofs: []proof{tested("TestAttemptThatNobodyReportsIsClosed")},
	},
	{
		name:   "our own clock closes an attempt",
		edits:  []edit{{file: core + "check.go", old: `asked, askErr := p.askStatus(ctx, a)`, new: "asked, askErr := p.askStatus(ctx, a)\n\tasked.at = time.Time{}"}},
		proofs: []proof{simulated("full", "is EXPIRED, but can be paid")},
	},
	{
		name:   "the breaker never opens",
		edits:  []edit{{file: core + "ask.go", old: `>= breakAfter }`, new: `>= 1000*breakAfter }`}},
		proofs: []proof{tested("TestBreakerLeavesDOKUAlone")},
	},
	{
		name:   "the breaker never closes",
		edits:  []edit{{file: core + "ask.go", old: `Timeout:     breakFor,`, new: `Timeout:     1e6 * breakFor,`}},
		proofs: []proof{simulated("full", "there is always something left to do")},
	},
	{
		name:   "goods are released while somebody may pay",
		edits:  []edit{{file: core + "reconcile.go", old: `return now.Before(a.ExpiresAt.Add(expiryGrace))`, new: `return false`}},
		proofs: []proof{tested("TestCanRelease")},
	},
}

// mistakes in what the host is told, and how its troubles are taken
var deliveryMutants = []mutant{
	{
		name: "an event is done before the host has it",
		edits: []edit{{
			file: core + "deliver.go", old: "		return p.guarded(ctx, d.Event, func() error { return p.cfg.OnEvent(ctx, d.Event) })", new: `		if err := p.store.FinishEvent(ctx, d, Outcome{State: WorkDone}); err != nil {
			return err
		}
		return p.guarded(ctx, d.Event, func() error { return p.cfg.OnEvent(ctx, d.Event) })`,
		}},
		proofs: []proof{simulated("full", "is done and had 0 effects")},
	},
	{
		name: "the alarm about a refused event is written apart from its parking",
		edits: []edit{{
			file: core + "deliver.go", old: "	return p.store.FinishEvent(sctx, d, o, alarm...)", new: `	if err := p.store.FinishEvent(sctx, d, o); err != nil || alarm == nil {
		return err
	}
	return p.store.Change(sctx, Scope{OrderID: d.Event.OrderID, Now: p.now()}, func([]Attempt) (Decision, error) {
		return Decision{Emit: alarm}, nil
	})`,
		}},
		proofs: []proof{simulated("full", "was given up without an alarm")},
	},
	{
		name:   "nobody hears of a refused event",
		edits:  []edit{{file: core + "deliver.go", old: `alarm = []Event{refused(d, now)}`, new: ``}},
		proofs: []proof{simulated("full", "was given up without an alarm")},
	},
	{
		name:   "a restart counts as a failure of the host",
		edits:  []edit{{file: core + "deliver.go", old: `case ctx.Err() != nil && !permanent:`, new: `case false && !permanent:`}},
		proofs: []proof{tested("TestStoppingIsNoFailure")},
	},
	{
		name:   "a failure of the store counts as one of the host",
		edits:  []edit{{file: core + "deliver.go", old: "case notCalled:\n\t\to = ", new: "case notCalled && false:\n\t\to = "}},
		proofs: []proof{tested("TestStoreThatFailsIsNoFailureOfTheHost")},
	},
	{
		name:   "the host is given up after some failures, however quick",
		edits:  []edit{{file: core + "retry.go", old: `if failures > p.failures && now.Sub(since) > p.age {`, new: `if failures > p.failures {`}},
		proofs: []proof{tested("TestNextTry/many failures in no time: a clock ahead")},
	},
	{
		name:   "the host is given up after some time, however few the tries",
		edits:  []edit{{file: core + "retry.go", old: `if failures > p.failures && now.Sub(since) > p.age {`, new: `if now.Sub(since) > p.age {`}},
		proofs: []proof{tested("TestNextTry/much time but few failures: a clock that jumped")},
	},
	{
		name:   "a slow handler gives no sign of life",
		edits:  []edit{{file: core + "worker.go", old: `if claimLost(beat(ctx)) {`, new: `if claimLost(nil) {`}},
		proofs: []proof{tested("TestSlowHandlerKeepsItsEvent")},
	},
	{
		name:   "a panic of the host's ends the process",
		edits:  []edit{{file: core + "deliver.go", old: `if v := recover(); v != nil {`, new: `if v := any(nil); v != nil {`}},
		proofs: []proof{{pkg: "kredivo", test: "TestHostThatRefusesIsAskedAgain", says: "panic: the cart is nil"}},
	},
	{
		name:   "a message that cannot be settled is not put off",
		edits:  []edit{{file: core + "worker.go", old: `again, cancelAgain := detached(ctx)`, new: `o.State, o.RunAt = WorkRetry, now` + "\n\tagain, cancelAgain := detached(ctx)"}},
		proofs: []proof{tested("TestMessageThatCannotBeSettledHoldsUpNoOther")},
	},
	{
		name:   "Once does not look whether the event was there",
		edits:  []edit{{file: core + "once.go", old: `WHERE NOT EXISTS (SELECT 1 FROM kredivo_once AS seen WHERE seen.event_id = fresh.event_id)`, new: ``}},
		proofs: []proof{tested("TestOnce")},
	},
	{
		name:   "Once does not remember the event",
		edits:  []edit{{file: core + "once.go", old: `SELECT fresh.event_id FROM (`, new: `SELECT fresh.event_id || hex(randomblob(4)) FROM (`}},
		proofs: []proof{tested("TestOnce")},
	},
}
