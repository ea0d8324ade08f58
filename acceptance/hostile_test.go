package acceptance

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// route is a method and a path that the server serves.
type route struct{ method, path string }

// routes lists what the API's own document names, and the pages.
func (n *node) routes() (all []route) {
	n.t.Helper()
	var doc struct{ Paths map[string]map[string]any }
	if a := n.call("GET", "/openapi.json", "", nil); a.status != 200 || json.Unmarshal(a.body, &doc) != nil || len(doc.Paths) < 15 {
		n.t.Fatalf("openapi.json: %s", a)
	}
	paths := []string{"/", "/sign-in", "/sign-up", "/recover", "/verify", "/step-up", "/sign-out", "/setup", "/account", "/account/profile", "/account/emails",
		"/account/sessions", "/account/activity", "/account/password", "/account/data", "/view", "/strength", "/dev/inbox", "/assets/style.css", "/openapi.json", "/docs",
		"/.well-known/change-password", "/.well-known/security.txt", "/v1", "/v1/nothing", "/forward-auth", "/oauth/token"}
	for path := range doc.Paths {
		paths = append(paths, path)
	}
	for _, path := range paths {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} {
			all = append(all, route{method, path})
		}
	}
	return all
}

// bodies are what a request may hold.
func bodies() (all []string) {
	for _, field := range []string{"purpose", "identifier", "traits", "return_to", "issue", "evidence", "method", "password", "code", "token", "address", "name", "locale",
		"username", "picture", "current_password", "new_password", "roles", "flags", "metadata", "state", "email", "kind", "id", "identity", "user_id", "verified"} {
		for _, v := range []string{`null`, `0`, `[]`, `{"a":[]}`, `"\u0000"`, `"` + strings.Repeat("x", 10000) + `"`} {
			all = append(all, `{"`+field+`":`+v+`}`)
		}
	}
	start := func(identifier, evidence string) string {
		return `{"purpose":"sign_in","identifier":` + identifier + `,"evidence":` + evidence + `}`
	}
	all = append(all, "", "{", "null", "[]", `"x"`, "0", "-", "\xff\xfe", "\xef\xbb\xbf{}", "{}{}", "{} trailing", "{\"a\":1,\"a\":2}", `{"a":1e999}`, `{"purpose":"sign_in","purpose":"sign_up"}`,
		strings.Repeat("[", 50000), strings.Repeat(`{"a":`, 50000), "["+strings.Repeat("0,", 50000)+"0]", `{"purpose":"sign_in","identifier":"`+strings.Repeat("a", 300000)+`"}`,
		`{"name":"a\r\nSet-Cookie: x=1"}`, `{"name":"\ud800"}`, "{\"name\":\"\xc3\x28\"}", `{"__proto__":{}}`, `{"roles":["admin"],"verified":true,"identity":"x"}`,
		start(`"ada@example.com"`, `null`), start(`"ada@example.com"`, `[]`), start(`"ada@example.com"`, `{}`), start(`"ada@example.com"`, `{"method":"password"}`),
		start(`"ada@example.com"`, `{"method":"password","password":null}`), start(`"ada@example.com"`, `{"method":"email_code","code":"12345678"}`),
		start(`"ada@example.com' OR 1=1 --"`, `{"method":"password","password":"x"}`), start(`"a\u0000b@example.com"`, `{"method":"password","password":"x"}`),
		start(`"ada@example.com"`, `{"method":"password","password":"`+strings.Repeat("y", 10000)+`"}`), start(`"ada@example.com"`, `{"method":"../password"}`),
		`{"purpose":"recover","identifier":"nobody@example.com"}`, `{"purpose":"step_up"}`, `{"purpose":"verify","identifier":"ada@example.com"}`, `{"method":"email_code"}`,
		`{"method":"password","password":"x"}`, `{"current_password":"x","new_password":"y"}`, `{"state":"disabled"}`, `{"address":"a@b@c.com"}`, `{"address":"a@example.com,b@example.com"}`,
		`identifier=ada%40example.com&password=x`, `identifier=a&identifier=b`, `do=answer&method=email_code&code=1`, `do=send&method=password`, `token=cs_lnk_x`, `token=%00`, `a=%zz`,
		`back=//evil.example&theme=dark`, `form=`+strings.Repeat("z", 9000), `do=prove&then=/account/data&then.sure=yes`, strings.Repeat("a=1&", 5000),
		"--b\r\nContent-Disposition: form-data; name=\"password\"; filename=\"x\"\r\n\r\nx\r\n--b--\r\n")
	return all
}

var (
	oddTypes = []string{"application/json", "application/json", "application/x-www-form-urlencoded", "application/x-www-form-urlencoded", "text/plain", "",
		"application/json; charset=utf-16", "multipart/form-data; boundary=b", "multipart/form-data", "application/json, text/html", "a/b/c", ";;;", "application/x-www-form-urlencoded; charset=\xff"}
	oddQueries = []string{"", "", "", "?limit=0", "?limit=-1", "?limit=99999999999999999999", "?limit=NaN", "?limit=1&limit=2", "?after='%20OR%201=1--", "?after=%00", "?after=idn_zzz",
		"?token=cs_lnk_x", "?token=%ff%fe", "?method=password", "?method=%3Cscript%3E", "?%zz", "?;;", "?return_to=//evil.example", "?then=/account/data", "?done=<x>", "?a=" + strings.Repeat("b", 4000),
		"?prefix=%25", "?prefix=a%27", "?action=x%27", "?subject=idn_1", "?state=deleted", "?after=evt_00000000000000000000000000000000", "?limit=1&after=ses_00000000000000000000000000000000"}
	oddHeads = [][2]string{{"", ""}, {"", ""}, {"Accept-Language", strings.Repeat("de,", 6000)}, {"Accept-Language", "\xff\xfe;q=x"}, {"Accept", "*/*;q=999"}, {"Authorization", "Bearer"},
		{"Authorization", "Bearer  a b"}, {"Authorization", "Basic !!!!"}, {"Authorization", "Bearer " + unknownToken}, {"Authorization", "bearer\tx, Bearer y"}, {"Authorization", strings.Repeat("A", 9000)},
		{"Cookie", "countersign=x; countersign=y"}, {"Cookie", "countersign-attempt=att_0; countersign-device=" + strings.Repeat("z", 5000)}, {"Cookie", strings.Repeat("a=b;", 3000)}, {"Cookie", "=;;=\";"},
		{"Idempotency-Key", "k"}, {"Idempotency-Key", strings.Repeat("k", 300)}, {"Idempotency-Key", "\x7f"}, {"X-Forwarded-For", "a, \xff"}, {"Forwarded", "for=\";;"}, {"X-Forwarded-Host", "evil.example"},
		{"Origin", "null"}, {"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}, {"Range", "bytes=0-0,1-1,-1"}, {"If-None-Match", "*"}, {"X-Request-Id", "a\x7fb"}, {"User-Agent", strings.Repeat("M", 20000)},
		{"X-HTTP-Method-Override", "DELETE"}, {"Content-Encoding", "gzip"}, {"Expect", "200-ok"}, {"TE", "trailers"}, {"Upgrade", "websocket"}, {"Host", "x"}}
	oddIDs = []string{"att_00000000000000000000000000000000", "idn_00000000000000000000000000000000", "ses_00000000000000000000000000000000", "'%20OR%20'1'='1", "%00", "%ff%fe", "%2e%2e", "..%2f..%2f", "a%40b%40c",
		"ada@example.com", "%F0%9F%92%A9", strings.Repeat("x", 5000), "x;y=z", "%0d%0aX:y", "-1", "%5c"}
)

// assailant sends one mutated request after the other and says what is wrong with an answer.
type assailant struct {
	n      *node
	c      *http.Client
	tokens []string
	bodies []string
}

func (a *assailant) request(rnd *rand.Rand, r route, body string) (*http.Request, error) {
	path := r.path
	for strings.Contains(path, "{") {
		before, rest, _ := strings.Cut(path, "{")
		_, after, _ := strings.Cut(rest, "}")
		path = before + oddIDs[rnd.IntN(len(oddIDs))] + after
	}
	req, err := http.NewRequest(r.method, a.n.url+path+oddQueries[rnd.IntN(len(oddQueries))], strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if t := oddTypes[rnd.IntN(len(oddTypes))]; t != "" {
		req.Header["Content-Type"] = []string{t}
	}
	switch token := a.tokens[rnd.IntN(len(a.tokens))]; rnd.IntN(4) {
	case 0:
		req.Header.Set("Authorization", "Bearer "+token)
	case 1:
		req.Header.Set("Cookie", "countersign="+token)
	}
	if h := oddHeads[rnd.IntN(len(oddHeads))]; h[0] == "Host" {
		req.Host = h[1]
	} else if h[0] != "" {
		req.Header[h[0]] = []string{h[1]}
	}
	return req, nil
}

// wrong says what is wrong with an answer to a hostile request.
func wrong(res *http.Response, body []byte, took time.Duration) string {
	switch {
	case res.StatusCode >= 500:
		return fmt.Sprintf("status %d", res.StatusCode)
	case took > 10*time.Second:
		return fmt.Sprintf("took %v", took)
	case res.Header.Get("X-Request-Id") == "" && res.StatusCode != 400 && res.StatusCode != 417: // net/http says these before any of our code
		return "no request id"
	case strings.Contains(string(body), "goroutine ") || strings.Contains(string(body), ".go:"):
		return "an answer from inside"
	case res.StatusCode >= 400 && strings.HasPrefix(res.Request.URL.Path, "/v1/") && res.Request.Method != "HEAD" && len(body) > 0 &&
		!strings.HasPrefix(res.Header.Get("Content-Type"), "application/problem+json"):
		return fmt.Sprintf("%d is %s, no problem+json", res.StatusCode, res.Header.Get("Content-Type"))
	}
	return ""
}

// TestHostileRequests sends mutated requests to every route by every method.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	n := serve(t, "limits.guesses_per_identity=100")
	a := &assailant{n: n, c: client(32)}
	user := n.signUp("ada@example.com")
	a.tokens = []string{n.administrator(), user, user, "x"}
	a.bodies = bodies()
	routes := n.routes()
	before := n.load()
	perRoute := 22000/len(routes) + 1
	var mu sync.Mutex
	sent, seen := 0, map[string]int{}
	atOnce(len(routes), 16, func(i int) bool {
		rnd := rand.New(rand.NewPCG(1, uint64(i)))
		for k := range perRoute {
			body := a.bodies[(i*perRoute+k)%len(a.bodies)]
			req, err := a.request(rnd, routes[i], body)
			if err != nil {
				continue
			}
			began := time.Now()
			res, err := a.c.Do(req)
			var what string
			if err != nil {
				what = err.Error()
				if strings.Contains(what, "invalid header field") || len(body) > 100_000 && strings.Contains(what, "write tcp") {
					continue // our own client refuses to send it; or was answered and hung up on before it had sent all
				}
			} else {
				all, _ := io.ReadAll(res.Body)
				res.Body.Close()
				what = wrong(res, all, time.Since(began))
			}
			mu.Lock()
			if sent++; what != "" {
				if seen[what]++; seen[what] <= 3 {
					t.Errorf("%s %s %v: body %.60q: %s", req.Method, req.URL.RequestURI()[:min(80, len(req.URL.RequestURI()))], short(req.Header), body, what)
				}
			}
			mu.Unlock()
		}
		return true
	})
	if t.Logf("%d requests to %d routes, wrong: %v", sent, len(routes), seen); sent < 20000 {
		t.Errorf("only %d requests were sent", sent)
	}
	a.c.CloseIdleConnections()
	n.settled(before)
	if in := n.signIn("root@example.com", goodPassword); !in.ok() {
		t.Errorf("afterwards: %s", in)
	}
	n.sound()
}

func short(h http.Header) string {
	s := fmt.Sprint(h)
	return s[:min(len(s), 160)]
}

// burden is what a process holds.
type burden struct{ goroutines, kib int }

func (n *node) load() (b burden) {
	n.t.Helper()
	res, err := http.Get("http://" + n.ops + "/debug/pprof/goroutine?debug=1")
	if err != nil {
		n.t.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := fmt.Fscanf(res.Body, "goroutine profile: total %d", &b.goroutines); err != nil {
		n.t.Fatal(err)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.cmd.Process.Pid))
	if err != nil {
		n.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	fmt.Sscan(rest, &b.kib)
	return b
}

// settled fails unless goroutines and memory come back to about where they were.
func (n *node) settled(before burden) {
	n.t.Helper()
	plain.CloseIdleConnections()
	var now burden
	if !within(20*time.Second, func() bool {
		now = n.load()
		return now.goroutines <= before.goroutines+10 && now.kib <= before.kib+128<<10
	}) {
		n.t.Errorf("before %+v, afterwards %+v", before, now)
	}
	n.t.Logf("before %+v, afterwards %+v", before, now)
}
