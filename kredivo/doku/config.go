package doku

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// An Environment is one of DOKU's two worlds, with accounts and keys of their own.
type Environment string

// The environments. An empty Environment is Sandbox: money moves only when asked for by name.
const (
	Sandbox    Environment = "sandbox"
	Production Environment = "production"
)

const (
	sandboxURL     = "https://api-sandbox.doku.com"
	productionURL  = "https://api.doku.com"
	productionHost = "api.doku.com"
)

// A SignaturePolicy says what an answer without a valid signature leads to. DOKU documents signed
// answers; none of its own clients checks them.
type SignaturePolicy uint8

const (
	// EnforcePOST refuses answers to generate-order that are not signed, and logs the others. For
	// answers to GET it is not documented what is signed.
	EnforcePOST SignaturePolicy = iota
	// EnforceAll refuses answers to check status too. With or without a Digest line is accepted there.
	EnforceAll
	// ReportOnly logs and goes on.
	ReportOnly
)

// Defaults of Config.
const (
	defaultTimeout    = 30 * time.Second
	defaultTryTimeout = 10 * time.Second
	defaultMaxTries   = 3
	maxMaxTries       = 10 // more is a job for later, not for a waiting shopper
)

// A Config says how to talk to DOKU. ClientID and SecretKey are required.
type Config struct {
	// ClientID and SecretKey are those of the Back Office, for this Environment.
	ClientID  string
	SecretKey Secret
	// PreviousSecretKeys are still accepted on notifications and answers while a key is replaced.
	PreviousSecretKeys []Secret
	// Environment defaults to Sandbox.
	Environment Environment
	// BaseURL defaults to the environment's host. In Sandbox it may name another host, such as a
	// simulator: https, or http on a loopback address. It has no path.
	BaseURL string
	// Transport defaults to a transport of the client's own that keeps connections alive. A
	// *http.Transport that skips TLS verification is refused.
	Transport http.RoundTripper
	// Timeout limits one whole call, retries included. Defaults to 30 seconds.
	Timeout time.Duration
	// TryTimeout limits one try, from connecting to the last byte of the answer. Defaults to 10
	// seconds.
	TryTimeout time.Duration
	// MaxTries defaults to 3 and is at most 10.
	MaxTries int
	// ResponseSignatures defaults to EnforcePOST.
	ResponseSignatures SignaturePolicy
	// Logger defaults to slog.Default().
	Logger *slog.Logger
	// Now defaults to time.Now. It stamps requests; timeouts do not use it.
	Now func() time.Time
}

// withDefaults fills in what is not set.
func (c Config) withDefaults() Config {
	if c.Environment == "" {
		c.Environment = Sandbox
	}
	if c.BaseURL == "" {
		c.BaseURL = sandboxURL
		if c.Environment == Production {
			c.BaseURL = productionURL
		}
	}
	if c.Transport == nil {
		c.Transport = newTransport()
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.TryTimeout == 0 {
		c.TryTimeout = defaultTryTimeout
	}
	if c.MaxTries == 0 {
		c.MaxTries = defaultMaxTries
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// check returns every problem but those of the keys.
func (c Config) check() []error {
	var problems []error
	if c.Environment != Sandbox && c.Environment != Production {
		problems = append(problems, fmt.Errorf(`unknown environment %q: use "sandbox" or "production"`, string(c.Environment)))
	}
	if err := c.checkBaseURL(); err != nil {
		problems = append(problems, fmt.Errorf("base url: %w", err))
	}
	if t, ok := c.Transport.(*http.Transport); ok && t.TLSClientConfig != nil && t.TLSClientConfig.InsecureSkipVerify {
		problems = append(problems, errors.New("transport: skips TLS verification"))
	}
	if c.Timeout < 0 || c.TryTimeout < 0 {
		problems = append(problems, errors.New("timeouts: must not be negative"))
	}
	if c.MaxTries < 0 || c.MaxTries > maxMaxTries {
		problems = append(problems, fmt.Errorf("max tries: must be 1 to %d", maxMaxTries))
	}
	if c.ResponseSignatures > ReportOnly {
		problems = append(problems, errors.New("response signatures: unknown policy"))
	}
	return problems
}

// checkBaseURL keeps the two environments apart. Its errors do not repeat the URL, which may hold
// credentials.
func (c Config) checkBaseURL() error {
	u, err := url.Parse(c.BaseURL)
	if err != nil {
		return errors.New("cannot be parsed")
	}
	host := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	switch {
	case host == "":
		return errors.New("has no host")
	case u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return errors.New("must be a scheme and a host only, without user, path, query or fragment")
	case c.Environment == Production && (u.Scheme != "https" || host != productionHost || u.Port() != "" && u.Port() != "443"):
		return errors.New("production must use " + productionURL)
	case c.Environment != Production && host == productionHost:
		return errors.New("is DOKU's production host, but the environment is not production")
	case u.Scheme == "http" && !isLoopback(host):
		return errors.New("http is allowed on a loopback address only")
	case u.Scheme != "https" && u.Scheme != "http":
		return errors.New("must start with https://")
	}
	return nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.IsLoopback()
}

// newTransport returns the default transport. It does not ask for compression: an answer is signed
// over its raw bytes.
func newTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: defaultTryTimeout, KeepAlive: 30 * time.Second}).DialContext,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    16, // one host; shoppers come in waves
		IdleConnTimeout:        90 * time.Second,
		TLSHandshakeTimeout:    defaultTryTimeout,
		MaxResponseHeaderBytes: 64 << 10,
	}
}
