package doku

import (
	"crypto/tls"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestNewListsEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := New(Config{
		Environment:        "staging",
		PreviousSecretKeys: []Secret{"fine", " padded"},
		BaseURL:            "ftp://host/path",
		Transport:          &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
		Timeout:            -1,
		MaxTries:           11,
		ResponseSignatures: 9,
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"no client id", "secret key: must not be empty", "previous secret key 2", `unknown environment "staging"`, "base url",
		"skips TLS verification", "timeouts", "max tries", "response signatures"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error lacks %q:\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "padded") {
		t.Errorf("error shows a key: %v", err)
	}
}

func TestNewBaseURL(t *testing.T) {
	t.Parallel()
	tests := []struct {
		environment Environment
		url         string
		want        string // part of the error; "" means accepted
	}{
		{"", "", ""},
		{Sandbox, "", ""},
		{Production, "", ""},
		{Sandbox, "https://api-sandbox.doku.com/", ""},
		{Production, "https://api.doku.com", ""},
		{Production, "https://api.doku.com:443/", ""},
		{Sandbox, "http://127.0.0.1:9090", ""},
		{Sandbox, "http://[::1]:9090", ""},
		{Sandbox, "http://localhost:9090", ""},
		{Sandbox, "https://sim.example", ""},
		{Production, "https://api-sandbox.doku.com", "production must use"},
		{Production, "http://api.doku.com", "production must use"},
		{Production, "https://127.0.0.1", "production must use"},
		{Production, "https://api.doku.com.evil.example", "production must use"},
		{Production, "https://api.doku.com:8443", "production must use"},
		{Sandbox, "https://api.doku.com", "production host"},
		{Sandbox, "https://API.DOKU.COM.:443", "production host"},
		{"", "https://api.doku.com", "production host"},
		{Sandbox, "http://sim.example", "loopback"},
		{Sandbox, "http://127.0.0.1.evil.example", "loopback"},
		{Sandbox, "http://10.0.0.1", "loopback"},
		{Sandbox, "ftp://127.0.0.1", "https://"},
		{Sandbox, "127.0.0.1:9090", "cannot be parsed"},
		{Sandbox, "api-sandbox.doku.com", "no host"},
		{Sandbox, "https://", "no host"},
		{Sandbox, "https://user:pw@sim.example", "without user"},
		{Sandbox, "https://sim.example/v1", "without user"},
		{Sandbox, "https://sim.example?", "without user"},
		{Sandbox, "https://sim.example?a=1", "without user"},
		{Sandbox, "https://sim.example/#a", "without user"},
		{Sandbox, "https://\x7f", "cannot be parsed"},
	}
	for _, tt := range tests {
		c, err := New(Config{ClientID: testClient, SecretKey: testSecret, Environment: tt.environment, BaseURL: tt.url})
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s %q: %v", tt.environment, tt.url, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s %q: error %v, want %q", tt.environment, tt.url, err, tt.want)
		case err != nil && strings.Contains(err.Error(), "pw"):
			t.Errorf("%q: error shows the password: %v", tt.url, err)
		case err == nil && strings.HasSuffix(c.base, "/"):
			t.Errorf("%q: base is %q", tt.url, c.base)
		}
	}
}

func TestNewDefaults(t *testing.T) {
	t.Parallel()
	c, err := New(Config{ClientID: testClient, SecretKey: testSecret})
	if err != nil {
		t.Fatal(err)
	}
	if c.Environment() != Sandbox || c.base != "https://api-sandbox.doku.com" || c.timeout != 30*time.Second ||
		c.tryTimeout != 10*time.Second || c.maxTries != 3 || c.policy != EnforcePOST || c.log == nil || c.now == nil {
		t.Errorf("client = %+v", c)
	}
	tr := c.http.Transport.(*http.Transport)
	if !tr.DisableCompression || tr == http.DefaultTransport {
		t.Errorf("transport = %+v", tr)
	}
	c, err = New(Config{ClientID: testClient, SecretKey: testSecret, Environment: Production})
	if err != nil || c.base != "https://api.doku.com" {
		t.Errorf("production base = %v, %v", c, err)
	}
}
