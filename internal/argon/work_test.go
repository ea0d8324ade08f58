package argon

import (
	"bytes"
	"encoding/hex"
	"math/rand/v2"
	"testing"

	"golang.org/x/crypto/argon2"
)

// RFC 9106 section 5.3, the only vector there of Argon2id.
func TestTheVectorOfTheRFC(t *testing.T) {
	in := input{
		password: bytes.Repeat([]byte{1}, 32), salt: bytes.Repeat([]byte{2}, 16),
		secret: bytes.Repeat([]byte{3}, 8), data: bytes.Repeat([]byte{4}, 12),
	}
	p := Params{MemoryKiB: 32, Time: 3, Threads: 4}
	got := hex.EncodeToString(deriveKey(make([]block, p.blocks()), in, p, 32))
	if want := "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// An independent implementation agrees, whatever the cost, the lengths and what the memory held before.
func TestAgreesWithAnotherImplementation(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	random := func(n int) []byte {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		return b
	}
	costs := []Params{{19456, 2, 1}, {8, 1, 1}, {1031, 1, 1}, {128, 5, 16}, {4096, 1, 2}}
	for range 60 {
		threads := uint8(1 + rnd.IntN(6))
		costs = append(costs, Params{8*uint32(threads) + rnd.Uint32N(900), 1 + rnd.Uint32N(4), threads})
	}
	memory := make([]block, costs[0].blocks())
	for _, p := range costs {
		in := input{password: random(rnd.IntN(130)), salt: random(8 + rnd.IntN(57))}
		n := 16 + rnd.Uint32N(120)
		got := deriveKey(memory[:p.blocks()], in, p, n)
		want := argon2.IDKey(in.password, in.salt, p.Time, p.MemoryKiB, p.Threads, n)
		if !bytes.Equal(got, want) {
			t.Errorf("%+v, %d bytes of password, %d of salt, %d of key: differ", p, len(in.password), len(in.salt), n)
		}
	}
}

// The assembly and the portable code are one function, also where a block is both read and written.
func TestBothBlockFunctionsAgree(t *testing.T) {
	rnd := rand.New(rand.NewPCG(3, 4))
	var blocks [3]block
	for range 2000 {
		for i := range blocks {
			for j := range blocks[i] {
				blocks[i][j] = rnd.Uint64() | -(rnd.Uint64() & 1) // all ones now and then, for the carries
			}
		}
		o, p, r, xor := rnd.IntN(3), rnd.IntN(3), rnd.IntN(3), rnd.IntN(2) == 1
		want, got := blocks, blocks
		fillGeneric(&want[o], &want[p], &want[r], xor)
		fill(&got[o], &got[p], &got[r], xor)
		if got != want {
			t.Fatalf("out %d, prev %d, ref %d, xor %t: differ", o, p, r, xor)
		}
	}
}

func BenchmarkBlock(b *testing.B) {
	var x, y, z block
	b.Run("fill", func(b *testing.B) {
		for b.Loop() {
			fill(&x, &y, &z, true)
		}
	})
	b.Run("portable", func(b *testing.B) {
		for b.Loop() {
			fillGeneric(&x, &y, &z, true)
		}
	})
}

// BenchmarkHash compares the arenas with x/crypto, one hash per processor; run it with -cpu 1,4.
func BenchmarkHash(b *testing.B) {
	p, password, salt := Params{}.orDefault(), []byte("correct horse"), []byte("saltsaltsaltsalt")
	run := func(hash func()) func(*testing.B) {
		return func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					hash()
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "hashes/s")
		}
	}
	arenas := NewArenas(64, p, 0)
	b.Run("arenas", run(func() { arenas.key(password, salt, p, tagBytes) }))
	b.Run("fresh", run(func() { new(Arenas).key(password, salt, p, tagBytes) }))
	b.Run("xcrypto", run(func() { argon2.IDKey(password, salt, p.Time, p.MemoryKiB, p.Threads, tagBytes) }))
}
