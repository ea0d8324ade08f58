package config

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files and the reference")

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs; if it should, run go test ./config -update\n%s", path, diff)
	}
}

// deepSecret stands in every place that can hold one.
const deepSecret = "hunter2-hunter2-hunter2"

func secretive(t *testing.T) Config {
	return must(t, `
[server]
name = "Ada & \"Söhne\""
listen = "127.0.0.1:9000"
[notify.smtp]
url = "smtp://ada:`+deepSecret+`@mail.example.com:587?password=`+deepSecret+`"
[proxy]
trusted = ["10.0.0.7", "fd00::/8"]
`, folder{"/run/seal": strings.Repeat("A", 43), "/run/db": "postgres://u:" + deepSecret + "@h/d\n", "/run/name": deepSecret + "@example.com"},
		[]string{"COUNTERSIGN_PASSWORD__PEPPER=" + deepSecret, "COUNTERSIGN_KEYS__SEAL=file:/run/seal"},
		[]string{"database.url=file:/run/db", "notify.from=file:/run/name"})
}

func TestShowSaysEveryValueAndItsSource(t *testing.T) {
	c := secretive(t)
	for name, asJSON := range map[string]bool{"testdata/show.toml": false, "testdata/show.json": true} {
		var b bytes.Buffer
		if err := c.Show(&b, asJSON); err != nil {
			t.Fatal(err)
		}
		if asJSON && !json.Valid(b.Bytes()) {
			t.Error("not JSON")
		}
		golden(t, name, b.Bytes())
	}
}

func TestWhatIsShownCanBeLoadedAgain(t *testing.T) {
	var first, second bytes.Buffer
	c := must(t, "server.name = 'Ada \\ \"Söhne\" \u2028'\nproxy.trusted = ['10.0.0.0/8']\n", nil, nil, []string{"password.max_memory=3GiB", "limits.send_per_address=1/1m,5/1h"})
	if err := c.Show(&first, false); err != nil {
		t.Fatal(err)
	}
	again := must(t, first.String(), nil, nil, nil)
	if err := again.Show(&second, false); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(values(first.String()), values(second.String())); diff != "" {
		t.Error(diff)
	}
}

// values drops the comments that name sources.
func values(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if n := strings.LastIndex(line, " # "); n > 0 {
			lines[i] = line[:n]
		}
	}
	return strings.Join(lines, "\n")
}

func TestNoPrintShowsASecret(t *testing.T) {
	c := secretive(t)
	if c.Password.Pepper.Reveal() != deepSecret || !strings.Contains(c.Notify.SMTP.URL.Reveal(), deepSecret) || !strings.Contains(c.Database.URL.Reveal(), deepSecret) {
		t.Fatal("the secrets are not there to be hidden")
	}
	var b bytes.Buffer
	c.Notify.From = "" // came from a file too, but is no secret by its kind; Show hides it
	private := struct{ c Config }{c}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&b, verb+verb, c, &c)
		fmt.Fprintf(&b, verb, private)
		fmt.Fprintf(&b, verb+verb, c.Password.Pepper, c.Notify.SMTP.URL)
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
		slog.New(h).Info("config", "all", c, "pepper", c.Password.Pepper, "url", c.Notify.SMTP.URL)
	}
	if err := json.NewEncoder(&b).Encode(c); err != nil {
		t.Fatal(err)
	}
	for _, form := range []string{deepSecret, fmt.Sprintf("%x", deepSecret)} {
		if i := strings.Index(b.String(), form); i >= 0 {
			t.Errorf("a secret is printed after …%q", b.String()[max(0, i-60):i])
		}
	}
	if !strings.Contains(b.String(), hidden) {
		t.Error("nothing says that something is hidden")
	}
}

func TestNoMistakeRepeatsASecret(t *testing.T) {
	for _, set := range []string{
		"notify.smtp.url=smtp://u:" + deepSecret + "/x@h", "notify.smtp.url=smtp://u:1#" + deepSecret + "@h", "notify.smtp.url=smtp://u:1?" + deepSecret + "@h",
		"notify.smtp.url=smtp://u:%zz" + deepSecret + "@h", "notify.smtp.url=" + deepSecret, "notify.smtp.url=imap://u:" + deepSecret + "@h",
		"database.url=postgres:u:" + deepSecret + "@h", "database.url=mysql://u:" + deepSecret + "@h", "keys.seal=" + deepSecret,
		"keys.sael=" + deepSecret, "code.tries=" + deepSecret, "server.public_url=https://u:" + deepSecret + "@h", deepSecret,
		"log.level=file:/run/secret", "limits.send_per_network=file:/run/secret", "password.pepper=" + deepSecret + "\x00",
	} {
		c, err := load("", folder{"/run/secret": deepSecret}, nil, []string{set})
		if err == nil {
			t.Errorf("accepted %s", set)
			continue
		}
		var b bytes.Buffer
		if err := c.Show(&b, false); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(err.Error()+b.String(), deepSecret) {
			t.Errorf("a secret is repeated: %v", err)
		}
	}
	for _, file := range []string{"keys.seal = " + deepSecret, "keys.seal = 99999999999999999999", "keys.seal = \"" + deepSecret, "[" + deepSecret + "!]"} {
		_, err := load(file, nil, nil, nil)
		if err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "99999") {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestATokenAsUserNameIsHidden(t *testing.T) {
	for in, want := range map[string]string{
		"smtp://token@h":       "smtp://hidden@h",
		"smtp://token:token@h": "smtp://hidden:hidden@h",
		"smtp://ada:pw@h":      "smtp://ada:hidden@h",
		"postgres://h/d?user=u&PASSword=x&sslkey=y&application_name=z": "postgres://h/d?user=u&PASSword=hidden&sslkey=hidden&application_name=z",
		"sqlite:/a b?%zz": "sqlite:/a b?%zz",
	} {
		var u URL
		if err := u.UnmarshalText([]byte(in)); err != nil || u.String() != want || u.Reveal() != in {
			t.Errorf("%s: shown as %s, %v", in, u, err)
		}
	}
}
