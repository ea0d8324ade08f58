// Package device says in words which program and machine a request came from,
// as its owner would: "Chrome on a Mac".
//
// It owns the words and nothing else: the User-Agent header (RFC 9110 section
// 10.1.5) is what a caller says of itself, so no decision may rest on it.
package device

import (
	"strings"

	"github.com/mileusna/useragent"
)

// longest is how much of a User-Agent is read, in bytes: real ones are under
// 300, and the parser's work grows with what strangers send.
const longest = 512

// machines are the operating systems as people call what they run on.
var machines = map[string]string{
	useragent.MacOS: "a Mac", useragent.Windows: "Windows", useragent.Linux: "Linux", useragent.FreeBSD: "FreeBSD",
	useragent.ChromeOS: "a Chromebook", useragent.CrOS: "a Chromebook", useragent.Android: "Android",
	useragent.WindowsPhone: "a Windows phone", useragent.BlackBerry: "a BlackBerry", useragent.Harmony: "HarmonyOS",
}

// programs are the names that differ from what people say.
var programs = map[string]string{
	useragent.MobileSafari: "Safari", useragent.HeadlessChrome: "Chrome", useragent.InternetExplorer: "Internet Explorer",
	useragent.FacebookApp: "the Facebook app", useragent.InstagramApp: "the Instagram app", useragent.TiktokApp: "the TikTok app",
	useragent.OperaMini: "Opera", useragent.OperaTouch: "Opera", useragent.SamsungBrowser: "Samsung Internet",
	"curl": "curl", "Wget": "Wget", "Go-http-client": "a Go program", "python-requests": "a Python program", "okhttp": "an Android app",
}

// browsers are the programs that are named as they are.
var browsers = map[string]bool{
	useragent.Chrome: true, useragent.Firefox: true, useragent.Safari: true, useragent.Edge: true,
	useragent.Opera: true, useragent.Vivaldi: true,
}

// Name returns who a User-Agent says it is, in a few words: "Firefox on
// Windows", "Safari on an iPhone", "curl". It never repeats what it does not
// know, so what strangers write is not shown to the owner of an account.
func Name(userAgent string) string {
	if len(userAgent) > longest {
		userAgent = userAgent[:longest]
	}
	if !printable(userAgent) {
		return "An unknown device"
	}
	ua := useragent.Parse(userAgent)
	program, known := programs[ua.Name]
	if !known && browsers[ua.Name] {
		program, known = ua.Name, true
	}
	machine := machines[ua.OS]
	switch {
	case strings.HasPrefix(ua.Device, "iPhone"):
		machine = "an iPhone"
	case strings.HasPrefix(ua.Device, "iPad"):
		machine = "an iPad"
	case ua.OS == useragent.Android && ua.Tablet:
		machine = "an Android tablet"
	case ua.OS == useragent.Android:
		machine = "an Android phone"
	}
	switch {
	case ua.Bot && !known:
		return "A robot"
	case known && machine != "":
		return first(program) + " on " + machine
	case known:
		return first(program)
	case machine != "":
		return "An app on " + machine
	}
	return "An unknown device"
}

func printable(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// first makes "the TikTok app" and "a Go program" begin a line; a name such as
// "curl" stays as it is.
func first(s string) string {
	for _, article := range []string{"a ", "an ", "the "} {
		if strings.HasPrefix(s, article) {
			return strings.ToUpper(s[:1]) + s[1:]
		}
	}
	return s
}
