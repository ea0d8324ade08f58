//go:build !amd64 || purego

package argon

// fill computes one block: out = G(prev, ref), or out ^= G(prev, ref) when xor is set.
func fill(out, prev, ref *block, xor bool) { fillGeneric(out, prev, ref, xor) }
