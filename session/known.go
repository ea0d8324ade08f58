package session

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/countersign-id/countersign"
)

// Known is a session that was checked, and its identity. It is shared between
// requests: do not change it.
type Known struct {
	Session  countersign.Session
	Identity countersign.Identity

	body   []byte
	mark   uint64       // the state of the memory before it was read
	loaded time.Time    // read again after a while, whatever happens
	idle   atomic.Int64 // when it goes idle, Unix microseconds
	seen   atomic.Int64 // last noted as seen, Unix microseconds
}

// JSON returns {"identity": …, "session": …}, rendered once.
func (k *Known) JSON() []byte { return k.body }

func newKnown(s countersign.Session, i countersign.Identity, mark uint64, now time.Time) (*Known, error) {
	body, err := render(&i, &s)
	if err != nil {
		return nil, fmt.Errorf("session: render: %w", err)
	}
	k := &Known{Session: s, Identity: i, body: body, mark: mark, loaded: now}
	k.idle.Store(s.IdleExpiresAt.UnixMicro())
	k.seen.Store(s.LastSeenAt.UnixMicro())
	return k, nil
}

// live asks again on every request: a remembered session ends on time, not a minute later.
func (k *Known) live(now time.Time) bool {
	return k.Session.ID != "" && now.Before(k.Session.ExpiresAt) && now.UnixMicro() < k.idle.Load()
}

// due reports, to one of many callers at once, that the session should be noted as seen.
func (k *Known) due(now time.Time, granularity time.Duration) bool {
	last := k.seen.Load()
	return now.UnixMicro()-last >= granularity.Microseconds() && k.seen.CompareAndSwap(last, now.UnixMicro())
}
