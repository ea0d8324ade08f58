package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDurationsAreReadAndWritten(t *testing.T) {
	for in, want := range map[string]string{
		"30d": "30d", "1d12h": "36h", "24h": "1d", "90s": "1m30s", "1h0m0s": "1h", "10m": "10m", "10s": "10s", "400ms": "400ms", "0": "0s", "0s": "0s", "-1d": "-1d", "-90m": "-1h30m", "100h": "100h",
	} {
		var d Duration
		if err := d.UnmarshalText([]byte(in)); err != nil || d.String() != want {
			t.Errorf("%s: %s, %v", in, d, err)
		}
	}
	for _, in := range []string{"", "7", "d", "1.5d", "--1d", "1d-1h", "1d+1h", "1d2d", "99999d", "65535d99999999h", "1 d", "1D", "9999999999h"} {
		var d Duration
		if err := d.UnmarshalText([]byte(in)); err == nil {
			t.Errorf("%q is read as %s", in, d)
		}
	}
}

func TestSizesAreReadAndWritten(t *testing.T) {
	for in, want := range map[string]string{"64MiB": "64MiB", "64 MiB": "64MiB", "1048576": "1MiB", "1000": "1000", "0": "0", "0KiB": "0", "1536KiB": "1536KiB", "8388607TiB": "8388607TiB"} {
		var s Size
		if err := s.UnmarshalText([]byte(in)); err != nil || s.String() != want {
			t.Errorf("%s: %s, %v", in, s, err)
		}
	}
	for _, in := range []string{"", "MiB", "-1", "1.5GiB", "64MB", "64mib", "8388608TiB", "9223372036854775808"} {
		var s Size
		if err := s.UnmarshalText([]byte(in)); err == nil {
			t.Errorf("%q is read as %s", in, s)
		}
	}
}

func TestLimitsAreReadAndWritten(t *testing.T) {
	var l Limit
	if err := l.UnmarshalText([]byte("1/1m, 5/1h")); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Limit{{1, time.Minute}, {5, time.Hour}}, l); diff != "" {
		t.Error(diff)
	}
	for _, in := range []string{"", "20", "20/", "/1h", "0/1h", "-1/1h", "20/0s", "20/10ms", "20/366d", "1/1m,", "1/1m;5/1h", "1/1h,1/2h,1/3h,1/4h,1/5h", "99999999999/1h"} {
		if err := l.UnmarshalText([]byte(in)); err == nil {
			t.Errorf("%q is read as %s", in, l)
		}
	}
	if l.String() != "1/1m,5/1h" {
		t.Errorf("a refused text changed the limit to %s", l)
	}
}

func TestHostsThatAreThisMachine(t *testing.T) {
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST.": true, "a.localhost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true, "::ffff:127.0.0.1": true,
		"": false, "0.0.0.0": false, "::": false, "localhost.example.com": false, "notlocalhost": false, "10.0.0.1": false, "127.0.0.1.example.com": false,
	} {
		if loopback(host) != want {
			t.Errorf("loopback(%q) is %v", host, !want)
		}
	}
}
