package load

import (
	"maps"
	"slices"
	"time"
)

// Result is what came back from one Plan.
type Result struct {
	Asks      map[string]*Tally `json:"asks"`       // by Ask.Name
	Seconds   float64           `json:"seconds"`    // how long was counted; less than Plan.For when the values ran out
	ServerCPU time.Duration     `json:"server_cpu"` // user and system time of Plan.Watch while counting
	LoadCPU   time.Duration     `json:"load_cpu"`   // the generator's own
}

// Tally counts the answers to one Ask.
type Tally struct {
	Status     map[int]*Histogram `json:"status"`     // latencies by status
	Broken     int                `json:"broken"`     // connections cut, or answers that are not HTTP
	Unanswered int                `json:"unanswered"` // still waiting when the grace was over
	Unsent     int                `json:"unsent"`     // open loop: fell due, but every connection was busy until the end
	Used       int                `json:"used"`       // rows of its values taken, warm-up included
	Kept       []Kept             `json:"kept"`       // with Ask.Keep
}

// Kept is one response body and the row that asked for it.
type Kept struct {
	Row    string `json:"row"`
	Status int    `json:"status"`
	Body   []byte `json:"body"`
}

// Latency merges the histograms of the given statuses; of all of them when none is given.
func (t *Tally) Latency(status ...int) *Histogram {
	h := new(Histogram)
	for s, one := range t.Status {
		if len(status) == 0 || slices.Contains(status, s) {
			h.Merge(one)
		}
	}
	return h
}

// Count is how many answers had one of the given statuses; of all of them when none is given.
func (t *Tally) Count(status ...int) int {
	n := 0
	for s, one := range t.Status {
		if len(status) == 0 || slices.Contains(status, s) {
			n += int(one.Count())
		}
	}
	return n
}

// CountOther is how many answers had any other status.
func (t *Tally) CountOther(status ...int) int { return t.Count() - t.Count(status...) }

// Other lists the statuses seen that are not among the given ones, in order.
func (t *Tally) Other(status ...int) []int {
	var out []int
	for _, s := range slices.Sorted(maps.Keys(t.Status)) {
		if !slices.Contains(status, s) {
			out = append(out, s)
		}
	}
	return out
}

// Lost is how many requests got no answer at all, for whatever reason.
func (t *Tally) Lost() int { return t.Broken + t.Unanswered + t.Unsent }

func (t *Tally) add(status int, d time.Duration) {
	h := t.Status[status]
	if h == nil {
		h = new(Histogram)
		t.Status[status] = h
	}
	h.Add(d)
}

func (t *Tally) merge(other *Tally) {
	for s, h := range other.Status {
		if t.Status[s] == nil {
			t.Status[s] = new(Histogram)
		}
		t.Status[s].Merge(h)
	}
	t.Broken += other.Broken
	t.Unanswered += other.Unanswered
	t.Unsent += other.Unsent
	t.Kept = append(t.Kept, other.Kept...)
}

func newTally() *Tally { return &Tally{Status: map[int]*Histogram{}} }
