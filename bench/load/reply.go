package load

import (
	"bytes"
	"errors"
)

// maxLine is the longest header or chunk line the parser will hold: a longer one is not our server's.
const maxLine = 64 << 10

var (
	errHead  = errors.New("load: not an HTTP/1.1 response")
	errChunk = errors.New("load: malformed chunk")
	errExtra = errors.New("load: bytes after the end of the response")
)

type stage int

const (
	inStatus stage = iota
	inFields
	inBody
	inChunkSize
	inChunk
	inChunkEnd
	inTrailer
	untilClose
	complete
)

// reply reads one HTTP/1.1 response piece by piece (RFC 9112) and knows only what a load generator
// needs: the status, where the body ends, and whether the connection survives it. A response that
// arrives in one piece is read in place, without a copy.
type reply struct {
	status int
	close  bool   // the server closes the connection after this response
	keep   bool   // collect the body; otherwise it is counted and forgotten
	body   []byte // the body so far, when keep is set

	stage   stage
	left    int64 // bytes of the body or chunk still to come
	chunked bool
	line    []byte // an unfinished line, carried over to the next piece
	spent   bool   // line was handed out whole and may be overwritten
}

// reset makes r ready for the next response on the same connection.
func (r *reply) reset(keep bool) { *r = reply{keep: keep, line: r.line[:0]} }

// feed takes the next bytes and says whether the response is now complete. Bytes beyond its end are
// an error: nothing was pipelined, so nobody asked for them.
func (r *reply) feed(b []byte) (done bool, err error) {
	for r.stage != complete {
		switch r.stage {
		case inBody, inChunk:
			if r.left > 0 && len(b) == 0 {
				return false, nil
			}
			b = r.feedBody(b)
		case untilClose:
			r.collect(b)
			return false, nil
		default:
			line, rest, ok := r.cutLine(b)
			if !ok {
				return false, r.tooLong()
			}
			b = rest
			if err := r.feedLine(line); err != nil {
				return false, err
			}
		}
	}
	if len(b) > 0 {
		return false, errExtra
	}
	return true, nil
}

// endsHere says whether a connection that closes now closes at the end of a whole response.
func (r *reply) endsHere() bool { return r.stage == untilClose }

func (r *reply) feedBody(b []byte) (rest []byte) {
	n := min(int64(len(b)), r.left)
	r.collect(b[:n])
	r.left -= n
	if r.left == 0 {
		if r.stage == inBody {
			r.stage = complete
		} else {
			r.stage = inChunkEnd
		}
	}
	return b[n:]
}

func (r *reply) collect(b []byte) {
	if r.keep {
		r.body = append(r.body, b...)
	}
}

// cutLine returns the next whole line with its line feed, or keeps what there is of it.
func (r *reply) cutLine(b []byte) (line, rest []byte, ok bool) {
	if r.spent {
		r.line, r.spent = r.line[:0], false
	}
	i := bytes.IndexByte(b, '\n')
	switch {
	case i < 0:
		r.line = append(r.line, b...)
		return nil, nil, false
	case len(r.line) == 0:
		return b[:i+1], b[i+1:], true
	}
	r.line, r.spent = append(r.line, b[:i+1]...), true
	return r.line, b[i+1:], true
}

func (r *reply) tooLong() error {
	if len(r.line) > maxLine {
		return errHead
	}
	return nil
}

// feedLine acts on one line of the head or of the chunked framing.
func (r *reply) feedLine(line []byte) error {
	line, ok := bytes.CutSuffix(line, []byte("\r\n"))
	if !ok {
		return errHead
	}
	switch r.stage {
	case inStatus:
		return r.statusLine(line)
	case inFields:
		if len(line) == 0 {
			r.headEnds()
			return nil
		}
		return r.field(line)
	case inChunkSize:
		return r.chunkSize(line)
	case inChunkEnd:
		if len(line) != 0 {
			return errChunk
		}
		r.stage = inChunkSize
	case inTrailer:
		if len(line) == 0 {
			r.stage = complete
		}
	}
	return nil
}
