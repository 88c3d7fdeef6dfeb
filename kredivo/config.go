package kredivo

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/paylater-go/paylater/kredivo/doku"
	"github.com/paylater-go/paylater/validation"
)

// Config is all that a Plugin needs. The zero value of an optional field means its default.
type Config struct {
	// DOKU are the credentials and the environment. Required. A new secret key is rotated in beside the old
	// one (PreviousSecretKeys). A new ClientID or Environment gives up the attempts that are still open: their
	// notifications can no longer be verified, so change it when no payment is running.
	DOKU doku.Config

	// PublicURL is where browsers and DOKU reach the routes: the shop's public origin and the prefix
	// they are mounted under, for example "https://shop.example/pay". DOKU signs the path of the
	// notification URL, so this is what notifications are verified against, whatever proxies do to the
	// path on the way in. No query; a slash at the end is dropped. Required; https, except on loopback in
	// the sandbox.
	PublicURL string

	// NotificationURL is sent with every order as DOKU's override_notification_url when it is not
	// empty, for shops with several hosts behind one DOKU account. DOKU allows another host but insists on the
	// same path as the URL set in its Back Office, and so does New: it must end in
	// the path of PublicURL + "/notifications".
	NotificationURL string

	// Store keeps everything. Required: store.Open(ctx, "") is an SQLite file in one line.
	Store Store

	// OnEvent is told every accepted change. It runs outside any request, one call at a time per order
	// and in order, and is called again later when it returns an error or panics, so it must tolerate
	// an Event.ID that it has seen (see Once). The pauses grow from five seconds to a day; after about four
	// days, or at once with Permanent, the event is parked and HostRefused raised. Its context ends after
	// HandlerTimeout. OnEvent or OnEventTx is required, and not both.
	OnEvent func(ctx context.Context, e Event) error

	// OnEventTx is OnEvent for a shop whose tables are in the database of the Store: what it writes through
	// tx and the end of the event commit together, so the effect happens exactly once. It must not commit or
	// roll back tx, nor keep it. Keep it short and call nobody over the network: it holds its rows, and with
	// SQLite the only writer, until it returns.
	OnEventTx func(ctx context.Context, tx *sql.Tx, e Event) error

	// OrderURL gives the shop's own page of an order, for the link on our pages. Nil: a link to ShopURL.
	OrderURL func(orderID string) string

	// ShopURL is the shop's front page, also sent as the page of lines that are not products (shipping,
	// fees). Defaults to the origin of PublicURL.
	ShopURL string

	// Expiry is how long the shopper has to pay, in whole minutes, from 1 minute to 99999 (DOKU's
	// expired_time). Defaults to 24 hours, as at DOKU.
	Expiry time.Duration

	// HandlerTimeout bounds one call of OnEvent or OnEventTx. Defaults to 30 seconds. With OnEventTx the events
	// that a crashed instance was delivering wait for it, and 15 seconds more.
	HandlerTimeout time.Duration

	// PollEvery is the pause between looks for work that other instances left. Work that arrives here
	// is taken at once. Defaults to 5 seconds.
	PollEvery time.Duration

	// ChecksPerSecond is how many payments a second Run and Reconcile ask DOKU about at most, in this
	// process. Defaults to 2.
	ChecksPerSecond int

	// KeepMessages is how long the bodies of settled messages are kept, for support; they name no people, but
	// tell of their purchases. Their fingerprints stay, so that a copy is still known after years. At least a
	// day; defaults to 90 days.
	KeepMessages time.Duration

	// Language is what shoppers read when their browser asks for neither Indonesian nor English.
	// Defaults to Indonesian.
	Language validation.Language

	// Logger gets one line per outcome, with ids and states and nothing personal. Defaults to slog.Default().
	Logger *slog.Logger

	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

const (
	notificationPath = "/notifications"
	maxExpiry        = 99999 * time.Minute // DOKU: expired_time has at most 5 digits
)

// withDefaults fills in c and lists everything that is wrong with it.
func (c Config) withDefaults() (Config, error) {
	var problems []error
	wrong := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("kredivo: "+format, args...))
	}

	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	setDefault(&c.Expiry, 24*time.Hour)
	setDefault(&c.HandlerTimeout, 30*time.Second)
	setDefault(&c.PollEvery, 5*time.Second)
	setDefault(&c.ChecksPerSecond, 2)
	setDefault(&c.KeepMessages, 90*24*time.Hour)
	setDefault(&c.Language, validation.Indonesian)

	if c.Expiry < time.Minute || c.Expiry > maxExpiry || c.Expiry%time.Minute != 0 {
		wrong("Config.Expiry must be whole minutes from 1 to 99999, it is %v", c.Expiry)
	}
	if c.HandlerTimeout < 0 {
		wrong("Config.HandlerTimeout must not be negative")
	}
	if c.PollEvery < 0 {
		wrong("Config.PollEvery must not be negative")
	}
	if c.ChecksPerSecond < 0 {
		wrong("Config.ChecksPerSecond must not be negative")
	}
	if c.KeepMessages < 24*time.Hour {
		wrong("Config.KeepMessages must be at least 24 hours, it is %v", c.KeepMessages)
	}
	if c.Language != validation.Indonesian && c.Language != validation.English {
		wrong("Config.Language must be validation.Indonesian or validation.English")
	}
	if c.Store == nil {
		wrong(`Config.Store is missing: store.Open(ctx, "") from paylater/kredivo/store keeps payments in the file kredivo.db`)
	}
	switch _, shared := c.Store.(TxStore); {
	case c.OnEvent == nil && c.OnEventTx == nil:
		wrong("Config.OnEvent is missing: without it, or OnEventTx, the shop never learns that an order is paid")
	case c.OnEvent != nil && c.OnEventTx != nil:
		wrong("Config.OnEvent and Config.OnEventTx are both set: keep one")
	case c.OnEventTx != nil && c.Store != nil && !shared:
		wrong("Config.OnEventTx needs a Store that shares its transactions (TxStore); with this one use OnEvent and Once")
	}

	public, err := c.publicURL()
	if err != nil {
		wrong("%w", err)
	} else {
		c.PublicURL = public.String()
		if c.ShopURL == "" {
			c.ShopURL = public.Scheme + "://" + public.Host + "/"
		}
		if err := c.checkOverride(public); err != nil {
			wrong("%w", err)
		}
	}
	if c.ShopURL != "" {
		if _, err := c.webURL("ShopURL", c.ShopURL); err != nil {
			wrong("%w", err)
		}
	}
	return c, errors.Join(problems...)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// publicURL checks PublicURL and drops a trailing slash.
func (c Config) publicURL() (*url.URL, error) {
	if c.PublicURL == "" {
		return nil, errors.New(`Config.PublicURL is missing: the public address of the mounted routes, for example "https://shop.example/pay"`)
	}
	u, err := c.webURL("PublicURL", c.PublicURL)
	if err != nil {
		return nil, err
	}
	u.Path = strings.TrimSuffix(u.Path, "/")
	switch {
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("Config.PublicURL must have no query and no fragment")
	case u.EscapedPath() != u.Path:
		return nil, errors.New("Config.PublicURL must have a path of plain ASCII letters, digits and -._~")
	case strings.HasSuffix(u.Path, notificationPath):
		return nil, fmt.Errorf("Config.PublicURL is where the routes are mounted, without %s at its end", notificationPath)
	case strings.Contains(u.Path, "//") || strings.Contains(u.Path, "/."):
		return nil, errors.New("Config.PublicURL must have a clean path, without // and dot segments")
	case strings.HasPrefix(u.Path+notificationPath, "/kredivo-peer-to-peer/") || strings.HasPrefix(u.Path+notificationPath, "/orders/"):
		// Our own signed requests to DOKU could be sent back to us as notifications.
		return nil, errors.New("Config.PublicURL must not have a path of DOKU's own API")
	}
	return u, nil
}

// checkOverride holds NotificationURL to DOKU's rule: another host perhaps, but the same path.
func (c Config) checkOverride(public *url.URL) error {
	if c.NotificationURL == "" {
		return nil
	}
	u, err := c.webURL("NotificationURL", c.NotificationURL)
	if err != nil {
		return err
	}
	if want := public.Path + notificationPath; u.EscapedPath() != want || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("Config.NotificationURL must have the path %s and no query: DOKU signs the path, and an override may only change the host", want)
	}
	return nil
}

// webURL parses an absolute URL of the shop's: https, or http on loopback while in the sandbox.
func (c Config) webURL(field, raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.Opaque != "" {
		return nil, fmt.Errorf("Config.%s must be an absolute URL such as https://shop.example/pay", field)
	}
	local := u.Scheme == "http" && isLoopback(u.Hostname()) && c.DOKU.Environment != doku.Production
	if u.Scheme != "https" && !local {
		return nil, fmt.Errorf("Config.%s must be https (plain http only on loopback, in the sandbox)", field)
	}
	return u, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// crossOrigin is the guard of the checkout route: browsers say where a form comes from.
func crossOrigin(publicURL string) (*http.CrossOriginProtection, error) {
	u, err := url.Parse(publicURL)
	if err != nil {
		return nil, err
	}
	guard := http.NewCrossOriginProtection()
	// Behind a proxy the Host that arrives may not be the public one.
	if err := guard.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
		return nil, err
	}
	return guard, nil
}
