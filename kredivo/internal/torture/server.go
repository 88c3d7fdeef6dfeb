package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"time"
)

// A server is a database server of our own, which is killed and started again.
type server struct {
	dir       string
	user      string // who it runs as when we are root
	path      string
	args      []string
	immediate os.Signal // ends it at once, but in its own way
	place     place

	log  *os.File
	cmd  *exec.Cmd
	gone chan struct{}
}

// init makes the server's directory, which it must own and reach, and runs commands as its user.
func (s *server) init(ctx context.Context, commands ...[]string) (err error) {
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		return err
	}
	if os.Getuid() == 0 {
		if err := chown(s.dir, s.user); err != nil {
			return err
		}
	}
	for _, c := range commands {
		cmd := exec.CommandContext(ctx, c[0], c[1:]...)
		cmd.Dir = s.dir
		if cmd.SysProcAttr, err = diesWithUs(s.user); err != nil {
			return err
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w\n%s", c[0], err, out)
		}
	}
	s.log, err = os.Create(s.dir + ".log")
	return err
}

func chown(path, name string) error {
	u, err := user.Lookup(name)
	if err != nil {
		return err
	}
	uid, uidErr := strconv.Atoi(u.Uid)
	gid, gidErr := strconv.Atoi(u.Gid)
	return errors.Join(uidErr, gidErr, os.Chown(path, uid, gid))
}

// start starts the server and waits until it takes connections. It may need more than one try: what the
// dead one left, such as shared memory that its children still hold, goes away a little later.
func (s *server) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	db, err := sql.Open(s.place.Driver, s.place.Tables)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	for {
		if !s.running() {
			if err := s.launch(context.WithoutCancel(ctx)); err != nil {
				return err
			}
		}
		if db.PingContext(ctx) == nil {
			return nil
		}
		if !rest(ctx, 50*time.Millisecond) {
			return fmt.Errorf("%s does not start: %w; see %s", s.path, ctx.Err(), s.log.Name())
		}
	}
}

// launch starts the process. It ends by end or close.
func (s *server) launch(ctx context.Context) (err error) {
	s.cmd = exec.CommandContext(ctx, s.path, s.args...)
	s.cmd.Dir, s.cmd.Stdout, s.cmd.Stderr = s.dir, s.log, s.log
	if s.cmd.SysProcAttr, err = diesWithUs(s.user); err != nil {
		return err
	}
	if err := s.cmd.Start(); err != nil {
		return err
	}
	s.gone = make(chan struct{})
	go func(cmd *exec.Cmd, gone chan struct{}) {
		defer close(gone)
		_ = cmd.Wait() // its log says more
	}(s.cmd, s.gone)
	return nil
}

func (s *server) running() bool {
	if s.cmd == nil {
		return false
	}
	select {
	case <-s.gone:
		return false
	default:
		return true
	}
}

// end sends a deadly signal and waits for the end.
func (s *server) end(signal os.Signal) {
	if s.running() {
		_ = s.cmd.Process.Signal(signal)
		<-s.gone
	}
}

// close ends the server for good, if there is one.
func (s *server) close() {
	if s == nil {
		return
	}
	s.end(os.Kill)
	if s.log != nil {
		_ = s.log.Close()
	}
}

// freePort finds a port that nobody listens on, below those that the system gives to clients, so that it is
// still free after a crash.
func freePort() (int, error) {
	for range 100 {
		port := 20_000 + rand.IntN(12_000)
		l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port))
		if err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("no free port")
}
