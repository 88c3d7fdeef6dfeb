package kredivo

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"time"
)

// A Report is what a self-check found. It holds no key, no signature and no customer data.
type Report struct {
	CheckedAt time.Time `json:"checked_at"`
	Findings  []Finding `json:"findings"`
}

// OK reports whether nothing failed. Warnings are no failures.
func (r Report) OK() bool {
	for _, f := range r.Findings {
		if f.State == CheckFailed {
			return false
		}
	}
	return true
}

// A Finding is the outcome of one check.
type Finding struct {
	Check string     `json:"check"` // a stable name: notification_url, repeated_calls, compressed_body, trailing_slash, doku, clock, store, work, run
	State CheckState `json:"state"`
	Seen  string     `json:"seen"`         // what was seen
	Do    string     `json:"do,omitempty"` // what to do about it; empty when all is well
}

// A CheckState says how bad a finding is.
type CheckState string

// The states of findings.
const (
	CheckOK      CheckState = "ok"
	CheckWarning CheckState = "warning" // payments work, or the check could not tell
	CheckFailed  CheckState = "failed"  // payments do not work, or will not
)

func good(check, seen string, args ...any) Finding {
	return Finding{Check: check, State: CheckOK, Seen: fmt.Sprintf(seen, args...)}
}

func doubt(check, seen, do string) Finding {
	return Finding{Check: check, State: CheckWarning, Seen: seen, Do: do}
}

func fault(check, seen, do string) Finding {
	return Finding{Check: check, State: CheckFailed, Seen: seen, Do: do}
}

// checkTime bounds each of the three parts of a self-check, which run side by side.
const checkTime = 30 * time.Second

// SelfCheck looks whether payments can work: it calls the notification URL as DOKU would, through whatever
// is in front of this process, asks DOKU about an invoice that does not exist, and asks the store for its backlog.
// It takes at most half a minute, or as long as ctx, and returns a finding for each check.
//
// Call it when the routes are served and the application can be reached at PublicURL, for example some
// seconds after the start, and log what is not ok. It stores nothing, here or at DOKU, and makes about
// eight HTTP requests, so it is not for a health check that runs every few seconds.
func (p *Plugin) SelfCheck(ctx context.Context) Report {
	called := p.cfg.NotificationURL
	if called == "" {
		called = notificationURL(p.cfg.PublicURL)
	}
	m := newMountCheck(called, p)
	var mount, atDOKU, here []Finding
	var wg sync.WaitGroup
	for _, part := range []func(context.Context){
		func(ctx context.Context) { mount = m.check(ctx) },
		func(ctx context.Context) { atDOKU = p.checkDOKU(ctx) },
		func(ctx context.Context) { here = p.checkStore(ctx) },
	} {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, checkTime)
			defer cancel()
			part(ctx)
		})
	}
	wg.Wait()
	r := Report{CheckedAt: p.now()}
	r.Findings = append(r.Findings, mount...)
	r.Findings = append(r.Findings, atDOKU...)
	r.Findings = append(r.Findings, here...)
	r.Findings = append(r.Findings, p.checkRun(m.running))
	return r
}

// CheckMount is the part of SelfCheck that needs no credentials: it calls the notification URL of a plugin
// whose Config.PublicURL is publicURL, and looks whether a plugin answers, but not which one.
func CheckMount(ctx context.Context, publicURL string) []Finding {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	return newMountCheck(notificationURL(publicURL), nil).check(ctx)
}

// notificationURL is what DOKU calls for a given Config.PublicURL.
func notificationURL(publicURL string) string {
	u, err := url.Parse(publicURL)
	if err != nil {
		return publicURL // calling it fails with a reason
	}
	return u.JoinPath(notificationPath).String()
}

// checkStore looks at the store and at what waits in it.
func (p *Plugin) checkStore(ctx context.Context) []Finding {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	b, err := p.store.Backlog(ctx)
	if err != nil {
		return []Finding{fault("store", "the store does not answer: "+short(err), "look at the database: until it answers, no payment starts, and notifications are refused with 503")}
	}
	const much = 1000
	waiting, parked := b.Messages+b.Events, b.ParkedMessages+b.ParkedEvents
	seen := fmt.Sprintf("%d messages and %d events wait, %d messages and %d events are parked", b.Messages, b.Events, b.ParkedMessages, b.ParkedEvents)
	work := good("work", "%s", seen)
	switch {
	case parked > 0:
		work = doubt("work", seen, "list them with Plugin.Parked, mend the cause, and call Plugin.Redrive")
	case waiting > 0 && p.running.Load() == 0:
		work = doubt("work", seen, "see that Plugin.Run is running somewhere: without it no order becomes paid")
	case waiting > much:
		work = doubt("work", seen, "look in the log for handlers that fail or hang: work comes in faster than it is done")
	}
	return []Finding{good("store", "the store answers"), work}
}

// checkRun says whether anybody works. Elsewhere is what the process that answered the probe said of itself:
// true, false, or nothing.
func (p *Plugin) checkRun(elsewhere string) Finding {
	const do = "see that Plugin.Run is called in at least one process: without it notifications are stored, but no order becomes paid"
	switch {
	case p.running.Load() > 0:
		return good("run", "Run is running in this process")
	case elsewhere == "true":
		return good("run", "Run is running in the process that answers notifications")
	case elsewhere == "false":
		return doubt("run", "Run is running neither here nor in the process that answers notifications", do)
	default:
		return doubt("run", "Run is not running in this process, and others could not be asked", do)
	}
}
