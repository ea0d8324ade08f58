// Package secret makes and reads the high-entropy secrets that let someone in.
//
// A token is a prefix that says its kind, 43 base62 characters (256 random bits)
// and 6 base62 characters of CRC-32 over all before them, so that a scanner can
// spot one and a mistyped one never costs a database look-up:
//
//	cs_(ses|ref|key)_[0-9A-Za-z]{49}
//
// Only the SHA-256 of a token is ever stored.
package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"hash/crc32"
	"strings"
)

const (
	alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	body     = 43 // 62^43 > 2^256
	sum      = 6  // 62^6 > 2^32
)

// The kinds of token.
const (
	Session = "cs_ses_"
	Link    = "cs_lnk_"
)

// New returns a token of the kind and its hash. Characters are picked without
// modulo bias: bytes that would wrap are drawn again.
func New(kind string) (token string, hash [32]byte) {
	out := make([]byte, 0, len(kind)+body+sum)
	out = append(out, kind...)
	for buf := make([]byte, 64); len(out) < len(kind)+body; {
		rand.Read(buf)
		for _, b := range buf {
			if b < 62*4 && len(out) < len(kind)+body {
				out = append(out, alphabet[b%62])
			}
		}
	}
	out = checksum(out, out)
	return string(out), sha256.Sum256(out)
}

// Hash returns the hash under which a token of the kind is stored; ok is false
// when it is not a token of that kind or was mistyped.
func Hash(kind, token string) (hash [32]byte, ok bool) {
	if len(token) != len(kind)+body+sum || !strings.HasPrefix(token, kind) {
		return hash, false
	}
	var buf [len(Session) + body + sum]byte
	want := checksum(buf[:0], []byte(token[:len(token)-sum]))
	if string(want) != token[len(token)-sum:] {
		return hash, false
	}
	return sha256.Sum256([]byte(token)), true
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
