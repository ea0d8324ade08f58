package table

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var found = Table{
	Date: time.Date(2026, 3, 4, 23, 0, 0, 0, time.FixedZone("", -3600*2)), Commit: "abc1234", Machine: "Abacus, 2 cores, 4 GiB", Go: "go1.26", Load: 0.25,
	Rows: []Row{
		Row{
			What: "check | warm", Unit: "/s", Ours: 81234.5, Against: "bare", Limit: 101000, Ratio: Spread{0.8, 0.79, 0.82},
			CPU: 15.25, LimitCPU: 12, P50: 0.5, P99: 1.234, P100: 12.34,
		}.Judge("≥ 0.80", true),
		Row{What: "start", Unit: " ms", Ours: 61, Note: "median of 5"}.Judge("≤ 50 ms", false),
		{What: "commits", Unit: "/s", Ours: 1_234_567},
	},
}

func TestTheMarkdownIsATableWithItsCircumstances(t *testing.T) {
	var got strings.Builder
	if err := found.Markdown(&got); err != nil {
		t.Fatal(err)
	}
	want := "Measured 2026-03-05 at commit `abc1234` on Abacus, 2 cores, 4 GiB, go1.26, load average 0.2 before.\n\n" +
		"| what | ours | limit | ratio (min–max) | p50 / p99 / p100 ms | server CPU, µs (limit) | aim | reached |\n" +
		"|---|---:|---:|---:|---:|---:|---:|---:|\n" +
		"| check \\| warm | 81,234/s | 101,000/s | 0.80 (0.79–0.82) | 0.50 / 1.23 / 12.3 | 15.2 (12.0) | ≥ 0.80 | yes |\n" +
		"| start | 61.0 ms | – | – | – | – | ≤ 50 ms | no |\n" +
		"| commits | 1,234,567/s | – | – | – | – | – | – |\n" +
		"\n- check | warm: limit: bare.\n- start: median of 5.\n"
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Error(diff)
	}
}

func TestTheColumnsOfTheTextStandBelowEachOther(t *testing.T) {
	var got strings.Builder
	if err := found.Text(&got); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(got.String(), "\n")
	for _, line := range lines[1:4] {
		if len([]rune(line)) != len([]rune(lines[0])) {
			t.Errorf("%q is not as long as %q", line, lines[0])
		}
	}
}

func TestTheJSONComesBackAsItWas(t *testing.T) {
	var b bytes.Buffer
	if err := found.JSON(&b); err != nil {
		t.Fatal(err)
	}
	var back Table
	if err := json.Unmarshal(b.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(found, back, cmp.Comparer(time.Time.Equal)); diff != "" {
		t.Error(diff)
	}
}

func TestASpreadIsTheMedianAndTheEnds(t *testing.T) {
	for _, c := range []struct {
		seen []float64
		want Spread
	}{{nil, Spread{}}, {[]float64{2}, Spread{2, 2, 2}}, {[]float64{9, 1, 2}, Spread{2, 1, 9}}, {[]float64{4, 1, 2, 3}, Spread{2.5, 1, 4}}} {
		if got := NewSpread(c.seen); got != c.want {
			t.Errorf("%v: %v", c.seen, got)
		}
	}
}
