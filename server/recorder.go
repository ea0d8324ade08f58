package server

import (
	"context"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/api"
	"github.com/countersign-id/countersign/store"
)

// recorder is the store as the processes see it: what is written is also
// forgotten here at once, and letters start on their way.
type recorder struct {
	*store.DB
	s *Server
}

// Apply writes a change and lets the rest of this node know of it.
func (r recorder) Apply(ctx context.Context, c *countersign.Change) error {
	if err := r.DB.Apply(ctx, c); err != nil {
		return err
	}
	// After the commit, before the caller hears of it: from here on no check of this
	// node believes what it remembers. The other nodes read it from the database.
	for _, e := range c.End {
		r.s.Sessions.Forget(e.Identity, e.Session)
	}
	if c.Identity != nil {
		r.s.Sessions.Forget(c.Identity.ID, "")
	}
	if c.Remove != "" {
		r.s.Sessions.Forget(c.Remove, "")
	}
	if len(c.Send) > 0 {
		r.s.worker.Wake()
	}
	r.s.metrics.count(c.Events)
	return nil
}

// outbox is the store as the mail worker sees it. What was sent is kept
// readable only for the development inbox.
type outbox struct {
	db   *store.DB
	keep bool
}

func (o outbox) ClaimMessages(ctx context.Context, _ time.Time, lease time.Duration, limit int) ([]countersign.Message, error) {
	return o.db.ClaimMessages(ctx, lease, limit)
}

func (o outbox) FinishMessage(ctx context.Context, id string, _ time.Time) error {
	return o.db.FinishMessage(ctx, id, o.keep)
}

func (o outbox) RetryMessage(ctx context.Context, id string, next time.Time, reason string, dead bool) error {
	return o.db.RetryMessage(ctx, id, next, reason, dead)
}

// replies remember answers to requests that must not be done twice.
func (s *Server) replies() api.Replies {
	return api.Replies{
		Reserve: func(ctx context.Context, key string, request []byte, life time.Duration) ([]byte, string, error) {
			kept, state, err := s.Store.ReserveReply(ctx, key, request, life)
			return kept, string(state), err
		},
		Keep: s.Store.KeepReply,
		Drop: s.Store.DropReply,
	}
}
