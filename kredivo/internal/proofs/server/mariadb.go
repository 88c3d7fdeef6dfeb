package server

import (
	"path/filepath"
	"syscall"
	"testing"
)

const mysqlAccount = "mysql"

// logSize is that of InnoDB's log: short, so that a test goes round it.
const logSize = "--innodb-log-file-size=4M"

// InitMariaDB makes a data directory.
func InitMariaDB(t testing.TB, data string) {
	t.Helper()
	give(t, mysqlAccount, data)
	run(t, command(t, mysqlAccount, "mariadb-install-db", "--no-defaults", "--datadir="+data,
		"--auth-root-authentication-method=normal", "--skip-test-db", logSize))
}

// StartMariaDB starts a server on a data directory, with more arguments if need be.
func StartMariaDB(t testing.TB, data string, more ...string) (*Server, error) {
	t.Helper()
	own := filepath.Join(Dir(t), "s")
	give(t, mysqlAccount, own)
	socket := filepath.Join(own, "s")
	args := append([]string{"--no-defaults", "--datadir=" + data, "--socket=" + socket, "--pid-file=" + filepath.Join(own, "pid"),
		"--tmpdir=" + own, "--skip-networking", logSize, "--innodb-buffer-pool-size=16M"}, more...)
	return start(t, &Server{
		DSN: "root@unix(" + socket + ")/mysql", Driver: "mysql",
		Log: filepath.Join(filepath.Dir(own), "log"), end: syscall.SIGKILL,
	}, command(t, mysqlAccount, "mariadbd", args...))
}
