package load

import (
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
	"time"
)

// Each power of two is cut into fine buckets, so a reading is off by at most 1/fine = 1.6 %,
// less than the noise between two runs on a shared machine.
const (
	fineBits = 6
	fine     = 1 << fineBits
	coarse   = 35 // the highest bucket begins at about 18 minutes
	buckets  = (coarse + 1) * fine
)

// Histogram counts latencies in buckets that grow with the latency. The zero value is empty and
// ready. It is not safe for use by several goroutines: each worker fills its own, then Merge.
type Histogram struct {
	counts [buckets]uint64
	n      uint64
	max    time.Duration
}

// Add counts one latency; a negative one counts as zero.
func (h *Histogram) Add(d time.Duration) {
	d = max(d, 0)
	h.counts[bucket(uint64(d))]++
	h.n++
	h.max = max(h.max, d)
}

// Merge adds everything that other counted.
func (h *Histogram) Merge(other *Histogram) {
	for i, c := range other.counts {
		h.counts[i] += c
	}
	h.n += other.n
	h.max = max(h.max, other.max)
}

// Count is how many latencies were added.
func (h *Histogram) Count() uint64 { return h.n }

// Quantile returns the latency that the share q (0 to 1) of the requests did not exceed, rounded up
// to its bucket's end; q = 1 is the exact maximum. An empty histogram answers 0.
func (h *Histogram) Quantile(q float64) time.Duration {
	if h.n == 0 {
		return 0
	}
	want := uint64(math.Ceil(q * float64(h.n)))
	var seen uint64
	for i, c := range h.counts {
		seen += c
		if seen == h.n {
			break // the last bucket in use holds the maximum, which is known exactly
		}
		if c > 0 && seen >= want {
			return bucketEnd(i)
		}
	}
	return h.max
}

func bucket(ns uint64) int {
	if ns < fine {
		return int(ns)
	}
	shift := bits.Len64(ns) - fineBits - 1
	return min(shift*fine+int(ns>>shift), buckets-1)
}

func bucketEnd(i int) time.Duration {
	if i < 2*fine {
		return time.Duration(i)
	}
	shift := i/fine - 1
	mantissa := uint64(fine + i%fine)
	return time.Duration((mantissa+1)<<shift - 1)
}

// sparse is how a histogram crosses the pipe from the load process: only the buckets in use.
type sparse struct {
	Max    int64       `json:"max_ns"`
	Counts [][2]uint64 `json:"counts"`
}

// MarshalJSON writes the buckets in use.
func (h *Histogram) MarshalJSON() ([]byte, error) {
	s := sparse{Max: int64(h.max)}
	for i, c := range h.counts {
		if c > 0 {
			s.Counts = append(s.Counts, [2]uint64{uint64(i), c})
		}
	}
	return json.Marshal(s)
}

// UnmarshalJSON reads what MarshalJSON wrote, and refuses a bucket that does not exist.
func (h *Histogram) UnmarshalJSON(b []byte) error {
	var s sparse
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	*h = Histogram{max: time.Duration(s.Max)}
	for _, pair := range s.Counts {
		if pair[0] >= buckets {
			return fmt.Errorf("load: histogram bucket %d of %d", pair[0], buckets)
		}
		h.counts[pair[0]] += pair[1]
		h.n += pair[1]
	}
	return nil
}
