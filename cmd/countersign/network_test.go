package main

import (
	"bufio"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// serial VARIABLE: the number of the certificate that the server shows, once it
// differs from what the variable holds.
func serial(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(until(5*time.Second, func() error {
		c, err := tls.Dial("tcp", ts.Getenv("PUBLIC"), &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}}) // whose it is, is the question
		if err != nil {
			return err
		}
		defer c.Close()
		shown := c.ConnectionState()
		if shown.NegotiatedProtocol != "h2" {
			return errors.New("no HTTP/2")
		}
		now := shown.PeerCertificates[0].SerialNumber.String()
		if now == ts.Getenv(args[0]) {
			return errors.New("it is still " + now)
		}
		ts.Setenv(args[0], now)
		return nil
	}))
}

// mailserver FILE: takes mail (RFC 5321) at $MAIL and writes what it hears to the file.
func mailserver(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv("MAIL", l.Addr().String())
	ts.Defer(func() { l.Close() })
	path := ts.MkAbs(args[0])
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if heard, err := converse(c); err == nil {
				_ = os.WriteFile(path, []byte(heard), 0o600) // a missing file fails the story
			}
		}
	}()
}

// converse is one conversation, from greeting to QUIT.
func converse(c net.Conn) (heard string, err error) {
	defer c.Close()
	in := bufio.NewReader(c)
	fmt.Fprint(c, "220 mail\r\n")
	data := false
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return heard, err
		}
		heard += line
		word := strings.ToUpper(strings.Fields(line + " .")[0])
		switch {
		case data && line == ".\r\n":
			data = false
			fmt.Fprint(c, "250 taken\r\n")
		case data:
		case word == "DATA":
			data = true
			fmt.Fprint(c, "354 go on\r\n")
		case word == "QUIT":
			fmt.Fprint(c, "221 bye\r\n")
			return heard, nil
		default:
			fmt.Fprint(c, "250 fine\r\n")
		}
	}
}

// hold FILE begins a request whose body, the file, stays unfinished until "release STATUS".
func hold(ts *testscript.TestScript, _ bool, args []string) {
	body := ts.ReadFile(args[0])
	c, err := net.Dial("tcp", ts.Getenv("PUBLIC"))
	ts.Check(err)
	ts.Defer(func() { c.Close() })
	_, err = fmt.Fprintf(c, "POST /v1/attempts HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n", ts.Getenv("PUBLIC"), len(body))
	ts.Check(err)
	in := bufio.NewReader(c)
	line, err := in.ReadString('\n') // the handler is reading by now
	ts.Check(err)
	if !strings.Contains(line, "100") {
		ts.Fatalf("the server answered %q before the body", line)
	}
	ts.SetCmd("release", func(ts *testscript.TestScript, _ bool, args []string) {
		_, err := fmt.Fprint(c, body)
		ts.Check(err)
		for line = ""; !strings.HasPrefix(line, "HTTP/1.1 "); {
			line, err = in.ReadString('\n')
			if line == "\r\n" {
				continue
			}
			ts.Check(err)
		}
		if !strings.HasPrefix(line, "HTTP/1.1 "+args[0]) {
			ts.Fatalf("the held request was answered %q", line)
		}
	})
}
