package demo

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// Defaults of Config.
const (
	defaultAddr   = "127.0.0.1:8080"
	defaultShopDB = "shop.db"
)

// A Config is what an example reads from its environment.
type Config struct {
	Addr      string // ADDR: where to listen. Defaults to 127.0.0.1:8080; port 0 picks a free one
	PublicURL string // PUBLIC_URL: where browsers and DOKU reach the payment routes. Defaults to http://ADDR/pay
	Store     string // KREDIVO_STORE: where payments are kept. Defaults to the SQLite file kredivo.db
	ShopDB    string // SHOP_DB: the shop's own SQLite file. Defaults to shop.db
	OwnBooks  bool   // the example keeps its own books: no tinyshop is opened

	// DOKU_BASE_URL, DOKU_CLIENT_ID and DOKU_SECRET_KEY, all or none. With none the example starts a
	// simulator of its own.
	DOKUBaseURL, DOKUClientID, DOKUSecretKey string
}

// ReadConfig reads a Config through getenv, such as os.Getenv. The error says which settings are missing.
func ReadConfig(getenv func(string) string) (Config, error) {
	c := Config{
		Addr:          or(getenv("ADDR"), defaultAddr),
		PublicURL:     getenv("PUBLIC_URL"),
		Store:         getenv("KREDIVO_STORE"),
		ShopDB:        or(getenv("SHOP_DB"), defaultShopDB),
		DOKUBaseURL:   getenv("DOKU_BASE_URL"),
		DOKUClientID:  getenv("DOKU_CLIENT_ID"),
		DOKUSecretKey: getenv("DOKU_SECRET_KEY"),
	}
	var problems []error
	if host, _, err := net.SplitHostPort(c.Addr); err != nil {
		problems = append(problems, errors.New("ADDR must be a host and a port such as 127.0.0.1:8080"))
	} else if c.PublicURL == "" && !reachesLoopback(host) {
		problems = append(problems, errors.New("PUBLIC_URL is missing: ADDR is not on this machine's loopback, so the shop needs an https address"))
	}
	if c.PublicURL != "" {
		if u, err := url.Parse(c.PublicURL); err != nil || u.Host == "" {
			problems = append(problems, errors.New("PUBLIC_URL must be an absolute URL such as https://shop.example/pay"))
		}
	}
	if missing := c.missing(); len(missing) > 0 && len(missing) < 3 {
		problems = append(problems, fmt.Errorf("%s missing: set all of DOKU_BASE_URL, DOKU_CLIENT_ID and DOKU_SECRET_KEY, or none for the built-in simulator",
			strings.Join(missing, " and ")))
	}
	if err := errors.Join(problems...); err != nil {
		return Config{}, fmt.Errorf("demo: %w", err)
	}
	return c, nil
}

// missing names the DOKU settings that are empty.
func (c Config) missing() (names []string) {
	for _, setting := range []struct{ name, value string }{
		{"DOKU_BASE_URL", c.DOKUBaseURL}, {"DOKU_CLIENT_ID", c.DOKUClientID}, {"DOKU_SECRET_KEY", c.DOKUSecretKey},
	} {
		if setting.value == "" {
			names = append(names, setting.name)
		}
	}
	return names
}

// simulated reports whether the built-in simulator plays DOKU.
func (c Config) simulated() bool { return len(c.missing()) == 3 }

// publicURL is the setting, or the default for a server that listens on addr.
func (c Config) publicURL(addr net.Addr) string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	host, _, err := net.SplitHostPort(c.Addr)
	if err != nil || host != "localhost" {
		host = "127.0.0.1"
		if ap, err := netip.ParseAddrPort(addr.String()); err == nil && !ap.Addr().IsUnspecified() {
			host = ap.Addr().String()
		}
	}
	_, port, _ := net.SplitHostPort(addr.String()) // of a listener: always well formed
	return "http://" + net.JoinHostPort(host, port) + "/pay"
}

// reachesLoopback reports whether a server on host answers on this machine's loopback.
func reachesLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "" || host == "localhost" || err == nil && (ip.IsLoopback() || ip.IsUnspecified())
}

func or(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}
