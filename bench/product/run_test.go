package product

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
)

// As a child this test program stands in for any server that obeys the flags: what is tested here is
// how a process is started, awaited, heard and stopped. The data folder's name tells it how to behave.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 || os.Args[1] != "serve" {
		os.Exit(m.Run())
	}
	fmt.Println("open http://localhost/setup?token=planted-secret")
	fmt.Println("something to say")
	if os.Args[3] == "broken" {
		os.Exit(1)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var asked atomic.Int64
	http.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) < 3 { // not ready at first, as a real one
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	http.HandleFunc("/asked", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, asked.Load()) })
	public, err := net.Listen("tcp", setting("server.listen"))
	if err != nil {
		os.Exit(1)
	}
	go func() { _ = http.Serve(public, nil) }()
	go func() { _ = http.ListenAndServe(setting("operations.listen"), nil) }()
	<-ctx.Done()
	if os.Args[3] == "rude" {
		os.Exit(3)
	}
	os.Exit(0)
}

func setting(key string) string {
	for _, a := range os.Args {
		if value, ok := strings.CutPrefix(a, key+"="); ok {
			return value
		}
	}
	return ""
}

func program(t *testing.T) Program {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return Program{Path: exe}
}

func TestAServerIsReadyOnceItSaysSo(t *testing.T) {
	r, err := Start(t.Context(), program(t), "well", "some.key=value")
	if err != nil {
		t.Fatal(err)
	}
	if r.Ready <= 0 || r.PID == 0 || !r.Addr.Addr().IsLoopback() {
		t.Errorf("%+v", r)
	}
	res, err := http.Get("http://" + r.Addr.String() + "/asked")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if asked, err := io.ReadAll(res.Body); err != nil || string(asked) != "3" {
		t.Errorf("it was taken for ready at question %s: %v", asked, err)
	}
	if err := r.Stop(); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func TestAServerThatDoesNotEndWellIsReported(t *testing.T) {
	r, err := Start(t.Context(), program(t), "rude")
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Stop(); err == nil {
		t.Error("it ended with status 3 and nobody minded")
	}
}

func TestAServerThatDiesSaysWhyButNoSecret(t *testing.T) {
	r, err := Start(t.Context(), program(t), "broken")
	if err == nil {
		t.Fatalf("it runs: stop: %v", r.Stop())
	}
	if !strings.Contains(err.Error(), "something to say") {
		t.Errorf("its last words are missing: %v", err)
	}
	if strings.Contains(err.Error(), "planted-secret") {
		t.Error("the setup link got into an error")
	}
}

func TestTheTailIsCutAtALine(t *testing.T) {
	var said tail
	fmt.Fprintln(&said, "http://localhost/"+strings.Repeat("x", tailBytes)+"planted-secret")
	fmt.Fprintln(&said, "after")
	if got := said.String(); got != "after\n" {
		t.Errorf("%q", got)
	}
}
