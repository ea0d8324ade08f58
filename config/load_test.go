package config

import (
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// folder is a file system of name and content; what it lacks does not exist.
type folder map[string]string

func (f folder) read(name string) ([]byte, error) {
	text, ok := f[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return []byte(text), nil
}

// load reads "c.toml" with this text, and the folder's other files.
func load(text string, files folder, env, set []string) (Config, error) {
	all := folder{"c.toml": text}
	for name, content := range files {
		all[name] = content
	}
	return Load(Source{File: "c.toml", Env: env, Set: set, ReadFile: all.read})
}

func must(t *testing.T, text string, files folder, env, set []string) Config {
	t.Helper()
	c, err := load(text, files, env, set)
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return c
}

func TestNothingGivenIsAWholeServer(t *testing.T) {
	c, err := Load(Source{ReadFile: folder{}.read})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings()) != 0 {
		t.Errorf("the defaults warn: %v", c.Warnings())
	}
	got := []string{c.Server.Listen, c.Server.PublicURL.String(), c.Database.URL.Reveal(), c.Limits.SendPerAddress.String(), c.Session.Absolute.String()}
	want := []string{"127.0.0.1:8440", "http://localhost:8440", "sqlite:countersign-data/countersign.db", "1/1m,5/1h", "30d"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if c.Password.Hash.MemoryKiB != 19456 || !c.SignUp.Enabled || time.Duration(c.Session.Idle) != 7*24*time.Hour {
		t.Error("defaults of other kinds are missing")
	}
	if _, ok := c.SealKey(); ok || c.SealPath() != "countersign-data/keys/seal.key" {
		t.Errorf("seal key: given %v, path %q", ok, c.SealPath())
	}
}

func TestTheLaterSourceWins(t *testing.T) {
	const file = "[server]\nname = 'file'\n[notify.smtp]\nurl = 'smtp://file'\n"
	env := []string{"HOME=/root", "COUNTERSIGN_SERVER__NAME=env", "COUNTERSIGN_NOTIFY__SMTP__URL=smtp://env"}
	for _, c := range []struct {
		say      string
		env, set []string
		name     string
		smtp     string
	}{
		{"file over default", nil, nil, "file", "smtp://file"},
		{"environment over file", env, nil, "env", "smtp://env"},
		{"--set over environment", env, []string{"server.name=set"}, "set", "smtp://env"},
		{"the last --set", env, []string{"server.name=set", "server.name=last"}, "last", "smtp://env"},
		{"an empty value is a value", []string{"COUNTERSIGN_NOTIFY__SMTP__URL="}, nil, "file", ""},
	} {
		got := must(t, file, nil, c.env, c.set)
		if got.Server.Name != c.name || got.Notify.SMTP.URL.Reveal() != c.smtp {
			t.Errorf("%s: %q and %q", c.say, got.Server.Name, got.Notify.SMTP.URL.Reveal())
		}
	}
}

func TestEveryKindIsReadFromEverySource(t *testing.T) {
	inFile := must(t, `
session.idle = "1d12h"                      # dotted keys
sign_up = { enabled = false, allowed_domains = ["Example.COM", "b.example"] }
[password]
max_memory = "64MiB"
queue = 0x10
[proxy]
trusted = [
  "10.0.0.7",      # one
  "fd00::/8",
]
[limits]
send_per_address = "2/1m, 9/1d"
[log]
level = "debug"
`, nil, nil, nil)
	outside := must(t, "", nil, []string{
		"COUNTERSIGN_SESSION__IDLE=36h", "COUNTERSIGN_SIGN_UP__ENABLED=false", "COUNTERSIGN_SIGN_UP__ALLOWED_DOMAINS=example.com,b.example",
		"COUNTERSIGN_PROXY__TRUSTED=10.0.0.7, fd00::/8",
	}, []string{"password.max_memory=67108864", "password.queue=16", "limits.send_per_address=2/1m,9/24h", "log.level=debug"})
	for say, c := range map[string]Config{"file": inFile, "outside": outside} {
		words, _ := (setting{value: settings(&c)[index(t, "proxy.trusted")].value}).words()
		got := []string{c.Session.Idle.String(), strings.Join(c.SignUp.AllowedDomains, " "), c.Password.MaxMemory.String(), strings.Join(words, " "), c.Limits.SendPerAddress.String(), c.Log.Level}
		want := []string{"36h", "example.com b.example", "64MiB", "10.0.0.7/32 fd00::/8", "2/1m,9/1d", "debug"}
		if diff := cmp.Diff(want, got); diff != "" || c.SignUp.Enabled || c.Password.Queue != 16 {
			t.Errorf("%s: %s", say, diff)
		}
	}
}

func index(t *testing.T, key string) int {
	for i, s := range settings(&Config{}) {
		if s.key == key {
			return i
		}
	}
	t.Fatalf("no setting %s", key)
	return 0
}

func TestAFileHoldsASecret(t *testing.T) {
	seal := strings.Repeat("A", 43)
	c := must(t, "keys.seal = 'file:/run/seal'\n", folder{"/run/seal": seal + "=\r\n", "/run/pepper": "0123456789abcdef\n", "/run/tries": "7\n"},
		[]string{"COUNTERSIGN_CODE__TRIES=file:/run/tries"}, []string{"password.pepper=file:/run/pepper"})
	key, ok := c.SealKey()
	if !ok || len(key) != 32 || c.Code.Tries != 7 || c.Password.Pepper.Reveal() != "0123456789abcdef" {
		t.Errorf("seal %d bytes, tries %d", len(key), c.Code.Tries)
	}
}

func TestOneNewlineIsTrimmedAndNoMore(t *testing.T) {
	_, err := load("", folder{"/f": "0123456789abcdef\n\n"}, nil, []string{"password.pepper=file:/f"})
	if err == nil {
		t.Error("a second newline is part of the content, and a control character")
	}
}

func TestThePublicURLFollowsWhatIsKnown(t *testing.T) {
	for _, c := range []struct{ set, want string }{
		{"server.listen=127.0.0.1:9000", "http://localhost:9000"},
		{"server.listen=[::1]:80", "http://localhost"},
		{"server.listen=127.0.0.1:0", "http://localhost:0"},
		{"server.public_url=https://ID.Example.com:443/", "https://id.example.com"},
		{"server.public_url=http://localhost:80", "http://localhost"},
		{"server.public_url=https://[::1]:8443", "https://[::1]:8443"},
		{"server.tls.autocert_domains=Id.Example.com", "https://id.example.com:8440"},
	} {
		got := must(t, "", nil, nil, []string{c.set})
		if got.Server.PublicURL.Reveal() != c.want {
			t.Errorf("%s: %s, want %s", c.set, got.Server.PublicURL.Reveal(), c.want)
		}
	}
}

func TestBothListenersMayAskForAnyPort(t *testing.T) {
	must(t, "", nil, nil, []string{"server.listen=127.0.0.1:0", "operations.listen=127.0.0.1:0"})
}

func TestTheDatabaseFollowsTheDataFolder(t *testing.T) {
	c, err := Load(Source{DataDir: "/var/lib/a%b", ReadFile: folder{}.read})
	if err != nil || c.Database.URL.Reveal() != "sqlite:/var/lib/a%b/countersign.db" || c.DataDir != "/var/lib/a%b" {
		t.Errorf("%s, %v", c.Database.URL.Reveal(), err)
	}
}

func TestForeignVariablesDoNotStopAStart(t *testing.T) {
	c := must(t, "", nil, []string{
		"COUNTERSIGN_SERVICE_HOST=10.0.0.1", "COUNTERSIGN_PORT_8440_TCP_ADDR=10.0.0.1", "COUNTERSIGN_PORT=tcp://10.0.0.1:8440",
		"COUNTERSIGN_WEB_SERVICE_PORT_HTTP=80", "COUNTERSIGN_CONFIG=x", "COUNTERSIGN_DATA=y", "COUNTERSIGN_VERSION=1",
	}, nil)
	want := Problems{{Source: "COUNTERSIGN_VERSION", Wrong: "is no setting and was ignored", Try: "settings look like COUNTERSIGN_SERVER__LISTEN"}}
	if diff := cmp.Diff(want, c.Warnings()); diff != "" {
		t.Error(diff)
	}
}
