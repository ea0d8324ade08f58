package config

import (
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

func (l *loader) checkBrand() {
	b := l.c.Brand
	if ext := strings.ToLower(filepath.Ext(b.Logo)); b.Logo != "" && !slices.Contains([]string{".svg", ".png", ".webp"}, ext) {
		l.wrong("brand.logo", "is not an image that every browser shows", "give a .svg, .png or .webp file")
	}
	l.checkLink("brand.terms_url", b.TermsURL)
	l.checkLink("brand.privacy_url", b.PrivacyURL)
	if u := b.HelpURL.URL(); u == nil || u.Scheme != "mailto" {
		l.checkLink("brand.help_url", b.HelpURL)
	}
	if n := utf8.RuneCountInString(l.c.Server.Name); n == 0 || n > 64 {
		l.wrong("server.name", "is empty or longer than 64 characters", "write what people call your service")
	}
}

// checkLink keeps javascript: and data: out of our pages, where they would run as us.
func (l *loader) checkLink(key string, link URL) {
	u := link.URL()
	if u != nil && (u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil) {
		l.wrong(key, "is not a web address", "write it as https://example.com/page")
	}
}

func (l *loader) checkNames() {
	for _, d := range l.c.SignUp.AllowedDomains {
		if !hostName(d) {
			l.wrong("sign_up.allowed_domains", quoted(d)+" is not a mail domain", "write what follows the @, such as example.com")
		}
	}
	if len(l.c.Web.Locales) == 0 {
		l.wrong("web.locales", "is empty", `write one at least: ["en"]`)
	}
	for _, tag := range l.c.Web.Locales {
		if !locale(tag) {
			l.wrong("web.locales", quoted(tag)+" is not a language tag", "write tags such as en, de or pt-BR")
		}
	}
	for _, o := range l.c.ReturnTo.Allow {
		l.checkOrigin(o)
	}
}

// checkOrigin wants the exact text of an Origin header, because it is compared as one.
func (l *loader) checkOrigin(o string) {
	const key = "return_to.allow"
	u, err := url.Parse(o)
	switch {
	case err != nil || !isOrigin(u) || u.Scheme != "https" && u.Scheme != "http" || strings.Contains(o, "*"):
		l.wrong(key, quoted(o)+" is not an origin", "write scheme, host and port exactly: https://app.example.com")
	case o != u.Scheme+"://"+browserHost(u):
		l.wrong(key, quoted(o)+" is not how browsers spell it", "write "+u.Scheme+"://"+browserHost(u))
	case u.Scheme == "http" && !loopback(u.Hostname()) && !l.c.Server.InsecureHTTP:
		l.wrong(key, quoted(o)+" is http on a host that is not this machine", "use https", "server.insecure_http")
	}
}

// checkReach warns of what looks right on one machine and is not for people elsewhere.
func (l *loader) checkReach() {
	c := l.c
	u := c.Server.PublicURL.URL()
	if u == nil {
		return
	}
	public := !loopback(u.Hostname())
	ownTLS := c.Server.TLS.Cert != "" || len(c.Server.TLS.AutocertDomains) > 0
	if public && c.Notify.SMTP.URL.Empty() {
		l.warn("notify.smtp.url", "is not set, so no mail leaves this server and nobody can prove an address or recover",
			"set it to smtp://user:password@host:587")
	}
	if public && !c.Notify.SMTP.URL.Empty() && !l.given("notify.from") {
		l.warn("notify.from", "is still the default, which mail servers refuse", "write it as Example <no-reply@example.com>", "notify.smtp.url")
	}
	if public && u.Scheme == "http" {
		l.warn("server.public_url", "is http, so passwords and cookies travel readable", "use https")
	}
	if public && u.Scheme == "https" && !ownTLS && len(c.Proxy.Trusted) == 0 {
		l.warn("proxy.trusted", "is empty, so behind a proxy everybody seems to come from one address and shares its limits",
			"name your proxy's address, such as proxy.trusted = [\"127.0.0.1\"]")
	}
	if !public && !local(c.Server.Listen) {
		l.warn("server.listen", "can be reached from other machines, but server.public_url names this one only",
			"set server.public_url, or listen on 127.0.0.1", "server.public_url")
	}
}

// hostName accepts a DNS name of two labels at least, in ASCII (RFC 1123).
func hostName(s string) bool {
	labels := strings.Split(s, ".")
	if len(labels) < 2 || len(s) > 253 {
		return false
	}
	for _, label := range labels {
		if !bare(label) || strings.Contains(label, "_") || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") || len(label) > 63 {
			return false
		}
	}
	_, err := netip.ParseAddr(s)
	return err != nil
}

// locale accepts the shape of a BCP 47 tag; whether there is a catalogue for it
// is for the catalogue to say.
func locale(tag string) bool {
	for i, part := range strings.Split(tag, "-") {
		if !bare(part) || strings.Contains(part, "_") || len(part) > 8 || i == 0 && (len(part) < 2 || len(part) > 3) {
			return false
		}
	}
	return true
}
