package countersign

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
)

// Link returns the event's keyed hash (HMAC-SHA-256, RFC 2104) as the n-th
// record of a chain, n counting from 1: it covers the chain's name, n, the hash
// before it (nil for the first) and every field of the event. Without the key
// nobody can remove, add, reorder or alter a record so that the hashes still fit.
// The time counts to the microsecond, as databases keep it.
func (e Event) Link(key []byte, chain string, n int64, prev []byte) []byte {
	e.At = e.At.UTC().Truncate(1000)
	body, err := json.Marshal(e)
	if err != nil {
		panic("countersign: an event is plain data: " + err.Error()) // strings and a time always encode
	}
	mac := hmac.New(sha256.New, key)
	for _, part := range [][]byte{[]byte(chain), prev, body} {
		mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		mac.Write(part)
	}
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(n)))
	return mac.Sum(nil)
}
