package argon

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"
)

var cheap = Params{MemoryKiB: 64, Time: 2, Threads: 1}

func hashed(t *testing.T, a *Arenas, password string, p Params) Encoded {
	t.Helper()
	phc, err := a.Hash([]byte(password), p, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	e, err := Parse(phc)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestOnlyTheSamePasswordMatches(t *testing.T) {
	a := NewArenas(1, cheap, 0)
	e := hashed(t, a, "correct horse", cheap)
	if !a.Match(e, []byte("correct horse")) || !e.Match([]byte("correct horse")) {
		t.Error("the right password does not match")
	}
	for _, wrong := range []string{"", "correct hors", "correct horse ", "Correct horse", "correct horse\x00", "correct\x00horse"} {
		if a.Match(e, []byte(wrong)) {
			t.Errorf("%q matches", wrong)
		}
	}
	if new(Arenas).Match(Encoded{}, nil) || new(Arenas).Match(Encoded{Params: cheap}, nil) {
		t.Error("a hash that is not there matches the empty password")
	}
}

func TestTheDefaultIsOWASPs(t *testing.T) {
	phc, err := Hash([]byte("x"), Params{}, rand.Reader)
	if err != nil || !strings.HasPrefix(phc, "$argon2id$v=19$m=19456,t=2,p=1$") || len(phc) != 97 {
		t.Errorf("got a hash of %d bytes, %v", len(phc), err)
	}
}

func TestEachHashHasASaltOfItsOwn(t *testing.T) {
	a := NewArenas(1, cheap, 0)
	if one, two := hashed(t, a, "x", cheap), hashed(t, a, "x", cheap); bytes.Equal(one.salt, two.salt) || bytes.Equal(one.tag, two.tag) {
		t.Error("two hashes of one password are alike")
	}
}

func TestHashRefuses(t *testing.T) {
	for what, p := range map[string]Params{
		"too much memory": {MaxMemoryKiB + 1, 1, 1}, "too little memory": {31, 1, 4},
		"too many passes": {64, MaxTime + 1, 1}, "too many lanes": {1024, 1, MaxThreads + 1},
	} {
		if _, err := Hash([]byte("x"), p, rand.Reader); err == nil {
			t.Errorf("%s: accepted", what)
		}
	}
	for what, r := range map[string]io.Reader{"short randomness": strings.NewReader("123"), "broken randomness": iotest.ErrReader(io.ErrClosedPipe)} {
		if phc, err := Hash([]byte("x"), cheap, r); err == nil || phc != "" {
			t.Errorf("%s: accepted", what)
		}
	}
	if _, err := Hash(nil, cheap, iotest.ErrReader(io.ErrClosedPipe)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("the cause is lost: %v", err)
	}
}

func TestArenasKeepNoMoreThanTheyMay(t *testing.T) {
	const most = 3
	a := NewArenas(most, cheap, 0)
	want := hashed(t, a, "shared", cheap)
	var wait sync.WaitGroup
	for range 50 {
		wait.Go(func() {
			if !a.Match(want, []byte("shared")) || a.Match(want, []byte("other")) {
				t.Error("hashes side by side disturb each other")
			}
		})
	}
	wait.Wait()
	if n := len(a.free); n < 1 || n > most {
		t.Errorf("%d arenas kept, at most %d wanted", n, most)
	}
	for _, arena := range a.free {
		if len(arena) != cheap.blocks() {
			t.Errorf("an arena of %d blocks", len(arena))
		}
	}
}

func TestACostlierHashLeavesNothingBehind(t *testing.T) {
	a := NewArenas(1, cheap, 0)
	costly := Params{MemoryKiB: 4096, Time: 1, Threads: 2}
	if e := hashed(t, a, "imported", costly); !a.Match(e, []byte("imported")) {
		t.Error("no match")
	}
	if len(a.free) != 0 {
		t.Error("its memory was kept")
	}
}

func TestMemoryOfASinglePassIsCleared(t *testing.T) {
	a := NewArenas(1, cheap, 0)
	once := cheap
	once.Time = 1
	hashed(t, a, "x", once)
	for _, b := range a.free[0] {
		if b != (block{}) {
			t.Fatal("something is left")
		}
	}
}

func (a *Arenas) keeps() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.free)
}

func TestIdleArenasAreGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := NewArenas(2, cheap, time.Minute)
		hashed(t, a, "x", cheap)
		<-time.After(59 * time.Second)
		hashed(t, a, "x", cheap)
		<-time.After(59 * time.Second)
		synctest.Wait()
		if a.keeps() != 1 {
			t.Error("given back although in use a minute ago")
		}
		<-time.After(2 * time.Second)
		synctest.Wait()
		if a.keeps() != 0 {
			t.Error("kept after a minute without a hash")
		}
	})
}
