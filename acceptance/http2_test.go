package acceptance

import (
	"bytes"
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// TestRapidResetsHarmNobody opens and resets 10,000 streams on one connection, as
// fast as it may (CVE-2023-44487), while others sign in.
func TestRapidResetsHarmNobody(t *testing.T) {
	t.Parallel()
	n, config := serveTLS(t)
	if _, err := n.cliWith(goodPassword+"\n", "identity", "add", "--email", "ada@example.com", "--password-stdin"); err != nil {
		t.Fatal(err)
	}
	before := n.load()
	config.NextProtos = []string{"h2"}
	conn, err := tls.Dial("tcp", n.addr, config)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if conn.ConnectionState().NegotiatedProtocol != "h2" {
		t.Fatal("no HTTP/2")
	}
	go io.Copy(io.Discard, conn)
	sent := make(chan int)
	go func() { sent <- reset(conn, strings.TrimPrefix(n.url, "https://")) }()
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: config.RootCAs}, ForceAttemptHTTP2: true}, Timeout: 10 * time.Second}
	slowest := time.Duration(0)
	for range 50 {
		began := time.Now()
		if a := n.callBy(c, "POST", "/v1/attempts", "", signIn("ada@example.com", goodPassword)); !a.ok() {
			t.Fatal(a)
		}
		slowest = max(slowest, time.Since(began))
	}
	resets := <-sent
	if t.Logf("%d streams reset; others waited %v at most", resets, slowest.Round(time.Millisecond)); slowest > unharmed {
		t.Errorf("someone else waited %v", slowest)
	}
	conn.Close()
	c.CloseIdleConnections()
	n.settled(before)
}

// reset returns how many streams it opened and reset before it was sent away.
func reset(conn io.Writer, authority string) (n int) {
	if _, err := io.WriteString(conn, http2.ClientPreface); err != nil {
		return 0
	}
	f := http2.NewFramer(conn, nil)
	f.WriteSettings()
	var block bytes.Buffer
	coder := hpack.NewEncoder(&block)
	for n = range 10000 {
		block.Reset()
		for _, h := range [][2]string{{":method", "GET"}, {":scheme", "https"}, {":authority", authority}, {":path", "/sign-in"}} {
			coder.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]})
		}
		id := uint32(2*n + 1)
		if f.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: true}) != nil || f.WriteRSTStream(id, http2.ErrCodeCancel) != nil {
			return n
		}
	}
	return n
}
