package notify

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// target is what an SMTP URL says.
type target struct {
	host, user, password string
	port                 int
	implicit             bool // TLS from the first byte (RFC 8314), not by STARTTLS
	insecure             bool // no TLS at all
}

// The values of the insecure_tls parameter.
const (
	noneHere     = "none"                  // the mail server is on this machine
	noneAnywhere = "none-over-the-network" // whoever can listen on the way reads every code
)

// parseTarget reads smtp://user:password@host:587 (STARTTLS is required) or
// smtps://user:password@host:465. Without TLS codes and the password are
// readable on the way, so that needs ?insecure_tls=none, which is believed only
// for loopback; for any other host one has to say none-over-the-network.
//
// No error repeats the URL, because it holds a password.
func parseTarget(raw string) (target, error) {
	u, err := url.Parse(raw)
	if err != nil {
		return target{}, errors.New("notify: the SMTP URL cannot be parsed; a password with odd characters must be percent-encoded")
	}
	t := target{host: u.Hostname(), implicit: u.Scheme == "smtps", port: 587}
	if t.implicit {
		t.port = 465
	}
	switch {
	case u.Scheme != "smtp" && u.Scheme != "smtps":
		return target{}, errors.New("notify: the SMTP URL must begin with smtp:// or smtps://")
	case t.host == "":
		return target{}, errors.New("notify: the SMTP URL names no host")
	case u.Path != "" && u.Path != "/":
		return target{}, errors.New("notify: the SMTP URL has a path, which means nothing")
	case u.Fragment != "":
		return target{}, errors.New("notify: the SMTP URL has a #; in a password it is written %23")
	}
	if u.Port() != "" {
		if t.port, err = strconv.Atoi(u.Port()); err != nil || t.port < 1 || t.port > 65535 {
			return target{}, errors.New("notify: the SMTP URL has a port that is none")
		}
	}
	t.user = u.User.Username()
	t.password, _ = u.User.Password()
	if (t.user == "") != (t.password == "") {
		return target{}, errors.New("notify: the SMTP URL has a user or a password, but not both")
	}
	return t, t.options(u)
}

// options reads the query and refuses what it does not know.
func (t *target) options(u *url.URL) error {
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return errors.New("notify: the parameters of the SMTP URL cannot be parsed")
	}
	for name, values := range query {
		if name != "insecure_tls" {
			return fmt.Errorf("notify: the SMTP URL has an unknown parameter %q; there is only insecure_tls", name)
		}
		switch {
		case t.implicit || len(values) != 1:
			return errors.New("notify: insecure_tls is said once, and with smtp:// only")
		case values[0] == noneAnywhere, values[0] == noneHere && loopback(t.host):
			t.insecure = true
		case values[0] == noneHere:
			return fmt.Errorf("notify: insecure_tls=%s is for a mail server on this machine; for another it is insecure_tls=%s", noneHere, noneAnywhere)
		default:
			return fmt.Errorf("notify: insecure_tls is %s or %s", noneHere, noneAnywhere)
		}
	}
	return nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// quietError is an error whose text has lost the password that a mail server
// repeated in its answer. It still is what it wraps.
type quietError struct {
	error
	text string
}

func (e quietError) Error() string { return e.text }
func (e quietError) Unwrap() error { return e.error }

// quiet takes the password out of an error, as it is and as AUTH sends it
// (RFC 4954; RFC 4616), in whole or as the end of what was sent.
func (t target) quiet(err error) error {
	if err == nil || t.password == "" {
		return err
	}
	text := err.Error()
	for _, secret := range []string{"\x00" + t.user + "\x00" + t.password, t.password, t.user + ":" + t.password} {
		for _, shape := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawStdEncoding.EncodeToString([]byte(secret))} {
			text = strings.ReplaceAll(text, shape, "(password)")
		}
	}
	if text == err.Error() {
		return err
	}
	return quietError{err, text}
}
