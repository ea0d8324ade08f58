package acceptance

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// raw sends bytes as they are and returns the statuses that came back before the
// connection was closed; -1 stands for silence until the limit.
func (n *node) raw(request string, limit time.Duration) (statuses []int) {
	conn, err := net.Dial("tcp", n.addr)
	if err != nil {
		return []int{-2}
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(limit))
	go io.WriteString(conn, request)
	all, err := io.ReadAll(bufio.NewReader(conn))
	for _, line := range strings.Split(string(all), "\r\n") {
		var status int
		if _, scan := fmt.Sscanf(line, "HTTP/1.1 %d", &status); scan == nil {
			statuses = append(statuses, status)
		}
	}
	if e, ok := err.(net.Error); ok && e.Timeout() {
		statuses = append(statuses, -1)
	}
	return statuses
}

// TestMalformedHTTP sends what no HTTP library would.
func TestMalformedHTTP(t *testing.T) {
	t.Parallel()
	n := serve(t, "server.read_header_timeout=1s")
	host := "Host: " + strings.TrimPrefix(n.url, "http://") + "\r\n"
	end := "Connection: close\r\n\r\n"
	post := "POST /v1/attempts HTTP/1.1\r\n" + host + "Content-Type: application/json\r\n"
	body := `{"purpose":"sign_in","identifier":"ada@example.com"}`
	for name, request := range map[string]string{
		"nothing but line ends":      "\r\n\r\n\r\n",
		"no version":                 "GET /\r\n\r\n",
		"HTTP/0.9":                   "GET / HTTP/0.9\r\n" + host + end,
		"HTTP/3.7":                   "GET / HTTP/3.7\r\n" + host + end,
		"no host":                    "GET / HTTP/1.1\r\n" + end,
		"two hosts":                  "GET / HTTP/1.1\r\n" + host + "Host: evil.example\r\n" + end,
		"absolute form, other host":  "GET http://evil.example/v1/session HTTP/1.1\r\n" + host + end,
		"absolute form, bad scheme":  "GET gopher://evil.example/ HTTP/1.1\r\n" + host + end,
		"authority form":             "CONNECT evil.example:443 HTTP/1.1\r\n" + host + end,
		"asterisk form":              "GET * HTTP/1.1\r\n" + host + end,
		"path without a slash":       "GET evil HTTP/1.1\r\n" + host + end,
		"NUL in the path":            "GET /\x00 HTTP/1.1\r\n" + host + end,
		"control bytes in the path":  "GET /\x01\x7f HTTP/1.1\r\n" + host + end,
		"bytes over 127 in the path": "GET /\xff\xfe HTTP/1.1\r\n" + host + end,
		"dots":                       "GET /../../etc/passwd HTTP/1.1\r\n" + host + end,
		"coded dots":                 "GET /assets/%2e%2e/%2e%2e/go.mod HTTP/1.1\r\n" + host + end,
		"coded slashes":              "GET /v1%2fadmin%2fidentities HTTP/1.1\r\n" + host + end,
		"two slashes":                "GET //v1/admin/identities HTTP/1.1\r\n" + host + end,
		"header without a colon":     "GET / HTTP/1.1\r\n" + host + "nonsense\r\n" + end,
		"space before the colon":     "GET / HTTP/1.1\r\n" + host + "X-A : b\r\n" + end,
		"folded header":              "GET / HTTP/1.1\r\n" + host + "X-A: b\r\n c\r\n" + end,
		"NUL in a header":            "GET / HTTP/1.1\r\n" + host + "X-A: \x00\r\n" + end,
		"bare CR in a header":        "GET / HTTP/1.1\r\n" + host + "X-A: a\rb\r\n" + end,
		"a header of 1 MiB":          "GET / HTTP/1.1\r\n" + host + "X-A: " + strings.Repeat("a", 1<<20) + "\r\n" + end,
		"20,000 headers":             "GET / HTTP/1.1\r\n" + host + strings.Repeat("A: b\r\n", 20000) + end,
		"a method of 100 kB":         strings.Repeat("A", 100_000) + " / HTTP/1.1\r\n" + host + end,
		"a path of 100 kB":           "GET /" + strings.Repeat("a", 100_000) + " HTTP/1.1\r\n" + host + end,
		"two Authorization headers":  "GET /v1/session HTTP/1.1\r\n" + host + "Authorization: Bearer a\r\nAuthorization: Bearer b\r\n" + end,
		"two lengths":                post + "Content-Length: 5\r\nContent-Length: 6\r\n" + end + "aaaaaa",
		"a negative length":          post + "Content-Length: -5\r\n" + end,
		"a length of 1e99":           post + "Content-Length: 1" + strings.Repeat("0", 99) + "\r\n" + end,
		"length and chunks":          post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" + end + "0\r\n\r\nGET /v1/admin HTTP/1.1\r\n" + host + end,
		"chunks in disguise":         post + "Transfer-Encoding: xchunked\r\n" + end + "0\r\n\r\n",
		"a chunk that is no number":  post + "Transfer-Encoding: chunked\r\n" + end + "zz\r\naaa\r\n0\r\n\r\n",
		"a chunk over 2^64":          post + "Transfer-Encoding: chunked\r\n" + end + "ffffffffffffffffff\r\naaa\r\n0\r\n\r\n",
		"chunk extensions":           post + "Transfer-Encoding: chunked\r\n" + end + "1;" + strings.Repeat("a", 20000) + "\r\na\r\n0\r\n\r\n",
		"chunks over the limit":      post + "Transfer-Encoding: chunked\r\n" + end + "200000\r\n" + strings.Repeat("a", 0x200000) + "\r\n0\r\n\r\n",
		"more than was announced":    post + fmt.Sprintf("Content-Length: %d\r\n", len(body)-5) + end + body,
		"HTTP/2 preface":             "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"TLS":                        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 200),
		"an upgrade to h2c":          "GET / HTTP/1.1\r\n" + host + "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, status := range n.raw(request, 15*time.Second) {
				switch {
				case status == -1:
					if name != "an upgrade to h2c" { // this one is answered, and kept alive for the next
						t.Error("the connection hangs")
					}
				case status >= 500 && status != 501 && status != 505: // what the standard calls unsupported
					t.Errorf("status %d", status)
				case status < 300 && !strings.Contains("HTTP/0.9 an upgrade to h2c chunk extensions length and chunks more than was announced", name):
					t.Errorf("status %d: it was served", status)
				}
			}
		})
	}
}

// unharmed is how long anyone may wait while others attack. It is a second on a
// machine with nothing else to do, which one that runs all these tests at once is not.
const unharmed = 4 * time.Second

// TestSlowClientsHarmNobody opens 500 connections that never finish: headers that
// trickle, bodies that trickle, answers that nobody reads.
func TestSlowClientsHarmNobody(t *testing.T) {
	t.Parallel()
	n := serve(t)
	n.signUp("ada@example.com")
	before := n.load()
	host := "Host: " + strings.TrimPrefix(n.url, "http://") + "\r\n"
	begun := time.Now()
	var conns []net.Conn
	for i := range 500 {
		conn, err := net.Dial("tcp", n.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		io.WriteString(conn, []string{
			"GET /v1/session HTTP/1.1\r\n" + host + "X-A: ",
			"POST /v1/attempts HTTP/1.1\r\n" + host + "Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
			"POST /sign-in HTTP/1.1\r\n" + host + "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nidentifier=",
			"GET /openapi.json HTTP/1.1\r\n" + host + "\r\nGET /openapi.json HTTP/1.1\r\n" + host + "\r\nGET /docs HTTP/1.1\r\n" + host + "\r\n",
		}[i%4])
		conns = append(conns, conn)
	}
	slowest := time.Duration(0)
	for range 30 {
		began := time.Now()
		if a := n.signIn("ada@example.com", goodPassword); !a.ok() {
			t.Fatal(a)
		}
		slowest = max(slowest, time.Since(began))
	}
	if slowest > unharmed {
		t.Errorf("a new user waited %v", slowest)
	}
	t.Logf("500 slow clients for %v; a new user waited %v at most", time.Since(begun).Round(time.Millisecond), slowest.Round(time.Millisecond))
	// Headers that trickle are cut off after server.read_header_timeout, 5 s.
	var all sync.WaitGroup
	for i := 0; i < len(conns); i += 4 {
		all.Go(func() {
			conns[i].SetReadDeadline(time.Now().Add(15 * time.Second))
			if _, err := io.ReadAll(conns[i]); err != nil && strings.Contains(err.Error(), "timeout") {
				t.Errorf("slow headers are waited for after 15 s")
			}
		})
	}
	all.Wait()
	for _, conn := range conns {
		conn.Close()
	}
	n.settled(before)
}
