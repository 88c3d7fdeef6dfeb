package mutants

const (
	sqlstore = "kredivo/store/internal/sqlstore/"
	sqlite   = "kredivo/store/sqlite/"
)

// keeps is a promise of storetest, on SQLite.
func keeps(promise string) proof {
	return proof{pkg: "kredivo/store/sqlite", test: "TestStore/" + promise}
}

// mistakes in the one engine under all stores
var storeMutants = []mutant{
	{
		name:  "copies are not recognised",
		edits: []edit{statement(`VALUES (?, ?, ?, ?, ?, ?, 'new'`, `VALUES (?, iif(? IS NULL, NULL, randomblob(32)), ?, ?, ?, ?, 'new'`)},
		proofs: []proof{
			keeps("receive/a copy is left alone, whatever became of the first"), simulated("layered", "is in the store 2 times"),
		},
	},
	{
		name: "copies are looked for, and then the message is inserted",
		edits: []edit{
			statement(`VALUES (?, ?, ?, ?, ?, ?, 'new'`, `VALUES (?, iif(? IS NULL, NULL, randomblob(32)), ?, ?, ?, ?, 'new'`),
			{
				file: sqlstore + "messages.go", old: `	err = s.write(ctx, func(`, new: `	copies := 0
	err = s.reader.QueryRowContext(ctx, "SELECT COUNT(*) FROM kredivo_inbox WHERE header = ? AND body = ?", header, m.Body).Scan(&copies)
	if err != nil || copies > 0 {
		return false, err
	}
	err = s.write(ctx, func(`,
			},
		},
		proofs: []proof{keeps("receive/of a hundred copies at once one is added, and the others wait for its commit")},
	},
	{
		name: "no fence when a message is finished",
		edits: []edit{
			{file: sqlstore + "messages.go", old: `if m == nil {`, new: `if true {`},
			statement("` = ? AND state = 'new' AND claim_token = ?`", "` = ? AND (claim_token = ? OR 1 = 1)`"),
		},
		proofs: []proof{
			keeps("fence/a message under another token"), keeps("fence/an old token after the lease"),
			simulated("layered", " times"),
		},
	},
	{
		name:  "no fence when an event is finished",
		edits: []edit{statement("` = ? AND state = 'new' AND claim_token = ?`", "` = ? AND (claim_token = ? OR 1 = 1)`")},
		proofs: []proof{
			keeps("fence/an event that is finished, unclaimed, unknown or another's"), keeps("fence/an old token of an event after the lease"),
			keeps("deliver/does not call the host without the claim"), simulated("full", "was done 2 times"),
		},
	},
	{
		name: "a lease never ends",
		edits: []edit{
			statement("FROM {inbox}\n\t\t\t\tWHERE state = 'new' AND run_at <= ? AND claim_until <= ?", "FROM {inbox}\n\t\t\t\tWHERE state = 'new' AND run_at <= ? AND claim_until <= MIN(?, 0)"),
			statement("AND claim_until <= ? AND NOT EXISTS", "AND claim_until <= MIN(?, 0) AND NOT EXISTS"),
		},
		proofs: []proof{
			keeps("messages/come back when the lease is over, and every claim counts"), keeps("events/wait for an earlier one whose lease ran out"),
			simulated("full", "there is always something left to do"),
		},
	},
	{
		name:   "a claimed message is given out again",
		edits:  []edit{statement("FROM {inbox}\n\t\t\t\tWHERE state = 'new' AND run_at <= ? AND claim_until <= ?", "FROM {inbox}\n\t\t\t\tWHERE state = 'new' AND run_at <= ? AND claim_until <= MAX(?, 1 << 62)")},
		proofs: []proof{keeps("messages/are held by one claim at a time")},
	},
	{
		name:   "a claimed event is given out again",
		edits:  []edit{statement("AND claim_until <= ? AND NOT EXISTS", "AND claim_until <= MAX(?, 1 << 62) AND NOT EXISTS")},
		proofs: []proof{keeps("events/are delivered in order by many workers at once")},
	},
	{
		name:   "an event is emitted again",
		edits:  []edit{statement(`VALUES (?, ?, ?, ?, ?, 'new', 0, ?, ?, '')`+"`, `event_id`", `VALUES (? || hex(randomblob(4)), ?, ?, ?, ?, 'new', 0, ?, ?, '')`+"`, `event_id`")},
		proofs: []proof{keeps("events/with an ID that exists are skipped"), simulated("layered", "was emitted 2 times")},
	},
	{
		name:   "an order's events do not wait for each other",
		edits:  []edit{statement("AND earlier.id < e.id AND", "AND earlier.id < 0 AND")},
		proofs: []proof{keeps("events/of one order come one after another, as emitted"), keeps("events/wait for an earlier one that is retried"), simulated("full", "was delivered before")},
	},
	{
		name:   "an order's events pass a parked one",
		edits:  []edit{statement("unfinished := `earlier.state <> 'done'`", "unfinished := `earlier.state = 'new'`")},
		proofs: []proof{keeps("events/behind a parked one wait for ever, other orders do not")},
	},
	{
		name:   "the alarm about a refused event waits behind it",
		edits:  []edit{{file: sqlstore + "events.go", old: ` || e.Kind == kredivo.HostRefused`, new: ``}},
		proofs: []proof{keeps("finish/queues the alarm about a parked event past the order that it holds up")},
	},
	{
		name: "the alarm about a refused event is queued in a transaction before its parking",
		edits: []edit{{
			file: sqlstore + "events.go", old: `	return s.write(ctx, func(ctx context.Context, tx transaction) error {
		if err := s.finish(`,
			new: `	alarm, err := emit, error(nil)
	err = s.write(ctx, func(ctx context.Context, tx transaction) error {
		for _, e := range alarm {
			err = s.insertEvent(ctx, tx, e, e.At)
		}
		return err
	})
	if err != nil {
		return err
	}
	emit = nil
	return s.write(ctx, func(ctx context.Context, tx transaction) error {
		if err := s.finish(`,
		}},
		proofs: []proof{keeps("finish/of a lost claim queues nothing")},
	},
	{
		name: "an event is done in a transaction before its effect",
		edits: []edit{
			{
				file: sqlstore + "events.go", old: "	return s.writeOnce(ctx, true, func(ctx context.Context, tx transaction) error {",
				new: "	done := s.writeOnce(ctx, true, func(ctx context.Context, tx transaction) error {",
			},
			{
				file: sqlstore + "events.go", old: "		return handle(ctx, tx.Tx)\n	})",
				new: `		return nil
	})
	if done != nil {
		return done
	}
	return s.writeOnce(ctx, true, func(ctx context.Context, tx transaction) error { return handle(ctx, tx.Tx) })`,
			},
		},
		proofs: []proof{keeps("deliver/rolls back on an error, which comes back unchanged"), simulated("full", "had 0 effects"), simulated("layered", "had 0 effects")},
	},
	{
		name: "an event's effect is in a transaction before its end",
		edits: []edit{
			{
				file: sqlstore + "events.go", old: "	return s.writeOnce(ctx, true, func(ctx context.Context, tx transaction) error {",
				new: `	effect := s.writeOnce(ctx, true, func(ctx context.Context, tx transaction) error { return handle(ctx, tx.Tx) })
	if effect != nil {
		return effect
	}
	return s.writeOnce(ctx, true, func(ctx context.Context, tx transaction) error {`,
			},
			{file: sqlstore + "events.go", old: `return handle(ctx, tx.Tx)`, new: `return nil`},
		},
		proofs: []proof{keeps("deliver/does not call the host without the claim")},
	},
	{
		name:   "the host's transaction commits although its handler failed",
		edits:  []edit{{file: sqlstore + "events.go", old: `return handle(ctx, tx.Tx)`, new: "_ = handle(ctx, tx.Tx)\n\t\treturn nil"}},
		proofs: []proof{keeps("deliver/rolls back on an error, which comes back unchanged")},
	},
	{
		name:   "a handler that takes its time loses its claim",
		edits:  []edit{{file: sqlstore + "events.go", old: `dueArg(now.Add(c.Lease)), d.Event.ID`, new: `dueArg(now.Add(c.Lease*0)), d.Event.ID`}},
		proofs: []proof{keeps("events/are kept by whoever holds them")},
	},
	{
		name:   "a commit without an answer counts as done",
		edits:  []edit{{file: sqlstore + "store.go", old: `if err := tx.Commit(); err != nil {`, new: `if err := tx.Commit(); err != nil && false {`}},
		proofs: []proof{{pkg: "kredivo/store/sqlite", test: "TestACommitWithoutAnAnswerIsAnError"}},
	},
	{
		name:   "a commit without an answer counts as undone",
		edits:  []edit{{file: sqlstore + "store.go", old: `err == nil || s.dialect.Again == nil || !s.dialect.Again(err) || ctx.Err() != nil`, new: `err == nil`}},
		proofs: []proof{{pkg: "kredivo/store/sqlite", test: "TestACommitWithoutAnAnswerIsAnError"}},
	},
	{
		name:   "an order has two open attempts",
		edits:  []edit{{file: sqlstore + "attempts.go", old: `openOrder = a.OrderID`, new: `openOrder = a.ID`}},
		proofs: []proof{keeps("conflict/a second open attempt of an order"), keeps("conflict/twenty that create at once make one attempt")},
	},
	{
		name:   "work that is given back counts as failed",
		edits:  []edit{{file: sqlstore + "claim.go", old: `reason = nil // given back, which is no news`, new: `reason, failures = nil, 1`}},
		proofs: []proof{keeps("finish/counts the failures of an event, and no work that is given back")},
	},
	{
		name:  "redriven work keeps its failures",
		edits: []edit{statement(`claim_until = ?, failures = 0 WHERE`, `claim_until = ? WHERE`)},
		proofs: []proof{
			keeps("redrive/makes one event due, as if it had never failed, and lets its order go on"),
			keeps("redrive/makes one message due, as if it had never failed"),
		},
	},
	{
		name:   "pruning forgets that a message came",
		edits:  []edit{statement(`UPDATE {inbox} SET header = '', body = NULL, pruned = 1 WHERE id IN `, `DELETE FROM {inbox} WHERE id IN `)},
		proofs: []proof{keeps("prune/knows a copy for ever")},
	},
	{
		name:   "pruning empties messages that are not done",
		edits:  []edit{statement(`WHERE state = 'done' AND pruned = 0`, `WHERE pruned = 0`)},
		proofs: []proof{keeps("prune/leaves every message that is not done as it was")},
	},
	{
		name:   "idle instances do not see due messages",
		edits:  []edit{statement("WHERE state = 'new' AND run_at <= ` + now + ` AND claim_until <= ` + now + ` ORDER BY run_at, id LIMIT 1) IS NOT NULL,\n\t\t\t(SELECT id FROM {event}", "WHERE state = 'new' AND run_at < ` + now + ` AND claim_until <= ` + now + ` ORDER BY run_at, id LIMIT 1) IS NOT NULL,\n\t\t\t(SELECT id FROM {event}")},
		proofs: []proof{keeps("due/are messages from the time on that a claim finds them")},
	},
	{
		name:   "idle instances do not see due status checks",
		edits:  []edit{statement("WHERE next_check_at <= ` + now + ` ORDER BY next_check_at, id LIMIT 1) IS NOT NULL", "WHERE next_check_at < ` + now + ` ORDER BY next_check_at, id LIMIT 1) IS NOT NULL")},
		proofs: []proof{keeps("due/are checks from the time on that a claim finds them")},
	},
}

// statement is an edit of the store's SQL.
func statement(old, new string) edit {
	return edit{file: sqlstore + "statements.go", old: old, new: new}
}

// mistakes in what the databases are told
var databaseMutants = []mutant{
	{
		name:   "SQLite does not flush its log at every commit (synchronous=NORMAL)",
		edits:  []edit{{file: sqlite + "path.go", old: `p[0]+"("+p[1]+")"`, new: `p[0]+"("+strings.Replace(p[1], "FULL", "NORMAL", 1)+")"`}},
		proofs: []proof{{pkg: "kredivo/store/sqlite", test: "TestEveryConnectionFlushes", says: "unsafe setting: synchronous is 1"}},
	},
	{
		name: "SQLite never flushes (synchronous=OFF), and nobody looks",
		edits: []edit{
			{file: sqlite + "path.go", old: `p[0]+"("+p[1]+")"`, new: `p[0]+"("+strings.Replace(p[1], "FULL", "OFF", 1)+")"`},
			{file: sqlite + "connector.go", old: `if !s.good(value) {`, new: `if !s.good(value) && false {`},
		},
		proofs: []proof{{pkg: "kredivo/store/sqlite", test: "TestEveryConnectionFlushes", says: "synchronous=0"}},
	},
	{
		name:   "unsafe settings of the host are taken on SQLite",
		edits:  []edit{{file: sqlite + "connector.go", old: `if !s.good(value) {`, new: `if !s.good(value) && false {`}},
		proofs: []proof{{pkg: "kredivo/store/sqlite", test: "TestUnsafeSettingsAreRefused"}},
	},
	{
		name:   "SQLite's transactions begin as readers",
		edits:  []edit{{file: sqlite + "path.go", old: `{"immediate"}`, new: `{"deferred"}`}},
		proofs: []proof{keeps("change/changes of one order come one after another")},
	},
	{
		name:   "PostgreSQL's commits do not wait for the disk (synchronous_commit=off)",
		edits:  []edit{postgresBegins(`strings.Replace(beginning, "THEN 'on'", "THEN 'off'", 1)`)},
		proofs: []proof{onPostgres("TestSettingsAreTheTransactions")},
	},
	{
		name:   "PostgreSQL may run without fsync",
		edits:  []edit{{file: "kredivo/store/postgres/dialect.go", old: `if !durableStorage && fsync != "on" {`, new: `if false {`}},
		proofs: []proof{onPostgres("TestUnsafeServersAreRefused")},
	},
	{
		name:   "PostgreSQL does not lock the attempts that change",
		edits:  []edit{{file: "kredivo/store/postgres/dialect.go", old: `Lock:        " FOR UPDATE",`, new: ``}},
		proofs: []proof{onPostgres("TestStore/change/changes of one order come one after another")},
	},
}

func onPostgres(test string) proof {
	return proof{pkg: "kredivo/store/postgres", test: test, server: "KREDIVO_TEST_POSTGRES"}
}

func postgresBegins(with string) edit {
	return edit{file: "kredivo/store/postgres/dialect.go", old: `tx.QueryRowContext(ctx, beginning, `, new: `tx.QueryRowContext(ctx, ` + with + `, `}
}
