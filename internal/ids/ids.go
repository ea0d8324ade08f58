// Package ids makes the typed, sortable ids of the system: a prefix that says
// what it names, 48 bits of milliseconds and 112 random bits, in Crockford's
// base32. They are names, not credentials, but nobody guesses one.
package ids

import (
	"crypto/rand"
	"encoding/base32"
	"strings"
	"time"
)

var encoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// length of what follows the prefix: 20 bytes in base32.
const length = 32

// New returns an id such as "idn_…" for the prefix "idn".
func New(prefix string, now time.Time) string {
	var b [20]byte
	rand.Read(b[6:])
	ms := uint64(now.UnixMilli())
	for i := range 6 {
		b[i] = byte(ms >> (40 - 8*i))
	}
	return prefix + "_" + encoding.EncodeToString(b[:])
}

// Is reports whether s has the form of an id with the prefix.
func Is(prefix, s string) bool {
	rest, ok := strings.CutPrefix(s, prefix+"_")
	if !ok || len(rest) != length {
		return false
	}
	_, err := encoding.DecodeString(rest)
	return err == nil && !strings.ContainsAny(rest, "\r\n") // which base32 would skip
}
