package load

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "load" { // we are Spawn's child
		if err := Serve(context.Background(), os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func serve(t *testing.T, h http.HandlerFunc) netip.AddrPort {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return netip.MustParseAddrPort(s.Listener.Addr().String())
}

// run carries out a plan of one stream of one ask.
func run(t *testing.T, p Plan, s Stream, a Ask) (*Tally, Result) {
	t.Helper()
	a.Name = "ask"
	if a.Method == "" {
		a.Method, a.Path = "GET", "/"
	}
	s.Mix = []Ask{a}
	p.Streams = []Stream{s}
	r, err := Run(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return r.Asks["ask"], r
}

func TestAClosedLoopCountsWhatTheServerAnswered(t *testing.T) {
	var asked atomic.Int64
	addr := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1)%4 == 0 {
			w.WriteHeader(http.StatusTooManyRequests)
		}
		fmt.Fprint(w, "hello")
	})
	tally, r := run(t, Plan{Addr: addr, For: 200 * time.Millisecond, Watch: os.Getpid()}, Stream{Connections: 8}, Ask{})
	got, served := tally.Count(), int(asked.Load())
	if got < 100 || got > served || got < served-8 {
		t.Errorf("counted %d of %d, with 8 connections", got, served)
	}
	if share := float64(tally.Count(429)) / float64(got); share < 0.2 || share > 0.3 {
		t.Errorf("a quarter was refused, counted %.2f", share)
	}
	if tally.Lost() != 0 || tally.Latency().Quantile(0.5) == 0 {
		t.Errorf("%d lost, median %v", tally.Lost(), tally.Latency().Quantile(0.5))
	}
	if r.ServerCPU == 0 || r.LoadCPU == 0 || r.Seconds < 0.1 {
		t.Errorf("CPU of server %v and load %v in %v s", r.ServerCPU, r.LoadCPU, r.Seconds)
	}
}

func TestWarmUpIsOfferedButNotCounted(t *testing.T) {
	var asked atomic.Int64
	addr := serve(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	tally, _ := run(t, Plan{Addr: addr, Warm: 150 * time.Millisecond, For: 50 * time.Millisecond}, Stream{Connections: 2}, Ask{})
	if got, served := tally.Count(), int(asked.Load()); got == 0 || got > served/2 {
		t.Errorf("counted %d of %d in a quarter of the time", got, served)
	}
}

func TestAnOpenLoopKeepsItsRateWhateverTheServerDoes(t *testing.T) {
	addr := serve(t, func(http.ResponseWriter, *http.Request) {})
	tally, _ := run(t, Plan{Addr: addr, For: time.Second / 2}, Stream{Connections: 16, Rate: 400}, Ask{})
	if n := tally.Count() + tally.Lost(); n != 200 {
		t.Errorf("400/s for half a second: %d", n)
	}
}

func TestAnOpenLoopCountsAStallAgainstTheServer(t *testing.T) {
	var first sync.Once
	stall := make(chan struct{})
	time.AfterFunc(200*time.Millisecond, func() { close(stall) })
	addr := serve(t, func(http.ResponseWriter, *http.Request) { first.Do(func() { <-stall }) })
	// One connection: everything that falls due during the stall waits behind the first request.
	tally, _ := run(t, Plan{Addr: addr, For: 400 * time.Millisecond, Workers: 1}, Stream{Connections: 1, Rate: 200}, Ask{})
	if m := tally.Latency().Quantile(0.75); m < 50*time.Millisecond {
		t.Errorf("half the requests waited up to 200 ms, but three quarters are said to be faster than %v", m)
	}
}

func TestAnOpenLoopAwaitsLateAnswersToWhatFellDueInTime(t *testing.T) {
	late := make(chan struct{})
	time.AfterFunc(250*time.Millisecond, func() { close(late) })
	addr := serve(t, func(http.ResponseWriter, *http.Request) { <-late })
	tally, _ := run(t, Plan{Addr: addr, For: 100 * time.Millisecond, Workers: 1}, Stream{Connections: 10, Rate: 100}, Ask{})
	if tally.Count() != 10 || tally.Lost() != 0 || tally.Latency().Quantile(0) < 100*time.Millisecond {
		t.Errorf("10 due, %d counted, %d lost, the fastest in %v", tally.Count(), tally.Lost(), tally.Latency().Quantile(0))
	}
}

func TestRequestsNobodyCouldSendAreReported(t *testing.T) {
	hang := make(chan struct{})
	addr := serve(t, func(http.ResponseWriter, *http.Request) { <-hang })
	t.Cleanup(func() { close(hang) })
	tally, _ := run(t, Plan{Addr: addr, For: 100 * time.Millisecond, Grace: 50 * time.Millisecond, Workers: 1},
		Stream{Connections: 3, Rate: 100}, Ask{})
	if tally.Unanswered != 3 || tally.Unsent != 7 || tally.Count() != 0 {
		t.Errorf("10 due on 3 connections that hang: %d unanswered, %d unsent, %d answered", tally.Unanswered, tally.Unsent, tally.Count())
	}
}

func TestEachRowIsAskedOnceAndItsAnswerKept(t *testing.T) {
	addr := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s", r.URL.Path, r.Header.Get("X-Row"), body)
		w.(http.Flusher).Flush() // in chunks
	})
	tally, r := run(t, Plan{Addr: addr, For: time.Minute}, Stream{Connections: 4}, Ask{
		Method: "POST", Path: "/{0}", Header: map[string]string{"X-Row": "{1}"}, Body: `{"is":"{1}{0}"}`, Keep: true,
		Values: Values{Rows: []string{"a\t1", "bb\t22", "ccc\t333"}, Once: true},
	})
	got := map[string]string{}
	for _, k := range tally.Kept {
		got[k.Row] = string(k.Body)
	}
	if len(tally.Kept) != 3 || got["a\t1"] != `/a 1 {"is":"1a"}` || got["ccc\t333"] != `/ccc 333 {"is":"333ccc"}` {
		t.Errorf("kept %q", got)
	}
	if tally.Used != 3 || r.Seconds > 10 {
		t.Errorf("%d rows used in %v s", tally.Used, r.Seconds)
	}
}

func TestAMixIsSpreadByItsShares(t *testing.T) {
	var asked sync.Map
	addr := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		n, _ := asked.LoadOrStore(r.URL.Path, new(atomic.Int64))
		n.(*atomic.Int64).Add(1)
	})
	_, err := Run(t.Context(), Plan{Addr: addr, For: 100 * time.Millisecond, Streams: []Stream{{Connections: 4, Mix: []Ask{
		{Name: "often", Method: "GET", Path: "/often", Share: 19}, {Name: "seldom", Method: "GET", Path: "/seldom"},
	}}}})
	if err != nil {
		t.Fatal(err)
	}
	count := func(path string) float64 {
		n, ok := asked.Load(path)
		if !ok {
			t.Fatalf("%s was never asked", path)
		}
		return float64(n.(*atomic.Int64).Load())
	}
	if share := count("/seldom") / (count("/seldom") + count("/often")); share < 0.03 || share > 0.07 {
		t.Errorf("1 of 20 came out as %.3f", share)
	}
}

func TestAConnectionThatTheServerClosesIsOpenedAgain(t *testing.T) {
	addr := serve(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Connection", "close") })
	tally, _ := run(t, Plan{Addr: addr, For: 100 * time.Millisecond}, Stream{Connections: 2}, Ask{})
	if tally.Count(200) < 10 || tally.Lost() > 0 {
		t.Errorf("%d answered, %d lost", tally.Count(200), tally.Lost())
	}
}

func TestACutAnswerIsCountedAsBroken(t *testing.T) {
	addr := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "10")
		_, _ = w.Write([]byte("short"))
		panic(http.ErrAbortHandler)
	})
	tally, _ := run(t, Plan{Addr: addr, For: time.Minute}, Stream{Connections: 1}, Ask{Values: Values{Rows: []string{"a", "b"}, Once: true}})
	if tally.Broken != 2 || tally.Count() != 0 {
		t.Errorf("%d broken, %d answered", tally.Broken, tally.Count())
	}
}

func TestClientsComeFromDifferentNetworks(t *testing.T) {
	var seen sync.Map
	addr := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		host, _, _ := net.SplitHostPort(r.RemoteAddr)
		seen.Store(host, true)
	})
	run(t, Plan{Addr: addr, For: 100 * time.Millisecond}, Stream{Connections: 8, Sources: 5}, Ask{})
	n := 0
	seen.Range(func(any, any) bool { n++; return true })
	if n != 5 {
		t.Errorf("%d client addresses", n)
	}
}

func TestAPlanIsRefusedWhen(t *testing.T) {
	good := func() Plan {
		return Plan{Addr: netip.MustParseAddrPort("127.0.0.1:1"), For: time.Second, Streams: []Stream{{Connections: 1, Mix: []Ask{{Name: "a", Method: "GET", Path: "/"}}}}}
	}
	for name, spoil := range map[string]func(*Plan){
		"its target is another machine":      func(p *Plan) { p.Addr = netip.MustParseAddrPort("192.0.2.1:80") },
		"its target is not IPv4":             func(p *Plan) { p.Addr = netip.MustParseAddrPort("[::1]:80") },
		"it has no streams":                  func(p *Plan) { p.Streams = nil },
		"it has no duration":                 func(p *Plan) { p.For = 0 },
		"a stream has no connections":        func(p *Plan) { p.Streams[0].Connections = 0 },
		"a stream has nothing to ask":        func(p *Plan) { p.Streams[0].Mix = nil },
		"two requests share a name":          func(p *Plan) { p.Streams[0].Mix = append(p.Streams[0].Mix, p.Streams[0].Mix[0]) },
		"a header breaks the line":           func(p *Plan) { p.Streams[0].Mix[0].Header = map[string]string{"A": "b\r\nC: d"} },
		"a slot has no column":               func(p *Plan) { p.Streams[0].Mix[0].Path = "/{0}" },
		"its file of values is not there":    func(p *Plan) { p.Streams[0].Mix[0].Values.File = "/nowhere" },
		"nobody listens where it is pointed": func(*Plan) {},
	} {
		p := good()
		spoil(&p)
		_, err := Run(t.Context(), p)
		if err == nil {
			t.Errorf("it was carried out although %s", name)
		}
		// A connection that fails is an error too, but then packets have left.
		if strings.Contains(name, "target") && !strings.Contains(err.Error(), "loopback") {
			t.Errorf("although %s, it was tried: %v", name, err)
		}
	}
}

func TestValuesComeFromAWindowOfAFile(t *testing.T) {
	file := t.TempDir() + "/rows"
	if err := os.WriteFile(file, []byte("a\nb\nc\nd\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	rows, err := Values{File: file, Skip: 1, Take: 2}.read()
	if err != nil || strings.Join(rows, "") != "bc" {
		t.Errorf("%q %v", rows, err)
	}
	if _, err := (Values{File: file, Skip: 4}).read(); err == nil {
		t.Error("a window behind the end was accepted")
	}
}

func TestAnInterruptEndsTheRun(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	addr := serve(t, func(http.ResponseWriter, *http.Request) { cancel() })
	_, err := Run(ctx, Plan{Addr: addr, For: time.Minute, Streams: []Stream{{Connections: 2, Mix: []Ask{{Name: "a", Method: "GET", Path: "/"}}}}})
	if err == nil {
		t.Error("an interrupted run reported a result")
	}
}

func TestAChildProcessReportsTheSame(t *testing.T) {
	addr := serve(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, err := Spawn(t.Context(), exe, Plan{Addr: addr, For: time.Minute, Streams: []Stream{{Connections: 2, Mix: []Ask{{
		Name: "a", Method: "GET", Path: "/{0}", Values: Values{Rows: []string{"1", "2", "3"}, Once: true}, Keep: true,
	}}}}})
	if err != nil {
		t.Fatal(err)
	}
	if a := r.Asks["a"]; a.Count(200) != 3 || len(a.Kept) != 3 || !bytes.Equal(a.Kept[0].Body, []byte("hello")) {
		b, _ := json.Marshal(a)
		t.Errorf("got %s", b)
	}
}
