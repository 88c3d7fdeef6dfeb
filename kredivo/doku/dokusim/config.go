package dokusim

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// Defaults of [Config].
const (
	defaultNotifyAfter   = time.Second     // as observed in DOKU's sandbox
	defaultClientTimeout = 5 * time.Second // DOKU does not publish its own
)

// Config says whom the simulator serves and how it behaves. Only ClientID and SecretKey are required.
type Config struct {
	// ClientID and SecretKey are the credentials the merchant must use. Any non-empty text will do.
	ClientID, SecretKey string

	// NotificationURL is the merchant's URL for the Paylater channel, as set in DOKU's Back Office. While it is empty nothing is
	// delivered; what is due waits for [Simulator.SetNotificationURL].
	NotificationURL string

	// PublicURL is where browsers reach the simulator, for the payment URLs it hands out. Defaults to scheme and host of the
	// request that generates the order.
	PublicURL string

	// Clock defaults to the real one. A [ManualClock] belongs to its simulators: [ManualClock.Advance] delivers what falls due.
	Clock Clock

	// RetryDelays are the pauses between the tries of one notification. Defaults to DOKU's schedule: 30m, 5h30m, 11h30m. An empty,
	// non-nil slice means no retries.
	RetryDelays []time.Duration

	// StopOnAnswer takes DOKU's sentence "we'll stop retrying once we receive a response" by the letter: any answer of the
	// merchant, also a 500, ends the retries. By default only a 2xx does.
	StopOnAnswer bool

	// NotifyAfter is the pause between a payment and the first try of its notification. Defaults to 1 second.
	NotifyAfter time.Duration

	// StatusLag is how long check-status still gives the previous status after a change. DOKU asks merchants to wait 60 seconds.
	// Defaults to none.
	StatusLag time.Duration

	// NotifyExpired makes the simulator send EXPIRED notifications. DOKU documents none for Kredivo, so the default is false.
	NotifyExpired bool

	// Seed decides every random choice: tokens, identifiers, garbage. The same seed and the same calls give the same bytes.
	Seed uint64

	// HTTPClient sends the notifications. Redirects are not followed unless it says how. Defaults to a client without proxy and
	// with a timeout of 5 seconds.
	HTTPClient *http.Client

	// Logger gets one line per API call, per change of an order and per delivery, without personal data. Defaults to none.
	Logger *slog.Logger
}

// A Simulator plays DOKU and Kredivo. Make one with [New]. It is an [http.Handler] and safe for concurrent use.
type Simulator struct {
	cfg       Config // with defaults filled in; NotificationURL is read once and then lives in notifyURL
	publicURL string // without trailing slash; "" means the request's host
	handler   http.Handler
	client    *http.Client
	log       *slog.Logger
	wake      chan struct{} // holds one token when Run should look at the queue again

	mu           sync.Mutex // guards everything below
	random       *rand.ChaCha8
	notifyURL    *url.URL          // nil until one is set
	orders       []*order          // in the order they arrived
	byInvoice    map[string]*order //
	byRequest    map[string]*order // by the Request-Id that made the order
	byToken      map[string]*order // by the token of the payment URL
	byReference  map[string]*order // by merchant_unique_reference
	answers      map[string]answer // first answers, by Request-Id
	faults       []Fault
	notifyFaults []NotifyFault
	queue        queue      // notifications that wait for their time
	held         []*message // notifications that wait for the next one to overtake them
	sequence     uint64     // of messages, so that equal times keep their order
	calls        []*Call
	deliveries   []Delivery
}

// New checks cfg and returns a simulator without orders. It starts nothing. The error lists every problem.
func New(cfg Config) (*Simulator, error) {
	problems := cfg.problems()
	notifyURL, err := parseURL("NotificationURL", cfg.NotificationURL)
	problems = append(problems, err)
	publicURL, err := parseURL("PublicURL", cfg.PublicURL)
	problems = append(problems, err)
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("dokusim: %w", err)
	}
	cfg.setDefaults()

	s := &Simulator{
		cfg:         cfg,
		client:      deliveryClient(cfg.HTTPClient),
		log:         cfg.Logger,
		wake:        make(chan struct{}, 1),
		random:      rand.NewChaCha8(seed(cfg.Seed)),
		notifyURL:   notifyURL,
		byInvoice:   map[string]*order{},
		byRequest:   map[string]*order{},
		byToken:     map[string]*order{},
		byReference: map[string]*order{},
		answers:     map[string]answer{},
	}
	if publicURL != nil {
		s.publicURL = trimSlash(publicURL.String())
	}
	s.handler = s.routes()
	if c, ok := cfg.Clock.(*ManualClock); ok {
		c.attach(s)
	}
	return s, nil
}

// ServeHTTP answers DOKU's API, Kredivo's pay page and, under /_sim/, the control page.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// SetNotificationURL changes the merchant's notification URL from now on; what waited for one becomes due. An empty text takes the
// URL away. It panics if the text is not an absolute http or https URL: this is a test's own setting.
func (s *Simulator) SetNotificationURL(text string) {
	u, err := parseURL("NotificationURL", text)
	if err != nil {
		panic(fmt.Errorf("dokusim: %w", err))
	}
	s.mu.Lock()
	s.notifyURL = u
	s.mu.Unlock()
	s.poke()
}

func (c Config) problems() []error {
	var list []error
	if c.ClientID == "" {
		list = append(list, errors.New("ClientID is empty"))
	}
	if c.SecretKey == "" {
		list = append(list, errors.New("SecretKey is empty"))
	}
	if c.NotifyAfter < 0 {
		list = append(list, errors.New("NotifyAfter is negative"))
	}
	if c.StatusLag < 0 {
		list = append(list, errors.New("StatusLag is negative"))
	}
	for i, d := range c.RetryDelays {
		if d < 0 {
			list = append(list, fmt.Errorf("RetryDelays[%d] is negative", i))
		}
	}
	return list
}

func (c *Config) setDefaults() {
	if c.Clock == nil {
		c.Clock = realClock{}
	}
	if c.RetryDelays == nil {
		c.RetryDelays = []time.Duration{30 * time.Minute, 5*time.Hour + 30*time.Minute, 11*time.Hour + 30*time.Minute}
	}
	if c.NotifyAfter == 0 {
		c.NotifyAfter = defaultNotifyAfter
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
}

// parseURL accepts an absolute http or https URL, or nothing.
func parseURL(name, text string) (*url.URL, error) {
	if text == "" {
		return nil, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%s must be an absolute http or https URL", name)
	}
	return u, nil
}

func deliveryClient(given *http.Client) *http.Client {
	client := http.Client{
		Timeout:   defaultClientTimeout,
		Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}, // no proxy, nothing left open
	}
	if given != nil {
		client = *given
	}
	if client.CheckRedirect == nil {
		client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	}
	return &client
}

func seed(n uint64) (key [32]byte) {
	binary.LittleEndian.PutUint64(key[:], n)
	return key
}
