package store_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/testpg"
	"github.com/countersign-id/countersign/store"
)

var (
	kek   = []byte("0123456789abcdef0123456789abcdef")
	start = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
)

// clock is a time that the test moves.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// world is one database and handles on it.
type world struct {
	*testing.T
	url string
	*clock
	db *store.DB
	n  int
}

// everywhere runs the test on both databases.
func everywhere(t *testing.T, test func(w *world)) {
	t.Run("sqlite", func(t *testing.T) { test(newWorld(t, "sqlite:"+filepath.Join(t.TempDir(), "test.db"))) })
	t.Run("postgres", func(t *testing.T) { test(newWorld(t, testpg.URL(t))) })
}

func newWorld(t *testing.T, url string) *world {
	w := &world{T: t, url: url, clock: &clock{t: start}}
	w.db = w.open()
	if _, err := w.db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	return w
}

// open returns one more handle, as another node would have.
func (w *world) open() *store.DB {
	w.Helper()
	db, err := store.Open(w.Context(), store.Options{URL: w.url, Keys: [][]byte{kek}, Node: "test", Now: w.Now})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { db.Close() })
	return db
}

func (w *world) id(prefix string) string {
	w.n++
	return fmt.Sprintf("%s_%06d", prefix, w.n)
}

func (w *world) event(action string) countersign.Event {
	return countersign.Event{ID: w.id("evt"), At: w.Now(), Action: action, Outcome: "ok"}
}

// apply applies the change, with an event when it has none.
func (w *world) apply(c countersign.Change) error {
	if c.Events == nil {
		c.Events = []countersign.Event{w.event("test")}
	}
	return w.db.Apply(context.Background(), &c)
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// person stores an identity with one verified address.
func (w *world) person(address string) *countersign.Identity {
	w.Helper()
	i := &countersign.Identity{ID: countersign.IdentityID(w.id("idn")), Kind: countersign.Person, State: countersign.Active,
		Emails: []countersign.Email{{Address: address, Verified: true, Primary: true}}, Name: "Ada", Locale: "en", CreatedAt: w.Now()}
	w.must(w.apply(countersign.Change{Identity: i}))
	return i
}

func (w *world) session(id countersign.IdentityID) *countersign.Session {
	w.n++
	s := &countersign.Session{ID: countersign.SessionID(w.id("ses")), Identity: id, Assurance: countersign.AAL1, Methods: []string{"password"},
		AuthenticatedAt: w.Now(), LastProvedAt: w.Now(), LastSeenAt: w.Now(), ExpiresAt: w.Now().Add(30 * 24 * time.Hour),
		IdleExpiresAt: w.Now().Add(7 * 24 * time.Hour), Device: countersign.Device{Name: "Chrome on a Mac", Network: "192.0.2.1"}}
	s.Hash[0], s.Hash[1], s.Hash[2] = byte(w.n), byte(w.n>>8), byte(w.n>>16)
	return s
}
