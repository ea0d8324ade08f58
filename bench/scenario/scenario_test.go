package scenario

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign/bench/limit"
	"github.com/countersign-id/countersign/bench/load"
	"github.com/countersign-id/countersign/bench/proc"
	"github.com/countersign-id/countersign/bench/table"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "load" { // we are Spawn's child
		if err := load.Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func bench(t *testing.T) *Bench {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return &Bench{Exe: exe, Dir: t.TempDir(), Window: 100 * time.Millisecond, Rounds: 1, Stored: 10_000, Say: func(string) {}}
}

func TestARefusalIsNeverCountedAsSpeed(t *testing.T) {
	b := bench(t)
	var asked atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer cs_ses_x" || asked.Add(1)%1000 == 0 {
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	defer s.Close()
	addr := netip.MustParseAddrPort(s.Listener.Addr().String())
	plan := b.checks(addr, os.Getpid(), load.Values{Rows: []string{"cs_ses_x"}})
	plan.Warm, plan.For = 0, time.Second
	if got, err := b.offer(t.Context(), plan); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("one in a thousand was refused: %+v %v", got, err)
	}
}

func TestAnOfferMeasuresRateCPUAndLatency(t *testing.T) {
	b := bench(t)
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer s.Close()
	addr := netip.MustParseAddrPort(s.Listener.Addr().String())
	b.Window = time.Second // long enough for a busy machine to answer something
	got, err := b.offer(t.Context(), b.checks(addr, os.Getpid(), load.Values{Rows: []string{"a", "b"}}))
	if err != nil {
		t.Fatal(err)
	}
	if got.rate <= 0 || got.cpu <= 0 || got.latency.Quantile(0.5) <= 0 || got.used == 0 {
		t.Errorf("%+v", got)
	}
}

func TestARatioIsTakenRoundByRound(t *testing.T) {
	// The machine was half as fast in the second round; neither side is to blame.
	ours := []sample{{rate: 80, cpu: 10}, {rate: 40, cpu: 12}, {rate: 90, cpu: 11}}
	raw := []sample{{rate: 100, cpu: 8}, {rate: 50, cpu: 9}, {rate: 100, cpu: 9}}
	got := compare("x", ours, raw)
	want := table.Row{What: "x", Unit: "/s", Ours: 80, Limit: 100, Ratio: table.Spread{Median: 0.8, Min: 0.8, Max: 0.9}, CPU: 11, LimitCPU: 9}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSidesTakeTurns(t *testing.T) {
	var order string
	side := func(name string) measure {
		return func(context.Context) (sample, error) {
			order += name
			return sample{}, nil
		}
	}
	got, err := interleave(t.Context(), 3, side("A"), side("B"))
	if err != nil || order != "ABABAB" || len(got) != 2 || len(got[1]) != 3 {
		t.Errorf("%s %v %v", order, got, err)
	}
}

func TestTheFloodIsJudgedStrictly(t *testing.T) {
	tally := func(latencies map[int]time.Duration) *load.Tally {
		out := &load.Tally{Status: map[int]*load.Histogram{}}
		for status, d := range latencies {
			out.Status[status] = new(load.Histogram)
			out.Status[status].Add(d)
		}
		return out
	}
	const fast, slow = time.Millisecond, 60 * time.Millisecond
	unsent := tally(map[int]time.Duration{503: fast})
	unsent.Unsent = 1
	for name, c := range map[string]struct {
		quiet, checks, flood  *load.Tally
		wantChecks, wantFlood bool
	}{
		"all well":               {tally(map[int]time.Duration{200: fast}), tally(map[int]time.Duration{200: 4 * fast}), tally(map[int]time.Duration{200: slow, 503: fast}), true, true},
		"checks six times slow":  {tally(map[int]time.Duration{200: fast}), tally(map[int]time.Duration{200: 6 * fast}), tally(map[int]time.Duration{503: fast}), false, true},
		"checks above 10 ms":     {tally(map[int]time.Duration{200: 4 * fast}), tally(map[int]time.Duration{200: 11 * fast}), tally(map[int]time.Duration{503: fast}), false, true},
		"a check failed":         {tally(map[int]time.Duration{200: fast}), tally(map[int]time.Duration{200: fast, 500: fast}), tally(map[int]time.Duration{503: fast}), false, true},
		"the refused wait":       {tally(map[int]time.Duration{200: fast}), tally(map[int]time.Duration{200: fast}), tally(map[int]time.Duration{503: slow}), true, false},
		"nobody was refused":     {tally(map[int]time.Duration{200: fast}), tally(map[int]time.Duration{200: fast}), tally(map[int]time.Duration{200: fast}), true, false},
		"some could not be sent": {tally(map[int]time.Duration{200: fast}), tally(map[int]time.Duration{200: fast}), unsent, true, false},
	} {
		rows := floodRows(c.quiet, c.checks, c.flood, 1000)
		if strings.Contains(rows[0].Note, "; 0 checks failed") != (name != "a check failed") {
			t.Errorf("%s: the note says %q", name, rows[0].Note)
		}
		if *rows[0].Reached != c.wantChecks || *rows[1].Reached != c.wantFlood {
			t.Errorf("%s: checks %v, refused %v", name, *rows[0].Reached, *rows[1].Reached)
		}
	}
}

func TestMemoryIsJudgedByWhatWasGranted(t *testing.T) {
	b := bench(t)
	b.Hash = limit.Hash{MemoryKiB: 1024}
	granted := b.memoryRow(proc.Memory{}).Limit
	if granted < 32 || granted > 256 {
		t.Fatalf("granted %v MiB", granted)
	}
	for peak, want := range map[float64]bool{granted - 1: true, granted + 1: false} {
		if got := b.memoryRow(proc.Memory{Peak: int64(peak * (1 << 20))}); *got.Reached != want {
			t.Errorf("%v MiB of %v: %v", peak, granted, *got.Reached)
		}
	}
}

func TestTheNewestCodeOfEachAddressIsRead(t *testing.T) {
	inbox := `{"items":[
		{"to":"a@example.com","text":"Your code is 22222222."},
		{"to":"a@example.com","text":"Your code is 11111111."},
		{"to":"b@example.com","text":"Somebody signed in at 12:00."},
		{"to":"stranger@example.com","text":"Your code is 33333333."}]}`
	got, err := readInbox([]byte(inbox), []string{"a@example.com", "b@example.com"})
	if diff := cmp.Diff(map[string]string{"a@example.com": "22222222"}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
	if _, err := readInbox([]byte("<html>"), nil); err == nil {
		t.Error("a page was taken for the inbox")
	}
}

func TestAScenarioThatIsNotThereIsRefused(t *testing.T) {
	if _, err := bench(t).Run(t.Context(), "check", "luck"); err == nil {
		t.Error("it ran")
	}
}
