// Package secret makes and reads the high-entropy secrets that let someone in.
//
// A token is a prefix that says its kind, 43 base62 characters (256 random bits)
// and 6 base62 characters of CRC-32 over all before them, so that a scanner can
// spot one and a mistyped one never costs a database look-up. That of a session
// has 8 characters more before the random ones, the millisecond of its issue:
//
//	cs_(ses_[0-9A-Za-z]{8}|(lnk|dev|ref|key)_)[0-9A-Za-z]{49}
//
// Only the SHA-256 of a token is ever stored. That of a session gives its first
// 48 bits to the time of issue and keeps 208: new sessions then stand side by side in
// the index that they are found by, and a database of many millions writes one page
// for many of them instead of one each.
package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"time"
)

const (
	alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	body     = 43 // 62^43 > 2^256
	sum      = 6  // 62^6 > 2^32
	stamp    = 8  // 62^8 > 2^47 ms, until the year 6429
)

// The kinds of token.
const (
	Session = "cs_ses_"
	Link    = "cs_lnk_"
	Device  = "cs_dev_" // a browser that is remembered
)

// New returns a token of the kind and its hash; NewSession makes those of sessions.
func New(kind string) (token string, hash [32]byte) {
	out := finish(append(make([]byte, 0, len(kind)+body+sum), kind...))
	return string(out), sha256.Sum256(out)
}

// NewSession returns the token of a session that is issued at that time, and its hash.
func NewSession(at time.Time) (token string, hash [32]byte) {
	out := append(make([]byte, 0, len(Session)+stamp+body+sum), Session...)
	out = finish(stamped(out, at.UnixMilli()))
	return string(out), timed(out, at.UnixMilli())
}

// finish appends the random characters and the checksum. Characters are picked
// without modulo bias: bytes that would wrap are drawn again.
func finish(out []byte) []byte {
	want := len(out) + body
	for buf := make([]byte, 64); len(out) < want; {
		rand.Read(buf)
		for _, b := range buf {
			if b < 62*4 && len(out) < want {
				out = append(out, alphabet[b%62])
			}
		}
	}
	return checksum(out, out)
}

// stamped appends milliseconds so that later ones sort after earlier ones.
func stamped(out []byte, ms int64) []byte {
	var text [stamp]byte
	for i := stamp - 1; i >= 0; i-- {
		text[i] = alphabet[ms%62]
		ms /= 62
	}
	return append(out, text[:]...)
}

// issued reads them back; ok is false for what no clock of ours has shown.
func issued(text string) (ms int64, ok bool) {
	for _, c := range []byte(text) {
		at := strings.IndexByte(alphabet, c)
		if at < 0 {
			return 0, false
		}
		ms = ms*62 + int64(at)
	}
	return ms, ms < 1<<47
}

// timed is the hash of a session's token, with the time of its issue in front.
func timed(token []byte, ms int64) (hash [32]byte) {
	sum := sha256.Sum256(token)
	binary.BigEndian.PutUint64(hash[:8], uint64(ms)<<16)
	copy(hash[6:], sum[:])
	return hash
}

// Hash returns the hash under which a token of the kind is stored; ok is false
// when it is not a token of that kind or was mistyped.
func Hash(kind, token string) (hash [32]byte, ok bool) {
	long := len(kind) + body + sum
	if kind == Session {
		long += stamp
	}
	if len(token) != long || !strings.HasPrefix(token, kind) {
		return hash, false
	}
	var buf [sum]byte
	if want := checksum(buf[:0], []byte(token[:len(token)-sum])); string(want) != token[len(token)-sum:] {
		return hash, false
	}
	if kind != Session {
		return sha256.Sum256([]byte(token)), true
	}
	ms, ok := issued(token[len(Session) : len(Session)+stamp])
	if !ok {
		return hash, false
	}
	return timed([]byte(token), ms), true
}

// checksum appends the CRC-32 of data to out in base62.
func checksum(out, data []byte) []byte {
	c := crc32.ChecksumIEEE(data)
	for range sum {
		out = append(out, alphabet[c%62])
		c /= 62
	}
	return out
}

// Digits returns a code of n decimal digits, each equally likely.
func Digits(n int) string {
	out := make([]byte, 0, n)
	for buf := make([]byte, 32); len(out) < n; {
		rand.Read(buf)
		for _, b := range buf {
			if b < 250 && len(out) < n {
				out = append(out, '0'+b%10)
			}
		}
	}
	return string(out)
}

// Equal compares two secrets in constant time. Empty matches nothing, not even empty.
func Equal(a, b []byte) bool {
	return len(a) > 0 && len(a) == len(b) && subtle.ConstantTimeCompare(a, b) == 1
}
