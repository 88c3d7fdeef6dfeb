package server

import (
	"net/url"
	"path/filepath"
	"syscall"
	"testing"
)

const postgres = "postgres" // the account and the program

// InitPostgres makes a data directory with short pieces of log, so that a test goes through many.
func InitPostgres(t testing.TB, data string) {
	t.Helper()
	give(t, postgres, data)
	run(t, command(t, postgres, "initdb", "-D", data, "-U", "kredivo", "-A", "trust", "-E", "UTF8",
		"--locale=C.UTF-8", "--wal-segsize=1"))
}

// StartPostgres starts a server on a data directory, with more settings if need be ("fsync=off").
func StartPostgres(t testing.TB, data string, settings ...string) (*Server, error) {
	t.Helper()
	sockets := filepath.Join(Dir(t), "s")
	give(t, postgres, sockets)
	args := []string{"-D", data, "-k", sockets, "-c", "listen_addresses=", "-c", "max_wal_size=4MB", "-c", "min_wal_size=2MB",
		"-c", "shared_buffers=8MB"}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	query := url.Values{"host": {sockets}, "sslmode": {"disable"}}
	return start(t, &Server{
		DSN: "postgres://kredivo@/postgres?" + query.Encode(), Driver: "pgx",
		Log: filepath.Join(filepath.Dir(sockets), "log"), end: syscall.SIGQUIT,
	}, command(t, postgres, postgres, args...))
}
