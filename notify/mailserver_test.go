package notify_test

import (
	"bufio"
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// mailServer speaks enough of RFC 5321, 3207 and 4954 to be told from a real one
// by no client, and misbehaves on request.
type mailServer struct {
	plainOnly bool   // does not offer STARTTLS
	implicit  bool   // TLS from the first byte
	auth      string // mechanisms offered once TLS is up (or at once when plainOnly)
	user      string
	password  string

	listener net.Listener
	config   *tls.Config
	roots    *x509.CertPool

	mu      sync.Mutex
	script  map[string][]string // replies to give instead, by command; "cut" ends the connection
	letters []delivered
	stalled chan struct{} // closed when a "stall" is reached
}

// delivered is one letter that the server took.
type delivered struct {
	from, to, data, user, mechanism string
	secure                          bool
}

func startMailServer(t testing.TB, s *mailServer) *mailServer {
	t.Helper()
	// The test server of net/http has a certificate for 127.0.0.1.
	web := httptest.NewTLSServer(http.NotFoundHandler())
	s.config = &tls.Config{Certificates: web.TLS.Certificates}
	s.roots = x509.NewCertPool()
	s.roots.AddCert(web.Certificate())
	web.Close()
	var err error
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	s.stalled = make(chan struct{})
	var open sync.WaitGroup
	open.Go(func() {
		for {
			c, err := s.listener.Accept()
			if err != nil {
				return
			}
			open.Go(func() { s.serve(c) })
		}
	})
	t.Cleanup(func() { _ = s.listener.Close(); open.Wait() })
	return s
}

// url is the address of the server for NewSMTP.
func (s *mailServer) url(scheme, user, query string) string {
	if user != "" {
		user += "@"
	}
	return scheme + "://" + user + s.listener.Addr().String() + query
}

func (s *mailServer) taken() []delivered {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]delivered(nil), s.letters...)
}

// scripted is the reply to give instead of the usual one, once.
func (s *mailServer) scripted(command string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := s.script[command]
	if len(list) == 0 {
		return ""
	}
	s.script[command] = list[1:]
	return list[0]
}

// conversation is one connection.
type conversation struct {
	server *mailServer
	conn   net.Conn
	in     *bufio.Reader
	letter delivered
	user   string
	by     string
	secure bool
}

func (s *mailServer) serve(conn net.Conn) {
	c := &conversation{server: s, conn: conn}
	defer func() { _ = c.conn.Close() }()
	if s.implicit {
		c.conn, c.secure = tls.Server(conn, s.config), true
	}
	c.in = bufio.NewReader(c.conn)
	c.say("220 mail.test ready")
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		command := strings.ToUpper(strings.SplitN(line, " ", 2)[0])
		switch reply := s.scripted(command); reply {
		case "":
			if !c.obey(command, line) {
				return
			}
		case "cut":
			return
		case "stall":
			close(s.stalled)
			_, _ = c.in.ReadByte() // until the client gives up
			return
		default:
			c.say(reply)
		}
	}
}

func (c *conversation) say(line string) { _, _ = fmt.Fprintf(c.conn, "%s\r\n", line) }

func (c *conversation) obey(command, line string) bool {
	switch command {
	case "EHLO":
		c.greet()
	case "STARTTLS":
		c.say("220 go ahead")
		secure := tls.Server(c.conn, c.server.config)
		if secure.Handshake() != nil {
			return false
		}
		c.conn, c.in, c.secure = secure, bufio.NewReader(secure), true
	case "AUTH":
		c.authenticate(line)
	case "MAIL":
		if c.server.user != "" && c.user == "" {
			c.say("530 5.7.0 authentication required")
			break
		}
		c.letter = delivered{from: line, user: c.user, mechanism: c.by, secure: c.secure}
		c.say("250 fine")
	case "RCPT":
		c.letter.to = line
		c.say("250 fine")
	case "DATA":
		return c.data()
	case "QUIT":
		c.say("221 bye")
		return false
	default:
		c.say("250 fine")
	}
	return true
}

func (c *conversation) greet() {
	lines := []string{"mail.test", "8BITMIME", "ENHANCEDSTATUSCODES"}
	if !c.secure && !c.server.plainOnly {
		lines = append(lines, "STARTTLS")
	}
	if c.server.auth != "" && (c.secure || c.server.plainOnly) {
		lines = append(lines, "AUTH "+c.server.auth)
	}
	for i, l := range lines {
		if i < len(lines)-1 {
			c.say("250-" + l)
		} else {
			c.say("250 " + l)
		}
	}
}

// data reads a letter up to the line with the dot.
func (c *conversation) data() bool {
	c.say("354 go on")
	if c.server.scripted("MIDDLE") == "cut" {
		_, _ = c.in.ReadString('\n')
		return false
	}
	var text strings.Builder
	for {
		line, err := c.in.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
		text.WriteString(strings.TrimPrefix(line, ".")) // RFC 5321 section 4.5.2
	}
	if reply := c.server.scripted("DOT"); reply != "" {
		c.say(reply)
		return true
	}
	c.letter.data = text.String()
	c.server.mu.Lock()
	c.server.letters = append(c.server.letters, c.letter)
	c.server.mu.Unlock()
	if c.server.scripted("AFTER") == "cut" {
		return false // taken, but the client never hears of it
	}
	c.say("250 taken")
	return true
}

// authenticate plays the server's side of PLAIN, LOGIN, CRAM-MD5 and SCRAM-SHA-256.
func (c *conversation) authenticate(line string) {
	words := strings.Fields(line)
	c.by = words[1]
	var user, password string
	switch c.by {
	case "PLAIN":
		parts := strings.Split(unbase64(words[2]), "\x00")
		user, password = parts[1], parts[2]
	case "LOGIN":
		user, password = c.ask("Username:"), c.ask("Password:")
	case "CRAM-MD5":
		const challenge = "<1896.697170952@mail.test>"
		answer := strings.Fields(c.ask(challenge))
		sum := hmac.New(md5.New, []byte(c.server.password))
		sum.Write([]byte(challenge))
		if user = answer[0]; answer[1] == hex.EncodeToString(sum.Sum(nil)) {
			password = c.server.password
		}
	case "SCRAM-SHA-256":
		if user = c.scram(c.ask("")); user != "" {
			password = c.server.password
		}
	}
	if user != c.server.user || password != c.server.password {
		c.say("535 5.7.8 wrong password")
		return
	}
	c.user = user
	c.say("235 welcome")
}

// scram is RFC 5802 with SHA-256 (RFC 7677). It returns the user who proved to
// know the password, or "".
func (c *conversation) scram(first string) string {
	bare := strings.TrimPrefix(first, "n,,")
	user, nonce, _ := strings.Cut(strings.TrimPrefix(bare, "n="), ",r=")
	salt := []byte("0123456789abcdef")
	challenge := "r=" + nonce + "srv,s=" + base64.StdEncoding.EncodeToString(salt) + ",i=4096"
	final := c.ask(challenge)
	without, proof, _ := strings.Cut(final, ",p=")
	salted, _ := pbkdf2.Key(sha256.New, c.server.password, salt, 4096, sha256.Size)
	mac := func(key []byte, text string) []byte {
		m := hmac.New(sha256.New, key)
		m.Write([]byte(text))
		return m.Sum(nil)
	}
	transcript := bare + "," + challenge + "," + without
	clientKey := mac(salted, "Client Key")
	stored := sha256.Sum256(clientKey)
	want := make([]byte, sha256.Size)
	subtle.XORBytes(want, clientKey, mac(stored[:], transcript))
	if without != "c=biws,r="+nonce+"srv" || unbase64(proof) != string(want) {
		return ""
	}
	c.ask("v=" + base64.StdEncoding.EncodeToString(mac(mac(salted, "Server Key"), transcript)))
	return user
}

func (c *conversation) ask(challenge string) string {
	c.say("334 " + base64.StdEncoding.EncodeToString([]byte(challenge)))
	line, _ := c.in.ReadString('\n')
	return unbase64(strings.TrimSpace(line))
}

func unbase64(s string) string {
	plain, _ := base64.StdEncoding.DecodeString(s)
	return string(plain)
}
