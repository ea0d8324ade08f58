package login

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/ids"
	"github.com/countersign-id/countersign/internal/secret"
)

// BeginReset starts the waiting reset of lost factors for somebody who has proved
// the first one. Every address is told at once, with a link that ends it; the
// reset proves nothing before its time has come. One that waits already goes on.
func (p *Process) BeginReset(ctx context.Context, by countersign.Caller, id countersign.AttemptID) (Result, error) {
	s, err := p.open(ctx, by, id)
	if err != nil {
		return Result{}, err
	}
	if s.attempt.Purpose == countersign.StepUp || p.Reset == nil || !slices.Contains(s.policy.Spare, p.Reset.Name()) {
		return Result{}, countersign.ErrForbidden
	}
	s.method = p.Reset
	if err := p.find(ctx, s); err != nil {
		return Result{}, err
	}
	if len(s.attempt.Proofs) == 0 || s.subject.Identity == "" {
		return Result{}, p.refuse(ctx, s, p.Reset.Name(), countersign.NoMatch("nothing was proved yet"))
	}
	if !p.waits(s).IsZero() {
		return p.view(s), nil
	}
	if err := p.count(ctx, p.Limits.Send(s.by, string(s.subject.Identity))); err != nil {
		return Result{}, err
	}
	var over []countersign.CredentialID // one that was never used makes room
	if old, ok := s.subject.Credential(p.Reset.Name()); ok {
		over = append(over, old.ID)
	}
	raw, err := json.Marshal(map[string]string{"method": p.Reset.Name()})
	if err != nil {
		return Result{}, fmt.Errorf("login: reset: %w", err)
	}
	made, err := p.Reset.Enroll(ctx, s.subject, countersign.Evidence{Method: p.Reset.Name(), Subject: s.subject, Answer: raw, From: by.From})
	if err != nil {
		return Result{}, fmt.Errorf("login: reset: %w", err)
	}
	token, hash := secret.New(secret.Link)
	made.ID, made.Identity, made.Method = countersign.CredentialID(ids.New("crd", p.Now())), s.subject.Identity, p.Reset.Name()
	made.CreatedAt, made.Lookup = p.Now(), hex.EncodeToString(hash[:])
	data := map[string]string{"link": "/factor-reset?" + url.Values{"token": {token}}.Encode()}
	if k, ok := p.Reset.(countersign.Keeper); ok {
		for name, v := range k.Detail(made) {
			data[name] = fmt.Sprint(v)
		}
	}
	s.subject.Credentials = append(without(s.subject.Credentials, over), made)
	p.tell(s)
	// A new version, so that of two begun at once one is too late; the attempt goes on with what it has proved.
	s.attempt.Of = s.identity.Version + 1
	c := &countersign.Change{Identity: &s.identity, Credentials: []countersign.Credential{made}, Revoke: over, Send: p.letters(s, "factor_reset_started", data)}
	r, err := p.keep(ctx, s, c, "factors.reset_started")
	if errors.Is(err, countersign.ErrConflict) {
		return Result{}, lost(err)
	}
	return r, err
}

// waits is when the identity's waiting reset will prove; zero when none waits, or its time is over.
func (p *Process) waits(s *answer) time.Time {
	if p.Reset == nil {
		return time.Time{}
	}
	c, _ := s.subject.Credential(p.Reset.Name())
	at, until, ok := p.Reset.Ready(c)
	if !ok || !p.Now().Before(until) {
		return time.Time{}
	}
	return at
}

// CancelReset ends a waiting reset by the link of its letter, or does nothing when
// there is none any more: ErrExpired.
func (p *Process) CancelReset(ctx context.Context, by countersign.Caller, token string) error {
	gone := &answer{by: by}
	hash, ok := secret.Hash(secret.Link, token)
	if !ok || p.Reset == nil {
		return p.late(ctx, gone, "", "a link that is none")
	}
	lookup := hex.EncodeToString(hash[:])
	i, credentials, err := p.Holders.FindHolder(ctx, p.Reset.Name(), lookup)
	if errors.Is(err, countersign.ErrNotFound) {
		return p.late(ctx, gone, p.Reset.Name(), "a link whose reset is over")
	}
	if err != nil {
		return expired(err)
	}
	s := &answer{by: by, identity: i, attempt: countersign.Attempt{Identity: i.ID, Locale: by.Locale}}
	var waiting []countersign.CredentialID
	for _, c := range credentials {
		if c.Method == p.Reset.Name() {
			waiting = append(waiting, c.ID)
		}
	}
	return p.cancel(ctx, s, waiting)
}

// cancel takes the waiting reset away. Whoever asked for it knew the first factor,
// so the owner is told to choose a new one.
func (p *Process) cancel(ctx context.Context, s *answer, waiting []countersign.CredentialID) error {
	err := p.Store.Apply(ctx, &countersign.Change{Identity: &s.identity, Revoke: waiting,
		Send: p.letters(s, "factor_reset_cancelled", nil), Events: []countersign.Event{p.event(s, "factors.reset_cancelled", p.Reset.Name())}})
	if errors.Is(err, countersign.ErrConflict) {
		return countersign.ErrExpired
	}
	if err != nil {
		return fmt.Errorf("login: cancel the reset: %w", err)
	}
	return nil
}
