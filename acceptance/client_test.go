package acceptance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// goodPassword is one that every rule accepts.
const goodPassword = "a lantern over quiet water"

// client follows no redirect and keeps many connections. Nothing may take longer
// than its timeout: what does counts as a hang.
func client(connections int) *http.Client {
	return &http.Client{
		Timeout:       60 * time.Second,
		Transport:     &http.Transport{MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

var plain = client(64)

// answer is what came back. Status 0 means that nothing did, and err says why.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error
}

// get reads a field of a JSON answer by its path, such as "session.id"; "" when it is not there.
func (a answer) get(path string) string {
	var v any
	if json.Unmarshal(a.body, &v) != nil {
		return ""
	}
	for name := range strings.SplitSeq(path, ".") {
		switch at := v.(type) {
		case map[string]any:
			v = at[name]
		case []any:
			var i int
			if _, err := fmt.Sscan(name, &i); err != nil || i >= len(at) {
				return ""
			}
			v = at[i]
		default:
			return ""
		}
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// ok says whether it went well. Which of the good statuses it is, is the API's own test's business.
func (a answer) ok() bool { return a.status >= 200 && a.status < 300 }

func (a answer) String() string {
	if a.err != nil {
		return a.err.Error()
	}
	return fmt.Sprintf("%d %.300s", a.status, a.body)
}

func send(c *http.Client, r *http.Request) answer {
	res, err := c.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, all, err}
}

// object is a JSON object.
type object map[string]any

// call sends JSON; token may be "", body nil. head are pairs of further headers.
func (n *node) call(method, path, token string, body any, head ...string) answer {
	return n.callBy(plain, method, path, token, body, head...)
}

func (n *node) callBy(c *http.Client, method, path, token string, body any, head ...string) answer {
	var in io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return answer{err: err}
		}
		in = bytes.NewReader(b)
	}
	r, err := http.NewRequest(method, n.url+path, in)
	if err != nil {
		return answer{err: err}
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(head); i += 2 {
		r.Header.Set(head[i], head[i+1])
	}
	return send(c, r)
}

// letter is a mail as the development inbox shows it.
type letter struct{ To, Subject, Text, HTML string }

// inbox is the newest 200 letters to anyone.
func (n *node) inbox() []letter {
	var box struct{ Items []letter }
	if a := n.call("GET", "/dev/inbox", "", nil, "Accept", "application/json"); a.err != nil || json.Unmarshal(a.body, &box) != nil {
		return nil
	}
	return box.Items
}

func (n *node) letters(to string) (out []letter) {
	for _, m := range n.inbox() {
		if m.To == to {
			out = append(out, m)
		}
	}
	return out
}

// mail waits for a letter whose text has the word, newest first.
func (n *node) mail(to string, seen int) letter {
	n.t.Helper()
	var all []letter
	if !within(15*time.Second, func() bool { all = n.letters(to); return len(all) > seen }) {
		n.t.Fatalf("no letter to %s came", to)
	}
	return all[0]
}

// code is the line of eight digits in a letter.
func (l letter) code() string {
	for line := range strings.Lines(l.Text) {
		if line = strings.TrimSpace(line); len(line) == 8 && strings.Trim(line, "0123456789") == "" {
			return line
		}
	}
	return ""
}

// link is the first link with a token in a letter, and token its secret.
func (l letter) link() string {
	for word := range strings.FieldsSeq(l.Text) {
		if strings.Contains(word, "token=") {
			return word
		}
	}
	return ""
}

func (l letter) token() string {
	u, err := url.Parse(l.link())
	if err != nil {
		return ""
	}
	return u.Query().Get("token")
}

func passwordOf(p string) object { return object{"method": "password", "password": p} }
func codeOf(c string) object     { return object{"method": "email_code", "code": c} }

// begin starts a sign-up and returns its answer and the code that was mailed.
func (n *node) begin(address string) (answer, letter) {
	n.t.Helper()
	seen := len(n.letters(address))
	a := n.call("POST", "/v1/attempts", "", object{"purpose": "sign_up", "identifier": address, "issue": "session_token",
		"traits": object{"name": "Ada"}, "evidence": passwordOf(goodPassword)})
	if !a.ok() {
		n.t.Fatalf("sign-up of %s: %s", address, a)
	}
	return a, n.mail(address, seen)
}

// signUp makes a person with goodPassword and returns a session token.
func (n *node) signUp(address string) string {
	n.t.Helper()
	a, l := n.begin(address)
	a = n.evidence(a.get("id"), codeOf(l.code()))
	if a.get("session_token") == "" {
		n.t.Fatalf("code of %s: %s", address, a)
	}
	return a.get("session_token")
}

func (n *node) evidence(attempt string, e object, head ...string) answer {
	return n.call("POST", "/v1/attempts/"+attempt+"/evidence", "", e, head...)
}

func signIn(identifier, password string) object {
	return object{"purpose": "sign_in", "identifier": identifier, "issue": "session_token", "evidence": passwordOf(password)}
}

func (n *node) signIn(identifier, password string) answer {
	return n.call("POST", "/v1/attempts", "", signIn(identifier, password))
}

// alive says whether the session token opens anything.
func (n *node) alive(token string) bool {
	return n.call("GET", "/v1/session", token, nil).status == 200
}

// atOnce runs n calls on as many goroutines as width, all released together, and
// returns how many gave true.
func atOnce(count, width int, do func(i int) bool) int {
	var wins, next atomic.Int64
	gate := make(chan struct{})
	var all sync.WaitGroup
	for range width {
		all.Go(func() {
			<-gate
			for i := int(next.Add(1)) - 1; i < count; i = int(next.Add(1)) - 1 {
				if do(i) {
					wins.Add(1)
				}
			}
		})
	}
	close(gate)
	all.Wait()
	return int(wins.Load())
}

// event is a line of the audit log.
type event struct{ Action, Outcome, Subject, Actor, Method, Network, Reason string }

// audit lists the events of an action, all of them.
func (n *node) audit(action string) (out []event) {
	n.t.Helper()
	var page struct{ Items []event }
	if err := json.Unmarshal([]byte(n.must("audit", "list", "--action", action, "--json", "--limit", "100000")), &page); err != nil {
		n.t.Fatal(err)
	}
	return page.Items
}

// count counts the events of an action with a reason.
func (n *node) count(action, reason string) (c int) {
	n.t.Helper()
	for _, e := range n.audit(action) {
		if e.Reason == reason {
			c++
		}
	}
	return c
}

// sound fails unless the audit log verifies.
func (n *node) sound() {
	n.t.Helper()
	if out, err := n.cli("audit", "verify"); err != nil {
		n.t.Errorf("the audit log: %v %s", err, out)
	}
}
