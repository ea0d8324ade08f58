package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// hostile is a request that must be refused before anything is done.
type hostile struct {
	name, method, target, body string
	head                       []string
	status                     int
}

const (
	attemptsPath = "/v1/attempts"
	anAttempt    = "/v1/attempts/att_01jd9q3v8m4g6j8m0p2r4t6w8y0a2c4e"
	aSession     = "/v1/sessions/ses_01jd9q3v8m7f9h1k3m5p7r9t1v3x5z7b"
)

func start(fields string) string { return `{"purpose":"sign_in",` + fields + `}` }

func hostileBodies() (all []hostile) {
	for name, body := range map[string]string{
		"nothing":                      "",
		"white space":                  " \n\t ",
		"no JSON":                      "purpose=sign_in",
		"half an object":               `{"purpose":"sign_in"`,
		"half a string":                `{"purpose":"sign`,
		"a bare word":                  "sign_in",
		"a list":                       `[]`,
		"a text":                       `"sign_in"`,
		"a number":                     `1`,
		"null":                         `null`,
		"true":                         `true`,
		"two values":                   `{"purpose":"sign_in"}{"purpose":"sign_in"}`,
		"a value and a word":           `{"purpose":"sign_in"} x`,
		"a trailing comma":             `{"purpose":"sign_in",}`,
		"a comment":                    `{"purpose":"sign_in"/* */}`,
		"single quotes":                `{'purpose':'sign_in'}`,
		"a byte order mark":            "\ufeff" + `{"purpose":"sign_in"}`,
		"NaN":                          `{"purpose":NaN}`,
		"an unknown field":             start(`"admin":true`),
		"an unknown field, other case": `{"Purpose":"sign_in"}`,
		"a field in capitals as well":  start(`"PURPOSE":"sign_up"`),
		"a prototype":                  start(`"__proto__":{}`),
		"a field twice":                start(`"purpose":"sign_up"`),
		"a field twice, escaped":       start(`"\u0070urpose":"sign_up"`),
		"a field twice, deeper":        start(`"evidence":{"method":"password","password":"a","password":"b"}`),
		"no purpose":                   `{"identifier":"ada@example.com"}`,
		"an unknown purpose":           `{"purpose":"become_admin"}`,
		"an empty purpose":             `{"purpose":""}`,
		"a null purpose":               `{"purpose":null}`,
		"a purpose in a list":          `{"purpose":["sign_in"]}`,
		"a purpose in an object":       `{"purpose":{"$ne":""}}`,
		"a number for a purpose":       `{"purpose":1}`,
		"a number for an identifier":   start(`"identifier":1`),
		"a list for an identifier":     start(`"identifier":["ada@example.com"]`),
		"a bool for an identifier":     start(`"identifier":true`),
		"an endless identifier":        start(`"identifier":"` + strings.Repeat("a", 321) + `"`),
		"CRLF in an identifier":        start(`"identifier":"ada@example.com\r\nBcc: eve@example.com"`),
		"a tab in an identifier":       start(`"identifier":"ada\t@example.com"`),
		"NUL in an identifier":         start(`"identifier":"ada\u0000@example.com"`),
		"a raw NUL":                    start("\"identifier\":\"ada\x00\""),
		"a raw newline":                start("\"identifier\":\"ada\n\""),
		"NUL in a field's name":        start(`"a\u0000":1`),
		"NUL in a password":            start(`"evidence":{"method":"password","password":"a\u0000b"}`),
		"invalid UTF-8":                start("\"identifier\":\"ada\xff\""),
		"overlong UTF-8":               start("\"identifier\":\"\xc0\xae\""),
		"half a surrogate":             start(`"identifier":"\ud800"`),
		"surrogates the wrong way":     start(`"identifier":"\udc00\ud800"`),
		"invalid UTF-8 in a password":  start("\"evidence\":{\"method\":\"password\",\"password\":\"\xfe\"}"),
		"a list for traits":            start(`"traits":[]`),
		"CRLF in a name":               start(`"traits":{"name":"Ada\r\nX: y"}`),
		"DEL in a name":                start(`"traits":{"name":"Ada\u007f"}`),
		"an endless name":              start(`"traits":{"name":"` + strings.Repeat("a", 201) + `"}`),
		"an unknown trait":             start(`"traits":{"role":"admin"}`),
		"a path for a locale":          start(`"traits":{"locale":"../../etc/passwd"}`),
		"an endless locale":            start(`"traits":{"locale":"` + strings.Repeat("e", 36) + `"}`),
		"an unknown pass":              start(`"issue":"root"`),
		"a number for a pass":          start(`"issue":0`),
		"a text for evidence":          start(`"evidence":"password"`),
		"a list for evidence":          start(`"evidence":[{"method":"password"}]`),
		"evidence without a method":    start(`"evidence":{"password":"x"}`),
		"a number for a method":        start(`"evidence":{"method":1}`),
		"an endless method":            start(`"evidence":{"method":"` + strings.Repeat("m", 65) + `"}`),
		"evidence nested deep":         start(`"evidence":{"method":"password","x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`),
		"nested very deep":             strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000),
		"lists very deep":              strings.Repeat("[", 200_000),
		"very many values":             start(`"evidence":{"method":"password","x":[` + strings.Repeat("0,", 20_000) + `0]}`),
		"very many fields":             start(`"evidence":{"method":"password"` + manyFields(11_000) + `}`),
		"a number out of range":        start(`"evidence":{"method":"password","x":1e999999}`),
		"a return to another site":     start(`"return_to":"https://evil.example"`),
		"a return to //":               start(`"return_to":"//evil.example"`),
		"a return to a script":         start(`"return_to":"javascript:alert(1)"`),
		"a return by backslash":        start(`"return_to":"/\\evil.example"`),
		"a return by userinfo":         start(`"return_to":"https://id.example.com@evil.example"`),
		"an endless return":            start(`"return_to":"/` + strings.Repeat("a", 3000) + `"`),
		"a list for a return":          start(`"return_to":["/"]`),
	} {
		all = append(all, hostile{"a body of " + name, "POST", attemptsPath, body, nil, 400})
	}
	for i := range all {
		if all[i].body == "" {
			all[i].status = http.StatusUnsupportedMediaType // nothing said what it is
		}
	}
	return all
}

func manyFields(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"f%d":0`, i)
	}
	return b.String()
}

func hostileForms() (all []hostile) {
	post := func(name string, status int, head ...string) {
		all = append(all, hostile{name, "POST", attemptsPath, `{"purpose":"sign_in"}`, head, status})
	}
	for _, media := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/json-patch+json",
		"application/json; charset=utf-16", "application/json; charset=utf-8; charset=utf-16", "application/json, text/plain", "", "json", "*/*", "application/jsonp", "\x00"} {
		post(fmt.Sprintf("the content type %q", media), 415, "Content-Type", media)
	}
	post("a body of 10 MiB", 413)
	all[len(all)-1].body = `{"purpose":"` + strings.Repeat("a", 10<<20) + `"}`
	for name, value := range map[string]string{"empty": "", "with a space": "a b", "endless": strings.Repeat("k", 256), "with CRLF": "a\r\nb", "not ASCII": "schlüssel"} {
		post("an Idempotency-Key that is "+name, 400, "Idempotency-Key", value)
	}
	post("two Idempotency-Keys", 400, "Idempotency-Key", "a", "Idempotency-Key", "b")
	for _, host := range []string{"evil.example", "id.example.com.evil.example", "id.example.com:8443", "id.example.com.", "evil.example:443", "id.example.com@evil.example",
		"", "127.0.0.1", "localhost", "[::1]", "id.example.com\r\nx: y", "id.example.com evil", "ıd.example.com", "xn--d-7pa.example.com", strings.Repeat("a", 70_000)} {
		post(fmt.Sprintf("the host %.40q", host), 421, "Host", host)
	}
	post("a host named by a proxy of ours, not ours", 421, "Peer", "10.1.2.3:1", "X-Forwarded-Host", "evil.example")
	post("a host named twice by a proxy", 421, "Peer", "10.1.2.3:1", "X-Forwarded-Host", "id.example.com", "X-Forwarded-Host", "evil.example")
	post("plain http before a proxy of ours", 421, "Peer", "10.1.2.3:1", "X-Forwarded-Proto", "http")
	for _, origin := range []string{"https://evil.example", "http://id.example.com", "https://id.example.com.evil.example", "https://id.example.com:8443", "https://id.example.com/",
		"https://evil.example#id.example.com", "https://sub.id.example.com", "null", "", "file://", "https://ID.example.com.", "https://id.example.com https://evil.example"} {
		post(fmt.Sprintf("the origin %q", origin), 403, "Origin", origin)
	}
	for _, site := range []string{"cross-site", "same-site", "SAME-ORIGIN", "x"} {
		post("a page that is "+site, 403, "Sec-Fetch-Site", site)
		post("our origin on a page that is "+site, 403, "Sec-Fetch-Site", site, "Origin", "https://id.example.com")
	}
	post("two origins", 403, "Origin", "https://id.example.com", "Origin", "https://evil.example")
	post("two Sec-Fetch-Sites", 403, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-Site", "cross-site")
	return all
}

func hostileCallers() (all []hostile) {
	get := func(name string, status int, head ...string) {
		all = append(all, hostile{name, "GET", "/v1/session", "", head, status}, hostile{name + " at the account", "GET", "/v1/account", "", head, status},
			hostile{name + " at the administration", "DELETE", "/v1/admin/identities/" + string(adaID), "", head, status})
	}
	get("nobody", 401)
	for name, header := range map[string]string{
		"nothing": "", "only a scheme": "Bearer", "a scheme and a space": "Bearer ", "another scheme": "Basic YWRhOnBhc3M=", "no scheme": goodToken,
		"two spaces": "Bearer  " + goodToken, "a tab": "Bearer\t" + goodToken, "a space after": "Bearer " + goodToken + " ", "two tokens": "Bearer " + goodToken + " " + goodToken,
		"a comma": "Bearer " + goodToken + ",", "two in a list": "Bearer " + goodToken + ", Bearer x", "quotes": `Bearer "` + goodToken + `"`, "NUL": "Bearer " + goodToken + "\x00",
		"bad UTF-8": "Bearer \xff\xfe", "an unknown token": "Bearer cs_ses_other", "an endless token": "Bearer " + strings.Repeat("a", 100_000), "a parameter": "Bearer token=" + goodToken,
		"another case": "Bearer " + strings.ToUpper(goodToken), "part of it": "Bearer " + goodToken[:9],
	} {
		get("an Authorization of "+name, 401, "Authorization", header)
	}
	get("two Authorizations", 400, "Authorization", "Bearer "+goodToken, "Authorization", "Bearer "+goodToken)
	get("two session cookies", 400, "Cookie", "__Host-countersign="+goodToken+"; __Host-countersign="+goodToken)
	get("two session cookies in two headers", 400, "Cookie", "__Host-countersign="+goodToken, "Cookie", "__Host-countersign=x")
	get("a cookie and a token that disagree", 400, "Cookie", "__Host-countersign=cs_ses_other", "Authorization", "Bearer "+goodToken)
	for name, cookie := range map[string]string{
		"empty": "__Host-countersign=", "without its prefix": "countersign=" + goodToken, "in another case": "__host-countersign=" + goodToken, "in quotes": `__Host-countersign="` + goodToken + `"`,
		"with a space in its name": "__Host-countersign =" + goodToken, "with a longer name": "__Host-countersign2=" + goodToken, "with another's name": "x__Host-countersign=" + goodToken,
		"inside another": `x="; y=__Host-countersign=` + goodToken, "for another use": "__Host-countersign-device=" + goodToken, "endless": "__Host-countersign=" + strings.Repeat("a", 5000),
		"with NUL": "__Host-countersign=" + goodToken + "\x00", "unknown": "__Host-countersign=cs_ses_other", "no cookie": "\xff\xfe;;;===",
	} {
		get("a session cookie "+name, 401, "Cookie", cookie)
	}
	get("a token in the query", 400, "X-Note", "see below")
	for i := len(all) - 3; i < len(all); i++ {
		all[i].target += "?access_token=" + goodToken
		if i > len(all)-3 {
			all[i].status = 401 // asked who it is before anything else
		}
	}
	return all
}

func hostileTargets() (all []hostile) {
	as := func(name, method, target string, status int, body string, head ...string) {
		all = append(all, hostile{name + ": " + method + " " + target, method, target, body, append(head, signedIn...), status})
	}
	for _, limit := range []string{"0", "-1", "201", "NaN", "1e3", "1.5", "", "%2B5", "0x10", "99999999999999999999", "%31%00", "٣", "true", "1,2", " 1", "1%20"} {
		as("a limit", "GET", "/v1/sessions?limit="+strings.ReplaceAll(limit, " ", "%20"), 400, "")
		as("a limit", "GET", "/v1/admin/identities?limit="+strings.ReplaceAll(limit, " ", "%20"), 400, "")
	}
	for _, query := range []string{"limit=1&limit=2", "limit=1&after=x", "unknown=1", "LIMIT=1", "limit=1;after=2", "limit=%zz", "after=att_01jd9q3v8m4g6j8m0p2r4t6w8y0a2c4e",
		"after=ses_", "after=%27%20OR%201=1--", "after=%0d%0a", "after=%ff", "limit[]=1", "&&x", "%00=1", "a%ff=1"} {
		as("a query", "GET", "/v1/sessions?"+query, 400, "")
	}
	for _, query := range []string{"action=%0aX", "action=DROP", "subject=idn_x", "subject=ses_01jd9q3v8m7f9h1k3m5p7r9t1v3x5z7b", "after=a%20b", "after="} {
		as("a query", "GET", "/v1/admin/audit?"+query, 400, "")
	}
	for _, query := range []string{"kind=root", "state=", "flag=", "prefix=", "kind=person&kind=guest", "role=" + strings.Repeat("r", 65), "after=idn_1", "flag=%00", "role=a%0ab", "prefix=%ff", "prefix=a%C2%85"} {
		as("a query", "GET", "/v1/admin/identities?"+query, 400, "")
	}
	as("whose sessions", "GET", "/v1/admin/sessions", 400, "")
	as("a query on a call without one", "GET", "/v1/account?x=1", 400, "")
	as("a query on a write", "POST", attemptsPath+"?purpose=sign_up", 400, `{"purpose":"sign_in"}`)
	for _, id := range []string{"x", "ses_", "ses_1", "att_01jd9q3v8m4g6j8m0p2r4t6w8y0a2c4e", "SES_01jd9q3v8m7f9h1k3m5p7r9t1v3x5z7b", "ses_01jd9q3v8m7f9h1k3m5p7r9t1v3x5z7B", "ses_01jd9q3v8m7f9h1k3m5p7r9t1v3x5z7bb",
		"%00", "%0d%0aSet-Cookie:%20a=b", "..%2f..%2fetc%2fpasswd", "%2e%2e", "%ff%fe", "'%20OR%20'1'='1", "ses_01jd9q3v8m7f9h1k3m5p7r9t1v3x5z7b%20", "*", "{id}", strings.Repeat("a", 8000)} {
		as("an id", "DELETE", "/v1/sessions/"+id, 404, "")
		as("an id", "GET", "/v1/attempts/"+strings.Replace(id, "att_", "ses_", 1), 404, "")
		as("an id", "GET", "/v1/admin/identities/"+id, 404, "")
	}
	for _, address := range []string{"%00", "a%0d%0ab", "%ff", "%C2%85"} {
		as("an address", "DELETE", "/v1/account/emails/"+address, 404, "")
	}
	as("an address without end", "DELETE", "/v1/account/emails/"+strings.Repeat("a", 321), 400, "")
	for _, path := range []string{"/v1", "/v1/", "/v1/nothing", "/v1/session/", "/v1/attempts/", "/v1/admin", "/v1/account/nothing", "/v1/Session", "/v1/session%2f", "/v1/session%00",
		"/v1//session", "/v1/./session", "/v1/../v1/session", "/v1/%2e%2e/v1/session", "/v1/session%0d%0a", "//evil.example/v1/session", "/v1\\session", "/v1/sessions/a/b"} {
		as("a path", "GET", strings.ReplaceAll(path, `\`, "%5c"), 404, "")
	}
	for _, m := range []struct{ method, path string }{{"PUT", "/v1/session"}, {"POST", "/v1/session"}, {"PATCH", "/v1/attempts"}, {"GET", "/v1/attempts"}, {"DELETE", anAttempt}, {"GET", anAttempt + "/evidence"},
		{"OPTIONS", "/v1/session"}, {"TRACE", "/v1/session"}, {"CONNECT", "/v1/session"}, {"FOO", "/v1/session"}, {"get", "/v1/session"}, {"POST", "/openapi.json"}, {"DELETE", "/docs"}, {"GET", "/v1/account/password"}} {
		as("a method", m.method, m.path, 405, "")
	}
	as("a body on a read", "GET", "/v1/session", 400, `{}`)
	as("a body on a read", "GET", "/v1/account", 400, `{}`)
	as("a body on an end", "DELETE", aSession, 400, `{}`)
	return all
}

func hostileChanges() (all []hostile) {
	for target, bodies := range map[string][]string{
		"PATCH /v1/account": {`{"id":"idn_x"}`, `{"roles":["admin"]}`, `{"kind":"service"}`, `{"emails":[]}`, `{"name":1}`, `{"name":"a\nb"}`, `{"locale":"e n"}`, `{"picture":"javascript:alert(1)"}`,
			`{"picture":"http://example.com/a.png"}`, `{"picture":"https://x\" onerror=alert(1)"}`, `{"username":"a\u0000"}`, `{"username":"` + strings.Repeat("u", 65) + `"}`, `{"metadata":{}}`, `[]`},
		"POST /v1/account/emails":                        {`{}`, `{"address":""}`, `{"address":"a b@example.com"}`, `{"address":"a@example.com\r\n"}`, `{"address":["a@example.com"]}`, `{"address":"` + strings.Repeat("a", 321) + `"}`, `{"address":"a@b.c","primary":true}`},
		"POST /v1/account/emails/ada@example.com/verify": {`{}`, `{"code":12345678}`, `{"code":""}`, `{"code":"1\n2"}`, `{"code":"` + strings.Repeat("1", 65) + `"}`},
		"PUT /v1/account/password":                       {`[]`, `"x"`, `null`, `{"a":1,"a":2}`},
		"POST " + anAttempt + "/challenges":              {`{}`, `{"method":""}`, `{"method":null}`, `{"method":["x"]}`, `{"method":"x","to":"y"}`},
		"POST " + anAttempt + "/evidence":                {`{}`, `{"method":1}`, `[]`, `null`, `{"method":"password","method":"totp"}`},
		"POST /v1/admin/identities":                      {`{"kind":"root"}`, `{"flags":"beta"}`, `{"flags":[1]}`, `{"email":"a b"}`, `{"id":"idn_x"}`, `{"unverified":"yes"}`},
		"PATCH /v1/admin/identities/" + string(adaID):    {`{"state":"deleted"}`, `{"roles":"admin"}`, `{"roles":[{}]}`, `{"metadata":[]}`, `{"metadata":"x"}`, `{"id":"idn_x"}`, `{"version":7}`},
	} {
		method, path, _ := strings.Cut(target, " ")
		for _, body := range bodies {
			all = append(all, hostile{target + " with " + body[:min(len(body), 60)], method, path, body, signedIn, 400})
		}
	}
	return all
}

// Each hostile request gets a clear 4xx, reaches no action, is explained in
// problem+json and never repeats a value it brought.
func TestHostileRequestsAreRefusedClearly(t *testing.T) {
	h := newHouse(t)
	var all []hostile
	for _, some := range [][]hostile{hostileBodies(), hostileForms(), hostileCallers(), hostileTargets(), hostileChanges()} {
		all = append(all, some...)
	}
	if len(all) < 150 {
		t.Fatalf("only %d hostile requests", len(all))
	}
	for _, x := range all {
		before := h.calls()
		w := h.ask(t, x.method, x.target, x.body, x.head...)
		if w.Code != x.status {
			t.Errorf("%s: status %d, want %d: %.200s", x.name, w.Code, x.status, w.Body)
			continue
		}
		if h.calls() != before {
			t.Errorf("%s: reached an action", x.name)
		}
		checkProblem(t, x.name, w.Code, w.Header(), w.Body.Bytes())
		if strings.Contains(w.Body.String(), "battery") || strings.Contains(w.Body.String(), goodToken) {
			t.Errorf("%s: the answer repeats a secret", x.name)
		}
	}
	if strings.Contains(h.log.String(), goodToken) || strings.Contains(h.log.String(), "level=ERROR") {
		t.Errorf("the log has an error or a secret: %.500s", h.log)
	}
	t.Logf("%d hostile requests", len(all))
}

func checkProblem(t *testing.T, name string, status int, head http.Header, body []byte) {
	t.Helper()
	if got := head.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("%s: content type %q", name, got)
	}
	if head.Get("X-Request-Id") == "" || head.Get("Cache-Control") != "no-store" || head.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s: headers are missing: %v", name, head)
	}
	var p problem
	if err := json.Unmarshal(body, &p); err != nil || p.Status != status || p.Code == "" || p.Title == "" || p.Request != head.Get("X-Request-Id") {
		t.Errorf("%s: not a whole problem (%v): %s", name, err, body)
	}
	if status == 401 && !strings.HasPrefix(head.Get("WWW-Authenticate"), "Bearer ") {
		t.Errorf("%s: no WWW-Authenticate", name)
	}
	if status == 405 && head.Get("Allow") == "" {
		t.Errorf("%s: no Allow", name)
	}
}
