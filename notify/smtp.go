package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"strings"
	"time"
	"unicode"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// SMTP hands letters to a mail server by SMTP (RFC 5321), over TLS unless the
// URL says otherwise in so many words. Each letter gets its own connection: a
// worker that sends a few at once has no use for a pool, and a connection that
// went stale cannot be mistaken for a letter that was refused.
type SMTP struct {
	// Roots are the authorities that the mail server's certificate may come
	// from; nil for those of the system.
	Roots *x509.CertPool
	// Timeout bounds each half with the server: connecting and greeting, then the
	// letter. 0 means 30 s; over 40 s a worker may lose its claim while it sends.
	Timeout time.Duration

	to   target
	from mail.Address
}

// NewSMTP reads the URL of the mail server and the sender's address, which may
// carry a name: "Acme <no-reply@example.com>". Its errors never show the URL.
func NewSMTP(rawURL, from string) (*SMTP, error) {
	to, err := parseTarget(rawURL)
	if err != nil {
		return nil, err
	}
	sender, err := mail.ParseAddress(from)
	if err != nil || strings.ContainsFunc(sender.Name+sender.Address, unicode.IsControl) {
		return nil, fmt.Errorf("notify: %q is not an address to send from", from)
	}
	return &SMTP{to: to, from: *sender}, nil
}

// Send hands over one letter. It is done when the server has taken the letter,
// even if the connection then ends badly; it is ErrPermanent when the server
// refused this reader or this letter with a 5xx reply. Whatever else goes wrong
// (the network, TLS, the password, the sender's address) concerns every letter
// alike and is for the operator to mend, so the letter waits.
func (s *SMTP) Send(ctx context.Context, r Rendered) error {
	letter, err := s.compose(r)
	if err != nil {
		return err
	}
	err = s.converse(ctx, func(client *gomail.Client, connection *smtp.Client) error {
		return client.SendWithSMTPClient(connection, letter)
	})
	if letter.IsDelivered() {
		return nil
	}
	return judge(err)
}

// Probe connects, secures the connection and authenticates, and sends nothing.
func (s *SMTP) Probe(ctx context.Context) error {
	return s.converse(ctx, func(*gomail.Client, *smtp.Client) error { return nil })
}

// converse opens a connection for one act and closes it, politely if it can.
func (s *SMTP) converse(ctx context.Context, act func(*gomail.Client, *smtp.Client) error) error {
	ctx, cancel := context.WithTimeout(ctx, 2*s.timeout())
	defer cancel()
	client, err := s.client(ctx)
	if err != nil {
		return err
	}
	connection, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return fmt.Errorf("notify: reach the mail server: %w", s.to.quiet(err))
	}
	defer func() { _ = client.CloseWithSMTPClient(connection) }()
	return s.to.quiet(act(client, connection))
}

// judge tells refusals of this letter from everything else.
func judge(err error) error {
	var reply *gomail.SendError
	if !errors.As(err, &reply) {
		return err // before the letter was even offered
	}
	aboutLetter := reply.Reason == gomail.ErrSMTPRcptTo || reply.Reason == gomail.ErrSMTPData || reply.Reason == gomail.ErrSMTPDataClose
	code := reply.ErrorCode()
	if aboutLetter && code >= 500 && code != 530 && code != 535 { // RFC 4954: authentication is needed, or failed
		return fmt.Errorf("notify: refused: %w: %w", ErrPermanent, err)
	}
	return fmt.Errorf("notify: send: %w", err)
}

// compose writes the letter. It is the last place before the wire, so it checks
// once more what would break a header, whoever rendered it.
func (s *SMTP) compose(r Rendered) (*gomail.Msg, error) {
	if err := plainAddress(r.To); err != nil {
		return nil, err
	}
	if r.Subject == "" || strings.ContainsFunc(r.Subject, unicode.IsControl) {
		return nil, fmt.Errorf("notify: a subject of more or less than one line: %w", ErrPermanent)
	}
	if r.ID == "" || strings.ContainsFunc(r.ID, func(c rune) bool {
		return c > unicode.MaxASCII || !(unicode.IsLetter(c) || unicode.IsDigit(c) || c == '_' || c == '-')
	}) {
		return nil, fmt.Errorf("notify: a message id that cannot stand in a header: %w", ErrPermanent)
	}
	letter := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	letter.FromMailAddress(&s.from)
	if err := letter.To(r.To); err != nil {
		return nil, fmt.Errorf("notify: the reader's address: %w", ErrPermanent)
	}
	letter.Subject(r.Subject)
	letter.SetDateWithValue(r.At)
	letter.SetMessageIDWithValue(r.ID + "@" + s.domain())
	// RFC 3834: keeps out-of-office replies from answering.
	letter.SetGenHeader("Auto-Submitted", "auto-generated")
	letter.SetBodyString(gomail.TypeTextPlain, r.Text)
	letter.AddAlternativeString(gomail.TypeTextHTML, r.HTML)
	return letter, nil
}

// client sets up the conversation: TLS as the URL says, and the strongest way to
// authenticate that the server offers. The password itself is never sent over a
// connection without TLS unless the URL asked for one.
func (s *SMTP) client(ctx context.Context) (*gomail.Client, error) {
	config := &tls.Config{ServerName: s.to.host, RootCAs: s.Roots, MinVersion: tls.VersionTLS12}
	options := []gomail.Option{
		gomail.WithPort(s.to.port), gomail.WithTimeout(s.timeout()), gomail.WithHELO(s.domain()), gomail.WithTLSConfig(config),
		gomail.WithDialContextFunc(s.dialer(ctx, config)),
	}
	switch {
	case s.to.implicit:
		options = append(options, gomail.WithSSL())
	case s.to.insecure:
		options = append(options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if s.to.user != "" {
		options = append(options, gomail.WithUsername(s.to.user), gomail.WithPassword(s.to.password), s.mechanisms())
	}
	client, err := gomail.NewClient(s.to.host, options...)
	if err != nil {
		return nil, fmt.Errorf("notify: prepare the mail server's connection: %w", err)
	}
	return client, nil
}

func (s *SMTP) mechanisms() gomail.Option {
	plain, login := gomail.SMTPAuthPlain, gomail.SMTPAuthLogin
	if s.to.insecure {
		plain, login = gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc
	}
	return gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256PLUS, gomail.SMTPAuthSCRAMSHA256,
		gomail.SMTPAuthSCRAMSHA1PLUS, gomail.SMTPAuthSCRAMSHA1, gomail.SMTPAuthCramMD5, plain, login)
}

// dialer connects, and ties the connection to ctx: go-mail looks at a context
// only while it connects, and a server that is told to stop must not wait for a
// mail server that has fallen silent. The context that go-mail passes on ends
// with the connecting, so it cannot be the one.
func (s *SMTP) dialer(ctx context.Context, config *tls.Config) gomail.DialContextFunc {
	return func(connecting context.Context, network, address string) (net.Conn, error) {
		var connection net.Conn
		var err error
		if s.to.implicit {
			connection, err = (&tls.Dialer{Config: config}).DialContext(connecting, network, address)
		} else {
			connection, err = (&net.Dialer{}).DialContext(connecting, network, address)
		}
		if err == nil {
			context.AfterFunc(ctx, func() { _ = connection.Close() })
		}
		return connection, err
	}
}

func (s *SMTP) timeout() time.Duration {
	if s.Timeout > 0 {
		return s.Timeout
	}
	return 30 * time.Second
}

// domain is the sender's, which names us in the greeting and in message ids.
func (s *SMTP) domain() string {
	return s.from.Address[strings.LastIndexByte(s.from.Address, '@')+1:]
}
