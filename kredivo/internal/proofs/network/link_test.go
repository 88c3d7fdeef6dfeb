package network

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// limit bounds every wait: far longer than a slow machine needs.
const limit = 3 * time.Minute

// A link is a way to a server that can be broken.
type link struct {
	proxy *toxiproxy.Proxy
}

// newLink makes a whole link to upstream. It ends with the test.
func newLink(t *testing.T, upstream string) *link {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	l := &link{toxiproxy.NewProxy(server, t.Name(), "127.0.0.1:0", upstream)}
	if err := l.proxy.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.proxy.Stop)
	return l
}

// address is where the link begins.
func (l *link) address() string { return l.proxy.Listen }

// A fault is what can be wrong with a link.
type fault struct {
	toxic      string // toxiproxy's name for it; "down" when nobody listens
	attributes string // in JSON
	upstream   bool   // on the way to the server, rather than from it
}

func (f fault) String() string {
	return fmt.Sprintf("%s {%s} upstream %v", f.toxic, f.attributes, f.upstream)
}

// breakIt gives the link a fault.
func (l *link) breakIt(t *testing.T, f fault) {
	t.Helper()
	if f.toxic == down {
		l.proxy.Stop()
		return
	}
	stream := "downstream"
	if f.upstream {
		stream = "upstream"
	}
	text := fmt.Sprintf(`{"type": %q, "stream": %q, "attributes": {%s}}`, f.toxic, stream, f.attributes)
	if _, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(text)); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// heal makes the link whole again.
func (l *link) heal(t *testing.T) {
	t.Helper()
	l.proxy.Toxics.ResetToxics(context.Background())
	if !l.proxy.Enabled {
		if err := l.proxy.Start(); err != nil {
			t.Fatal(err)
		}
	}
}

const down = "down"

// faults are on the whole link, whatever goes through it.
var faults = []fault{
	{toxic: down},
	{toxic: "latency", attributes: `"latency": 200, "jitter": 100`},
	{toxic: "latency", attributes: `"latency": 10000`},
	{toxic: "slicer", attributes: `"average_size": 5, "size_variation": 4, "delay": 100`},
	{toxic: "bandwidth", attributes: `"rate": 4`, upstream: true},
	{toxic: "reset_peer", attributes: `"timeout": 0`},
	{toxic: "reset_peer", attributes: `"timeout": 0`, upstream: true},
	{toxic: "timeout", attributes: `"timeout": 0`},
	{toxic: "timeout", attributes: `"timeout": 0`, upstream: true},
}

// cutAfter ends each connection after so many bytes more.
func cutAfter(n int, upstream bool) fault {
	return fault{toxic: "limit_data", attributes: fmt.Sprintf(`"bytes": %d`, n), upstream: upstream}
}
