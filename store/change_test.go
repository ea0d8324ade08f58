package store_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign"
)

// refused fails the test unless err is the wanted refusal.
func (w *world) refused(err, want error, what string) {
	w.Helper()
	if !errors.Is(err, want) {
		w.Errorf("%s: got %v, want %v", what, err, want)
	}
}

func TestAChangeWithoutAnEventIsRefused(t *testing.T) {
	everywhere(t, func(w *world) {
		i := &countersign.Identity{ID: "idn_1", Kind: countersign.Person, State: countersign.Active}
		if err := w.db.Apply(w.Context(), &countersign.Change{Identity: i}); err == nil {
			t.Error("it was written")
		}
		_, _, err := w.db.SubjectOf(w.Context(), i.ID)
		w.refused(err, countersign.ErrNotFound, "the identity")
	})
}

func TestAnIdentityReadsBackAsItWasWritten(t *testing.T) {
	everywhere(t, func(w *world) {
		name, picture := "Ada.L", "https://example.com/a.png"
		i := countersign.Identity{ID: "idn_1", Kind: countersign.Service, State: countersign.Disabled, Username: &name,
			Emails: []countersign.Email{{Address: "a@example.com", Verified: true, Primary: true}, {Address: "b@example.com"}},
			Phones: []countersign.Phone{{Number: "+4930123456", Verified: true}}, Name: "Ada\u2028<>", Locale: "de", Picture: &picture,
			Flags: []string{"beta", "beta"}, Roles: []string{"admin"}, Metadata: []byte(`{"a":[1,2]}`), CreatedAt: start}
		cred := countersign.Credential{ID: "crd_1", Identity: i.ID, Method: "password", Name: "Password", Data: []byte{0, 1, 2}, CreatedAt: start, UsedAt: start.Add(time.Hour)}
		stored := i
		w.must(w.apply(countersign.Change{Identity: &stored, Credentials: []countersign.Credential{cred}}))
		if i.Version, cred.Version = 1, 1; stored.Version != 1 {
			t.Errorf("version %d", stored.Version)
		}
		for _, by := range [][2]string{{"email", "A@example.com"}, {"username", "ada.l"}, {"phone", "+4930123456"}} {
			got, creds, err := w.db.FindSubject(w.Context(), by[0], by[1])
			w.must(err)
			if d := cmp.Diff(i, got) + cmp.Diff([]countersign.Credential{cred}, creds); d != "" {
				t.Errorf("by %s: %s", by[0], d)
			}
		}
		for _, by := range [][2]string{{"email", "b@example.com"}, {"email", ""}, {"email", "a\x00"}, {"email", "\xff"}, {"username", "a@example.com"}} {
			_, _, err := w.db.FindSubject(w.Context(), by[0], by[1])
			w.refused(err, countersign.ErrNotFound, by[0]+" unverified, empty or of another kind")
		}
	})
}

func TestAnOldVersionIsRefusedAndChangesNothing(t *testing.T) {
	everywhere(t, func(w *world) {
		i := w.person("ada@example.com")
		old := *i
		i.Name = "Countess"
		w.must(w.apply(countersign.Change{Identity: i}))
		old.Name = "Nobody"
		w.refused(w.apply(countersign.Change{Identity: &old, Session: w.session(i.ID)}), countersign.ErrConflict, "an old identity")
		if old.Version != 1 {
			t.Errorf("its version was set to %d", old.Version)
		}
		again := *i
		again.Version = 0
		w.refused(w.apply(countersign.Change{Identity: &again}), countersign.ErrConflict, "an id that is there")
		a := &countersign.Attempt{ID: "att_1", State: countersign.NeedsEvidence, Expires: start.Add(time.Hour)}
		w.must(w.apply(countersign.Change{Attempt: a}))
		stale := *a
		w.must(w.apply(countersign.Change{Attempt: a}))
		w.refused(w.apply(countersign.Change{Attempt: &stale}), countersign.ErrConflict, "an old attempt")
		got, _, err := w.db.SubjectOf(w.Context(), i.ID)
		w.must(err)
		left, err := w.db.ListSessions(w.Context(), i.ID, "", 0)
		if w.must(err); got.Name != "Countess" || got.Version != 2 || len(left) != 0 {
			t.Errorf("got %q at %d with %d sessions", got.Name, got.Version, len(left))
		}
	})
}

func TestAVerifiedNameBelongsToOneIdentity(t *testing.T) {
	everywhere(t, func(w *world) {
		w.person("ada@example.com")
		other := &countersign.Identity{ID: "idn_2", Emails: []countersign.Email{{Address: "ADA@example.com"}}}
		w.must(w.apply(countersign.Change{Identity: other})) // unverified: anybody may claim
		other.Emails[0].Verified = true
		w.refused(w.apply(countersign.Change{Identity: other}), countersign.ErrTaken, "a verified address")
		got, _, err := w.db.FindSubject(w.Context(), "email", "ada@example.com")
		if w.must(err); got.ID == other.ID {
			t.Error("the address changed hands")
		}
	})
}

func TestAnAttemptReadsBackAsItWasWritten(t *testing.T) {
	everywhere(t, func(w *world) {
		a := countersign.Attempt{ID: "att_1", Purpose: countersign.SignUp, State: countersign.NeedsEvidence, Identity: "idn_1", Identifier: "ada@example.com",
			Proofs:   []countersign.Proof{{Identity: "idn_1", Method: "password", Factor: countersign.Knows, At: start}},
			Enrolled: []countersign.Credential{{ID: "crd_1", Data: []byte("hash")}}, Name: "Ada", Metadata: []byte(`{}`),
			Issue: "cookie", ReturnTo: "/", Decoy: true, Risk: countersign.Odd, CreatedAt: start, Expires: start.Add(time.Hour)}
		stored := a
		w.must(w.apply(countersign.Change{Attempt: &stored}))
		a.Version = 1
		got, err := w.db.FindAttempt(w.Context(), a.ID)
		w.must(err)
		if d := cmp.Diff(a, got); d != "" {
			t.Error(d)
		}
		_, err = w.db.FindAttempt(w.Context(), "att_2")
		w.refused(err, countersign.ErrNotFound, "another attempt")
	})
}

func TestRemovingAnIdentityLeavesOnlyItsEvents(t *testing.T) {
	everywhere(t, func(w *world) {
		i := w.person("ada@example.com")
		s := w.session(i.ID)
		w.must(w.apply(countersign.Change{Session: s, Credentials: []countersign.Credential{{ID: "crd_1", Identity: i.ID, Method: "password"}},
			Attempt:   &countersign.Attempt{ID: "att_1", Identity: i.ID, Expires: start.Add(time.Hour)},
			Challenge: &countersign.Challenge{Scope: "s", Method: "m", Subject: countersign.Subject{Identity: i.ID}, Tries: 1, Expires: start.Add(time.Hour)}}))
		gone := w.event("identity.removed")
		gone.Subject = i.ID
		w.must(w.apply(countersign.Change{Remove: i.ID, Events: []countersign.Event{gone}}))
		_, _, err := w.db.FindSubject(w.Context(), "email", "ada@example.com")
		w.refused(err, countersign.ErrNotFound, "its address")
		_, _, err = w.db.FindSession(w.Context(), s.Hash)
		w.refused(err, countersign.ErrNotFound, "its session")
		_, err = w.db.FindAttempt(w.Context(), "att_1")
		w.refused(err, countersign.ErrNotFound, "its attempt")
		_, err = w.db.TakeChallenge(w.Context(), "s", "m")
		w.refused(err, countersign.ErrNotFound, "its challenge")
		w.refused(w.apply(countersign.Change{Session: w.session(i.ID)}), countersign.ErrConflict, "a new session for it")
		w.refused(w.apply(countersign.Change{Remove: i.ID}), countersign.ErrNotFound, "removing it again")
		events, err := w.db.ListEvents(w.Context(), eventsOf(i.ID), "", 0)
		if w.must(err); len(events) != 1 || events[0].ID != gone.ID {
			t.Errorf("its events: %v", events)
		}
		w.person("ada@example.com") // the address is free again
	})
}

func TestACredentialStaysWithItsIdentity(t *testing.T) {
	everywhere(t, func(w *world) {
		a, b := w.person("a@example.com"), w.person("b@example.com")
		key := countersign.Credential{ID: "crd_1", Identity: a.ID, Method: "apikey", Lookup: "l", Data: []byte("one")}
		w.must(w.apply(countersign.Change{Credentials: []countersign.Credential{key}}))
		stolen := key
		stolen.Identity = b.ID
		w.refused(w.apply(countersign.Change{Credentials: []countersign.Credential{stolen}}), countersign.ErrConflict, "another's credential id")
		stolen.ID = "crd_2"
		w.refused(w.apply(countersign.Change{Credentials: []countersign.Credential{stolen}}), countersign.ErrConflict, "another's lookup key")
		key.Version = 1
		stolen = key
		stolen.Identity = b.ID
		w.refused(w.apply(countersign.Change{Credentials: []countersign.Credential{stolen}}), countersign.ErrConflict, "another's credential, replaced")
		key.Data = []byte("two")
		w.must(w.apply(countersign.Change{Credentials: []countersign.Credential{key}}))
		late := key
		late.Data = []byte("three")
		w.refused(w.apply(countersign.Change{Credentials: []countersign.Credential{late}}), countersign.ErrConflict, "one that has moved on")
		w.must(w.apply(countersign.Change{Refresh: []countersign.Credential{late}})) // no loss, so no conflict
		_, creds, err := w.db.SubjectOf(w.Context(), a.ID)
		if w.must(err); len(creds) != 1 || string(creds[0].Data) != "two" {
			t.Errorf("got %v", creds)
		}
		w.must(w.apply(countersign.Change{Revoke: []countersign.CredentialID{key.ID}}))
		if _, creds, err = w.db.SubjectOf(w.Context(), a.ID); err != nil || len(creds) != 0 {
			t.Errorf("after revoking: %v, %v", creds, err)
		}
		key.Version = 2
		w.refused(w.apply(countersign.Change{Credentials: []countersign.Credential{key}}), countersign.ErrConflict, "one that was removed comes back")
	})
}
