// Command enumeration measures whether an answer's time tells that a name has an
// account. It builds and runs the program, asks for known and unknown names in
// turn over one connection, and prints the medians, their difference beside the
// limit of max(0.5 %, 200 µs), and how often one single timing would tell the two
// apart (0.5 is a coin). It takes no part in the tests: time on a shared machine
// proves nothing once, so whoever runs it looks at the table.
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
	"net/http"
	"os"
	"os/exec"
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
	a := &asker{url: fmt.Sprintf("http://localhost:%d/v1/attempts", r.Addr.Port()), client: &http.Client{Timeout: 30 * time.Second}}
	fmt.Printf("%-24s %7s %12s %12s %12s %10s %6s\n", "way", "pairs", "known", "unknown", "difference", "limit", "tells")
	for _, w := range ways() {
		known, unknown, err := a.measure(ctx, w, pairs, names)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		fmt.Println(row(w.name, known, unknown))
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
	wrong   bool // with a wrong password
	right   bool // with a password that may be chosen
}

func ways() []way {
	return []way{
		{name: "begin a sign-in", purpose: "sign_in", named: email},
		{name: "sign in, address", purpose: "sign_in", named: email, wrong: true},
		{name: "sign in, username", purpose: "sign_in", named: username, wrong: true},
		{name: "recover, address", purpose: "recover", named: email},
		{name: "recover, username", purpose: "recover", named: username},
		{name: "sign up", purpose: "sign_up", named: email, right: true},
	}
}

type asker struct {
	url    string
	client *http.Client
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
	body, err := json.Marshal(in)
	if err != nil {
		return 0, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	began := time.Now()
	res, err := a.client.Do(r)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	if _, err = io.Copy(io.Discard, res.Body); err != nil {
		return 0, err
	}
	took := time.Since(began)
	if good := res.StatusCode/100 == 2; good == w.wrong {
		return 0, fmt.Errorf("%s: status %d", w.name, res.StatusCode)
	}
	return took, nil
}
