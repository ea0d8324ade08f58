package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/argon"
	"github.com/countersign-id/countersign/internal/gate"
	"github.com/countersign-id/countersign/internal/ids"
	"github.com/countersign-id/countersign/store"
)

// bench measures closed loops: callers that do one thing again and again.
type bench struct {
	ctx  context.Context // of the command; a bench lives no longer
	each time.Duration
	now  func() time.Time
}

// callers is how many write at once where commits are grouped.
const callers = 64

// loop lets callers do the same until the time is over. What each did first is
// not counted: it pays for fresh memory and cold caches.
func (b bench) loop(n int, do func() error) (figure, error) {
	var all sync.WaitGroup
	var mu sync.Mutex
	var count int
	var errs error
	begin := sync.OnceValue(func() time.Time { return b.now() })
	for range n {
		all.Go(func() {
			err := do()
			mine := 0
			for start := begin(); err == nil && (mine == 0 || b.now().Sub(start) < b.each); mine++ {
				if err = b.ctx.Err(); err == nil {
					err = do()
				}
			}
			mu.Lock()
			defer mu.Unlock()
			count, errs = count+mine, errors.Join(errs, err)
		})
	}
	all.Wait()
	took := b.now().Sub(begin())
	f := figure{Callers: n, PerSecond: float64(count) / took.Seconds()}
	f.EachMS = float64(n) / f.PerSecond * 1000
	return f, errs
}

// hash measures Argon2id the way the server runs it: behind the gate, in arenas.
func (b bench) hash(p argon.Params, slots int) (figure, error) {
	g, err := gate.New(gate.Options{Slots: slots, Queue: 1, Wait: time.Minute, Nice: gate.Niceness, Now: b.now})
	if err != nil {
		return figure{}, fmt.Errorf("calibrate: %w", err)
	}
	arenas := argon.NewArenas(slots, p, 0)
	defer arenas.Release()
	return b.loop(slots, func() error {
		leave, err := g.Enter(b.ctx)
		if err != nil {
			return err
		}
		defer leave()
		var failed error
		err = g.Run(b.ctx, func() { _, failed = arenas.Hash([]byte("correct horse battery staple"), p, rand.Reader) })
		return errors.Join(err, failed)
	})
}

// signing measures the signatures that tokens wear, on one core.
func (b bench) signing() ([]figure, error) {
	digest := sha256.Sum256([]byte("a token"))
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	signature, err := ecdsa.SignASN1(rand.Reader, p256, digest[:])
	if err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	public, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("calibrate: %w", err)
	}
	other := ed25519.Sign(ed, digest[:])
	short := b
	short.each = b.each / 4
	var out []figure
	for _, s := range []struct {
		what string
		do   func() bool
	}{
		{"sign, ECDSA P-256", func() bool { _, err := ecdsa.SignASN1(rand.Reader, p256, digest[:]); return err == nil }},
		{"verify, ECDSA P-256", func() bool { return ecdsa.VerifyASN1(&p256.PublicKey, digest[:], signature) }},
		{"sign, Ed25519", func() bool { return len(ed25519.Sign(ed, digest[:])) > 0 }},
		{"verify, Ed25519", func() bool { return ed25519.Verify(public, digest[:], other) }},
	} {
		f, err := short.loop(1, func() error {
			if !s.do() {
				return errors.New("calibrate: " + s.what + " went wrong")
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		f.What = s.what
		out = append(out, f)
	}
	return out, nil
}

// commits measures durable commits on the disk of the data folder, in an
// embedded database of its own: one caller, then many whose writes are grouped.
func (b bench) commits(data string) (folder string, out []figure, err error) {
	folder = data
	for {
		if _, err := os.Stat(folder); err == nil || folder == filepath.Dir(folder) {
			break
		}
		folder = filepath.Dir(folder) // not made yet: its parent's disk will carry it
	}
	own, err := os.MkdirTemp(folder, ".calibrate-*")
	if err != nil {
		return folder, nil, fmt.Errorf("calibrate: %w", err)
	}
	defer os.RemoveAll(own)
	key := make([]byte, 32)
	rand.Read(key)
	db, err := store.Open(b.ctx, store.Options{URL: "sqlite:" + filepath.Join(own, "calibrate.db"), Keys: [][]byte{key}, Node: "calibrate", Now: b.now})
	if err != nil {
		return folder, nil, fmt.Errorf("calibrate: %w", err)
	}
	defer db.Close()
	if _, err := db.Migrate(b.ctx); err != nil {
		return folder, nil, fmt.Errorf("calibrate: %w", err)
	}
	for _, n := range []int{1, callers} {
		f, err := b.loop(n, func() error {
			now := b.now()
			return db.Apply(b.ctx, &countersign.Change{Events: []countersign.Event{
				{ID: ids.New("evt", now), At: now, Action: "calibrate.write", Outcome: "ok", Actor: "cli"}}})
		})
		if err != nil {
			return folder, nil, fmt.Errorf("calibrate: %w", err)
		}
		f.What = "durable commit, one by one"
		if n > 1 {
			f.What = "durable commit, grouped"
		}
		out = append(out, f)
	}
	return folder, out, nil
}

// memoryMiB is the memory of the machine; 0 where it cannot be read.
func memoryMiB() int {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, "MemTotal:"); found {
			kib, _ := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			return kib >> 10
		}
	}
	return 0
}
