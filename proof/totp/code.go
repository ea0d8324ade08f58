package totp

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/countersign-id/countersign/internal/digits"
)

// length of a code in digits, and how many codes that makes.
const (
	length = 6
	codes  = 1_000_000
)

// hotp is the 31-bit number that a secret gives for a counter (RFC 4226 section
// 5.3), of which a code is the last digits.
func hotp(key []byte, counter uint64) uint32 {
	h := hmac.New(sha1.New, key)
	h.Write(binary.BigEndian.AppendUint64(nil, counter))
	sum := h.Sum(nil)
	at := sum[len(sum)-1] & 0x0f
	return binary.BigEndian.Uint32(sum[at:]) & 0x7fffffff
}

// shown is the code as an app shows it.
func shown(number uint32) string { return fmt.Sprintf("%0*d", length, number%codes) }

// typed reads a code as a person typed or pasted it. It is "" when there are not
// six digits, which matches nothing.
func typed(text string) string {
	code := digits.Fold(text)
	if len(code) != length || strings.Trim(code, "0123456789") != "" {
		return ""
	}
	return code
}
