package main

import "testing"

// A torture that mutants survive proves nothing. Each of these shops breaks one promise, and must be found out
// within a number of kills.

func TestMutantThatAnswersBeforeCommit(t *testing.T) {
	t.Parallel()
	catch(t, onSQLite, campaign{onEventTx: true, mutant: answerBeforeCommit, rounds: 60}, func(v verdict) bool { return v.Lost > 0 })
}

func TestMutantThatShipsApartFromDone(t *testing.T) {
	t.Parallel()
	catch(t, onSQLite, campaign{onEventTx: true, mutant: effectApart, rounds: 60}, func(v verdict) bool { return v.Double > 0 })
}

func TestMutantThatDoesNotWaitForTheDisk(t *testing.T) {
	t.Parallel()
	long(t)
	catch(t, newPostgres, campaign{onEventTx: true, mutant: lazyCommit, rounds: 30}, func(v verdict) bool { return v.Lost > 0 })
}

// catch fails the test unless the campaign sees what the mutant did.
func catch(t *testing.T, open database, c campaign, caught func(verdict) bool) {
	t.Helper()
	c.open(t, open)
	c.enough = caught
	v, err := c.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(v)
	if !caught(v) {
		t.Errorf("the mutant %q was not caught in %d kills", c.mutant, v.Kills)
	}
}
