package countersign

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
)

// Link returns the event's keyed hash (HMAC-SHA-256, RFC 2104) as the n-th
// record of a chain, n counting from 1: it covers the chain's name, n, the hash
// before it (nil for the first) and every field of the event. Without the key
// nobody can remove, add, reorder or alter a record so that the hashes still fit.
// The time counts to the microsecond, as databases keep it.
//
// What is hashed is n, then the time in Unix microseconds, each as 8 bytes with
// the highest first; then the chain, the hash before, and the fields in the order
// of their declaration, each after its length in 8 bytes; and last, in the order
// of its keys, what is in Detail.
func (e Event) Link(key []byte, chain string, n int64, prev []byte) []byte {
	parts := []string{chain, string(prev), e.ID, e.Action, e.Outcome, e.Reason, e.Actor, string(e.Subject), string(e.Session),
		string(e.Attempt), e.Method, e.Network, e.Device, e.Request}
	for _, name := range slices.Sorted(maps.Keys(e.Detail)) {
		parts = append(parts, name, e.Detail[name])
	}
	b := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(make([]byte, 0, 768), uint64(n)), uint64(e.At.UnixMicro()))
	for _, part := range parts { // each after its length: no border between them can move
		b = append(binary.BigEndian.AppendUint64(b, uint64(len(part))), part...)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write(b)
	return mac.Sum(nil)
}
