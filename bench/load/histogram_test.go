package load

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestQuantilesAreRightWithinABucket(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var h Histogram
	var exact []time.Duration
	for range 10_000 {
		d := time.Duration(random.ExpFloat64() * float64(3*time.Millisecond))
		h.Add(d)
		exact = append(exact, d)
	}
	slices.Sort(exact)
	for _, q := range []float64{0.001, 0.5, 0.9, 0.99, 0.999, 1} {
		got, want := h.Quantile(q), exact[max(0, int(q*10_000)-1)]
		if got < want || float64(got) > float64(want)*(1+1.0/fine)+1 {
			t.Errorf("quantile %v is %v, exactly %v", q, got, want)
		}
	}
	if h.Quantile(1) != exact[len(exact)-1] {
		t.Errorf("the maximum is %v, exactly %v", h.Quantile(1), exact[len(exact)-1])
	}
}

func TestEveryLatencyHasABucketThatEndsNoEarlier(t *testing.T) {
	for ns := uint64(0); ns < 1<<40; ns = ns + 1 + ns/37 {
		if end := bucketEnd(bucket(ns)); uint64(end) < ns || uint64(end) > ns+ns/fine {
			t.Fatalf("%d ns fell into a bucket that ends at %d", ns, end)
		}
	}
	if b := bucket(1 << 62); b != buckets-1 {
		t.Errorf("a century fell into bucket %d", b)
	}
}

func TestAnEmptyHistogramAnswersZero(t *testing.T) {
	if got := new(Histogram).Quantile(0.99); got != 0 {
		t.Errorf("got %v", got)
	}
}

func TestAHistogramSurvivesThePipe(t *testing.T) {
	var h, back, both Histogram
	for _, d := range []time.Duration{-1, 0, 1, 63, 64, 65, 1e6, 1e6, 5e9, 1 << 62} {
		h.Add(d)
	}
	b, err := json.Marshal(&h)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(h, back, cmp.AllowUnexported(Histogram{})); diff != "" {
		t.Error(diff)
	}
	both.Merge(&h)
	both.Merge(&back)
	if both.Count() != 20 || both.Quantile(1) != 1<<62 {
		t.Errorf("merged: %d counted, at most %v", both.Count(), both.Quantile(1))
	}
	if json.Unmarshal([]byte(`{"counts":[[99999,1]]}`), &back) == nil {
		t.Error("a bucket that does not exist was accepted")
	}
}
