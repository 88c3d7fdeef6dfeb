package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/paylater-go/paylater/kredivo"
	"github.com/paylater-go/paylater/kredivo/kredivotest"
)

func TestDoctorWrongCalls(t *testing.T) {
	t.Parallel()
	both := map[string]string{"DOKU_CLIENT_ID": "MCH-1", "DOKU_SECRET_KEY": "hush"}
	for name, c := range map[string]struct {
		args []string
		env  map[string]string
		want string
	}{
		"no url":           {nil, both, "-url is missing"},
		"argument":         {[]string{"-url", "https://shop.example/pay", "now"}, both, `unexpected "now"`},
		"unknown flag":     {[]string{"-secret", "hush"}, both, "-secret"},
		"no key":           {[]string{"-url", "https://shop.example/pay", "-client-id", "MCH-1"}, nil, "belong together"},
		"no client":        {[]string{"-url", "https://shop.example/pay"}, map[string]string{"DOKU_SECRET_KEY": "hush"}, "belong together"},
		"store without":    {[]string{"-url", "https://shop.example/pay", "-store", "x.db"}, nil, "-store needs"},
		"plain http":       {[]string{"-url", "http://shop.example/pay"}, both, "must be https"},
		"no URL at all":    {[]string{"-url", "shop"}, both, "absolute URL"},
		"no environment":   {[]string{"-url", "https://shop.example/pay", "-environment", "test"}, both, `unknown environment "test"`},
		"another path":     {[]string{"-url", "https://shop.example/pay", "-notification-url", "https://hooks.shop.example/doku"}, both, "NotificationURL must have the path /pay/notifications"},
		"production, fake": {[]string{"-url", "https://shop.example/pay", "-environment", "production", "-doku-url", "https://sim.example"}, both, "production must use"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			code := runDoctor(t.Context(), c.args, &stdout, &stderr, func(name string) string { return c.env[name] })
			if code != 2 || !strings.Contains(stderr.String(), c.want) || stdout.Len() > 0 {
				t.Errorf("exit code %d, %q, want 2 and %q", code, stderr.String(), c.want)
			}
			if strings.Contains(stderr.String(), "hush") {
				t.Errorf("the key is repeated: %s", stderr.String())
			}
		})
	}
}

// Without credentials doctor sees whether a plugin answers, and not which one.
func TestDoctorWithoutCredentials(t *testing.T) {
	t.Parallel()
	c := admit(t, onHTTP("/pay"), "/pay")
	c.env = nil
	code, findings := c.run(t)
	if f := findings["notification_url"]; code != 0 || f.State != kredivo.CheckOK || findings["doku"].State != kredivo.CheckWarning {
		t.Errorf("exit code %d, %+v", code, findings)
	}
	c.args[2] = "http://" + closedPort(t)
	if code, findings = c.run(t); code != 1 || findings["notification_url"].State != kredivo.CheckFailed {
		t.Errorf("exit code %d, %+v", code, findings)
	}
}

// The store is looked at when it is named, and left as it was.
func TestDoctorLooksAtTheStore(t *testing.T) {
	t.Parallel()
	c := admit(t, onHTTP("/pay"), "/pay")
	file := filepath.Join(t.TempDir(), "kredivo.db")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c.args = append(c.args, "-store", "sqlite:"+file)
	code, findings := c.run(t)
	if code != 0 || findings["store"].State != kredivo.CheckOK || findings["work"].Seen != "0 messages and 0 events wait, 0 messages and 0 events are parked" {
		t.Errorf("exit code %d, %+v", code, findings)
	}
}

func TestDoctorPrintsATable(t *testing.T) {
	t.Parallel()
	c := admit(t, onHTTP("/pay", answering(403)), "/pay")
	c.env["DOKU_SECRET_KEY"] = kredivotest.SecretKey
	var stdout, stderr bytes.Buffer
	code := runDoctor(t.Context(), c.args[1:], &stdout, &stderr, func(name string) string { return c.env[name] })
	want := "FAILED   notification_url  " + c.base + "/pay/notifications is answered with 403 Forbidden, not by the plugin\n" +
		strings.Repeat(" ", 27) + "-> a CSRF guard"
	if out := stdout.String(); code != 1 || !strings.HasPrefix(out, want) || !strings.Contains(out, "\nok       doku  ") || strings.Contains(out, "\x1b") || !strings.HasSuffix(out, "1 failed, 1 to look at.\n") {
		t.Errorf("exit code %d, %s\n%s", code, stderr.String(), out)
	}
}

func TestTableColours(t *testing.T) {
	t.Parallel()
	r := kredivo.Report{Findings: []kredivo.Finding{
		{Check: "doku", State: kredivo.CheckOK, Seen: "fine"},
		{Check: "clock", State: kredivo.CheckWarning, Seen: "late:\n\tvery", Do: "set it"},
	}}
	var plain, coloured bytes.Buffer
	if err := writeTable(&plain, r, false); err != nil {
		t.Fatal(err)
	}
	if err := writeTable(&coloured, r, true); err != nil {
		t.Fatal(err)
	}
	if got := strings.NewReplacer("\x1b[32m", "", "\x1b[33m", "", "\x1b[0m", "").Replace(coloured.String()); got != plain.String() || !strings.Contains(coloured.String(), "\x1b[33mwarning\x1b[0m") || !strings.Contains(got, "  late: very\n") {
		t.Errorf("%q and %q", coloured.String(), plain.String())
	}
	if isTerminal(&plain) {
		t.Error("a buffer is taken for a terminal")
	}
}
