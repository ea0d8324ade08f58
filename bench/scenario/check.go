package scenario

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/countersign-id/countersign/bench/load"
	"github.com/countersign-id/countersign/bench/table"
)

// callers is the number of connections of a closed loop, as in the yardsticks.
const callers = 64

// check measures the hot path: who is calling? Warm means sessions in use, cold a session's first
// request. The bare handler gets the same requests, token and all.
func (b *Bench) check(ctx context.Context) ([]table.Row, error) {
	big, err := b.bigHouse(ctx)
	if err != nil {
		return nil, err
	}
	small, err := b.smallHouse(ctx)
	if err != nil {
		return nil, err
	}
	bare, err := b.bareServer(ctx, big)
	if err != nil {
		return nil, err
	}
	warm := func(addr netip.AddrPort, pid int, tokens string) measure {
		return func(ctx context.Context) (sample, error) {
			return b.offer(ctx, b.checks(addr, pid, load.Values{File: tokens, Take: warmSessions}))
		}
	}
	inUse, err := interleave(ctx, b.Rounds, warm(big.Addr, big.PID, big.Tokens),
		warm(bare.Addr, bare.PID, big.Tokens), warm(small.Addr, small.PID, small.Tokens))
	if err != nil {
		return nil, err
	}
	// The warm sessions came first; whatever lies beyond them has not been seen yet.
	fresh := load.Values{File: big.Tokens, Skip: warmSessions, Once: true}
	firstTime, err := interleave(ctx, b.Rounds, func(ctx context.Context) (sample, error) {
		// A token left over from a round is skipped, in case its request was sent but not counted.
		fresh.Take = (b.Stored - fresh.Skip) / 2
		s, err := b.offer(ctx, b.checks(big.Addr, big.PID, fresh))
		fresh.Skip += s.used
		return s, err
	}, warm(bare.Addr, bare.PID, big.Tokens))
	if err != nil {
		return nil, err
	}
	bareName := "bare net/http, same JSON"
	hot := compare(fmt.Sprintf("session check, warm, %d stored", b.Stored), inUse[0], inUse[1])
	cold := compare(fmt.Sprintf("session check, cold, %d stored", b.Stored), firstTime[0], firstTime[1])
	flat := compare(fmt.Sprintf("session check, %d stored, against %d", b.Stored, warmSessions), inUse[0], inUse[2])
	hot.Against, cold.Against, flat.Against = bareName, bareName, fmt.Sprintf("ourselves with %d sessions stored", warmSessions)
	return []table.Row{
		hot.Judge("≥ 0.80", hot.Ratio.Median >= 0.80),
		cold.Judge("≥ 0.30", cold.Ratio.Median >= 0.30),
		flat.Judge("≥ 0.90", flat.Ratio.Median >= 0.90),
	}, nil
}

// checks is a closed loop of session checks.
func (b *Bench) checks(addr netip.AddrPort, pid int, tokens load.Values) load.Plan {
	return load.Plan{
		Addr: addr, Watch: pid, Warm: 300 * time.Millisecond, For: b.Window,
		Streams: []load.Stream{{Name: "check", Connections: callers, Mix: []load.Ask{askCheck(tokens)}}},
	}
}

func askCheck(tokens load.Values) load.Ask {
	return load.Ask{
		Name: "check", Method: "GET", Path: "/v1/session", Values: tokens,
		Header: map[string]string{"Authorization": "Bearer {0}", "Accept": "application/json"},
	}
}
