package notify

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// mostAnswer is how much of an answer is read: enough for its error code.
const mostAnswer = 64 << 10

// endpoint is one HTTP address that takes messages.
type endpoint struct {
	who     string // in errors; the address itself may hold a secret
	url     *url.URL
	client  *http.Client
	timeout time.Duration
	now     func() time.Time
}

// newEndpoint checks an address: https, or http on this machine. Its errors
// never show it. No redirect is followed, because what we send is a secret meant
// for one place. A nil transport is one of our own with the system's authorities.
func newEndpoint(who, address string, timeout time.Duration, transport http.RoundTripper, now func() time.Time) (*endpoint, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "" || u.Fragment != "":
		return nil, fmt.Errorf("notify: the address of %s is not a URL", who)
	case u.User != nil:
		return nil, fmt.Errorf("notify: the address of %s holds a name or a password; they have settings of their own", who)
	case u.Scheme != "https" && !(u.Scheme == "http" && loopback(u.Hostname())):
		return nil, fmt.Errorf("notify: the address of %s must begin with https://; http:// is for this machine only", who)
	}
	if transport == nil {
		transport = &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true,
			MaxIdleConnsPerHost: parallel, IdleConnTimeout: time.Minute, MaxResponseHeaderBytes: mostAnswer,
		}
	}
	if timeout <= 0 {
		timeout = 10 * time.Second
	}
	if now == nil {
		now = time.Now
	}
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &endpoint{who, u, client, timeout, now}, nil
}

// post sends one body and judges the answer, of which it returns what it has read.
// The whole of it is bounded in time and in size.
func (e *endpoint) post(ctx context.Context, body []byte, set func(*http.Request)) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, e.timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, e.url.String(), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("notify: %s: the request cannot be made", e.who)
	}
	r.Header.Set("User-Agent", "countersign")
	set(r)
	answer, err := e.client.Do(r)
	if err != nil {
		return nil, fmt.Errorf("notify: %s cannot be reached: %w", e.who, quiet(err))
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, mostAnswer)) // the status decides, whatever became of the rest
	return text, e.judge(answer)
}

// quiet takes the address out of an error, and what else a server or a proxy
// may have put into it: only the sort of failure is told.
func quiet(err error) error {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case errors.As(err, &timeout) && timeout.Timeout():
		return context.DeadlineExceeded
	}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		return errors.New("its certificate is not to be trusted")
	}
	return errors.New("the connection failed")
}

// judge tells refusals of this message from everything else. 401, 403, 404 and
// 407 speak of us or of the address, not of the message: like a wrong password
// at a mail server they are for the operator to mend, so the message waits.
func (e *endpoint) judge(answer *http.Response) error {
	status := answer.StatusCode
	switch {
	case status >= 200 && status < 300:
		return nil
	case status >= 300 && status < 400:
		return fmt.Errorf("notify: %s answered %d, a redirect, which is not followed", e.who, status)
	}
	err := fmt.Errorf("notify: %s answered %d", e.who, status)
	switch status {
	case 401, 403, 404, 407:
		return err
	case 408, 425, 429:
	default:
		if status < 500 {
			return fmt.Errorf("%w: %w", err, ErrPermanent)
		}
	}
	if after, ok := retryAfter(answer.Header.Get("Retry-After"), e.now()); ok {
		return &Later{After: after, Err: err}
	}
	return err
}

// retryAfter reads seconds or a date (RFC 9110 section 10.2.3).
func retryAfter(given string, now time.Time) (time.Duration, bool) {
	if s, err := strconv.ParseUint(given, 10, 31); err == nil {
		return time.Duration(s) * time.Second, true
	}
	t, err := http.ParseTime(given)
	if err != nil {
		return 0, false
	}
	return max(0, t.Sub(now)), true
}

// oneWord reports whether a setting can stand in a header or in a path.
func oneWord(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII || r <= ' ' || r == 0x7f })
}
