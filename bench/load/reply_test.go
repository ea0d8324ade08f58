package load

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"testing"
)

var wholeReplies = map[string]struct {
	text, body string
	status     int
	close      bool
}{
	"with a length":              {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", 200, false},
	"with an empty body":         {"HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n", "", 401, false},
	"without a body by status":   {"HTTP/1.1 204 No Content\r\nDate: now\r\n\r\n", "", 204, false},
	"in chunks":                  {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", "abc0123456789", 200, false},
	"in chunks with a trailer":   {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nA: b\r\n\r\n", "x", 200, false},
	"in chunks despite a length": {"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", "ok", 200, false},
	"after an interim response":  {"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok", "ok", 201, false},
	"saying goodbye":             {"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 1\r\n\r\n!", "!", 503, true},
	"without a reason phrase":    {"HTTP/1.1 200\r\nContent-Length: 1\r\n\r\n!", "!", 200, false},
}

func TestAReplyIsUnderstoodHoweverItIsCut(t *testing.T) {
	for name, want := range wholeReplies {
		for size := 1; size <= len(want.text); size++ {
			var r reply
			r.reset(true)
			done, err := feedInPieces(&r, []byte(want.text), size)
			if err != nil || !done {
				t.Fatalf("%s, in pieces of %d: done %v, error %v", name, size, done, err)
			}
			if r.status != want.status || string(r.body) != want.body || r.close != want.close {
				t.Errorf("%s, in pieces of %d: %d %q close %v", name, size, r.status, r.body, r.close)
			}
		}
	}
}

func TestAReplyIsNotDoneBeforeItsLastByte(t *testing.T) {
	for name, want := range wholeReplies {
		var r reply
		r.reset(false)
		if done, err := r.feed([]byte(want.text[:len(want.text)-1])); done || err != nil {
			t.Errorf("%s: done %v, error %v", name, done, err)
		}
	}
}

func TestAReplyWithoutALengthEndsWithItsConnection(t *testing.T) {
	var r reply
	r.reset(true)
	done, err := r.feed([]byte("HTTP/1.1 200 OK\r\n\r\nall there is"))
	if done || err != nil || !r.endsHere() || !r.close || string(r.body) != "all there is" {
		t.Errorf("done %v, error %v, ends here %v, close %v, body %q", done, err, r.endsHere(), r.close, r.body)
	}
}

func TestWhatIsNoReplyIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"another protocol":       "SSH-2.0-OpenSSH_9.6\r\n",
		"an older version":       "HTTP/1.0 200 OK\r\n",
		"a status of letters":    "HTTP/1.1 2xx OK\r\n",
		"a status out of range":  "HTTP/1.1 999 Odd\r\n",
		"a status too long":      "HTTP/1.1 2000 OK\r\n",
		"bare line feeds":        "HTTP/1.1 200 OK\n",
		"a field without colon":  "HTTP/1.1 200 OK\r\nContent-Length 5\r\n",
		"a negative length":      "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n",
		"two different lengths":  "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n",
		"a chunk size in words":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nten\r\n",
		"a chunk that runs over": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy\r\n",
		"an unknown encoding":    "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n",
		"bytes after the end":    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1",
		"a line without an end":  "HTTP/1.1 200 OK\r\nA: " + string(bytes.Repeat([]byte("a"), maxLine)),
	} {
		var r reply
		r.reset(false)
		if done, err := r.feed([]byte(text)); done || err == nil {
			t.Errorf("%s was taken for a reply", name)
		}
	}
}

// What we accept, net/http accepts too and reads the same way; and how the bytes are cut never matters.
func FuzzReply(f *testing.F) {
	for _, r := range wholeReplies {
		f.Add([]byte(r.text), 7)
	}
	f.Add([]byte("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n"), 1)
	f.Fuzz(func(t *testing.T, b []byte, size int) {
		var whole, cut reply
		whole.reset(true)
		cut.reset(true)
		done, err := whole.feed(b)
		cutDone, cutErr := feedInPieces(&cut, b, 1+abs(size)%64)
		if done != cutDone || (err == nil) != (cutErr == nil) {
			t.Fatalf("whole: %v %v; cut: %v %v", done, err, cutDone, cutErr)
		}
		if !done {
			return
		}
		if whole.status != cut.status || whole.close != cut.close || !bytes.Equal(whole.body, cut.body) {
			t.Fatalf("whole: %d %q; cut: %d %q", whole.status, whole.body, cut.status, cut.body)
		}
		res, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(b)), nil)
		if err != nil || res.StatusCode < 200 {
			return // net/http is stricter about names and values, and shows interim responses
		}
		body, err := io.ReadAll(res.Body)
		if err == nil && (res.StatusCode != whole.status || !bytes.Equal(body, whole.body)) {
			t.Fatalf("net/http: %d %q; we: %d %q", res.StatusCode, body, whole.status, whole.body)
		}
	})
}

func feedInPieces(r *reply, b []byte, size int) (done bool, err error) {
	for len(b) > 0 {
		if done {
			return false, errExtra
		}
		n := min(size, len(b))
		if done, err = r.feed(b[:n]); err != nil {
			return false, err
		}
		b = b[n:]
	}
	return done, nil
}

func abs(n int) int {
	if n < 0 {
		return -(n + 1)
	}
	return n
}
