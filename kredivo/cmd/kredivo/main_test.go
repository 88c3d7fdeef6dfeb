package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	gin.SetMode(gin.ReleaseMode) // no banner
	goleak.VerifyTestMain(m,
		// The cleaner of a fasthttp server that was shut down sleeps up to 10 seconds before it sees that.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.(*workerPool).Start.func2"),
		// One per process, for the Date header; it never ends.
		goleak.IgnoreAnyFunction("github.com/valyala/fasthttp.updateServerDate.func1"),
	)
}

func TestWrongCalls(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		args []string
		code int
		want string // on stderr, or on stdout for code 0
	}{
		"nothing":      {nil, 2, "Usage: kredivo"},
		"unknown":      {[]string{"simulate"}, 2, `unknown command "simulate"`},
		"help":         {[]string{"help"}, 0, "Usage: kredivo"},
		"sim help":     {[]string{"sim", "-h"}, 0, ""},
		"unknown flag": {[]string{"sim", "-port", "1"}, 2, "-port"},
		"argument":     {[]string{"sim", "now"}, 2, `unexpected "now"`},
		"bad delays":   {[]string{"sim", "-retry-delays", "1s,soon"}, 2, "soon"},
		"bad config":   {[]string{"sim", "-client-id", "", "-notify", "shop"}, 2, "NotificationURL"},
		"doctor help":  {[]string{"doctor", "-h"}, 0, ""},
		"copy help":    {[]string{"copy", "-h"}, 0, ""},
		"one store":    {[]string{"copy", "kredivo.db"}, 2, "two stores"},
		"bad store":    {[]string{"copy", "oracle://shop", "kredivo.db"}, 1, "the old store"},
		"bad address":  {[]string{"sim", "-addr", "256.0.0.1:1"}, 1, "listen"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), c.args, &stdout, &stderr)
			out := &stderr
			if c.code == 0 {
				out = &stdout
			}
			if code != c.code || !strings.Contains(out.String(), c.want) {
				t.Errorf("%d, %q, %q", code, stdout.String(), stderr.String())
			}
		})
	}
}

// The simulator serves until it is told to end, also while an answer hangs.
func TestSim(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reader, writer := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"sim", "-addr", "127.0.0.1:0", "-retry-delays", "1s,2s", "-notify", ""}, writer, io.Discard)
		_ = writer.Close()
	}()
	lines := bufio.NewScanner(reader)
	var base, all string
	for range 4 {
		lines.Scan()
		all += lines.Text() + "\n"
		if name, value, ok := strings.Cut(lines.Text(), "http://"); ok && strings.HasPrefix(name, "DOKU API") {
			base = "http://" + value
		}
	}
	if !strings.Contains(all, base+"/_sim/") || !strings.Contains(all, "Notifications  none") || strings.Contains(all, "SK-") {
		t.Errorf("output:\n%s", all)
	}

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Post(base+"/_sim/fail?kind=timeout&times=1", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	hanging := make(chan error, 1)
	go func() {
		resp, err := client.Get(base + "/orders/v1/status/INV-1")
		if err == nil {
			_ = resp.Body.Close()
		}
		hanging <- err
	}()
	state := func() string {
		resp, err := client.Get(base + "/_sim/state")
		if err != nil {
			return err.Error()
		}
		defer func() { _ = resp.Body.Close() }()
		body, _ := io.ReadAll(resp.Body)
		return string(body)
	}
	for !strings.Contains(state(), `"fault":"timeout"`) { // until the call hangs
		if t.Context().Err() != nil {
			t.Fatal("the call never arrived")
		}
	}
	cancel()
	if code := <-ended; code != 0 { // 1 if the shutdown had waited in vain
		t.Errorf("exit code %d", code)
	}
	if err := <-hanging; err == nil {
		t.Error("the hanging call was answered")
	}
}
