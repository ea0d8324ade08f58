// Package inside measures the product's store from within, where no request is in the way: how many
// sessions can be opened in a second when no slow hash stands before them.
package inside

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/bench/child"
	"github.com/countersign-id/countersign/bench/fill"
	"github.com/countersign-id/countersign/bench/limit"
	"github.com/countersign-id/countersign/internal/ids"
	"github.com/countersign-id/countersign/internal/secret"
	"github.com/countersign-id/countersign/store"
)

// Order says how to measure.
type Order struct {
	Dir     string        `json:"dir"`     // where the database goes; it is made and removed
	Callers int           `json:"callers"` // at once
	For     time.Duration `json:"for"`
}

// Spawn measures in a process of its own: exe, called with the argument "inside", must call Serve.
func Spawn(ctx context.Context, exe string, o Order) (limit.Work, error) {
	return child.Call[Order, limit.Work](ctx, exe, "inside", o)
}

// Serve is the child's side of Spawn.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	return child.Answer(in, out, func(o Order) (limit.Work, error) { return o.measure(ctx) })
}

func (o Order) measure(ctx context.Context) (w limit.Work, err error) {
	dir, err := os.MkdirTemp(o.Dir, "inside-")
	if err != nil {
		return w, fmt.Errorf("inside: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails (crypto/rand)
	db, err := store.Open(ctx, store.Options{URL: "sqlite:" + filepath.Join(dir, "store.db"), Keys: [][]byte{key}, Node: "bench"})
	if err != nil {
		return w, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.Migrate(ctx); err != nil {
		return w, err
	}
	people, err := fill.People(ctx, db, fill.Addresses(1000), "unused", time.Now())
	if err != nil {
		return w, err
	}
	return o.open(ctx, db, people)
}

// open is what a sign-in writes once its proofs are enough: the session and its event.
func (o Order) open(ctx context.Context, db *store.DB, people []countersign.IdentityID) (limit.Work, error) {
	failed := make(chan error, o.Callers)
	var turn atomic.Int64
	from := netip.MustParseAddr("127.0.0.1").String()
	w := limit.Repeat(ctx, o.Callers, o.For, func() error {
		now, who := time.Now(), people[int(turn.Add(1))%len(people)]
		_, hash := secret.NewSession(now)
		s := &countersign.Session{
			ID: countersign.SessionID(ids.New("ses", now)), Identity: who, Hash: hash, Assurance: countersign.AAL1, Methods: []string{"password"},
			AuthenticatedAt: now, LastProvedAt: now, LastSeenAt: now, ExpiresAt: now.Add(720 * time.Hour), IdleExpiresAt: now.Add(168 * time.Hour),
			Device: countersign.Device{Name: "Firefox on Linux", Network: from},
		}
		err := db.Apply(context.WithoutCancel(ctx), &countersign.Change{Session: s, Events: []countersign.Event{{
			ID: ids.New("evt", now), At: now, Action: "session.opened", Outcome: "ok", Actor: string(who), Subject: who, Session: s.ID,
			Method: "password", Network: from, Device: s.Device.Name,
		}}})
		if err != nil {
			failed <- err
		}
		return err
	})
	select {
	case err := <-failed:
		return w, err
	default:
		return w, nil
	}
}
