package store_test

import (
	"bufio"
	"context"
	"os/exec"
	"syscall"
	"testing"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/store"
)

// TestCopyIsKilled: the command dies at one line of its output after the other, and ends when it is let.
func TestCopyIsKilled(t *testing.T) {
	t.Parallel()
	command := build(t, ".", "../cmd/kredivo")
	for _, move := range few(moves[:2]) {
		t.Run(move.from+" to "+move.to, func(t *testing.T) {
			t.Parallel()
			from, st := old(t, move.from)
			many(t, from)
			to := databases[move.to](t)
			kills := 0
			for ; copyUntil(t, command, from, to, 2*kills+1); kills++ {
				all, err := open(t, to).ListAttempts(t.Context(), kredivo.AttemptQuery{Limit: 100})
				if err != nil || len(all) != 0 && len(all) != 11 { // dead in the middle, or just behind the end
					t.Fatalf("kill %d leaves %d attempts, %v", kills, len(all), err)
				}
			}
			if kills < 4 {
				t.Errorf("only %d kills", kills)
			}
			sealed(t, st)
			finishWork(t, open(t, to))
		})
	}
}

// copyUntil runs the command, kills it when it has printed some lines, and reports whether it died of that.
func copyUntil(t *testing.T, command, from, to string, lines int) (killed bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), command, "copy", from, to)
	cmd.Stderr = t.Output()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	read := bufio.NewScanner(out)
	for n := 1; read.Scan(); n++ {
		if n == lines {
			_ = cmd.Process.Kill()
		}
	}
	return cmd.Wait() != nil
}

// many adds settled messages to an SQLite store, so that a copy takes a while.
func many(t *testing.T, dsn string) {
	t.Helper()
	_, err := connect(t, dsn).ExecContext(t.Context(), `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)
		INSERT INTO kredivo_inbox (source, dedupe, client_id, header, body, received_at, state, tries, run_at, claim_until, last_error)
		SELECT 'notification', randomblob(32), 'MCH-0001-TEST', '{}', randomblob(1000), i, 'done', 1, i, 0, '' FROM n`)
	if err != nil {
		t.Fatal(err)
	}
}

// TestCopyUnderTraffic moves a shop while shoppers buy; its processes go over one by one.
func TestCopyUnderTraffic(t *testing.T) {
	t.Parallel()
	binary := build(t, ".", "./testdata/shop")
	for _, move := range few(moves[:2]) {
		t.Run(move.from+" to "+move.to, func(t *testing.T) {
			t.Parallel()
			from, to := databases[move.from](t), databases[move.to](t)
			m := newMarket(t)
			first, second := m.run(binary, from), m.run(binary, from)
			ctx, closing := context.WithCancel(t.Context())
			defer closing()
			wait := m.shoppers(ctx, 3)
			m.sold(20)
			if err := store.Copy(ctx, open(t, from), open(t, to), func(line string) { t.Log(line) }); err != nil {
				t.Error(err)
			}
			m.run(binary, to)
			m.end(first, syscall.SIGTERM)
			m.sold(10)
			m.run(binary, to)
			m.end(second, syscall.SIGKILL)
			m.sold(10)
			closing()
			wait()
			m.settled(open(t, to))
		})
	}
}
