package server

import (
	"crypto/tls"
	"fmt"
	"path/filepath"
	"sync/atomic"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/countersign-id/countersign/config"
)

// certificates are the server's own for TLS: from files, read again on Reload,
// or from a certificate authority by ACME (RFC 8555).
type certificates struct {
	current atomic.Pointer[tls.Certificate]
	auto    *autocert.Manager
}

// newCertificates returns nil when the server speaks plain HTTP.
func newCertificates(c config.Config) (*certificates, error) {
	t := c.Server.TLS
	switch {
	case len(t.AutocertDomains) > 0:
		return &certificates{auto: &autocert.Manager{
			// Only these names: else anyone could make us ask for certificates until the
			// authority refuses us all.
			Prompt: autocert.AcceptTOS, HostPolicy: autocert.HostWhitelist(t.AutocertDomains...), Email: t.AutocertEmail,
			Cache: autocert.DirCache(filepath.Join(c.DataDir, "keys", "acme")),
		}}, nil
	case t.Cert != "":
		own := &certificates{}
		return own, own.load(c)
	}
	return nil, nil
}

// load takes certificate and key together or not at all, so that a renewal that is
// half written leaves the old pair in use.
func (own *certificates) load(c config.Config) error {
	pair, err := tls.LoadX509KeyPair(c.Server.TLS.Cert, c.Server.TLS.Key)
	if err != nil {
		return fmt.Errorf("server: tls: %w", err)
	}
	own.current.Store(&pair)
	return nil
}

// config speaks TLS 1.2 and later, HTTP/2 first (RFC 9325).
func (own *certificates) config() *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	if own.auto != nil {
		c.GetCertificate = own.auto.GetCertificate
		// The authority asks on this very port (tls-alpn-01, RFC 8737), so no port 80 is needed.
		c.NextProtos = append(c.NextProtos, acme.ALPNProto)
		return c
	}
	c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return own.current.Load(), nil }
	return c
}

// Reload reads the TLS files again, as after a renewal. When they cannot be
// read the old certificate stays.
func (s *Server) Reload(c config.Config) error {
	if s.tls == nil || s.tls.auto != nil {
		return nil
	}
	return s.tls.load(c)
}
