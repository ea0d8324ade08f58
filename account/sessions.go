package account

import (
	"context"
	"fmt"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/ids"
)

// Sessions lists the caller's sessions, oldest first; next is "" at the end.
func (p *Process) Sessions(ctx context.Context, by countersign.Caller, after countersign.SessionID, limit int) ([]countersign.Session, string, error) {
	if by.Session.ID == "" {
		return nil, "", countersign.ErrUnauthenticated
	}
	list, err := p.Store.ListSessions(ctx, by.Identity.ID, after, limit)
	if err != nil {
		return nil, "", fmt.Errorf("account: sessions: %w", err)
	}
	if len(list) < limit {
		return list, "", nil
	}
	return list, string(list[len(list)-1].ID), nil
}

// EndSession ends one of the caller's sessions; that of another identity is not found.
func (p *Process) EndSession(ctx context.Context, by countersign.Caller, id countersign.SessionID) error {
	if by.Session.ID == "" {
		return countersign.ErrUnauthenticated
	}
	if !ids.Is("ses", string(id)) {
		return countersign.ErrNotFound
	}
	// Sessions sort by id: asking for those after the one before it finds it, or another.
	list, err := p.Store.ListSessions(ctx, by.Identity.ID, before(id), 1)
	if err != nil {
		return fmt.Errorf("account: end session: %w", err)
	}
	if len(list) == 0 || list[0].ID != id {
		return countersign.ErrNotFound
	}
	return p.end(ctx, by, "session.ended", countersign.End{Identity: by.Identity.ID, Session: id})
}

// before is a session id that sorts right before another.
func before(id countersign.SessionID) countersign.SessionID {
	return id[:len(id)-1] + countersign.SessionID(id[len(id)-1]-1)
}

// EndOthers ends all of the caller's sessions but this one.
func (p *Process) EndOthers(ctx context.Context, by countersign.Caller) error {
	// No fresh proof is needed to end something: whoever finds a thief there is in a hurry.
	if by.Session.ID == "" {
		return countersign.ErrUnauthenticated
	}
	return p.end(ctx, by, "session.others_ended", countersign.End{Identity: by.Identity.ID, Except: by.Session.ID, Open: true})
}

// SignOut ends the session that the caller carries.
func (p *Process) SignOut(ctx context.Context, by countersign.Caller) error {
	if by.Session.ID == "" {
		return countersign.ErrUnauthenticated
	}
	return p.end(ctx, by, "session.signed_out", countersign.End{Identity: by.Identity.ID, Session: by.Session.ID})
}

func (p *Process) end(ctx context.Context, by countersign.Caller, action string, e countersign.End) error {
	told := p.event(by, by.Identity.ID, action)
	if e.Session != "" {
		told.Detail = map[string]string{"ended": string(e.Session)}
	}
	return p.write(ctx, action, &countersign.Change{End: []countersign.End{e}, Events: []countersign.Event{told}})
}

// Activity lists what happened to the caller's identity, newest first; next is "" at the end.
func (p *Process) Activity(ctx context.Context, by countersign.Caller, after string, limit int) ([]countersign.Event, string, error) {
	if by.Session.ID == "" {
		return nil, "", countersign.ErrUnauthenticated
	}
	list, err := p.Store.ListEvents(ctx, countersign.EventFilter{Subject: by.Identity.ID}, after, limit)
	if err != nil {
		return nil, "", fmt.Errorf("account: activity: %w", err)
	}
	for i := range list {
		// The reason may tell a thief who holds the session what to try next; the id
		// of an attempt lets its holder go on with it, as with a recovery just proved.
		list[i].Reason, list[i].Attempt = "", ""
	}
	if len(list) < limit {
		return list, "", nil
	}
	return list, list[len(list)-1].ID, nil
}
