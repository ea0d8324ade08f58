package config

import (
	"net"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// check applies the rules that one value's own notation cannot say. Rules for
// one section stand together; each names the key an operator would change.
func (l *loader) check() {
	l.checkListeners()
	l.checkPublicURL()
	l.checkTLS()
	l.checkClock()
	l.checkDatabase()
	l.checkKeys()
	l.checkPassword()
	l.checkTimes()
	l.checkPolicy()
	l.checkSMS()
	l.checkNotify()
	l.checkBrand()
	l.checkNames()
	l.checkReach()
}

// wrong reports a rule that is broken, at the place that set the key. A rule
// about a value that could not be read says nothing: its mistake is listed already.
func (l *loader) wrong(key, wrong, try string, also ...string) {
	if !l.sound(append(also, key)...) {
		return
	}
	l.problems = append(l.problems, l.c.origins[key].problem(key, wrong, try))
}

// warn is wrong for what is allowed.
func (l *loader) warn(key, wrong, try string, also ...string) {
	if l.sound(append(also, key)...) {
		l.warnings = append(l.warnings, l.c.origins[key].problem(key, wrong, try))
	}
}

func (l *loader) sound(keys ...string) bool {
	return !slices.ContainsFunc(keys, func(k string) bool { return l.bad[k] })
}

func (l *loader) checkListeners() {
	c := l.c
	if !listenable(c.Server.Listen) {
		l.wrong("server.listen", "is not an address and a port", "write it as 127.0.0.1:8440, or :8440 for every address")
		l.bad["server.listen"] = true
	}
	if c.Operations.Listen == "" {
		return
	}
	if !listenable(c.Operations.Listen) {
		l.wrong("operations.listen", "is not an address and a port", "write it as 127.0.0.1:8441, or leave it empty to turn it off")
		l.bad["operations.listen"] = true
		return
	}
	if _, port, _ := net.SplitHostPort(c.Server.Listen); c.Operations.Listen == c.Server.Listen && port != "0" {
		l.wrong("operations.listen", "is the address of server.listen", "give it another port", "server.listen")
	}
	if !local(c.Operations.Listen) {
		l.warn("operations.listen", "can be reached from other machines, and asks for no password", "listen on 127.0.0.1, or let a firewall keep it private")
	}
}

func listenable(listen string) bool {
	host, port, err := net.SplitHostPort(listen)
	if err != nil || strings.ContainsAny(host, " /@") {
		return false
	}
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && strconv.FormatUint(n, 10) == port
}

func (l *loader) checkPublicURL() {
	u := l.c.Server.PublicURL.URL()
	const key = "server.public_url"
	switch {
	case u == nil:
		l.wrong(key, "is empty", "write what people type into their browser, such as https://id.example.com")
	case u.Scheme != "http" && u.Scheme != "https":
		l.wrong(key, "has the scheme "+quoted(u.Scheme), "begin it with https://")
	case u.User != nil:
		l.wrong(key, "holds a user name", "write scheme, host and port only")
	case !isOrigin(u):
		l.wrong(key, "is more than scheme, host and port", "write it as https://id.example.com; the server has a host of its own")
	case strings.ContainsFunc(u.Host, func(r rune) bool { return r >= utf8.RuneSelf }):
		l.wrong(key, "has a host that is not ASCII", "write the host in its xn-- form, as certificates do")
	case u.Scheme == "http" && !loopback(u.Hostname()) && !l.c.Server.InsecureHTTP:
		l.wrong(key, "is http on a host that is not this machine", "use https, or set server.insecure_http = true where nobody can listen in", "server.insecure_http")
	}
}

func (l *loader) checkClock() {
	if l.c.Server.InsecureClockOffset == 0 {
		return
	}
	const key = "server.insecure_clock_offset"
	u := l.c.Server.PublicURL.URL()
	if u == nil || !loopback(u.Hostname()) || !local(l.c.Server.Listen) {
		l.wrong(key, "is set on a server that others can reach", "remove it; it is for tests on one machine", "server.public_url", "server.listen")
		return
	}
	l.warn(key, "moves the clock by "+l.c.Server.InsecureClockOffset.String(), "remove it outside tests")
}

func (l *loader) checkPassword() {
	p := l.c.Password
	least := 8
	if p.Profile == "nist" {
		least = 15
	}
	if p.MinLength != 0 && p.MinLength < least {
		l.wrong("password.min_length", strconv.Itoa(p.MinLength)+" is less than the profile "+p.Profile+" asks for",
			"write "+strconv.Itoa(least)+" or more, or 0 to follow the profile", "password.profile")
	}
	if n := len(p.Pepper.Reveal()); n > 0 && n < 16 {
		l.wrong("password.pepper", "is shorter than 16 bytes", "make one with: openssl rand -base64 32")
	}
	if p.MaxMemory != 0 && int64(p.MaxMemory) < int64(p.Hash.MemoryKiB)<<10 {
		l.wrong("password.max_memory", "is less than one hash takes", "write "+Size(int64(p.Hash.MemoryKiB)<<10).String()+" or more", "password.hash.memory_kib")
	}
	if !strong(p.Hash.MemoryKiB, p.Hash.Time) {
		l.warn("password.hash.memory_kib", "makes hashes weaker than OWASP's least with password.hash.time = "+strconv.Itoa(p.Hash.Time),
			"use 19456 and a time of 2, or what countersign calibrate proposes", "password.hash.time")
	}
}

// strong is OWASP's list of equally good Argon2id parameters; the shortest rows
// of it lie under our least memory.
func strong(memoryKiB, passes int) bool {
	return memoryKiB >= 47104 || passes >= 2 && memoryKiB >= 19456 || passes >= 3 && memoryKiB >= 12288 || passes >= 4 && memoryKiB >= 9216 || passes >= 5
}

func (l *loader) checkTimes() {
	s := l.c.Session
	if s.Idle > s.Absolute {
		l.wrong("session.idle", s.Idle.String()+" is longer than session.absolute", "write "+s.Absolute.String()+" or less", "session.absolute")
	}
	if s.Sudo > s.Absolute {
		l.wrong("session.sudo", s.Sudo.String()+" is longer than session.absolute", "write "+s.Absolute.String()+" or less", "session.absolute")
	}
	if l.c.Code.Life > l.c.Attempt.Life {
		l.wrong("code.life", l.c.Code.Life.String()+" is longer than attempt.life, with which a code ends", "write "+l.c.Attempt.Life.String()+" or less", "attempt.life")
	}
}

func (l *loader) checkNotify() {
	if _, err := mail.ParseAddress(l.c.Notify.From); err != nil {
		l.wrong("notify.from", quoted(l.c.Notify.From)+" is not a mail address", "write it as Example <no-reply@example.com>")
	}
	u := l.c.Notify.SMTP.URL.URL()
	if u != nil && (u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "") {
		l.wrong("notify.smtp.url", "is not the URL of a mail server", "write it as smtp://user:password@host:587 or smtps://user:password@host:465")
	}
}
