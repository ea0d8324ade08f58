// Package session issues and checks the passes that browsers carry: opaque
// tokens of which only a SHA-256 is kept (OWASP ASVS 5.0 chapter 7, NIST SP
// 800-63B-4 section 5). It owns their life and the memory that makes the check
// on each request cheap; who proved what is decided elsewhere.
package session

import (
	"context"
	"errors"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/ids"
	"github.com/countersign-id/countersign/internal/secret"
)

// Store is what sessions need from storage.
type Store interface {
	// FindSession returns a live session of an active identity, or ErrNotFound.
	FindSession(ctx context.Context, hash [32]byte) (countersign.Session, countersign.Identity, error)
	// TouchSessions writes when sessions were last seen and when they go idle.
	TouchSessions(context.Context, []countersign.Session) error
	// Changes lists what ended or changed since then, on any node.
	Changes(ctx context.Context, since time.Time) ([]countersign.Noted, error)
}

// Sessions issues and checks sessions. Make it with New and keep Run running:
// without Run every check asks the store.
type Sessions struct {
	store    Store
	absolute time.Duration
	idle     time.Duration
	now      func() time.Time
	memory   *memory
}

// Options say how long sessions live and how many are remembered.
type Options struct {
	Absolute time.Duration // how long a session lives at most
	Idle     time.Duration // how long it lives unused
	Remember int           // how many are kept in memory, 0 for 65,536
	Now      func() time.Time
}

// New returns a Sessions over the store.
func New(s Store, o Options) *Sessions {
	if o.Remember == 0 {
		o.Remember = 1 << 16
	}
	return &Sessions{store: s, absolute: o.Absolute, idle: o.Idle, now: o.Now, memory: newMemory(o.Remember)}
}

// Open makes a session for what was proved. The token is returned once and
// never stored; the caller writes the session in the transaction that spends
// the attempt.
func (s *Sessions) Open(e countersign.Enough, by countersign.Caller) (countersign.Session, string, error) {
	if e.Identity() == "" {
		return countersign.Session{}, "", errors.New("session: nothing was proved")
	}
	at := e.At()
	token, hash := secret.NewSession(at)
	return countersign.Session{
		ID:              countersign.SessionID(ids.New("ses", at)),
		Identity:        e.Identity(),
		Hash:            hash,
		Assurance:       e.Assurance(),
		Methods:         e.Methods(),
		AuthenticatedAt: at,
		LastProvedAt:    at,
		LastSeenAt:      at,
		ExpiresAt:       at.Add(s.absolute),
		IdleExpiresAt:   at.Add(min(s.idle, s.absolute)),
		Device:          by.Device,
	}, token, nil
}

// Raise makes the session that replaces an older one after a step-up: a new id
// and a new secret, what was proved before kept, and no longer life than the old one had.
func (s *Sessions) Raise(old countersign.Session, e countersign.Enough, by countersign.Caller) (countersign.Session, string, error) {
	if old.Identity != e.Identity() {
		return countersign.Session{}, "", errors.New("session: somebody else proved")
	}
	next, token, err := s.Open(e, by)
	if err != nil {
		return next, "", err
	}
	// Else a step-up now and then would keep one session alive for ever (ASVS 5.0 7.3).
	next.AuthenticatedAt, next.ExpiresAt = old.AuthenticatedAt, old.ExpiresAt
	next.Assurance = max(old.Assurance, next.Assurance)
	if next.IdleExpiresAt.After(next.ExpiresAt) {
		next.IdleExpiresAt = next.ExpiresAt
	}
	methods := old.Methods
	for _, m := range next.Methods {
		if !contains(methods, m) {
			// With no room behind, so that the old session, which others still read, is not written to.
			methods = append(methods[:len(methods):len(methods)], m)
		}
	}
	next.Methods = methods
	return next, token, nil
}

func contains(list []string, s string) bool {
	for _, have := range list {
		if have == s {
			return true
		}
	}
	return false
}

// Check says who carries the token. It reports ErrUnauthenticated when nobody
// does: mistyped, unknown, ended, expired, or of a disabled identity.
func (s *Sessions) Check(ctx context.Context, token string) (*Known, error) {
	hash, ok := secret.Hash(secret.Session, token)
	if !ok {
		return nil, countersign.ErrUnauthenticated
	}
	now := s.now()
	known := s.memory.recall(hash, now)
	if known == nil {
		var err error
		if known, err = s.load(ctx, hash, now); err != nil {
			return nil, err
		}
	}
	if !known.live(now) {
		return nil, countersign.ErrUnauthenticated
	}
	if known.due(now, s.granularity()) {
		known.idle.Store(s.idleEnd(s.memory.touch(hash, known, now)).UnixMicro())
	}
	return known, nil
}

func (s *Sessions) load(ctx context.Context, hash [32]byte, now time.Time) (*Known, error) {
	mark := s.memory.mark()
	session, identity, err := s.store.FindSession(ctx, hash)
	if errors.Is(err, countersign.ErrNotFound) {
		return nil, countersign.ErrUnauthenticated
	}
	if err != nil {
		return nil, err
	}
	known, err := newKnown(session, identity, mark, now)
	if err != nil {
		return nil, err
	}
	s.memory.keep(hash, known)
	return known, nil
}

// granularity is how exact "last seen" is: ten minutes, or less where idle sessions
// end soon. Each step costs a write for each session in use, so that a minute
// would cost ten times as much and tell its owner nothing more.
func (s *Sessions) granularity() time.Duration { return min(10*time.Minute, s.idle/10) }

// Forget drops what this node remembers of one session, or of all of the
// identity's when session is empty. Call it after the change is stored; the
// other nodes learn of it from the store within a second.
func (s *Sessions) Forget(identity countersign.IdentityID, session countersign.SessionID) {
	if session != "" {
		s.memory.forget(string(session), s.now())
		return
	}
	s.memory.forget(string(identity), s.now())
}
