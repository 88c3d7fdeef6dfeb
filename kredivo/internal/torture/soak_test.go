package main

import (
	"testing"
	"time"
)

func TestSoakSQLite(t *testing.T) {
	t.Parallel()
	soakFor(t, onSQLite)
}

func TestSoakPostgres(t *testing.T) {
	t.Parallel()
	soakFor(t, newPostgres)
}

func soakFor(t *testing.T, open database) {
	t.Helper()
	long(t)
	var c campaign
	c.open(t, open)
	s := soak{dir: c.dir, place: c.place, onEventTx: true, seed: c.seed, lasts: 6 * time.Second}
	result, err := s.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Log(result)
	if err := result.err(500); err != nil {
		t.Error(err)
	}
}
