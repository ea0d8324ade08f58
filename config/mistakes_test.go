package config

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Every case is a file, the environment and --set, and the exact lines an operator reads.
func TestMistakesAreNamedWithPlaceKeyAndCure(t *testing.T) {
	for _, c := range mistakes {
		t.Run(c.say, func(t *testing.T) {
			_, err := load(c.file, folder{"/secret": "hunter2-hunter2", "/empty": "\n"}, c.env, c.set)
			if err == nil {
				t.Fatal("accepted")
			}
			if diff := cmp.Diff(c.want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

type mistake struct {
	say, file string
	env, set  []string
	want      []string
}

var mistakes = []mistake{
	{say: "everything at once, in order", file: "[server]\nlisen = 'x'\nname = 5\n[session]\nidle = '7'\n",
		env: []string{"COUNTERSIGN_CODE__TRY=5"}, set: []string{"log.level=loud"}, want: []string{
			"c.toml:2: server.lisen: unknown key; did you mean server.listen?",
			"c.toml:3: server.name: wants text; write text in quotes",
			`c.toml:5: session.idle: "7" is not a length of time; write a number and a unit, such as 30d, 12h, 10m or 500ms`,
			"COUNTERSIGN_CODE__TRY: code.try: unknown key; did you mean COUNTERSIGN_CODE__TRIES?",
			`--set: log.level: "loud" is not one of debug, info, warn, error; did you mean debug?`,
		}},
	{say: "right word, wrong section", set: []string{"session.min_length=8"}, want: []string{"--set: session.min_length: unknown key; did you mean password.min_length?"}},
	{say: "no section at all", file: "listen = ':1'", want: []string{"c.toml:1: listen: unknown key; did you mean server.listen?"}},
	{say: "unknown section", file: "\n[databse]\nurl = 'sqlite:x'\n[smtp]\n", want: []string{
		"c.toml:3: databse.url: unknown key; did you mean database.url?",
		"c.toml:4: smtp: unknown section; did you mean notify.smtp?",
	}},
	{say: "a section as a value", file: "server = 5\n[[session]]\n", want: []string{
		"c.toml:1: server: is a section, not a setting; write its keys, such as server.listen",
		"c.toml:2: session: is a section, not a setting; write its keys, such as session.absolute",
	}},
	{say: "a value as a section", file: "[server.listen]\n", want: []string{"c.toml:1: server.listen: is a setting, not a section; write text in quotes"}},
	{say: "wrong types", file: "[sign_up]\nenabled = 'true'\nallowed_domains = 'example.com'\n[code]\ntries = '5'\nlife = 10\n[limits]\nsign_up_per_network = 20\nguess_pause = 2020-01-01\n[proxy]\ntrusted = [1]\n[brand]\nhue = 1.5\n", want: []string{
		"c.toml:2: sign_up.enabled: is text in quotes; write true without the quotes",
		`c.toml:3: sign_up.allowed_domains: wants a list of texts; write a list of texts in quotes, such as ["one", "two"]`,
		"c.toml:5: code.tries: is text in quotes; write 5 without the quotes",
		`c.toml:6: code.life: wants a length of time; write a number and a unit in quotes, such as "30d", "12h", "10m" or "500ms"`,
		`c.toml:8: limits.sign_up_per_network: wants a limit; write how many in how long, in quotes, such as "20/1h"`,
		`c.toml:9: limits.guess_pause: wants a length of time; write a number and a unit in quotes, such as "30d", "12h", "10m" or "500ms"`,
		`c.toml:11: proxy.trusted: wants a list of networks; write a list, such as ["10.0.0.7", "10.0.0.0/8"]`,
		"c.toml:13: brand.hue: wants a whole number; write a number from 0 to 360",
	}},
	{say: "out of range", set: []string{"password.hash.memory_kib=1024", "brand.hue=361", "server.drain_timeout=0s", "session.absolute=401d", "limits.send_per_network=0/1h", "password.max_memory=64MB"}, want: []string{
		"--set: password.hash.memory_kib: 1024 is out of range; write 8192 to 1048576",
		"--set: brand.hue: 361 is out of range; write 0 to 360",
		"--set: server.drain_timeout: 0s is out of range; write 100ms to 5m",
		"--set: session.absolute: 401d is out of range; write 1s to 400d",
		`--set: limits.send_per_network: "0/1h" is not a limit; write how many in how long, such as 20/1h, several parted by commas: 1/1m,5/1h`,
		`--set: password.max_memory: "64MB" is not a size; write bytes, or a number with KiB, MiB or GiB, such as 64MiB`,
	}},
	{say: "broken syntax, after what stands before it", file: "[server]\nlisen = 'x'\nname = Countersign\n", want: []string{
		"c.toml:2: server.lisen: unknown key; did you mean server.listen?",
		"c.toml:3: is not valid TOML: unexpected character U+0043 'C' at start of value; text goes in quotes, a section is [name], a key stands once",
	}},
	{say: "a key twice", file: "[server]\nname = 'a'\nname = 'b'\n", want: []string{
		"c.toml:3: is not valid TOML: key name is already defined; text goes in quotes, a section is [name], a key stands once",
	}},
	{say: "one underscore", env: []string{"COUNTERSIGN_SERVER_LISTEN=:1"}, want: []string{"COUNTERSIGN_SERVER_LISTEN: is no setting; sections are parted by two underscores: COUNTERSIGN_SERVER__LISTEN"}},
	{say: "--set without a value", set: []string{"keys.seal hunter2"}, want: []string{"--set: is not section.key=value; write --set server.listen=127.0.0.1:9000"}},
	{say: "files that are not there or do not fit", set: []string{"keys.seal=file:/none", "password.pepper=file:/empty", "code.tries=file:/secret", "brand.logo=file:/logo.svg"}, want: []string{
		`--set: keys.seal: cannot read "/none": file does not exist; check the path and who may read it`,
		`--set: password.pepper: what "/empty" holds is nothing; put the value there, or remove the setting`,
		`--set: code.tries: what "/secret" holds is not a whole number; write a number from 1 to 10`,
		"--set: brand.logo: names a path already; write it without file:",
	}},
	{say: "a number that is a secret without its quotes", file: "keys.seal = 123456789_123456789_123456789\n", want: []string{
		"c.toml:1: keys.seal: wants a secret; write text in quotes",
		"c.toml:1: is not valid TOML: decimal number is too large to fit in a 64-bit signed integer; text goes in quotes, a section is [name], a key stands once",
	}},
	{say: "a file too large to be one", file: strings.Repeat("\n", mostBytes+1), want: []string{"c.toml: is larger than 1 MiB; is it the right file?"}},
	{say: "a byte order mark counts for nothing", file: "\ufeffname = 'x'\n", want: []string{"c.toml:1: name: unknown key; did you mean server.name?"}},
	{say: "a port of its own", set: []string{"operations.listen=127.0.0.1:08441"}, want: []string{"--set: operations.listen: is not an address and a port; write it as 127.0.0.1:8441, or leave it empty to turn it off"}},
	{say: "control characters", set: []string{"server.name=a\r\nBcc: x"}, want: []string{"--set: server.name: holds control characters or is not UTF-8; write plain text on one line"}},
	{say: "a hostile key stays on one line", file: "\"a\\nb\" = 1\n", want: []string{`c.toml:1: "a\nb": unknown key; did you mean brand.hue?`}},
}

func TestRulesThatJoinSettings(t *testing.T) {
	for _, c := range rules {
		t.Run(strings.Join(c.set, " "), func(t *testing.T) {
			_, err := load("", folder{"/cert": "no pem", "/key": "no pem"}, nil, c.set)
			if err == nil {
				t.Fatal("accepted")
			}
			if diff := cmp.Diff(c.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

var rules = []struct {
	set  []string
	want string
}{
	{[]string{"server.listen=8440"}, "--set: server.listen: is not an address and a port; write it as 127.0.0.1:8440, or :8440 for every address"},
	{[]string{"server.listen=127.0.0.1:http"}, "--set: server.listen: is not an address and a port; write it as 127.0.0.1:8440, or :8440 for every address"},
	{[]string{"operations.listen=127.0.0.1:8440"}, "--set: operations.listen: is the address of server.listen; give it another port"},
	{[]string{"operations.listen=x"}, "--set: operations.listen: is not an address and a port; write it as 127.0.0.1:8441, or leave it empty to turn it off"},
	{[]string{"server.public_url="}, "--set: server.public_url: is empty; write what people type into their browser, such as https://id.example.com"},
	{[]string{"server.public_url=id.example.com"}, "--set: server.public_url: has no scheme; begin it with the scheme, such as https://"},
	{[]string{"server.public_url=ftp://id.example.com"}, `--set: server.public_url: has the scheme "ftp"; begin it with https://`},
	{[]string{"server.public_url=https://a:b@id.example.com"}, "--set: server.public_url: holds a user name; write scheme, host and port only"},
	{[]string{"server.public_url=https://id.example.com/id"}, "--set: server.public_url: is more than scheme, host and port; write it as https://id.example.com; the server has a host of its own"},
	{[]string{"server.public_url=https://id.example.com?a"}, "--set: server.public_url: is more than scheme, host and port; write it as https://id.example.com; the server has a host of its own"},
	{[]string{"server.public_url=https://bücher.example"}, "--set: server.public_url: has a host that is not ASCII; write the host in its xn-- form, as certificates do"},
	{[]string{"server.public_url=http://id.example.com"}, "--set: server.public_url: is http on a host that is not this machine; use https, or set server.insecure_http = true where nobody can listen in"},
	{[]string{"server.insecure_clock_offset=1h", "server.public_url=https://id.example.com"}, "--set: server.insecure_clock_offset: is set on a server that others can reach; remove it; it is for tests on one machine"},
	{[]string{"server.insecure_clock_offset=1h", "server.listen=:8440"}, "--set: server.insecure_clock_offset: is set on a server that others can reach; remove it; it is for tests on one machine"},
	{[]string{"server.tls.cert=/cert"}, "--set: server.tls.cert: is set without server.tls.key; set both"},
	{[]string{"server.tls.key=/key"}, "--set: server.tls.key: is set without server.tls.cert; set both"},
	{[]string{"server.tls.cert=/cert", "server.tls.key=/none"}, "--set: server.tls.key: cannot be read: file does not exist; check the path and who may read it"},
	{[]string{"server.tls.cert=/cert", "server.tls.key=/key"}, "--set: server.tls.cert: does not work with server.tls.key: failed to find any PEM data in certificate input; give the PEM chain and the unencrypted PEM key made for it"},
	{[]string{"server.tls.cert=/cert", "server.tls.key=/key", "server.tls.autocert_domains=a.example"}, "--set: server.tls.autocert_domains: is set together with a certificate file; keep one of the two"},
	{[]string{"server.tls.autocert_domains=192.0.2.1"}, `--set: server.tls.autocert_domains: "192.0.2.1" is not a public host name; write names such as id.example.com`},
	{[]string{"server.tls.autocert_domains=a.example", "server.public_url=https://b.example"}, `--set: server.tls.autocert_domains: does not hold the host of server.public_url; add "b.example"`},
	{[]string{"database.url=mysql://x"}, "--set: database.url: names neither SQLite nor PostgreSQL; write sqlite:PATH or postgres://user:password@host/name"},
	{[]string{"database.url=sqlite:"}, "--set: database.url: names no file; write sqlite:PATH or postgres://user:password@host/name"},
	{[]string{"keys.seal=c2hvcnQ="}, "--set: keys.seal: is not 32 bytes in base64; make one with: openssl rand -base64 32"},
	{[]string{"password.min_length=7"}, "--set: password.min_length: 7 is less than the profile default asks for; write 8 or more, or 0 to follow the profile"},
	{[]string{"password.profile=nist", "password.min_length=14"}, "--set: password.min_length: 14 is less than the profile nist asks for; write 15 or more, or 0 to follow the profile"},
	{[]string{"password.pepper=salt"}, "--set: password.pepper: is shorter than 16 bytes; make one with: openssl rand -base64 32"},
	{[]string{"password.max_memory=1MiB"}, "--set: password.max_memory: is less than one hash takes; write 19MiB or more"},
	{[]string{"session.absolute=1h", "session.idle=2h"}, "--set: session.idle: 2h is longer than session.absolute; write 1h or less"},
	{[]string{"attempt.life=5m"}, "code.life: 10m is longer than attempt.life, with which a code ends; write 5m or less"},
	{[]string{"notify.from=nobody"}, `--set: notify.from: "nobody" is not a mail address; write it as Example <no-reply@example.com>`},
	{[]string{"notify.smtp.url=https://mail.example.com"}, "--set: notify.smtp.url: is not the URL of a mail server; write it as smtp://user:password@host:587 or smtps://user:password@host:465"},
	{[]string{"brand.logo=/logo.bmp"}, "--set: brand.logo: is not an image that every browser shows; give a .svg, .png or .webp file"},
	{[]string{"brand.terms_url=javascript:alert(1)"}, "--set: brand.terms_url: is not a web address; write it as https://example.com/page"},
	{[]string{"brand.terms_url=https://a:b@example.com"}, "--set: brand.terms_url: is not a web address; write it as https://example.com/page"},
	{[]string{"brand.privacy_url=mailto:a@b.example"}, "--set: brand.privacy_url: is not a web address; write it as https://example.com/page"},
	{[]string{"server.name="}, "--set: server.name: is empty or longer than 64 characters; write what people call your service"},
	{[]string{"sign_up.allowed_domains=@example.com"}, `--set: sign_up.allowed_domains: "@example.com" is not a mail domain; write what follows the @, such as example.com`},
	{[]string{"proxy.trusted=0.0.0.0/0"}, `--set: proxy.trusted: "0.0.0.0/0" is everybody; name the addresses of your proxies; whoever is trusted can pretend to be any client`},
	{[]string{"proxy.trusted=10.0.0.7/8"}, `--set: proxy.trusted: "10.0.0.7/8" has bits behind its network part; write 10.0.0.0/8 or 10.0.0.7`},
	{[]string{"proxy.trusted=nginx"}, `--set: proxy.trusted: "nginx" is not an address or a network; write it as 10.0.0.7, 10.0.0.0/8 or fd00::/8`},
	{[]string{"web.locales="}, `--set: web.locales: is empty; write one at least: ["en"]`},
	{[]string{"web.locales=english"}, `--set: web.locales: "english" is not a language tag; write tags such as en, de or pt-BR`},
	{[]string{"return_to.allow=https://app.example.com/home"}, `--set: return_to.allow: "https://app.example.com/home" is not an origin; write scheme, host and port exactly: https://app.example.com`},
	{[]string{"return_to.allow=https://*.example.com"}, `--set: return_to.allow: "https://*.example.com" is not an origin; write scheme, host and port exactly: https://app.example.com`},
	{[]string{"return_to.allow=https://App.example.com"}, `--set: return_to.allow: "https://App.example.com" is not how browsers spell it; write https://app.example.com`},
	{[]string{"return_to.allow=https://app.example.com:443"}, `--set: return_to.allow: "https://app.example.com:443" is not how browsers spell it; write https://app.example.com`},
	{[]string{"return_to.allow=http://app.example.com"}, `--set: return_to.allow: "http://app.example.com" is http on a host that is not this machine; use https`},
}

func TestOneMistakeIsReportedOnce(t *testing.T) {
	// session.absolute cannot be read, so nobody knows whether session.idle is longer.
	_, err := load("", nil, nil, []string{"session.absolute=long", "session.idle=60d", "server.listen=x", "operations.listen=x"})
	var all Problems
	if !errors.As(err, &all) || len(all) != 3 {
		t.Errorf("got %v", err)
	}
}

func TestAMistakeThatIsOverriddenIsStillNamed(t *testing.T) {
	c, err := load("attempt.life = 'long'", nil, nil, []string{"attempt.life=5m"})
	var all Problems
	if !errors.As(err, &all) || len(all) != 2 || all[1].Key != "code.life" || c.Attempt.Life.String() != "5m" {
		t.Errorf("the rules must hold for the value in force, %s: %v", c.Attempt.Life, err)
	}
}

func TestTheWrongFileIsNotListedInFull(t *testing.T) {
	_, err := load(strings.Repeat("x = 1\n", 1000), nil, nil, nil)
	var all Problems
	if !errors.As(err, &all) || len(all) != mostProblems+2 || all[mostProblems].Error() != "c.toml:101: has more mistakes than are listed; mend these first" {
		t.Errorf("%d problems", len(all))
	}
}

func TestAMissingFileIsNamed(t *testing.T) {
	_, err := Load(Source{File: "none.toml", ReadFile: folder{}.read})
	if diff := cmp.Diff("none.toml: cannot be read: file does not exist; check the path given with --config", err.Error()); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsAllowedButOddIsAWarning(t *testing.T) {
	for _, c := range []struct {
		set  []string
		keys string
	}{
		{[]string{"server.public_url=https://id.example.com"}, "notify.smtp.url proxy.trusted"},
		{[]string{"server.public_url=https://id.example.com", "notify.smtp.url=smtp://mail", "proxy.trusted=127.0.0.1"}, "notify.from"},
		{[]string{"server.public_url=http://id.example.com", "server.insecure_http=true", "notify.smtp.url=smtp://mail", "notify.from=a@example.com"}, "server.public_url"},
		{[]string{"server.listen=:8440"}, "server.listen"},
		{[]string{"operations.listen=:8441"}, "operations.listen"},
		{[]string{"operations.listen="}, ""},
		{[]string{"server.insecure_clock_offset=-25d"}, "server.insecure_clock_offset"},
		{[]string{"password.hash.time=1"}, "password.hash.memory_kib"},
		{[]string{"database.url=postgres://u@h/d"}, "keys.seal"},
		{[]string{"database.url=postgres://u@h/d", "keys.seal=" + strings.Repeat("A", 43)}, ""},
	} {
		got := []string{}
		for _, w := range must(t, "", nil, nil, c.set).Warnings() {
			got = append(got, w.Key)
		}
		if strings.Join(got, " ") != c.keys {
			t.Errorf("%v: warns of %v, want %s", c.set, got, c.keys)
		}
	}
}
