package acceptance

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign-id/countersign/internal/testpg"
)

// mailbox is a mail server that refuses every login, so that its errors are logged.
func mailbox(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(5 * time.Second))
				fmt.Fprint(c, "220 mail\r\n")
				for buf := make([]byte, 4096); ; {
					k, err := c.Read(buf)
					if err != nil {
						return
					}
					if bytes.HasPrefix(buf[:k], []byte("EHLO")) {
						fmt.Fprint(c, "250-mail\r\n250 AUTH PLAIN LOGIN\r\n")
						continue
					}
					fmt.Fprintf(c, "535 refused: %s\r\n", bytes.TrimSpace(buf[:k])) // quotes what it was sent, as some do
				}
			}()
		}
	}()
	return l.Addr().String()
}

// TestNoSecretIsFoundAnywhere walks the stories with secrets that are planted,
// then looks for them in everything that the server leaves behind.
func TestNoSecretIsFoundAnywhere(t *testing.T) {
	t.Parallel()
	for name, set := range map[string][]string{"SQLite": nil, "PostgreSQL": {"database.url=" + testpg.URL(t)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set = append(set, "log.level=debug", "password.pepper=planted-pepper-98431")
			n := serve(t, set...)
			var secrets kept
			secrets.add("planted-pepper-98431")
			shown := stories(t, n, &secrets)
			metrics := scrape(t, n)
			n.stop()
			seal, err := os.ReadFile(filepath.Join(n.data, "keys", "seal.key"))
			if err != nil {
				t.Fatal(err)
			}
			secrets.add(strings.TrimSpace(string(seal)))
			secrets.find(t, "the log", log(n))
			secrets.find(t, "the metrics", metrics)
			secrets.find(t, "answers that say no", shown)
			secrets.find(t, "the record", []byte(n.must("audit", "list", "--json", "--limit", "100000")))
			secrets.find(t, "config show", []byte(n.must("config", "show")))
			secrets.find(t, "the database", dump(t, n, set[0]))
			if name == "PostgreSQL" {
				return
			}
			m := serveIn(t, n.data, append(set, "notify.smtp.url=smtp://planted-user:planted-smtp-pw@"+mailbox(t)+"?insecure_tls=none")...)
			m.lax = true
			m.call("POST", "/v1/attempts", "", object{"purpose": "recover", "identifier": "ada@example.com"})
			within(3*time.Second, func() bool { return strings.Contains(m.said.String(), "refused") })
			secrets.add("planted-smtp-pw")
			secrets.add(base64.StdEncoding.EncodeToString([]byte("\x00planted-user\x00planted-smtp-pw")))
			secrets.find(t, "the log with a mail server that refuses", []byte(m.said.String()))
			secrets.find(t, "config show with a mail server", []byte(m.must("config", "show")))
			if a := m.call("GET", "/dev/inbox", "", nil); a.status != 404 {
				t.Errorf("the inbox is open beside a mail server: %d", a.status)
			}
		})
	}
}

// log is what the process said, without the link that it is there to say.
func log(n *node) []byte {
	var out strings.Builder
	for line := range strings.Lines(n.said.String()) {
		if !strings.HasPrefix(strings.TrimSpace(line), n.url+"/setup?token=") {
			out.WriteString(line)
		}
	}
	return []byte(out.String())
}

// kept are secrets to look for.
type kept struct {
	mu  sync.Mutex
	all []string
}

func (k *kept) add(s ...string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, one := range s {
		if len(one) >= 8 {
			k.all = append(k.all, one)
		}
	}
}

// find looks for each secret as it is and as it may be written.
func (k *kept) find(t *testing.T, where string, in []byte) {
	t.Helper()
	if len(in) == 0 {
		t.Errorf("%s: there is nothing to look into", where)
	}
	found := 0
	for _, s := range k.all {
		for _, form := range []string{s, url.QueryEscape(s), base64.StdEncoding.EncodeToString([]byte(s)), base64.RawURLEncoding.EncodeToString([]byte(s)), hex.EncodeToString([]byte(s))} {
			if i := bytes.Index(in, []byte(form)); i >= 0 {
				if found++; found < 4 {
					t.Errorf("%s holds a secret that begins with %.7q, after %q", where, s, in[max(0, i-60):i])
				}
			}
		}
	}
	t.Logf("%s: %d bytes, %d secrets, %d found", where, len(in), len(k.all), found)
}

// stories lives a life full of secrets and returns every refusal it met.
func stories(t *testing.T, n *node, k *kept) []byte {
	t.Helper()
	var no bytes.Buffer
	see := func(a answer) answer {
		if a.status >= 400 {
			fmt.Fprintf(&no, "%v %s\n", a.header, a.body)
		}
		return a
	}
	const other, typo = "planted heron beside the mill", "planted typo of a password"
	k.add(goodPassword, other, typo)
	begun, l := n.begin("ada@example.com")
	see(n.evidence(begun.get("id"), codeOf("76767676")))
	k.add(l.code(), l.token())
	token := n.evidence(begun.get("id"), codeOf(l.code())).get("session_token")
	see(n.signIn("ada@example.com", typo))
	see(n.signIn(typo, typo)) // a password in the wrong field
	see(n.call("POST", "/v1/attempts", "", object{"purpose": "sign_in", "identifier": "ada@example.com", "evidence": object{"method": "password", "passwort": typo}}))
	see(n.call("GET", "/v1/session", token+"x", nil))
	see(n.call("GET", "/v1/session?token="+token, "", nil))
	n.call("GET", "/nothing/"+token+"?password="+url.QueryEscape(typo), "", nil) // this page says its own address back
	see(n.call("BREW", "/v1/attempts/"+token, token, nil))
	raised := stepUp(n, token).get("session_token")
	k.add(token, raised)
	n.call("POST", "/v1/account/emails", raised, object{"address": "second@example.com"})
	added := n.mail("second@example.com", 0)
	k.add(added.code(), added.token())
	see(n.call("POST", "/v1/account/emails/second@example.com/verify", raised, object{"code": "76767676"}))
	see(n.browser().get("/verify?token=" + added.token()))
	see(n.browser().post("/verify", form("token", added.token())))
	n.call("POST", "/v1/account/emails/second@example.com/verify", raised, object{"code": added.code()})
	see(n.call("PUT", "/v1/account/password", raised, object{"current_password": typo, "new_password": other}))
	n.call("PUT", "/v1/account/password", raised, object{"current_password": goodPassword, "new_password": other})
	b := n.browser()
	b.signIn("ada@example.com", other)
	b.get("/account")
	k.add(b.cookie("countersign"), b.cookie("countersign-device"))
	see(b.post("/account/password", form("current_password", typo, "new_password", "x")))
	n.call("POST", "/v1/attempts", "", object{"purpose": "recover", "identifier": "ada@example.com"}, "Idempotency-Key", "planted-idempotency")
	n.mail("ada@example.com", 3)
	for _, m := range n.letters("ada@example.com") {
		k.add(m.code(), m.token())
	}
	setup := lastLine(n.must("setup-link"))
	if u, err := url.Parse(setup); err == nil {
		k.add(u.Query().Get("token"))
		n.browser().get("/setup?" + u.RawQuery)
		n.browser().post("/setup", form("token", u.Query().Get("token"), "email", "x", "password", typo)) // keeps its form's token
	}
	fmt.Fprintf(&no, "%s\n", n.call("GET", "/v1/account/export", raised, nil).body)
	return no.Bytes()
}

func scrape(t *testing.T, n *node) []byte {
	t.Helper()
	res, err := http.Get("http://" + n.ops + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	all, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// dump is everything the database holds, as bytes.
func dump(t *testing.T, n *node, set string) []byte {
	t.Helper()
	var out bytes.Buffer
	address, isPG := strings.CutPrefix(set, "database.url=")
	if !isPG {
		for _, suffix := range []string{"", "-wal"} {
			if b, err := os.ReadFile(database(n) + suffix); err == nil {
				out.Write(b)
			}
		}
		return out.Bytes()
	}
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, table := range []string{"identities", "identifiers", "labels", "credentials", "attempts", "challenges", "sessions", "changes", "events", "chains", "outbox", "budgets", "replies", "data_keys"} {
		rows, err := db.Query("SELECT to_jsonb(x) FROM " + table + " x")
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var row []byte
			if err := rows.Scan(&row); err != nil {
				t.Fatal(err)
			}
			out.Write(row)
			var fields map[string]any
			json.Unmarshal(row, &fields)
			for _, v := range fields { // bytes are shown in hex; look at them as they are, too
				if s, ok := v.(string); ok && strings.HasPrefix(s, `\x`) {
					b, _ := hex.DecodeString(s[2:])
					out.Write(b)
				}
			}
		}
		rows.Close()
	}
	return out.Bytes()
}
