package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
)

// errNotInstalled says that a database server is not on this machine.
var errNotInstalled = fmt.Errorf("not installed: %w", exec.ErrNotFound)

// newPostgres makes a PostgreSQL server in dir and starts it. Its durability is what every server begins with. The
// sessions of the store ask for lazy commits, which it must not put up with.
func newPostgres(ctx context.Context, dir string) (place, *server, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil || len(found) == 0 {
		return place{}, nil, fmt.Errorf("PostgreSQL: %w", errNotInstalled)
	}
	bin := slices.Max(found) // all versions have two digits
	port, err := freePort()
	if err != nil {
		return place{}, nil, err
	}
	dir = filepath.Join(dir, "postgres")
	data, text := filepath.Join(dir, "data"), strconv.Itoa(port)
	dsn := "postgres://shop@127.0.0.1:" + text + "/postgres?sslmode=disable"
	s := &server{
		dir: dir, user: "postgres", path: filepath.Join(bin, "postgres"),
		args: []string{
			"-D", data, "-p", text, "-k", dir, "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200",
			"-c", "wal_writer_delay=10s", // what is not waited for is not written soon either
		},
		immediate: syscall.SIGQUIT, // as pg_ctl -m immediate does
		place:     place{Driver: "pgx", Store: dsn + "&options=-csynchronous_commit%3Doff", Tables: dsn, Shop: dsn, Instances: 3},
	}
	err = s.init(ctx, []string{filepath.Join(bin, "initdb"), "-D", data, "-U", "shop", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"})
	if err != nil {
		return place{}, nil, err
	}
	return s.place, s, s.start(ctx)
}
