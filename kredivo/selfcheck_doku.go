package kredivo

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/paylater-go/paylater/kredivo/doku"
)

const (
	// clockDoubt is how far off a clock may be before that is worth a word: HTTP tells seconds, and the answer was on
	// its way.
	clockDoubt = time.Minute
	// madeUp begins invoice numbers that no attempt has.
	madeUp = "SELFCHECK-"
)

// checkDOKU asks DOKU about an invoice that does not exist. That it does not know it, is proof that it knows us.
func (p *Plugin) checkDOKU(ctx context.Context) []Finding {
	answer, err := p.client.CheckStatus(ctx, madeUp+newID())
	if err == nil {
		return []Finding{
			doubt("doku", "DOKU reports a payment of an invoice that was made up", "look whether Config.DOKU.BaseURL is DOKU's own"),
			p.checkClock(answer.AnsweredAt),
		}
	}
	e, ok := errors.AsType[*doku.Error](err)
	if !ok {
		e = &doku.Error{Err: err}
	}
	return []Finding{p.readStatusError(e), p.checkClock(e.AnsweredAt)}
}

// readStatusError says what the answer about the invoice means.
func (p *Plugin) readStatusError(e *doku.Error) Finding {
	const check = "doku"
	env := string(p.client.Environment())
	got := "nothing"
	if e.HTTPStatus != 0 {
		got = fmt.Sprintf("HTTP %d", e.HTTPStatus)
	}
	if e.Code != "" {
		got += ", code " + e.Code
	}
	inactive := strings.Contains(strings.ToUpper(e.Message), "INACTIVE")
	switch {
	case inactive:
		return fault(check, "DOKU says that the channel is inactive ("+got+")", "have DOKU activate Kredivo for this account, in the "+env+" environment")
	case errors.Is(e, doku.ErrUnknownOrder) && e.Code == "" && e.Message == "":
		return doubt(check, "not DOKU's own answer ("+got+")", "look whether Config.DOKU.BaseURL, or a proxy on the way out, leads to DOKU")
	case errors.Is(e, doku.ErrUnknownOrder):
		return good(check, "DOKU's %s accepts Client-Id and secret key, and does not know an invoice that was made up (%s)", env, got)
	case errors.Is(e, doku.ErrClock):
		return fault(check, "DOKU refuses our timestamp ("+got+")", "set this machine's clock")
	case e.Code == "invalid_client_id":
		return fault(check, "DOKU's "+env+" does not know this Client-Id ("+got+")", "compare it with the Back Office, and Config.DOKU.Environment: sandbox and production have accounts of their own")
	case e.Code == "invalid_signature":
		return fault(check, "DOKU's "+env+" knows the Client-Id, but not the signature ("+got+")", "the secret key is another one's, or was replaced: copy it again from the Back Office of this environment")
	case errors.Is(e, doku.ErrUnauthorized):
		return fault(check, "DOKU refuses the request ("+got+")", "ask DOKU whether the account is active and may be used from this address; a proxy on the way out may drop headers")
	case errors.Is(e, doku.ErrUnavailable) && e.HTTPStatus == 0:
		return fault(check, "DOKU cannot be reached: "+netCause(e), "look at DNS, firewall and proxy on the way out to Config.DOKU.BaseURL")
	case errors.Is(e, doku.ErrUnavailable):
		return fault(check, "DOKU does not serve now ("+got+")", "try again later; payments in progress go on by themselves")
	case errors.Is(e, doku.ErrResponseSignature):
		return fault(check, "the answer is not signed with this secret key ("+got+")", "look whether Config.DOKU.BaseURL is DOKU's own")
	default:
		return doubt(check, "an answer that DOKU does not document ("+got+")", "look whether Config.DOKU.BaseURL, or a proxy on the way out, leads to DOKU")
	}
}

// checkClock compares our clock with DOKU's.
func (p *Plugin) checkClock(theirs time.Time) Finding {
	const check, do = "clock", "set this machine's clock, with NTP: DOKU refuses requests that are stamped more than an hour off"
	if theirs.IsZero() {
		return doubt(check, "DOKU's time is not known", "see that DOKU can be reached; until then compare this machine's clock with another one")
	}
	switch off := p.now().Sub(theirs).Round(time.Second); {
	case off.Abs() <= clockDoubt:
		return good(check, "within a minute of DOKU's")
	case off.Abs() < dokuWindow:
		return doubt(check, fmt.Sprintf("%v %s", off.Abs(), fastOrSlow(off)), do)
	default:
		return fault(check, fmt.Sprintf("%v %s", off.Abs(), fastOrSlow(off)), do)
	}
}

func fastOrSlow(off time.Duration) string {
	if off > 0 {
		return "ahead of DOKU's"
	}
	return "behind DOKU's"
}

// netCause names the usual ways in which a call fails before there is an answer. It repeats no URL.
func netCause(err error) string {
	dns, isDNS := errors.AsType[*net.DNSError](err)
	_, badCertificate := errors.AsType[*tls.CertificateVerificationError](err)
	host, wrongHost := errors.AsType[x509.HostnameError](err)
	switch {
	case isDNS && dns.IsNotFound:
		return "the name of the host does not exist"
	case isDNS:
		return "the name of the host cannot be looked up"
	case wrongHost:
		return "the TLS certificate is for another host than " + host.Host
	case badCertificate:
		return "the TLS certificate is not trusted, or has expired"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "the connection is refused: nothing listens there"
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "no answer in time"
	case errors.Is(err, context.Canceled):
		return "the check was ended"
	default:
		return "the connection failed or was cut"
	}
}
