package argon

import "math/bits"

// block is the unit of Argon2's memory: 1024 bytes, an 8 by 8 matrix of 16-byte registers.
type block [128]uint64

// fillGeneric is the compression function G of RFC 9106 section 3.5. Each of out, prev and ref may be the same block.
func fillGeneric(out, prev, ref *block, xor bool) {
	var r block
	for i := range r {
		r[i] = prev[i] ^ ref[i]
	}
	z := r
	for i := 0; i < 128; i += 16 { // rows
		round(&z, i, 2)
	}
	for i := 0; i < 16; i += 2 { // columns
		round(&z, i, 16)
	}
	for i := range r {
		if xor {
			out[i] ^= z[i] ^ r[i]
		} else {
			out[i] = z[i] ^ r[i]
		}
	}
}

// round is the permutation P of section 3.6 over the 16 words that start at from: eight pairs of neighbours,
// each far words after the one before.
func round(z *block, from, far int) {
	var v [16]uint64
	for i := range 8 {
		v[2*i], v[2*i+1] = z[from+i*far], z[from+i*far+1]
	}
	for i := range 4 {
		quarter(&v[i], &v[4+i], &v[8+i], &v[12+i])
	}
	for i := range 4 {
		quarter(&v[i], &v[4+(i+1)%4], &v[8+(i+2)%4], &v[12+(i+3)%4])
	}
	for i := range 8 {
		z[from+i*far], z[from+i*far+1] = v[2*i], v[2*i+1]
	}
}

func quarter(a, b, c, d *uint64) {
	*a = mix(*a, *b)
	*d = bits.RotateLeft64(*d^*a, -32)
	*c = mix(*c, *d)
	*b = bits.RotateLeft64(*b^*c, -24)
	*a = mix(*a, *b)
	*d = bits.RotateLeft64(*d^*a, -16)
	*c = mix(*c, *d)
	*b = bits.RotateLeft64(*b^*c, -63)
}

// mix is BLAKE2b's addition made dear to hardware by a multiplication.
func mix(a, b uint64) uint64 { return a + b + 2*uint64(uint32(a))*uint64(uint32(b)) }
