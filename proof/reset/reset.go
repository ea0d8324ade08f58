// Package reset stands in for a second factor that is lost, by letting time
// pass: whoever has proved the first one asks for it, every address of theirs is
// told, and after some days without a "that wasn't me" it is let through (OWASP
// ASVS 5.0 6.4 asks that recovery takes as much as enrolment did).
//
// It owns the two times and what is lost with it. The credential is the waiting
// reset itself: to cancel is to remove it. Telling people, and the link that
// cancels, are the process's.
package reset

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	jsonx "github.com/go-json-experiment/json"

	"github.com/countersign-id/countersign"
)

// What an Options without times means.
const (
	usualWait = 72 * time.Hour
	usualOpen = 7 * 24 * time.Hour
)

// Options are what the method needs. Lost and Now are needed.
type Options struct {
	Wait time.Duration // until a reset may be used; 0 for 72 hours, so that none is at once by mistake
	Open time.Duration // how long it may be used then; 0 for 7 days
	Lost []string      // methods whose credentials end with it
	Now  func() time.Time
}

// Method is the method "factor_reset". It is safe for concurrent use.
type Method struct {
	o Options
}

// New returns the method.
func New(o Options) *Method {
	if o.Wait <= 0 {
		o.Wait = usualWait
	}
	if o.Open <= 0 {
		o.Open = usualOpen
	}
	return &Method{o}
}

// Name is the method's name in policies, evidence and events.
func (*Method) Name() string { return "factor_reset" }

// Factor is none: to have waited shows nothing of a person.
func (*Method) Factor() countersign.Factor { return 0 }

// stored is the data of a credential. Both times are kept as they were told to
// its owner; a change of the settings does not move them.
type stored struct {
	Ready time.Time `json:"ready_at"`
	Until time.Time `json:"until"`
}

// Ready is the time from which a waiting reset can be used, and that from which
// it no longer can. ok is false for a credential that is none or cannot be read.
func (m *Method) Ready(c countersign.Credential) (at, until time.Time, ok bool) {
	have, err := read(c)
	if c.Method != m.Name() || err != nil {
		return time.Time{}, time.Time{}, false
	}
	return have.Ready, have.Until, true
}

func read(c countersign.Credential) (have stored, err error) {
	if err := json.Unmarshal(c.Data, &have); err != nil {
		return stored{}, fmt.Errorf("reset: stored data of %s cannot be read: %w", c.ID, err)
	}
	if have.Ready.IsZero() || !have.Ready.Before(have.Until) {
		return stored{}, fmt.Errorf("reset: stored data of %s holds no times", c.ID)
	}
	return have, nil
}

// form reads evidence, which holds nothing but the method's name.
func form(answer json.RawMessage) error {
	var in struct {
		Method string `json:"method"`
	}
	if err := jsonx.Unmarshal(answer, &in, jsonx.RejectUnknownMembers(true)); err != nil {
		return countersign.Invalid("evidence", "invalid", `The evidence of this method is {"method"}.`)
	}
	return nil
}

// Check accepts {"method"} of somebody whose reset has waited long enough, and
// not too long. The proof ends what was lost, and the reset with it.
func (m *Method) Check(_ context.Context, e countersign.Evidence) (countersign.Proof, error) {
	if err := form(e.Answer); err != nil {
		return countersign.Proof{}, err
	}
	c, ok := e.Subject.Credential(m.Name())
	if !ok || e.Subject.Identity == "" {
		return countersign.Proof{}, countersign.NoMatch("not waiting")
	}
	have, err := read(c)
	if err != nil {
		return countersign.Proof{}, err
	}
	now := m.o.Now()
	switch {
	case now.Before(have.Ready):
		return countersign.Proof{}, countersign.NoMatch("still waiting")
	case !now.Before(have.Until):
		return countersign.Proof{}, countersign.NoMatch("too late")
	}
	p := countersign.Proof{Identity: e.Subject.Identity, Credential: c.ID, Method: m.Name(), At: now}
	for _, other := range e.Subject.Credentials {
		if other.Method == m.Name() || slices.Contains(m.o.Lost, other.Method) {
			p.Ends = append(p.Ends, other.ID)
		}
	}
	return p, nil
}

// Enroll accepts {"method"} and begins to wait. Where one waits already, or
// could be used now, the new credential has its times and its Lookup: to ask
// again neither shortens the wait, nor puts it off, nor spoils the link that was sent to cancel it.
func (m *Method) Enroll(_ context.Context, s countersign.Subject, e countersign.Evidence) (countersign.Credential, error) {
	if err := form(e.Answer); err != nil {
		return countersign.Credential{}, err
	}
	now := m.o.Now()
	// Whole seconds, rounded up: what a letter says is not earlier than what holds.
	ready := now.Add(m.o.Wait + time.Second - 1).UTC().Truncate(time.Second)
	times, lookup := stored{ready, ready.Add(m.o.Open)}, ""
	if c, ok := s.Credential(m.Name()); ok {
		if have, err := read(c); err == nil && now.Before(have.Until) {
			times, lookup = have, c.Lookup
		}
	}
	data, err := json.Marshal(times)
	if err != nil {
		return countersign.Credential{}, fmt.Errorf("reset: %w", err)
	}
	return countersign.Credential{Identity: s.Identity, Method: m.Name(), Lookup: lookup, Data: data, CreatedAt: now}, nil
}

// Collection says how a reset is kept: one at a time, begun in one step.
func (*Method) Collection() countersign.Collection {
	return countersign.Collection{Path: "factor-reset", Most: 1, Direct: true, Fixed: true, Granted: true}
}

// Detail is the two times, as RFC 3339 in UTC; nothing for what cannot be read.
func (m *Method) Detail(c countersign.Credential) map[string]any {
	have, err := read(c)
	if err != nil {
		return map[string]any{}
	}
	return map[string]any{"ready_at": have.Ready.UTC().Format(time.RFC3339), "until": have.Until.UTC().Format(time.RFC3339)}
}

var _ countersign.Keeper = (*Method)(nil)
