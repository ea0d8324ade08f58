package scenario

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/countersign-id/countersign/bench/load"
	"github.com/countersign-id/countersign/bench/table"
)

// signUps is how many accounts one round creates; the inbox shows at least so many messages.
const signUps = 100

var (
	postJSON   = map[string]string{"Content-Type": "application/json", "Accept": "application/json"}
	signUpBody = `{"purpose":"sign_up","identifier":"{0}","issue":"session_token","evidence":{"method":"password","password":"` + password + `"}}`
	codeBody   = `{"method":"email_code","code":"{1}"}`
	mailedCode = regexp.MustCompile(`\b\d{8}\b`)
)

// signUp measures accounts from nothing to a session: the attempt with its password, the code from
// the mail, the proof. Counted is the time both calls take; the mail is awaited in between.
func (b *Bench) signUp(ctx context.Context) ([]table.Row, error) {
	h, err := b.smallHouse(ctx)
	if err != nil {
		return nil, err
	}
	round := 0
	turns, err := interleave(ctx, b.Rounds, func(ctx context.Context) (sample, error) {
		round++
		return b.signUpOnce(ctx, h, round)
	}, b.rawHash)
	if err != nil {
		return nil, err
	}
	row := compare("sign-up with mailed code", turns[0], turns[1])
	row.Against = b.hashName()
	row.Note = fmt.Sprintf("%d accounts a round; an account is two calls, latencies are those of the calls", signUps)
	return []table.Row{row}, nil
}

func (b *Bench) signUpOnce(ctx context.Context, h *house, round int) (sample, error) {
	var who []string
	for i := range signUps {
		who = append(who, fmt.Sprintf("new-%d-%d-%d@example.com", os.Getpid(), round, i))
	}
	first, begun, err := b.each(ctx, h, load.Ask{Name: "begin", Path: "/v1/attempts", Body: signUpBody}, who)
	if err != nil {
		return sample{}, err
	}
	codes, err := h.codes(ctx, who)
	if err != nil {
		return sample{}, err
	}
	var rows []string
	for _, k := range begun.Kept {
		var a struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(k.Body, &a); err != nil || a.ID == "" {
			return sample{}, fmt.Errorf("an attempt's answer has no id: %w", err)
		}
		rows = append(rows, a.ID+"\t"+codes[k.Row])
	}
	second, ended, err := b.each(ctx, h, load.Ask{Name: "prove", Path: "/v1/attempts/{0}/evidence", Body: codeBody}, rows)
	if err != nil {
		return sample{}, err
	}
	for _, k := range ended.Kept {
		if !strings.Contains(string(k.Body), `"complete"`) {
			return sample{}, fmt.Errorf("a sign-up did not complete")
		}
	}
	latency := begun.Latency()
	latency.Merge(ended.Latency())
	return sample{rate: 1 / (1/first.rate + 1/second.rate), cpu: first.cpu + second.cpu, latency: latency}, nil
}

// each posts one ask once per row and insists that all of them go well.
func (b *Bench) each(ctx context.Context, h *house, a load.Ask, rows []string) (sample, *load.Tally, error) {
	a.Method, a.Header, a.Keep, a.Values = "POST", postJSON, true, load.Values{Rows: rows, Once: true}
	r, err := load.Spawn(ctx, b.Exe, load.Plan{
		Addr: h.Addr, Watch: h.PID, For: time.Minute,
		Streams: []load.Stream{{Name: a.Name, Connections: signInCallers, Sources: signInCallers, Mix: []load.Ask{a}}},
	})
	if err != nil {
		return sample{}, nil, err
	}
	t := r.Asks[a.Name]
	if n := t.Count(200, 201); n != len(rows) {
		return sample{}, nil, fmt.Errorf("%s: %d of %d went well, the others had the statuses %v; %d lost",
			a.Name, n, len(rows), t.Other(200, 201), t.Lost())
	}
	n := float64(len(rows))
	return sample{rate: n / r.Seconds, cpu: float64(r.ServerCPU.Microseconds()) / n}, t, nil
}

// codes reads the development inbox until everyone has got a code.
func (h *house) codes(ctx context.Context, who []string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		body, err := h.call(ctx, http.MethodGet, "/dev/inbox", map[string]string{"Accept": "application/json"}, nil)
		if err != nil {
			return nil, err
		}
		found, err := readInbox(body, who)
		if err != nil || len(found) == len(who) {
			return found, err
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("the inbox has codes for %d of %d: %w", len(found), len(who), ctx.Err())
		case <-again.C:
		}
	}
}

// readInbox finds the newest code for each of the given addresses.
func readInbox(body []byte, who []string) (map[string]string, error) {
	var inbox struct {
		Items []struct {
			To   string `json:"to"`
			Text string `json:"text"`
		} `json:"items"`
	}
	if err := json.Unmarshal(body, &inbox); err != nil {
		return nil, fmt.Errorf("inbox: %w", err)
	}
	wanted := map[string]bool{}
	for _, w := range who {
		wanted[w] = true
	}
	found := map[string]string{}
	for _, m := range inbox.Items { // newest first
		if code := mailedCode.FindString(m.Text); wanted[m.To] && found[m.To] == "" && code != "" {
			found[m.To] = code
		}
	}
	return found, nil
}

func firstLine(file string) (string, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	line, _, _ := strings.Cut(string(b), "\n")
	if line == "" {
		return "", fmt.Errorf("%s: no lines", file)
	}
	return line, nil
}
