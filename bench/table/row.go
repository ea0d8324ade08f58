// Package table holds what a benchmark run found and writes it down: as text for a terminal, as
// Markdown for the documentation, as JSON for programs.
//
// It measures nothing and judges nothing: each row arrives with its verdict.
package table

import (
	"fmt"
	"slices"
	"time"
)

// Spread is a figure seen several times.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
}

// NewSpread returns the zero Spread for no figures.
func NewSpread(seen []float64) Spread {
	if len(seen) == 0 {
		return Spread{}
	}
	s := slices.Sorted(slices.Values(seen))
	m := s[len(s)/2]
	if len(s)%2 == 0 {
		m = (m + s[len(s)/2-1]) / 2
	}
	return Spread{Median: m, Min: s[0], Max: s[len(s)-1]}
}

// Row is one line of the table. Zero fields were not measured and print as a dash.
type Row struct {
	What     string  `json:"what"`
	Unit     string  `json:"unit"` // of Ours and Limit
	Ours     float64 `json:"ours"`
	Against  string  `json:"against,omitempty"` // what the limit is
	Limit    float64 `json:"limit,omitempty"`
	Ratio    Spread  `json:"ratio,omitzero"`         // ours to limit, round by round
	CPU      float64 `json:"cpu_us,omitempty"`       // server CPU, µs per request
	LimitCPU float64 `json:"limit_cpu_us,omitempty"` // the limit's, µs per request
	P50      float64 `json:"p50_ms,omitempty"`
	P99      float64 `json:"p99_ms,omitempty"`
	P100     float64 `json:"p100_ms,omitempty"`
	Aim      string  `json:"aim,omitempty"`
	Reached  *bool   `json:"reached,omitempty"`
	Note     string  `json:"note,omitempty"` // what a reader must know to trust or distrust the figure
}

// Judge sets the aim and whether it was reached.
func (r Row) Judge(aim string, reached bool) Row {
	r.Aim, r.Reached = aim, &reached
	return r
}

// Table is one run.
type Table struct {
	Date    time.Time `json:"date"`
	Commit  string    `json:"commit"`
	Machine string    `json:"machine"` // processor, cores, memory
	Go      string    `json:"go"`
	Load    float64   `json:"load"` // runnable threads before we began (load average of a minute): the neighbours
	Rows    []Row     `json:"rows"`
}

func (r Row) cells() []string {
	return []string{
		r.What, quantity(r.Ours, r.Unit), quantity(r.Limit, r.Unit), ratio(r.Ratio),
		latency(r), cpu(r.CPU, r.LimitCPU), or(r.Aim), verdict(r.Reached),
	}
}

var titles = []string{"what", "ours", "limit", "ratio (min–max)", "p50 / p99 / p100 ms", "server CPU, µs (limit)", "aim", "reached"}

func or(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

// number keeps three digits that mean something.
func number(v float64) string {
	switch {
	case v >= 100:
		return thousands(fmt.Sprintf("%.0f", v))
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func thousands(digits string) string {
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

func quantity(v float64, unit string) string {
	if v == 0 {
		return "–"
	}
	return number(v) + unit
}

func ratio(s Spread) string {
	if s == (Spread{}) {
		return "–"
	}
	return fmt.Sprintf("%.2f (%.2f–%.2f)", s.Median, s.Min, s.Max)
}

func latency(r Row) string {
	if r.P100 == 0 {
		return "–"
	}
	return number(r.P50) + " / " + number(r.P99) + " / " + number(r.P100)
}

func cpu(ours, limit float64) string {
	switch {
	case ours == 0:
		return "–"
	case limit == 0:
		return number(ours)
	}
	return number(ours) + " (" + number(limit) + ")"
}

func verdict(reached *bool) string {
	switch {
	case reached == nil:
		return "–"
	case *reached:
		return "yes"
	}
	return "no"
}
