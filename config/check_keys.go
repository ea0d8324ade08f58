package config

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// sealBytes is the length of the sealing key: AES-256.
const sealBytes = 32

// SealKey returns the 32 bytes of keys.seal. ok is false when it is not set:
// the key then lives in SealPath, made at the first start.
func (c Config) SealKey() (key []byte, ok bool) {
	key, err := decodeSeal(c.Keys.Seal.Reveal())
	return key, err == nil
}

// SealPath is the file that holds the sealing key when keys.seal is not set.
func (c Config) SealPath() string { return filepath.Join(c.DataDir, "keys", "seal.key") }

// decodeSeal takes base64 with or without padding, of either alphabet, because
// tools differ in which they print.
func decodeSeal(text string) ([]byte, error) {
	text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	key, err := base64.RawStdEncoding.DecodeString(text)
	if err == nil && len(key) != sealBytes {
		err = errors.New("config: a sealing key has 32 bytes")
	}
	return key, err
}

func (l *loader) checkKeys() {
	if !l.c.Keys.Seal.Empty() {
		if _, ok := l.c.SealKey(); !ok {
			l.wrong("keys.seal", "is not 32 bytes in base64", "make one with: openssl rand -base64 32")
		}
		return
	}
	if u := l.c.Database.URL.URL(); u != nil && u.Scheme != "sqlite" {
		if _, err := l.src.ReadFile(l.c.SealPath()); errors.Is(err, fs.ErrNotExist) {
			l.warn("keys.seal", "is not set, so a key is made in the data folder of this server only",
				"give every server on this database the same one: openssl rand -base64 32", "database.url")
		}
	}
}

func (l *loader) checkDatabase() {
	u := l.c.Database.URL.URL()
	const try = "write sqlite:PATH or postgres://user:password@host/name"
	switch {
	case u == nil:
		l.wrong("database.url", "is empty", try)
	case u.Scheme == "sqlite" && u.Opaque == "":
		l.wrong("database.url", "names no file", try)
	case u.Scheme == "postgres" || u.Scheme == "postgresql":
		// A host may be missing or be a socket's folder in the query, as libpq has it.
		if u.Opaque != "" {
			l.wrong("database.url", "has no // behind its scheme", try)
		}
	case u.Scheme != "sqlite":
		l.wrong("database.url", "names neither SQLite nor PostgreSQL", try)
	}
}

func (l *loader) checkTLS() {
	t := l.c.Server.TLS
	switch {
	case len(t.AutocertDomains) > 0 && (t.Cert != "" || t.Key != ""):
		l.wrong("server.tls.autocert_domains", "is set together with a certificate file", "keep one of the two")
	case t.Cert != "" && t.Key == "":
		l.wrong("server.tls.cert", "is set without server.tls.key", "set both", "server.tls.key")
	case t.Key != "" && t.Cert == "":
		l.wrong("server.tls.key", "is set without server.tls.cert", "set both", "server.tls.cert")
	case t.Cert != "":
		l.checkPair(t.Cert, t.Key)
	}
	for _, d := range t.AutocertDomains {
		if !hostName(d) {
			l.wrong("server.tls.autocert_domains", quoted(d)+" is not a public host name", "write names such as id.example.com")
		}
	}
	u := l.c.Server.PublicURL.URL()
	if u == nil || len(t.AutocertDomains) == 0 {
		return
	}
	if !slices.Contains(t.AutocertDomains, u.Hostname()) {
		l.wrong("server.tls.autocert_domains", "does not hold the host of server.public_url", "add "+quoted(u.Hostname()), "server.public_url")
	}
}

// checkPair reads the certificate now, so that config check finds what would
// otherwise stop a start or, worse, a reload.
func (l *loader) checkPair(certPath, keyPath string) {
	cert, err := l.src.ReadFile(certPath)
	if err != nil {
		l.wrong("server.tls.cert", "cannot be read: "+reason(err), "check the path and who may read it")
	}
	key, keyErr := l.src.ReadFile(keyPath)
	if keyErr != nil {
		l.wrong("server.tls.key", "cannot be read: "+reason(keyErr), "check the path and who may read it")
	}
	if err != nil || keyErr != nil {
		return
	}
	if _, err := tls.X509KeyPair(cert, key); err != nil {
		l.wrong("server.tls.cert", "does not work with server.tls.key: "+strings.TrimPrefix(err.Error(), "tls: "), "give the PEM chain and the unencrypted PEM key made for it")
	}
}
