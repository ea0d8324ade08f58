// Command enumeration measures whether an answer's time tells that a name has an
// account. It builds and runs the program, asks for known and unknown names in
// turn over one connection, and prints the medians, their difference beside the
// limit of max(0.5 %, 200 µs), and how often one single timing would tell the two
// apart (0.5 is a coin). It takes no part in the tests: time on a shared machine
// proves nothing once, so whoever runs it looks at the table. Status, length and
// headers are compared too.
//
//	go run ./bench/enumeration -pairs 2000
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/countersign-id/countersign/bench/product"
)

const password = "a lantern over quiet water"

// perName is how often one name is asked for: below the most guesses an identity can be given.
const perName = 40

func main() {
	pairs := flag.Int("pairs", 2000, "pairs of a known and an unknown name for each way")
	binary := flag.String("binary", "", "a built program; empty to build this one")
	memory := flag.Int("memory-kib", 19456, "memory of a hash")
	flag.Parse()
	if err := run(context.Background(), *pairs, *binary, *memory); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, pairs int, binary string, memory int) error {
	dir, err := os.MkdirTemp("", "enumeration")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	p := product.Program{Path: binary}
	if binary == "" {
		if p, err = product.Build(ctx, ".", dir); err != nil {
			return err
		}
	}
	names := pairs/perName + 1
	if err := people(p.Path, dir, names, memory); err != nil {
		return err
	}
	r, err := product.Start(ctx, p, dir, fmt.Sprintf("password.hash.memory_kib=%d", memory), "limits.guesses_per_identity=100", "password.queue_wait=30s")
	if err != nil {
		return err
	}
	a := &asker{url: fmt.Sprintf("http://localhost:%d/v1/attempts", r.Addr.Port()), client: &http.Client{Timeout: 30 * time.Second}, seen: map[string]map[string]bool{}}
	fmt.Printf("%-24s %7s %12s %12s %12s %10s %6s\n", "way", "pairs", "known", "unknown", "difference", "limit", "tells")
	for _, w := range ways() {
		k, u, err := a.measure(ctx, w, pairs, names)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		fmt.Println(row(w.name, k, u))
		k1, u1 := slices.Collect(maps.Keys(a.seen[w.name+string(known)])), slices.Collect(maps.Keys(a.seen[w.name+string(unknown)]))
		if !slices.ContainsFunc(k1, func(look string) bool { return slices.Contains(u1, look) }) {
			fmt.Printf("  and they never look alike: %s, %s\n", k1, u1)
		}
	}
	return r.Stop()
}

// people makes the identities that are known, by command: no mail is involved.
func people(binary, data string, n, memory int) error {
	for i := range n {
		cmd := exec.Command(binary, "identity", "add", "--email", email(known, i), "--username", username(known, i), "--password-stdin",
			"--data", data, "--set", fmt.Sprintf("password.hash.memory_kib=%d", memory))
		cmd.Stdin = strings.NewReader(password + "\n")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("add: %w: %s", err, out)
		}
	}
	return nil
}

// side is whether a name is somebody's. The names look alike and are equally long.
type side byte

const (
	known   side = 'k'
	unknown side = 'u'
)

func email(s side, i int) string    { return fmt.Sprintf("%c%05d@example.com", s, i) }
func username(s side, i int) string { return fmt.Sprintf("%cname%05d", s, i) }

// way is one thing to ask for a name.
type way struct {
	name    string
	purpose string
	named   func(side, int) string
	wrong   bool   // with a wrong password
	right   bool   // with a password that may be chosen
	ask     string // a method that is asked to send or to give options; this request is what is timed
	answer  bool   // and then a wrong code is; that one is timed instead
}

func ways() []way {
	return []way{
		{name: "begin a sign-in", purpose: "sign_in", named: email},
		{name: "sign in, address", purpose: "sign_in", named: email, wrong: true},
		{name: "sign in, username", purpose: "sign_in", named: username, wrong: true},
		{name: "recover, address", purpose: "recover", named: email},
		{name: "recover, username", purpose: "recover", named: username},
		{name: "send a code, address", purpose: "sign_in", named: email, ask: "email_code"},
		{name: "send a code, username", purpose: "sign_in", named: username, ask: "email_code"},
		{name: "wrong code", purpose: "sign_in", named: email, ask: "email_code", answer: true},
		{name: "send a link", purpose: "sign_in", named: email, ask: "magic_link"},
		{name: "passkey options", purpose: "sign_in", named: email, ask: "passkey"},
		{name: "sign up", purpose: "sign_up", named: email, right: true},
	}
}

type asker struct {
	url    string
	client *http.Client
	seen   map[string]map[string]bool // by way and side, how answers look from outside
}

// measure asks for known and unknown names in turn; which comes first alternates,
// so that whatever one leaves behind burdens both alike.
func (a *asker) measure(ctx context.Context, w way, pairs, names int) (k, u []time.Duration, err error) {
	for i := -20; i < pairs; i++ { // the first 20 only warm up
		order := []side{known, unknown}
		if i%2 == 0 {
			order = []side{unknown, known}
		}
		for _, s := range order {
			took, err := a.ask(ctx, w, s, (i+20)%names)
			if err != nil {
				return nil, nil, err
			}
			if i >= 0 && s == known {
				k = append(k, took)
			} else if i >= 0 {
				u = append(u, took)
			}
		}
	}
	return k, u, nil
}

func (a *asker) ask(ctx context.Context, w way, s side, i int) (time.Duration, error) {
	in := map[string]any{"purpose": w.purpose, "identifier": w.named(s, i)}
	switch {
	case w.wrong:
		in["evidence"] = map[string]string{"method": "password", "password": "not the password of anyone"}
	case w.right:
		in["evidence"] = map[string]string{"method": "password", "password": password}
	}
	took, got, err := a.post(ctx, "", in)
	if w.ask != "" && err == nil {
		var begun struct{ ID string }
		if err := json.Unmarshal([]byte(got.body), &begun); err != nil {
			return 0, err
		}
		took, got, err = a.post(ctx, "/"+begun.ID+"/challenges", map[string]any{"method": w.ask})
		if w.answer && err == nil {
			took, got, err = a.post(ctx, "/"+begun.ID+"/evidence", map[string]any{"method": w.ask, "code": "00000000"})
		}
	}
	if err != nil {
		return 0, err
	}
	if good := got.status/100 == 2; good == (w.wrong || w.answer) {
		return 0, fmt.Errorf("%s: status %d", w.name, got.status)
	}
	// All that can be seen of an answer besides its time and its contents, which are ids and times.
	// Times lose their last zeros, so that lengths differ by a few; each must occur on both sides.
	if a.seen[w.name+string(s)] == nil {
		a.seen[w.name+string(s)] = map[string]bool{}
	}
	a.seen[w.name+string(s)][fmt.Sprint(got.status, len(got.body), got.headers)] = true
	return took, nil
}

// answered is what came back.
type answered struct {
	status  int
	body    string
	headers []string // their names
}

func (a *asker) post(ctx context.Context, path string, in map[string]any) (time.Duration, answered, error) {
	var got answered
	body, err := json.Marshal(in)
	if err != nil {
		return 0, got, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, got, err
	}
	r.Header.Set("Content-Type", "application/json")
	began := time.Now()
	res, err := a.client.Do(r)
	if err != nil {
		return 0, got, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return 0, got, err
	}
	took := time.Since(began)
	return took, answered{res.StatusCode, string(text), slices.Sorted(maps.Keys(res.Header))}, nil
}
