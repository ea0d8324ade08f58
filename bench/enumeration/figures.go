package main

import (
	"fmt"
	"slices"
	"time"
)

// row is one line of the table.
func row(name string, known, unknown []time.Duration) string {
	k, u := median(known), median(unknown)
	limit := max(time.Duration(float64(u)*0.005), 200*time.Microsecond)
	verdict := ""
	if (k - u).Abs() > limit {
		verdict = "  OVER"
	}
	return fmt.Sprintf("%-24s %7d %12v %12v %12v %10v %6.3f%s", name, len(known), k.Round(time.Microsecond), u.Round(time.Microsecond),
		(k - u).Round(time.Microsecond), limit.Round(time.Microsecond), tells(known, unknown), verdict)
}

// median of a list; 0 of none.
func median(list []time.Duration) time.Duration {
	if len(list) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

// tells is the chance that a timing of one list is above one of the other
// (Mann-Whitney's U over its greatest value), folded so that 0.5 tells nothing
// and 1 everything.
func tells(a, b []time.Duration) float64 {
	sorted := slices.Sorted(slices.Values(b))
	var above float64
	for _, x := range a {
		lower, _ := slices.BinarySearch(sorted, x)
		upper, _ := slices.BinarySearch(sorted, x+1)
		above += float64(lower) + float64(upper-lower)/2
	}
	if len(a) == 0 || len(b) == 0 {
		return 0.5
	}
	p := above / float64(len(a)) / float64(len(b))
	return max(p, 1-p)
}
