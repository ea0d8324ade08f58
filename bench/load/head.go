package load

import (
	"bytes"
	"strconv"
)

// statusLine reads "HTTP/1.1 200 OK" (RFC 9112 §4).
func (r *reply) statusLine(line []byte) error {
	rest, ok := bytes.CutPrefix(line, []byte("HTTP/1.1 "))
	if !ok || len(rest) < 3 || len(rest) > 3 && rest[3] != ' ' {
		return errHead
	}
	for _, c := range rest[:3] {
		if c < '0' || c > '9' {
			return errHead
		}
		r.status = 10*r.status + int(c-'0')
	}
	if r.status < 100 || r.status > 599 {
		return errHead
	}
	r.stage, r.left, r.chunked = inFields, -1, false
	return nil
}

// field reads one header field and keeps the three that decide where the body ends.
func (r *reply) field(line []byte) error {
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok || len(name) == 0 {
		return errHead
	}
	switch {
	case named(name, "content-length"):
		n, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 62)
		if err != nil || r.left >= 0 && r.left != int64(n) {
			return errHead
		}
		r.left = int64(n)
	case named(name, "transfer-encoding"):
		if !bytes.EqualFold(bytes.TrimSpace(value), []byte("chunked")) {
			return errHead
		}
		r.chunked = true
	case named(name, "connection"):
		r.close = r.close || bytes.EqualFold(bytes.TrimSpace(value), []byte("close"))
	}
	return nil
}

// named compares lengths first: of ten fields, nine differ there.
func named(name []byte, want string) bool {
	return len(name) == len(want) && bytes.EqualFold(name, []byte(want))
}

// headEnds decides how the body is delimited (RFC 9112 §6.3): no body for some statuses, then
// chunks, then a length, and otherwise until the connection closes.
func (r *reply) headEnds() {
	switch {
	case r.status < 200: // an interim response; the real one follows
		r.status, r.stage = 0, inStatus
	case r.status == 204 || r.status == 304:
		r.stage = complete
	case r.chunked:
		r.stage = inChunkSize
	case r.left == 0:
		r.stage = complete
	case r.left > 0:
		r.stage = inBody
	default:
		r.stage, r.close = untilClose, true
	}
}

// chunkSize reads the hexadecimal size and ignores extensions (RFC 9112 §7.1).
func (r *reply) chunkSize(line []byte) error {
	size, _, _ := bytes.Cut(line, []byte(";"))
	n, err := strconv.ParseUint(string(bytes.TrimRight(size, " \t")), 16, 62)
	if err != nil {
		return errChunk
	}
	r.left, r.stage = int64(n), inChunk
	if n == 0 {
		r.stage = inTrailer
	}
	return nil
}
