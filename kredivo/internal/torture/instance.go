package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync/atomic"
)

const (
	listenerFile = 3 // the first of exec.Cmd.ExtraFiles
	readyLine    = "ready"
)

// An instance is one shop, which lives many lives: each is a process that this one started. It listens
// here, so its port stays the same and callers wait while it is dead.
type instance struct {
	url    string
	file   *os.File // the listener
	log    *os.File
	paused atomic.Bool
	cmd    *exec.Cmd
	ready  chan struct{} // closed when the process serves
	gone   chan struct{} // closed when the process has ended
}

func newInstance(logFile string) (*instance, error) {
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	defer func() { _ = listener.Close() }() // file is a copy
	file, err := listener.File()
	if err != nil {
		return nil, err
	}
	log, err := os.Create(logFile)
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &instance{url: "http://" + listener.Addr().String(), file: file, log: log}, nil
}

// start begins a life.
func (i *instance) start(ctx context.Context, s setting) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	s.Public = i.url + prefix
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), settingVariable+"="+string(text))
	cmd.ExtraFiles = []*os.File{i.file}
	cmd.Stderr = i.log
	if cmd.SysProcAttr, err = diesWithUs(""); err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	i.cmd, i.ready, i.gone = cmd, make(chan struct{}), make(chan struct{})
	go func(ready, gone chan struct{}) {
		defer close(gone)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if lines.Text() == readyLine {
				close(ready)
			}
		}
		_ = cmd.Wait() // it was killed; its log says more
	}(i.ready, i.gone)
	return nil
}

// serving waits until the process serves.
func (i *instance) serving(ctx context.Context) error {
	select {
	case <-i.ready:
		return nil
	case <-i.gone:
		return fmt.Errorf("the shop ended by itself; see %s", i.log.Name())
	case <-ctx.Done():
		return ctx.Err()
	}
}

// kill ends a life as a crash does.
func (i *instance) kill() {
	if i.cmd != nil {
		_ = i.cmd.Process.Kill()
		<-i.gone
	}
	i.paused.Store(false)
}

// pause stops the process where it is, resume lets it go on as if nothing had been.
func (i *instance) pause() error {
	i.paused.Store(true)
	return i.cmd.Process.Signal(pauseSignal)
}

func (i *instance) resume() error {
	i.paused.Store(false)
	return i.cmd.Process.Signal(resumeSignal)
}

// close ends the instance for good.
func (i *instance) close() {
	i.kill()
	_ = i.file.Close()
	_ = i.log.Close()
}

// state asks the process how it is.
func (i *instance) state(ctx context.Context, client *http.Client) (s state, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, i.url+"/state", nil)
	if err != nil {
		return s, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return s, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return s, fmt.Errorf("state: %s", resp.Status)
	}
	err = json.NewDecoder(resp.Body).Decode(&s)
	return s, err
}
