//go:build amd64 && !purego

package argon

import "golang.org/x/sys/cpu"

// fillAVX2 is fillGeneric in AVX2.
//
//go:noescape
func fillAVX2(out, prev, ref *block, xor bool)

// fill computes one block: out = G(prev, ref), or out ^= G(prev, ref) when xor is set.
func fill(out, prev, ref *block, xor bool) {
	if cpu.X86.HasAVX2 {
		fillAVX2(out, prev, ref, xor)
		return
	}
	fillGeneric(out, prev, ref, xor)
}
