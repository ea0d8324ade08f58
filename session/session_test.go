package session_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/session"
)

// shelf is the whole store of these tests. It can be made to stop in the middle of a read.
type shelf struct {
	mu      sync.Mutex
	found   map[[32]byte]countersign.Session
	news    []countersign.Noted
	touched []countersign.Session
	reads   int
	broken  bool
	reading func() // called with a row in hand, before it is returned
}

func (s *shelf) FindSession(_ context.Context, hash [32]byte) (countersign.Session, countersign.Identity, error) {
	s.mu.Lock()
	s.reads++
	got, ok := s.found[hash]
	broken, reading := s.broken, s.reading
	s.mu.Unlock()
	if broken {
		return got, countersign.Identity{}, countersign.ErrOverloaded
	}
	if !ok {
		return got, countersign.Identity{}, countersign.ErrNotFound
	}
	if reading != nil {
		reading()
	}
	return got, countersign.Identity{ID: got.Identity, State: countersign.Active}, nil
}

func (s *shelf) TouchSessions(_ context.Context, list []countersign.Session) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.touched = append(s.touched, list...)
	for _, c := range list {
		if was, ok := s.found[c.Hash]; ok {
			was.LastSeenAt, was.IdleExpiresAt = c.LastSeenAt, c.IdleExpiresAt
			s.found[c.Hash] = was
		}
	}
	return nil
}

func (s *shelf) Changes(_ context.Context, _ time.Time) ([]countersign.Noted, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return nil, countersign.ErrOverloaded
	}
	return s.news, nil
}

func (s *shelf) end(c countersign.Session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.found, c.Hash)
	s.news = append(s.news, countersign.Noted{Chain: "other node", N: int64(len(s.news)), Identity: c.Identity, Session: c.ID})
}

// enough is what a proof of identity amounts to.
func enough(t *testing.T, now time.Time) countersign.Enough {
	t.Helper()
	a := countersign.Attempt{
		ID: "att_1", State: countersign.NeedsEvidence, Expires: now.Add(time.Minute),
		Proofs: []countersign.Proof{{Identity: "idn_ada", Method: "password", Factor: countersign.Knows, At: now}},
	}
	e, ok := countersign.Policy{}.Judge(a, now).(countersign.Enough)
	if !ok {
		t.Fatal("one proof is not enough")
	}
	return e
}

// house runs sessions in a bubble of fake time, with one session open.
func house(t *testing.T, o session.Options, test func(t *testing.T, s *session.Sessions, at *shelf, open countersign.Session, token string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		at := &shelf{found: map[[32]byte]countersign.Session{}}
		o.Now = time.Now
		s := session.New(at, o)
		ctx, stop := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { s.Run(ctx) })
		defer running.Wait()
		defer stop()
		opened, token, err := s.Open(enough(t, time.Now()), countersign.Caller{})
		if err != nil {
			t.Fatal(err)
		}
		at.found[opened.Hash] = opened
		synctest.Wait()
		test(t, s, at, opened, token)
	})
}

var usual = session.Options{Absolute: 30 * 24 * time.Hour, Idle: 7 * 24 * time.Hour}

func TestNothingProvedOpensNothing(t *testing.T) {
	s := session.New(&shelf{}, session.Options{Absolute: time.Hour, Idle: time.Hour, Now: time.Now})
	if _, token, err := s.Open(countersign.Enough{}, countersign.Caller{}); err == nil || token != "" {
		t.Error("an empty Enough opened a session")
	}
	if _, _, err := s.Raise(countersign.Session{Identity: "idn_eve"}, enough(t, time.Now()), countersign.Caller{}); err == nil {
		t.Error("somebody else's proof raised a session")
	}
}

func TestASessionInUseAsksTheStoreOnce(t *testing.T) {
	house(t, usual, func(t *testing.T, s *session.Sessions, at *shelf, _ countersign.Session, token string) {
		for range 100 {
			if k, err := s.Check(t.Context(), token); err != nil || k.Identity.ID != "idn_ada" || len(k.JSON()) == 0 {
				t.Fatal(k, err)
			}
		}
		if at.reads != 1 {
			t.Errorf("100 checks read %d times", at.reads)
		}
	})
}

func TestWhatIsNoTokenNeverReachesTheStore(t *testing.T) {
	house(t, usual, func(t *testing.T, s *session.Sessions, at *shelf, _ countersign.Session, token string) {
		for _, bad := range []string{"", "cs_ses_", token[1:], token + "0", "cs_key_" + token[7:], token[:len(token)-1] + "!"} {
			if _, err := s.Check(t.Context(), bad); !errors.Is(err, countersign.ErrUnauthenticated) {
				t.Errorf("a bad token says %v", err)
			}
		}
		if at.reads != 0 {
			t.Errorf("the store was read %d times", at.reads)
		}
	})
}

func TestASessionEndedHereIsRefusedAtOnce(t *testing.T) {
	house(t, usual, func(t *testing.T, s *session.Sessions, at *shelf, open countersign.Session, token string) {
		s.Check(t.Context(), token)
		at.end(open)
		s.Forget(open.Identity, open.ID)
		if _, err := s.Check(t.Context(), token); !errors.Is(err, countersign.ErrUnauthenticated) {
			t.Errorf("it says %v", err)
		}
	})
}

func TestASessionEndedElsewhereIsRefusedWithinASecond(t *testing.T) {
	for what, all := range map[string]bool{"one session": false, "all of an identity": true} {
		house(t, usual, func(t *testing.T, s *session.Sessions, at *shelf, open countersign.Session, token string) {
			s.Check(t.Context(), token)
			if gone := open; all {
				gone.ID = ""
				at.end(gone)
			} else {
				at.end(open)
			}
			time.Sleep(time.Second)
			synctest.Wait()
			if _, err := s.Check(t.Context(), token); !errors.Is(err, countersign.ErrUnauthenticated) {
				t.Errorf("%s: it says %v", what, err)
			}
		})
	}
}

// A read that was under way while its session ended must not bring it back.
func TestAReadUnderWayDoesNotOutliveTheEnd(t *testing.T) {
	house(t, usual, func(t *testing.T, s *session.Sessions, at *shelf, open countersign.Session, token string) {
		at.reading = func() {
			at.end(open)
			s.Forget(open.Identity, open.ID)
		}
		s.Check(t.Context(), token) // saw the row before the end
		at.reading = nil
		if _, err := s.Check(t.Context(), token); !errors.Is(err, countersign.ErrUnauthenticated) {
			t.Errorf("the next check says %v", err)
		}
	})
}

func TestWithoutNewsNothingRememberedIsBelieved(t *testing.T) {
	house(t, usual, func(t *testing.T, s *session.Sessions, at *shelf, _ countersign.Session, token string) {
		s.Check(t.Context(), token)
		at.mu.Lock()
		at.broken = true
		at.mu.Unlock()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if _, err := s.Check(t.Context(), token); !errors.Is(err, countersign.ErrOverloaded) {
			t.Errorf("with the database gone it says %v", err)
		}
		at.mu.Lock()
		at.broken = false
		at.mu.Unlock()
		time.Sleep(time.Second)
		if _, err := s.Check(t.Context(), token); err != nil {
			t.Errorf("with the database back it says %v", err)
		}
	})
}

func TestSessionsGoIdleAndEnd(t *testing.T) {
	brief := session.Options{Absolute: 3 * time.Hour, Idle: time.Hour}
	house(t, brief, func(t *testing.T, s *session.Sessions, at *shelf, open countersign.Session, token string) {
		check := func() error { _, err := s.Check(t.Context(), token); return err }
		for range 3 {
			time.Sleep(50 * time.Minute)
			synctest.Wait()
			if err := check(); err != nil {
				t.Fatalf("in use: %v", err)
			}
			time.Sleep(10 * time.Second) // to be written behind
			at.mu.Lock()
			last := at.touched[len(at.touched)-1]
			at.found[open.Hash] = last
			at.mu.Unlock()
			if left := time.Until(last.IdleExpiresAt); left < 29*time.Minute || last.IdleExpiresAt.After(open.ExpiresAt) {
				t.Fatalf("used now, idle in %v", left)
			}
		}
		time.Sleep(30 * time.Minute)
		if err := check(); !errors.Is(err, countersign.ErrUnauthenticated) {
			t.Errorf("after three hours of use it says %v", err)
		}
	})
	house(t, brief, func(t *testing.T, s *session.Sessions, _ *shelf, _ countersign.Session, token string) {
		time.Sleep(time.Hour + time.Second)
		if _, err := s.Check(t.Context(), token); !errors.Is(err, countersign.ErrUnauthenticated) {
			t.Errorf("after an idle hour it says %v", err)
		}
	})
}

func TestBeingSeenIsWrittenBehindAndNotPerRequest(t *testing.T) {
	house(t, usual, func(t *testing.T, s *session.Sessions, at *shelf, _ countersign.Session, token string) {
		for range 300 {
			time.Sleep(10 * time.Second)
			s.Check(t.Context(), token)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if n := len(at.touched); n < 4 || n > 6 {
			t.Errorf("300 requests in 50 minutes wrote %d times", n)
		}
	})
}
