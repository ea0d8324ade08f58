package scenario

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"time"

	"github.com/countersign-id/countersign/bench/load"
	"github.com/countersign-id/countersign/bench/table"
)

// signInCallers keep every core busy with one hash and have the next ones waiting; many more would
// measure the refusals, which is what the flood is for.
var signInCallers = 4 * runtime.NumCPU()

// signIn measures whole sign-ins, password to session token, in one call each.
func (b *Bench) signIn(ctx context.Context) ([]table.Row, error) {
	h, err := b.bigHouse(ctx)
	if err != nil {
		return nil, err
	}
	if err := h.trySignIn(ctx); err != nil {
		return nil, err
	}
	turns, err := interleave(ctx, b.Rounds, func(ctx context.Context) (sample, error) {
		return b.offer(ctx, b.signIns(h))
	}, b.rawHash)
	if err != nil {
		return nil, err
	}
	row := compare("password sign-in", turns[0], turns[1])
	row.Against = b.hashName()
	return []table.Row{row.Judge("≥ 0.95", row.Ratio.Median >= 0.95)}, nil
}

func (b *Bench) hashName() string {
	return fmt.Sprintf("raw Argon2id %d KiB, t=%d, p=%d, one per core", b.Hash.MemoryKiB, b.Hash.Passes, b.Hash.Lanes)
}

func (b *Bench) signIns(h *house) load.Plan {
	return load.Plan{
		Addr: h.Addr, Watch: h.PID, Warm: 500 * time.Millisecond, For: b.Window,
		Streams: []load.Stream{{Name: "sign-in", Connections: signInCallers, Sources: signInCallers, Mix: []load.Ask{askSignIn(h)}}},
	}
}

const signInBody = `{"purpose":"sign_in","identifier":"{0}","issue":"session_token","evidence":{"method":"password","password":"` + password + `"}}`

func askSignIn(h *house) load.Ask {
	return load.Ask{
		Name: "sign-in", Method: "POST", Path: "/v1/attempts", Body: signInBody, Values: load.Values{File: h.Identifiers},
		Header: map[string]string{"Content-Type": "application/json", "Accept": "application/json"},
	}
}

// trySignIn makes sure that what is about to be counted really opens sessions.
func (h *house) trySignIn(ctx context.Context) error {
	who, err := firstLine(h.Identifiers)
	if err != nil {
		return err
	}
	body, err := h.call(ctx, http.MethodPost, "/v1/attempts", map[string]string{"Content-Type": "application/json"},
		strings.NewReader(strings.Replace(signInBody, "{0}", who, 1)))
	if err != nil {
		return err
	}
	var a struct {
		State string `json:"state"`
		Token string `json:"session_token"`
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return fmt.Errorf("a sign-in's answer: %w", err)
	}
	if a.State != "complete" || a.Token == "" {
		return fmt.Errorf("a sign-in ended %q, with a token: %v", a.State, a.Token != "")
	}
	return nil
}

// mixed is an ordinary day: of 20 requests 19 check a session and one signs in.
func (b *Bench) mixed(ctx context.Context) ([]table.Row, error) {
	h, err := b.bigHouse(ctx)
	if err != nil {
		return nil, err
	}
	bare, err := b.bareServer(ctx, h)
	if err != nil {
		return nil, err
	}
	check, login := askCheck(load.Values{File: h.Tokens, Take: warmSessions}), askSignIn(h)
	check.Share, login.Share = 19, 1
	both := load.Stream{Name: "mixed", Connections: signInCallers, Sources: signInCallers, Mix: []load.Ask{check, login}}
	turns, err := interleave(ctx, b.Rounds, func(ctx context.Context) (sample, error) {
		return b.offer(ctx, load.Plan{Addr: h.Addr, Watch: h.PID, Warm: 500 * time.Millisecond, For: b.Window, Streams: []load.Stream{both}})
	}, func(ctx context.Context) (sample, error) { return b.mixedLimit(ctx, bare.Addr, bare.PID, h.Tokens) })
	if err != nil {
		return nil, err
	}
	row := compare("mixed, 95 % checks, 5 % sign-ins", turns[0], turns[1])
	row.Against = "computed from bare net/http and raw Argon2id, each alone on all cores"
	return []table.Row{row}, nil
}

// mixedLimit is the time that 19 bare answers and one raw hash take, one kind after the other.
func (b *Bench) mixedLimit(ctx context.Context, addr netip.AddrPort, pid int, tokens string) (sample, error) {
	checks, err1 := b.offer(ctx, b.checks(addr, pid, load.Values{File: tokens, Take: warmSessions}))
	hashes, err2 := b.rawHash(ctx)
	if err := errors.Join(err1, err2); err != nil {
		return sample{}, err
	}
	return sample{rate: 1 / (0.95/checks.rate + 0.05/hashes.rate), cpu: 0.95*checks.cpu + 0.05*hashes.cpu}, nil
}
