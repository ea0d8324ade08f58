package proc

import (
	"os"
	"strings"
	"testing"
	"time"
)

const stat = "4711 (odd) name (x) S 1 2 3 4 5 6 7 8 9 10 125 75 0 0 20 0 8 0 99 1 2 3"

func TestUserAndSystemTimeAreAdded(t *testing.T) {
	if d, err := parseStat([]byte(stat)); err != nil || d != 2*time.Second {
		t.Errorf("%v %v", d, err)
	}
}

func TestAMalformedStatIsRefused(t *testing.T) {
	for _, s := range []string{"", "4711 (x", "4711 (x) S 1 2 3", strings.Replace(stat, "125", "-25", 1), strings.Replace(stat, "75", "many", 1)} {
		if d, err := parseStat([]byte(s)); err == nil {
			t.Errorf("%q: %v", s, d)
		}
	}
}

func TestOurOwnFiguresMove(t *testing.T) {
	before, err := CPU(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for {
		now, err := CPU(os.Getpid())
		if err != nil {
			t.Fatal(err)
		}
		if now > before {
			break
		}
	}
	if err := ForgetPeak(os.Getpid()); err != nil {
		t.Fatal(err)
	}
	small, err := ReadMemory(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	block := make([]byte, 64<<20)
	for i := 0; i < len(block); i += 4096 {
		block[i] = 1
	}
	big, err := ReadMemory(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	if big.Peak < small.Peak+48<<20 || big.Resident > big.Peak || block[4096] != 1 {
		t.Errorf("from %+v to %+v after touching 64 MiB", small, big)
	}
}

func TestAProcessThatIsGoneIsAnError(t *testing.T) {
	const nobody = 1 << 30 // above the kernel's highest process number
	if _, err := CPU(nobody); err == nil {
		t.Error("it has CPU time")
	}
	if _, err := ReadMemory(nobody); err == nil {
		t.Error("it has memory")
	}
	if err := ForgetPeak(nobody); err == nil {
		t.Error("it has a peak")
	}
}

func FuzzStat(f *testing.F) {
	f.Add([]byte(stat))
	f.Add([]byte("1 () R 0 0 0 0 0 0 0 0 0 0 18446744073709551615 1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if d, err := parseStat(b); err == nil && d < 0 {
			t.Errorf("negative time %v", d)
		}
		if n := kilobytes(b, "VmRSS:"); n < 0 {
			t.Errorf("negative memory %d", n)
		}
	})
}
