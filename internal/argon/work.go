package argon

import (
	"encoding/binary"

	"golang.org/x/crypto/blake2b"
)

const (
	sliceCount = 4 // a pass is cut into four slices; RFC 9106 section 3.2 calls it SL
	typeID     = 2 // y of section 3.2: Argon2id
)

// stretch is how many blocks are filled before the processor is offered to others: about 100 µs of work, of which
// offering costs less than a hundredth.
const stretch = 256

// work is one hash under way. It runs in the goroutine that calls it, all lanes one after the other: the
// gate gives that goroutine's thread its priority, and a second goroutine would escape it.
type work struct {
	Params
	memory  []block // lane after lane
	lane    uint32  // blocks in a lane
	segment uint32  // blocks of a lane in one slice
}

// blocks is how many blocks p fills: its memory rounded down to whole segments.
func (p Params) blocks() int {
	whole := sliceCount * uint32(p.Threads)
	return int(p.MemoryKiB / whole * whole)
}

// input is what goes into a hash. Secret and data are here because the vectors of RFC 9106 have them; they are empty otherwise.
type input struct{ password, salt, secret, data []byte }

// deriveKey computes n bytes of Argon2id over memory, which has p.blocks() blocks of any content.
func deriveKey(memory []block, in input, p Params, n uint32) []byte {
	lane := uint32(len(memory)) / uint32(p.Threads)
	w := work{Params: p, memory: memory, lane: lane, segment: lane / sliceCount}
	w.begin(in, n)
	for pass := range p.Time {
		for slice := range uint32(sliceCount) {
			for l := range uint32(p.Threads) {
				w.fillSegment(pass, slice, l)
			}
		}
	}
	return w.end(n)
}

// begin computes H0 and from it the first two blocks of each lane (section 3.2, steps 1 to 4).
func (w *work) begin(in input, n uint32) {
	h, err := blake2b.New512(nil)
	if err != nil {
		panic(err) // only a key longer than 64 bytes is refused, and there is none
	}
	var b []byte
	for _, v := range []uint32{uint32(w.Threads), n, w.MemoryKiB, w.Time, 0x13, typeID} {
		b = binary.LittleEndian.AppendUint32(b, v)
	}
	h.Write(b)
	for _, text := range [][]byte{in.password, in.salt, in.secret, in.data} {
		h.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(text))))
		h.Write(text)
	}
	h0 := h.Sum(make([]byte, 0, blake2b.Size+8))
	var first [1024]byte
	for l := range uint32(w.Threads) {
		for i := range uint32(2) {
			seed := binary.LittleEndian.AppendUint32(h0, i)
			seed = binary.LittleEndian.AppendUint32(seed, l)
			longHash(first[:], seed)
			into := &w.memory[l*w.lane+i]
			for j := range into {
				into[j] = binary.LittleEndian.Uint64(first[8*j:])
			}
		}
	}
	clear(first[:])
	clear(h0[:cap(h0)])
}

// fillSegment fills one lane's part of one slice (section 3.4). In the first half of the first pass, where to
// look back is taken from a counter, so that timing tells nothing of the password; later from the memory itself.
func (w *work) fillSegment(pass, slice, lane uint32) {
	independent := pass == 0 && slice < sliceCount/2
	var in, addresses, zero block
	in = block{uint64(pass), uint64(lane), uint64(slice), uint64(len(w.memory)), uint64(w.Time), typeID}
	begin := uint32(0)
	if pass == 0 && slice == 0 {
		begin = 2
	}
	for i := begin; i < w.segment; i++ {
		at := lane*w.lane + slice*w.segment + i
		prev := at - 1
		if slice == 0 && i == 0 {
			prev = at + w.lane - 1
		}
		if independent && (i%128 == 0 || i == begin) {
			in[6]++
			fill(&addresses, &in, &zero, false)
			fill(&addresses, &addresses, &zero, false)
		}
		j := w.memory[prev][0]
		if independent {
			j = addresses[i%128]
		}
		if i%stretch == 0 {
			giveWay()
		}
		fill(&w.memory[at], &w.memory[prev], &w.memory[w.lookBack(j, pass, slice, lane, i)], pass > 0)
	}
}

// lookBack maps the pseudo-random j to the block to mix in (section 3.4.2): one already written, favouring recent ones.
func (w *work) lookBack(j uint64, pass, slice, lane, i uint32) uint32 {
	from := uint32(j>>32) % uint32(w.Threads)
	if pass == 0 && slice == 0 {
		from = lane
	}
	window, start := 3*w.segment, (slice+1)%sliceCount*w.segment
	if pass == 0 {
		window, start = slice*w.segment, 0
	}
	switch {
	case from == lane:
		window += i - 1
	case i == 0:
		window--
	}
	x := j & 0xffffffff
	x = x * x >> 32
	x = x * uint64(window) >> 32
	return from*w.lane + uint32((uint64(start)+uint64(window)-1-x)%uint64(w.lane))
}

// end folds the last block of each lane into n bytes.
func (w *work) end(n uint32) []byte {
	last := w.memory[w.lane-1]
	for l := uint32(1); l < uint32(w.Threads); l++ {
		for i, v := range w.memory[(l+1)*w.lane-1] {
			last[i] ^= v
		}
	}
	bytes := make([]byte, 0, 1024)
	for _, v := range last {
		bytes = binary.LittleEndian.AppendUint64(bytes, v)
	}
	key := make([]byte, n)
	longHash(key, bytes)
	clear(bytes)
	return key
}

// longHash is H' of section 3.3: BLAKE2b of any length.
func longHash(out, in []byte) {
	sized := binary.LittleEndian.AppendUint32(make([]byte, 0, 4+len(in)), uint32(len(out)))
	sized = append(sized, in...)
	if len(out) <= blake2b.Size {
		short(out, sized)
		return
	}
	v := blake2b.Sum512(sized)
	for copy(out, v[:32]); len(out[32:]) > blake2b.Size; copy(out, v[:32]) {
		out = out[32:]
		v = blake2b.Sum512(v[:])
	}
	short(out[32:], v[:])
}

func short(out, in []byte) {
	h, err := blake2b.New(len(out), nil)
	if err != nil {
		panic(err) // only sizes outside 1 to 64 are refused, and Parse and Hash bound them
	}
	h.Write(in)
	h.Sum(out[:0])
}
