package config

import (
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
)

// derive fills the defaults that follow from other settings, and brings values
// that are compared later into one spelling.
func (l *loader) derive() {
	c := l.c
	if !l.given("database.url") {
		// A path may hold anything but control characters, which a folder of ours does not have.
		_ = c.Database.URL.UnmarshalText([]byte("sqlite:" + filepath.Join(c.DataDir, "countersign.db")))
	}
	if !l.given("server.public_url") {
		_ = c.Server.PublicURL.UnmarshalText([]byte(l.publicURL()))
	}
	l.tidyPublicURL()
	for _, names := range []*[]string{&c.SignUp.AllowedDomains, &c.Server.TLS.AutocertDomains} {
		for i, n := range *names {
			(*names)[i] = strings.ToLower(n)
		}
	}
}

// given reports whether someone wrote the key, well or badly.
func (l *loader) given(key string) bool {
	_, ok := l.c.origins[key]
	return ok || l.bad[key]
}

// publicURL is what a browser on this machine, or one that follows the
// certificate, would use. Port 0 stays: the server writes in the one it got.
func (l *loader) publicURL() string {
	scheme, host, usual := "http", "localhost", "80"
	if tls := l.c.Server.TLS; len(tls.AutocertDomains) > 0 {
		scheme, host, usual = "https", tls.AutocertDomains[0], "443"
	} else if tls.Cert != "" {
		scheme, usual = "https", "443"
	}
	if _, port, err := net.SplitHostPort(l.c.Server.Listen); err == nil && port != usual {
		host = net.JoinHostPort(host, port)
	}
	return scheme + "://" + host
}

// tidyPublicURL spells it as browsers do, so that comparing texts is enough.
func (l *loader) tidyPublicURL() {
	u := l.c.Server.PublicURL.URL()
	if u == nil || u.Path != "" && u.Path != "/" {
		return
	}
	u.Path = ""
	u.Host = browserHost(u)
	_ = l.c.Server.PublicURL.UnmarshalText([]byte(u.String()))
}

// browserHost is host and port as they stand in an Origin header (RFC 6454):
// lower case, without the scheme's own port.
func browserHost(u *url.URL) string {
	host, port := strings.ToLower(u.Host), u.Port()
	if port == "" || u.Scheme == "http" && port == "80" || u.Scheme == "https" && port == "443" {
		host = strings.TrimSuffix(strings.TrimSuffix(host, port), ":")
	}
	return host
}

// loopback reports whether a host can only be this machine (RFC 6761 for the names).
func loopback(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// local reports whether a listener is reachable from this machine only.
func local(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	return err == nil && loopback(host)
}

// isOrigin reports whether the URL is scheme, host and perhaps port, and no more.
func isOrigin(u *url.URL) bool {
	bare := url.URL{Scheme: u.Scheme, Host: u.Host}
	return u.Hostname() != "" && bare.String() == u.String()
}
