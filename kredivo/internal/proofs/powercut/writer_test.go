package powercut_test

import (
	"context"
	"database/sql"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/internal/proofs/powercut"
	"github.com/paylater-go/paylater/kredivo/internal/proofs/shop"
	"github.com/paylater-go/paylater/kredivo/store/mysql"
	"github.com/paylater-go/paylater/kredivo/store/postgres"
	"github.com/paylater-go/paylater/kredivo/store/sqlite"
)

// The test binary is also the program that writes: see startWriter.
const (
	writerVariable = "KREDIVO_PROOF_WRITER" // what it does: a key of writers
	dsnVariable    = "KREDIVO_PROOF_DSN"
	namesVariable  = "KREDIVO_PROOF_NAMES"
	ledgerVariable = "KREDIVO_PROOF_LEDGER"
)

var writers = map[string]func(ctx context.Context, dsn, names string, ledger io.Writer) error{
	"sqlite":   withStore(sqlite.Open),
	"postgres": withStore(openPostgres),
	"mysql":    withStore(openMySQL),
	"tables":   writeToTables,
}

func TestMain(m *testing.M) {
	write, ok := writers[os.Getenv(writerVariable)]
	if !ok {
		os.Exit(m.Run())
	}
	go func() { // the test holds the other end: when it dies, so do we
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	ledger, err := os.OpenFile(os.Getenv(ledgerVariable), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err == nil {
		err = write(context.Background(), os.Getenv(dsnVariable), os.Getenv(namesVariable), ledger)
	}
	fmt.Fprintln(os.Stderr, "the writer ended:", err)
	os.Exit(1)
}

// withStore is a shop's work on the store that open opens.
func withStore(open func(ctx context.Context, dsn string) (kredivo.Store, error)) func(ctx context.Context, dsn, names string, ledger io.Writer) error {
	return func(ctx context.Context, dsn, names string, ledger io.Writer) error {
		s, err := open(ctx, dsn)
		if err != nil {
			return err
		}
		return shop.Work(ctx, s, ledger, names)
	}
}

// The servers get all the time that a slow machine needs. Those that are started on what a cut left have
// fsync off, to start quickly.

func openPostgres(ctx context.Context, dsn string) (kredivo.Store, error) {
	return postgres.OpenConfig(ctx, dsn, postgres.Config{LockTimeout: limit, StatementTimeout: limit, DurableStorage: true})
}

func openMySQL(ctx context.Context, dsn string) (kredivo.Store, error) {
	return mysql.OpenConfig(ctx, dsn, mysql.Config{LockTimeout: limit, StatementTimeout: limit})
}

// writeToTables stores messages in the store's own table but not through the store, which would refuse to
// work with less than synchronous=FULL.
func writeToTables(ctx context.Context, dsn, names string, ledger io.Writer) error {
	s, err := sqlite.Open(ctx, strings.Split(dsn, "?")[0]) // makes the tables
	if err != nil {
		return err
	}
	if err := s.Close(); err != nil {
		return err
	}
	db, err := sql.Open("sqlite", dsn+"&_pragma=journal_mode(WAL)")
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	for n := 0; ; n++ {
		order := fmt.Sprintf("%s-%d", names, n)
		m := shop.Message(order)
		_, err := db.ExecContext(ctx, `INSERT INTO kredivo_inbox
			(source, dedupe, client_id, header, body, received_at, state, tries, run_at, claim_until, last_error)
			VALUES (?, ?, ?, ?, ?, ?, 'new', 0, 0, 0, '')`,
			m.Source, m.Dedupe[:], m.ClientID, "request-"+order, m.Body, m.ReceivedAt.UnixMicro())
		if err != nil {
			return err
		}
		if _, err := io.WriteString(ledger, shop.Received+" "+order+"\n"); err != nil {
			return err
		}
	}
}

// startWriter starts a writer, which writes for ever. The ledger is on the disk that is mounted at dir. The
// context ends when the writer does; stop ends it.
func startWriter(t *testing.T, writer, dsn, names, dir string) (ctx context.Context, stop func()) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), writerVariable+"="+writer, dsnVariable+"="+dsn, namesVariable+"="+names,
		ledgerVariable+"="+filepath.Join(dir, powercut.LedgerName))
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait()
		cancel()
		close(ended)
	}()
	return ctx, func() {
		_ = cmd.Process.Kill()
		<-ended
	}
}
