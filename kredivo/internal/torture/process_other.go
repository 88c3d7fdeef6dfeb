//go:build !linux

package main

import (
	"errors"
	"os"
	"syscall"
)

var errLinux = errors.New("the torture needs Linux")

var pauseSignal, resumeSignal = os.Kill, os.Kill

func diesWithUs(string) (*syscall.SysProcAttr, error) { return nil, errLinux }

func usage(int) (memory int64, files int, err error) { return 0, 0, errLinux }
