package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/ids"
	"github.com/countersign-id/countersign/internal/lang"
	"github.com/countersign-id/countersign/notify"
)

// patience bounds each conversation with another machine.
const patience = 10 * time.Second

// mail connects, secures and authenticates; it sends a letter only when told to.
func (v *visit) mail(ctx context.Context) {
	const check = "mail"
	c := v.conf.Notify
	if c.SMTP.URL.Empty() {
		if v.sendTest != "" {
			v.fail(check, "set notify.smtp.url (COUNTERSIGN_NOTIFY__SMTP__URL)", "no mail server is configured, so no test mail was sent")
			return
		}
		v.fine(check, "no mail server is configured; mails stay in the development inbox")
		return
	}
	smtp, err := notify.NewSMTP(c.SMTP.URL.Reveal(), c.From)
	if err != nil {
		v.fail(check, "mend notify.smtp.url (COUNTERSIGN_NOTIFY__SMTP__URL) or notify.from", "%v", err)
		return
	}
	smtp.Timeout = patience
	if err := smtp.Probe(ctx); err != nil {
		v.fail(check, "check host, port, user and password in notify.smtp.url (COUNTERSIGN_NOTIFY__SMTP__URL)", "%v", err)
		return
	}
	if v.sendTest == "" {
		v.fine(check, "%s takes our mail; try --send-test ADDRESS", c.SMTP.URL.URL().Host)
		return
	}
	if err := v.letter(ctx, smtp); err != nil {
		v.fail(check, "check notify.from and what the mail server says", "the test mail was not sent: %v", err)
		return
	}
	v.fine(check, "%s took a test mail to %s", c.SMTP.URL.URL().Host, v.sendTest)
}

func (v *visit) letter(ctx context.Context, to notify.Sender) error {
	words, err := lang.Load(v.conf.Web.Locales, notify.Words())
	if err != nil {
		return err
	}
	letters, err := notify.NewLetters(notify.Brand{Name: v.conf.Server.Name, URL: v.conf.Server.PublicURL.URL().String(), Hue: v.conf.Brand.Hue}, words, nil)
	if err != nil {
		return err
	}
	r, err := letters.Render(countersign.Message{
		ID: ids.New("msg", v.now()), Channel: "email", To: v.sendTest, Template: "test", Locale: v.conf.Web.Locales[0], CreatedAt: v.now(),
	})
	if err != nil {
		return err
	}
	return to.Send(ctx, r)
}

// soon is when a certificate should have been renewed; authorities suggest 30 days before its end.
const soon = 21 * 24 * time.Hour

func (v *visit) tls(context.Context) {
	const check = "TLS"
	t, public := v.conf.Server.TLS, v.conf.Server.PublicURL.URL()
	switch {
	case len(t.AutocertDomains) > 0:
		v.fine(check, "certificates for %s come by ACME; port 443 must lead here", strings.Join(t.AutocertDomains, ", "))
		return
	case t.Cert == "" && public.Scheme == "https":
		v.fine(check, "the server speaks plain HTTP; a proxy must speak TLS for %s", public.Host)
		return
	case t.Cert == "":
		v.fine(check, "is off")
		return
	}
	pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		v.fail(check, "mend server.tls.cert and server.tls.key", "%v", err)
		return
	}
	v.certificate(check, pair.Leaf, public.Hostname())
}

func (v *visit) certificate(check string, leaf *x509.Certificate, host string) {
	left := leaf.NotAfter.Sub(v.now())
	const renew = "renew it, then send the server SIGHUP"
	switch {
	case left <= 0:
		v.fail(check, renew, "the certificate ended on %s", stamp(leaf.NotAfter))
	case v.now().Before(leaf.NotBefore):
		v.fail(check, "check the clock, or wait", "the certificate begins on %s", stamp(leaf.NotBefore))
	case left < soon:
		v.warn(check, renew, "the certificate ends in %d days", int(left.Hours()/24))
	default:
		v.fine(check, "the certificate is good for %d days", int(left.Hours()/24))
	}
	if err := leaf.VerifyHostname(host); err != nil {
		v.fail(check, "get one for this host, or mend server.public_url (COUNTERSIGN_SERVER__PUBLIC_URL)", "the certificate is not for %s", host)
	}
}

// address asks for our own page through the public URL, when a server runs here.
func (v *visit) address(ctx context.Context) {
	const check = "public URL"
	public := v.conf.Server.PublicURL.URL()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := net.DefaultResolver.LookupHost(ctx, public.Hostname()); err != nil {
		v.fail(check, "mend the DNS entry or server.public_url (COUNTERSIGN_SERVER__PUBLIC_URL)", "%s is not found: %v", public.Hostname(), err)
		return
	}
	if !v.running(ctx) {
		v.fine(check, "%s; no server runs here now, so nothing was asked of it", public)
		return
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(public.String(), "/")+"/v1/session", nil)
	if err != nil {
		v.fail(check, "mend server.public_url", "%v", err)
		return
	}
	answer, err := asking().Do(r)
	if err != nil {
		v.warn(check, "check the proxy, the firewall and server.public_url (COUNTERSIGN_SERVER__PUBLIC_URL)", "%s does not answer: %v", public, errors.Unwrap(err))
		return
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusUnauthorized || answer.Header.Get("X-Request-Id") == "" {
		v.warn(check, "let the proxy pass every path to "+v.conf.Server.Listen, "%s does not lead to this server (it answered %s)", public, answer.Status)
		return
	}
	v.fine(check, "%s leads to a server that answers", public)
}

// running asks the operations listener, which only this machine should reach.
func (v *visit) running(ctx context.Context) bool {
	if v.conf.Operations.Listen == "" {
		return false
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+v.conf.Operations.Listen+"/readyz", nil)
	if err != nil {
		return false
	}
	answer, err := asking().Do(r)
	if err != nil {
		return false
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		v.fail("server", "read its log", "a server runs here and is not ready (%s)", answer.Status)
		return false
	}
	v.fine("server", "runs and is ready")
	return true
}

// proxy refuses networks so wide that anybody could claim to come from anywhere.
func (v *visit) proxy(context.Context) {
	const check = "proxy"
	for _, p := range v.conf.Proxy.Trusted {
		if wide(p) {
			v.fail(check, "name the proxy's own address in proxy.trusted (COUNTERSIGN_PROXY__TRUSTED)",
				"proxy.trusted holds %s: whoever comes from there can claim any address and escape every limit", p)
			return
		}
	}
	if n := len(v.conf.Proxy.Trusted); n > 0 {
		v.fine(check, "X-Forwarded-For is believed from %d network(s)", n)
		return
	}
	v.fine(check, "no proxy is trusted; forwarded headers are ignored")
}

// asking follows nobody elsewhere: a redirect is an answer of its own.
func asking() *http.Client {
	return &http.Client{Timeout: patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func wide(p netip.Prefix) bool {
	if p.Addr().Is4() {
		return p.Bits() < 8
	}
	return p.Bits() < 32
}

// clock compares the wall clock with the monotonic one, and with the program's age.
func (v *visit) clock(begin time.Time) {
	const check = "clock"
	const mend = "set the clock by NTP: timedatectl set-ntp true"
	end := v.now()
	stepped := end.Round(0).Sub(begin.Round(0)) - end.Sub(begin)
	made, err := time.Parse(time.RFC3339, thisBuild().At)
	switch {
	case stepped.Abs() > 100*time.Millisecond:
		v.warn(check, mend, "it was set by %s while this ran", stepped.Round(time.Millisecond))
	case err == nil && end.Before(made), end.Year() < 2026:
		v.fail(check, mend, "it says %s, which is before this program was made", stamp(end))
	default:
		v.fine(check, "it says %s", stamp(end))
	}
}

// memory compares what hashing may fill with what there is.
func (v *visit) memory(context.Context) {
	const check = "memory"
	have, per := memoryMiB(), v.conf.Password.Hash.MemoryKiB
	most := per * runtime.GOMAXPROCS(0) >> 10
	if m := int64(v.conf.Password.MaxMemory); m > 0 {
		most = min(most, int(m>>20))
	}
	switch {
	case have == 0:
		v.fine(check, "hashing takes %d MiB at most; what this machine has is not known", most)
	case most > have/2:
		v.warn(check, "set password.max_memory (COUNTERSIGN_PASSWORD__MAX_MEMORY) or run countersign calibrate", "hashing may take %d of %d MiB", most, have)
	default:
		v.fine(check, "hashing takes %d of %d MiB at most", most, have)
	}
}
