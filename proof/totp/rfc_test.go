package totp

import (
	"bytes"
	"encoding/base32"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// seed is the secret of all examples in RFC 4226 and, for SHA-1, in RFC 6238.
var seed = []byte("12345678901234567890")

// RFC 6238 appendix B, the rows for SHA-1. They have eight digits; ours are the last six.
func TestTheCodesOfRFC6238(t *testing.T) {
	for at, want := range map[int64]string{
		59: "94287082", 1111111109: "07081804", 1111111111: "14050471", 1234567890: "89005924", 2000000000: "69279037", 20000000000: "65353130",
	} {
		number := hotp(seed, uint64(at/30))
		if got := fmt.Sprintf("%08d", number%100_000_000); got != want {
			t.Errorf("at %d the code is %s, want %s", at, got, want)
		}
		if got := shown(number); got != want[2:] {
			t.Errorf("at %d the app shows %s, want %s", at, got, want[2:])
		}
		step, ok := latest(seed, want[2:], time.Unix(at, 0))
		if !ok || step != at/30 {
			t.Errorf("at %d the code is of step %d, %t", at, step, ok)
		}
	}
}

// RFC 4226 appendix D.
func TestTheCodesOfRFC4226(t *testing.T) {
	for counter, want := range []string{"755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"} {
		if got := shown(hotp(seed, uint64(counter))); got != want {
			t.Errorf("counter %d gives %s, want %s", counter, got, want)
		}
	}
}

// Another implementation, at times far apart, of secrets as we make them.
func TestTheCodesOfOathtool(t *testing.T) {
	tool, err := exec.LookPath("oathtool")
	if err != nil {
		t.Fatal("oathtool is needed as the oracle of one-time codes; Debian has it in the package oathtool")
	}
	for i, at := range []string{"1970-01-01 00:00:29", "2026-03-01 12:00:00", "2026-03-01 12:00:29", "2026-03-01 12:00:30", "2038-01-19 03:14:08", "2099-12-31 23:59:59"} {
		when, err := time.Parse(time.DateTime, at)
		if err != nil {
			t.Fatal(err)
		}
		key := fresh()
		cmd := exec.CommandContext(t.Context(), tool, "--totp", "-b", "--now", at+" UTC", "-")
		cmd.Stdin = strings.NewReader(base32.StdEncoding.EncodeToString(key))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("oathtool: %v: %s", err, out)
		}
		code := string(bytes.TrimSpace(out))
		if got := shown(hotp(key, uint64(when.Unix()/30))); got != code {
			t.Errorf("%d: at %s we show %s, oathtool %s", i, at, got, code)
		}
	}
}

func TestTheStepsInReachAreThree(t *testing.T) {
	now := time.Unix(1234567890, 0) // the first second of step 41152263
	const here = 41152263
	for off := int64(-4); off <= 4; off++ {
		step, ok := latest(seed, shown(hotp(seed, uint64(here+off))), now)
		if want := off >= -1 && off <= 1; ok != want || ok && step != here+off {
			t.Errorf("the code %d steps off: step %d, in reach %t", off, step, ok)
		}
	}
	if _, ok := latest(seed, "", now); ok {
		t.Error("no code matches a step")
	}
}

func TestACodeIsReadAsPeopleTypeIt(t *testing.T) {
	for _, text := range []string{"123456", "123 456", " 12-34-56 ", "123\u00a0456", "１２３４５６", "１２３ ４５６", "١٢٣٤٥٦", "123–456", "123\u202f456\n"} {
		if got := typed(text); got != "123456" {
			t.Errorf("%q is read as %q", text, got)
		}
	}
	for _, text := range []string{"", " ", "-", "12345", "1234567", "12345a", "+12345", "12345.", "1.2345", "½23456", "123456\x00", "一二三四五六", strings.Repeat(" ", 1000) + "123456"} {
		if got := typed(text); got != "" {
			t.Errorf("%q is read as %q", text, got)
		}
	}
}

// Whatever is typed is six digits or nothing.
func FuzzTyped(f *testing.F) {
	for _, text := range []string{"123 456", "１２３４５６", "12345\xff", "\u0661\u0662", strings.Repeat("1", 300)} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if code := typed(text); code != "" && (len(code) != 6 || strings.Trim(code, "0123456789") != "") {
			t.Errorf("%q is read as %q", text, code)
		}
	})
}
