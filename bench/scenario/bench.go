// Package scenario says what is measured: which requests, against which limit, in which turns, and
// what has to come out.
//
// Every figure is taken beside its limit in the same run, A B A B, and judged by the median of the
// rounds' ratios: on a shared machine a single figure says more about the neighbours than about us.
package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/countersign-id/countersign/bench/fill"
	"github.com/countersign-id/countersign/bench/limit"
	"github.com/countersign-id/countersign/bench/product"
	"github.com/countersign-id/countersign/bench/table"
	"github.com/countersign-id/countersign/internal/argon"
)

// Bench is one run. The zero value is not usable: every field of the first group must be set.
type Bench struct {
	Exe     string          // this program, to call itself with
	Program product.Program // what is measured
	Dir     string          // scratch space on the disk that is measured; the caller removes it
	Window  time.Duration   // how long each single measurement counts
	Rounds  int             // how often ours and the limit take turns
	Stored  int             // sessions in the big database
	Hash    limit.Hash      // the Argon2id parameters the product uses
	Say     func(string)    // progress, for a person who waits

	big, small *house
	bare       *limit.BareServer
}

// house is a filled data folder with the product serving it.
type house struct {
	*product.Running
	fill.Order
}

// password is long and odd enough for any policy; it guards nothing.
const password = "violet-anvil-47-harbour"

// warmSessions is how many sessions are in use at a time when a cache can be warm.
const warmSessions = 1000

// Names lists the scenarios in the order they run.
func Names() []string {
	return []string{"start", "check", "commit", "sign-in", "sign-up", "passkey", "mixed", "flood"}
}

// Run measures the named scenarios, all of them when none is named. One that fails does not keep the
// others from running; its error is part of the returned one.
func (b *Bench) Run(ctx context.Context, only ...string) (rows []table.Row, err error) {
	all := map[string]func(context.Context) ([]table.Row, error){
		"start": b.start, "check": b.check, "commit": b.commit, "sign-in": b.signIn,
		"sign-up": b.signUp, "passkey": b.passkey, "mixed": b.mixed, "flood": b.flood,
	}
	for _, name := range only {
		if all[name] == nil {
			return nil, fmt.Errorf("scenario: there is no %q; there are %v", name, Names())
		}
	}
	defer func() { err = errors.Join(err, b.stop()) }()
	for _, name := range Names() {
		if len(only) > 0 && !slices.Contains(only, name) {
			continue
		}
		if ctx.Err() != nil {
			return rows, errors.Join(err, ctx.Err())
		}
		b.Say(name)
		more, failed := all[name](ctx)
		rows = append(rows, more...)
		if failed != nil {
			err = errors.Join(err, fmt.Errorf("scenario %s: %w", name, failed))
		}
	}
	return rows, err
}

func (b *Bench) stop() error {
	var err error
	for _, h := range []*house{b.big, b.small} {
		if h != nil {
			err = errors.Join(err, h.Stop())
		}
	}
	if b.bare != nil {
		err = errors.Join(err, b.bare.Stop())
	}
	return err
}

// build fills a folder and starts the product on it.
func (b *Bench) build(ctx context.Context, name string, identities, sessions int, settings ...string) (*house, error) {
	order := fill.Order{
		Data: filepath.Join(b.Dir, name), Identities: identities, Sessions: sessions, Password: password,
		Hash:   argon.Params{MemoryKiB: b.Hash.MemoryKiB, Time: b.Hash.Passes, Threads: b.Hash.Lanes},
		Tokens: filepath.Join(b.Dir, name+".tokens"), Identifiers: filepath.Join(b.Dir, name+".identifiers"),
	}
	settings = append(settings, fmt.Sprintf("password.hash.memory_kib=%d", b.Hash.MemoryKiB),
		fmt.Sprintf("password.hash.time=%d", b.Hash.Passes), fmt.Sprintf("password.hash.threads=%d", b.Hash.Lanes))
	b.Say(fmt.Sprintf("filling %d identities and %d sessions", identities, sessions))
	if _, err := b.startOnce(ctx, order.Data); err != nil { // it makes its key and its tables itself
		return nil, err
	}
	if err := fill.Spawn(ctx, b.Exe, order); err != nil {
		return nil, err
	}
	r, err := product.Start(ctx, b.Program, order.Data, settings...)
	if err != nil {
		return nil, err
	}
	return &house{Running: r, Order: order}, nil
}

// patient keeps a hash that a busy neighbour slowed down from being refused: where the speed of
// sign-ins is measured, nobody floods. The flood itself runs with the product's own setting.
const patient = "password.queue_wait=10s"

// bigHouse holds as many sessions as the aim speaks of; smallHouse only those in use.
func (b *Bench) bigHouse(ctx context.Context) (_ *house, err error) {
	if b.big == nil {
		b.big, err = b.build(ctx, "big", max(warmSessions, b.Stored/20), b.Stored, patient)
	}
	return b.big, err
}

func (b *Bench) smallHouse(ctx context.Context) (_ *house, err error) {
	if b.small == nil {
		b.small, err = b.build(ctx, "small", warmSessions, warmSessions, patient)
	}
	return b.small, err
}

// bareServer answers with the very bytes that the product answers a session check with.
func (b *Bench) bareServer(ctx context.Context, h *house) (*limit.BareServer, error) {
	if b.bare != nil {
		return b.bare, nil
	}
	token, err := firstLine(h.Tokens)
	if err != nil {
		return nil, err
	}
	body, err := h.call(ctx, http.MethodGet, "/v1/session", map[string]string{"Authorization": "Bearer " + token}, nil)
	if err != nil {
		return nil, fmt.Errorf("the first session check: %w", err)
	}
	file := filepath.Join(b.Dir, "session.json")
	if err := os.WriteFile(file, body, 0o600); err != nil {
		return nil, err
	}
	b.bare, err = limit.StartBare(b.Exe, file)
	return b.bare, err
}

// call is one ordinary request, for the few answers that must be understood and not only counted.
func (h *house) call(ctx context.Context, method, path string, header map[string]string, body io.Reader) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+h.Addr.String()+path, body)
	if err != nil {
		return nil, err
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode/100 != 2 {
		err = problem(method, path, res.StatusCode, out)
	}
	return out, err
}

// problem keeps only the code of an error answer: the rest may repeat what was sent.
func problem(method, path string, status int, body []byte) error {
	var p struct {
		Code   string `json:"code"`
		Detail string `json:"detail"`
	}
	_ = json.Unmarshal(body, &p) // an answer that is no JSON has no code to show
	return fmt.Errorf("%s %s: status %d %s %s", method, path, status, p.Code, p.Detail)
}
