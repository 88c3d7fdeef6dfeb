package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// newMariaDB makes a MariaDB server in dir and starts it, with the durability that it begins with.
func newMariaDB(ctx context.Context, dir string) (place, *server, error) {
	path, err := find("mariadbd")
	if err != nil {
		return place{}, nil, err
	}
	install, err := find("mariadb-install-db")
	if err != nil {
		return place{}, nil, err
	}
	port, err := freePort()
	if err != nil {
		return place{}, nil, err
	}
	dir = filepath.Join(dir, "mariadb")
	data, tmp := filepath.Join(dir, "data"), filepath.Join(dir, "tmp")
	address := "root@tcp(127.0.0.1:" + strconv.Itoa(port) + ")/"
	s := &server{
		dir: dir, user: "mysql", path: path,
		args: []string{
			"--no-defaults", "--datadir=" + data, "--tmpdir=" + tmp, "--socket=" + filepath.Join(dir, "socket"),
			"--port=" + strconv.Itoa(port), "--bind-address=127.0.0.1", "--skip-name-resolve", "--innodb-buffer-pool-size=64M",
		},
		immediate: os.Kill, // it has no other way
		place:     place{Driver: "mysql", Tables: address, Instances: 2},
	}
	err = s.init(ctx, []string{"mkdir", data, tmp},
		[]string{install, "--no-defaults", "--datadir=" + data, "--tmpdir=" + tmp, "--auth-root-authentication-method=normal", "--skip-test-db"})
	if err != nil {
		return place{}, nil, err
	}
	if err := s.start(ctx); err != nil {
		return place{}, nil, err
	}
	err = s.createDatabase(ctx)
	s.place.Tables = address + "shop"
	s.place.Shop = s.place.Tables
	s.place.Store = "mysql://root@127.0.0.1:" + strconv.Itoa(port) + "/shop"
	return s.place, s, err
}

func (s *server) createDatabase(ctx context.Context) error {
	db, err := sql.Open(s.place.Driver, s.place.Tables)
	if err != nil {
		return err
	}
	_, err = db.ExecContext(ctx, "CREATE DATABASE shop CHARACTER SET utf8mb4")
	return errors.Join(err, db.Close())
}

// find looks for a program, also where only root looks.
func find(name string) (string, error) {
	for _, candidate := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(candidate); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s: %w", name, errNotInstalled)
}
