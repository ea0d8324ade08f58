package acceptance

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestWhatCannotBeIsRefusedAndNothingIsWritten(t *testing.T) {
	t.Parallel()
	n := serve(t)
	token := n.signUp("ada@example.com")
	up := func(address, password, name string) answer {
		return n.call("POST", "/v1/attempts", "", object{"purpose": "sign_up", "identifier": address, "traits": object{"name": name}, "evidence": passwordOf(password)})
	}
	refuse := func(what string, a answer, statuses ...int) {
		t.Helper()
		for _, s := range statuses {
			if a.status == s && (a.get("code") != "" || s == 413) {
				return
			}
		}
		t.Errorf("%.80q: %s, want %v", what, a, statuses)
	}
	for _, address := range []string{"a@b@c.com", `"a@b"@c.com`, "a,b@example.com", "a@example.com,b@evil.example", "a@example.com;b@evil.example", "a@example.com\r\nBcc: b@evil.example",
		"a@example.com%0d%0aBcc:b@evil.example", "a\x00@example.com", "аda@example.com", "ada@exаmple.com", "a(comment)@example.com", "<a@example.com>", "Ada <a@example.com>",
		"=?utf-8?q?a?=@example.com ", "a@", "@example.com", "a b@example.com", "a@example..com", "a@.example.com", "a..b@example.com", ".a@example.com", "a@-example.com", "a@[127.0.0.1]", "a@localhost:25",
		strings.Repeat("a", 65) + "@example.com", "a@" + strings.Repeat("b", 300) + ".com", "mailto:a@example.com", "a@example.com?cc=b@evil.example", "a@example.com/b", "ａ@example.com", "a\u202e@example.com"} {
		refuse(address, up(address, goodPassword, "Ada"), 400)
		refuse(address, n.call("POST", "/v1/account/emails", token, object{"address": address}), 400)
	}
	for what, password := range map[string]string{"empty": "", "short": "abc", "10,000 characters": strings.Repeat("q7!x", 2500), "NUL": "a lantern\x00over water", "common": "password1", "own address": "grace@example.com"} {
		refuse(what, up("grace@example.com", password, "Grace"), 400)
	}
	for _, name := range []string{"a\r\nSet-Cookie: x=1", "a\nb", "a\x00b", "a\u2028b", strings.Repeat("n", 201), "\x1b[2J"} {
		refuse(name, up("name@example.com", goodPassword, name), 400)
		refuse(name, n.call("PATCH", "/v1/account", token, object{"name": name}), 400)
		if a := n.browser().post("/sign-up", form("identifier", "page@example.com", "password", goodPassword, "name", name, "method", "password")); a.status < 400 {
			t.Errorf("the page takes the name %.40q: %d", name, a.status)
		}
	}
	for _, username := range []string{"ada@example.com", "аda", "a", "1ada", "ada lovelace", "admin\u200b", "../x", "Ａda"} {
		refuse(username, n.call("PATCH", "/v1/account", token, object{"username": username}), 400)
	}
	for _, body := range []object{{"roles": []string{"admin"}}, {"state": "active"}, {"emails": []object{{"address": "x@example.com", "verified": true}}}, {"id": "idn_1"}, {"flags": []string{"x"}}} {
		refuse(fmt.Sprint(body), n.call("PATCH", "/v1/account", token, body), 400)
	}
	for _, picture := range []string{"javascript:alert(1)", "http://example.com/a.png", "https://u:p@example.com/", "//evil.example/x", "data:image/png;base64,x", "https://"} {
		refuse(picture, n.call("PATCH", "/v1/account", token, object{"picture": picture}), 400)
	}
	refuse("10 MiB", n.call("POST", "/v1/attempts", "", object{"purpose": "sign_in", "identifier": strings.Repeat("a", 10<<20)}), 413)
	refuse("10 MiB form", n.browser().post("/sign-in", form("identifier", strings.Repeat("a", 10<<20))), 413)
	if c := n.count("identity.created", ""); c != 1 {
		t.Errorf("%d identities were made, one of them well", c)
	}
	for _, m := range n.inbox() {
		if m.To != "ada@example.com" {
			t.Errorf("a letter went to %q", m.To)
		}
	}
}

func TestForeignThingsAreNotThere(t *testing.T) {
	t.Parallel()
	n := serve(t)
	ada, mallory := n.signUp("ada@example.com"), n.signUp("mallory@example.com")
	me := n.call("GET", "/v1/session", ada, nil)
	session, id := me.get("session.id"), me.get("identity.id")
	attempt := n.call("POST", "/v1/attempts", ada, object{"purpose": "step_up"}).get("id")
	n.call("POST", "/v1/account/emails", ada, object{"address": "second@example.com"})
	for what, r := range map[string]struct {
		method, path string
		body         object
		want         int
	}{
		"another's session":              {"DELETE", "/v1/sessions/" + session, nil, 404},
		"another's step-up":              {"GET", "/v1/attempts/" + attempt, nil, 404},
		"another's step-up, answered":    {"POST", "/v1/attempts/" + attempt + "/evidence", passwordOf(goodPassword), 404},
		"another's address, removed":     {"DELETE", "/v1/account/emails/second@example.com", nil, 404},
		"another's address, preferred":   {"POST", "/v1/account/emails/ada@example.com/primary", nil, 404},
		"another's address, verified":    {"POST", "/v1/account/emails/second@example.com/verify", object{"code": "12345678"}, 404},
		"the list of identities":         {"GET", "/v1/admin/identities", nil, 403},
		"one identity":                   {"GET", "/v1/admin/identities/" + id, nil, 403},
		"one identity, changed":          {"PATCH", "/v1/admin/identities/" + id, object{"state": "disabled"}, 403},
		"one identity, deleted":          {"DELETE", "/v1/admin/identities/" + id, nil, 403},
		"an identity of one's own":       {"POST", "/v1/admin/identities", object{"email": "x@example.com", "roles": []string{"admin"}}, 403},
		"another's sessions":             {"GET", "/v1/admin/identities/" + id + "/sessions", nil, 403},
		"another's sessions, by query":   {"GET", "/v1/admin/sessions?identity=" + id, nil, 403},
		"another's sessions, ended":      {"DELETE", "/v1/admin/identities/" + id + "/sessions/" + session, nil, 403},
		"the record":                     {"GET", "/v1/admin/audit", nil, 403},
		"my sessions, by another's name": {"GET", "/v1/sessions?identity=" + id, nil, 400},
	} {
		var body any
		if r.body != nil {
			body = r.body
		}
		if a := n.call(r.method, r.path, mallory, body); a.status != r.want {
			t.Errorf("%s: %s, want %d", what, a, r.want)
		}
		if a := n.call(r.method, r.path, "", body); a.status < 400 {
			t.Errorf("%s, for a stranger: %s", what, a)
		}
	}
	for _, cursor := range []string{"' OR 1=1--", "ses_' UNION SELECT", session + "'", "%", "{}", "\x00", strings.Repeat("9", 500)} {
		for _, path := range []string{"/v1/sessions", "/v1/account/activity"} {
			if a := n.call("GET", path+"?after="+url.QueryEscape(cursor), ada, nil); a.status != 400 {
				t.Errorf("%s after %q: %s", path, cursor, a)
			}
		}
	}
	if a := n.call("GET", "/v1/sessions?after="+session, mallory, nil); strings.Contains(string(a.body), session) {
		t.Error("another's session is a cursor into mine")
	}
	if !n.alive(ada) {
		t.Error("Ada was signed out")
	}
}

// spellings are a hundred ways to say another place.
func spellings() (all []string) {
	for _, host := range []string{"evil.example", "evil.example:443", "localhost.evil.example", "localhost@evil.example", "evil.example#localhost", "xn--vil-ioa.example"} {
		for _, form := range []string{"//%s", "///%s", "////%s", "\\\\%s", "/\\%s", "\\/%s", "/\t/%s", "/\n/%s", "\t//%s", " //%s", "https://%s", "http://%s", "HTTPS://%s", "https:%s", "https:/%s", "http:\\\\%s",
			"/%%2f%s", "/%%5c%s", "/.//%s", "/..//%s", "/%%2e%%2e//%s"} {
			all = append(all, strings.ReplaceAll(strings.ReplaceAll(form, "%%", "%"), "%s", host))
		}
	}
	return append(all, "javascript:alert(1)", "JaVaScRiPt:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "/account\r\nSet-Cookie: x=1", "/account\x00", "/account%0d%0aX: y", "/%09/evil.example",
		"ftp://evil.example", "//evil.example/%2f..", "account", "?x", "#x", "", "/\u202e", "//\u3002evil", "/"+strings.Repeat("a", 5000), "http://localhost/", "//localhost", "http://user@localhost:1/", ":", "/a//b", "/../", "/%", "/%zz")
}

func TestNobodyIsSentElsewhereAfterSigningIn(t *testing.T) {
	t.Parallel()
	n := serve(t)
	n.signUp("ada@example.com")
	all := spellings()
	if len(all) < 100 {
		t.Fatalf("only %d spellings", len(all))
	}
	for _, to := range all {
		for what, a := range map[string]answer{
			"page":     n.browser().signIn("ada@example.com", goodPassword, "return_to", to),
			"from URL": afterURL(n, to),
		} {
			if at := a.header.Get("Location"); (a.status != 303 || !home(at)) && (a.status != 400 || at != "") {
				t.Errorf("%s: return_to %.60q leads to %q with status %d", what, to, at, a.status)
			}
		}
		if to == "" {
			continue
		}
		in := signIn("ada@example.com", goodPassword)
		in["return_to"] = to
		if a := n.call("POST", "/v1/attempts", "", in); a.status != 400 {
			t.Errorf("JSON: return_to %.60q: %s", to, a)
		}
	}
	if a := n.browser().signIn("ada@example.com", goodPassword, "return_to", "/account/emails?x=1"); a.header.Get("Location") != "/account/emails?x=1" {
		t.Errorf("a path of our own leads to %q", a.header.Get("Location"))
	}
}

// afterURL goes by the page's address, as a link from elsewhere would lead in.
func afterURL(n *node, to string) answer {
	b := n.browser()
	page := b.get("/sign-in?" + url.Values{"return_to": {to}}.Encode())
	hidden := ""
	if _, rest, ok := strings.Cut(string(page.body), `name="return_to" value="`); ok {
		hidden, _, _ = strings.Cut(rest, `"`)
	}
	return b.signIn("ada@example.com", goodPassword, "return_to", hidden)
}

// home says that a Location stays here by any reading of it.
func home(at string) bool {
	return strings.HasPrefix(at, "/") && !strings.HasPrefix(at, "//") && !strings.ContainsAny(at, "\\\t\r\n\x00") && !strings.Contains(at, "evil")
}

func TestLinksInLettersComeFromThePublicURL(t *testing.T) {
	t.Parallel()
	n := serve(t)
	n.signUp("ada@example.com")
	for i, head := range [][]string{
		{"X-Forwarded-Host", "evil.example"}, {"X-Forwarded-Proto", "https://evil.example/?"}, {"Forwarded", "host=evil.example;proto=https"}, {"X-Forwarded-Port", "6666"},
		{"X-Forwarded-Prefix", "/evil.example"}, {"X-Original-URL", "//evil.example"}, {"X-Host", "evil.example"}, {"X-Forwarded-Server", "evil.example"}, {"Origin", n.url}, {"Referer", "https://evil.example/"},
	} {
		for purpose, address := range map[string]string{"recover": "ada@example.com", "sign_up": fmt.Sprintf("new%d@example.com", i)} {
			seen := len(n.letters(address))
			if a := n.call("POST", "/v1/attempts", "", object{"purpose": purpose, "identifier": address}, head...); !a.ok() {
				t.Errorf("%v: %s", head, a)
				continue
			}
			l := n.mail(address, seen)
			if !strings.HasPrefix(l.link(), n.url+"/") || strings.Contains(l.Text+l.HTML, "evil") {
				t.Errorf("%v: the letter's link begins with %.30q", head, l.link())
			}
		}
	}
	for _, host := range []string{"evil.example", "localhost", "localhost:1", "localhost.evil.example", "evil.example:" + n.url[strings.LastIndexByte(n.url, ':')+1:], "[::2]", "", "a b", n.addr + ".", "LOCALHOST.:80"} {
		r, err := http.NewRequest("POST", n.url+"/v1/attempts", strings.NewReader(`{"purpose":"recover","identifier":"ada@example.com"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		r.Header.Set("Content-Type", "application/json")
		if a := send(plain, r); host != "" && a.status != 421 && a.status != 400 {
			t.Errorf("Host %q: %s", host, a)
		}
	}
}

func TestAnotherSitesPagesCanDoNothing(t *testing.T) {
	t.Parallel()
	n := serve(t)
	n.signUp("ada@example.com")
	b := n.browser()
	b.signIn("ada@example.com", goodPassword)
	for _, head := range [][]string{
		{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, {"Origin", "null", "Sec-Fetch-Site", "cross-site"}, {"Origin", "https://" + n.url[7:], "Sec-Fetch-Site", "same-site"},
		{"Origin", n.url, "Sec-Fetch-Site", "cross-site"}, {"Origin", "http://localhost:1", "Sec-Fetch-Site", "same-site"}, {"Origin", n.url + ".evil.example", "Sec-Fetch-Site", ""},
		{"Origin", strings.Replace(n.url, "localhost", "127.0.0.1", 1), "Sec-Fetch-Site", "cross-site"},
	} {
		for path, f := range map[string]url.Values{"/sign-out": form(), "/account/profile": form("name", "Eve"), "/account/data": form("sure", "yes"), "/sign-in": form("identifier", "ada@example.com", "password", goodPassword)} {
			if a := b.post(path, f, head...); a.status != 403 {
				t.Errorf("%s from %v: %d", path, head, a.status)
			}
		}
		if a := n.call("DELETE", "/v1/account", "", nil, append(head, "Cookie", "countersign="+b.cookie("countersign"))...); a.status != 403 {
			t.Errorf("DELETE /v1/account from %v: %s", head, a)
		}
		if a := n.call("GET", "/v1/session", "", nil, head...); a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("CORS for %v", head)
		}
	}
	if a := b.get("/account"); a.status != 200 || strings.Contains(string(a.body), "Eve") {
		t.Errorf("afterwards: %d", a.status)
	}
}
