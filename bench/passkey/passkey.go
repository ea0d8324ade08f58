// Package passkey measures what verifying a passkey costs beyond the one
// signature, the one read and the one write that nobody can do without.
//
// Both sides read whose passkey it is from the product's store and write back
// that it was used; one verifies with the product's method, the other the bare
// signature. What the store itself costs is measured elsewhere.
package passkey

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/descope/virtualwebauthn"
	"golang.org/x/sync/errgroup"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/bench/child"
	"github.com/countersign-id/countersign/bench/limit"
	"github.com/countersign-id/countersign/internal/ids"
	"github.com/countersign-id/countersign/proof/passkey"
	"github.com/countersign-id/countersign/store"
)

// Order says what to measure.
type Order struct {
	Bare    bool          `json:"bare"`    // the bare signature in place of the method
	Dir     string        `json:"dir"`     // where the database goes; it is made and removed
	People  int           `json:"people"`  // each with one passkey
	Callers int           `json:"callers"` // at once
	For     time.Duration `json:"for"`
}

// Spawn measures in a process of its own: exe, called with the argument "passkey", must call Serve.
func Spawn(ctx context.Context, exe string, o Order) (limit.Work, error) {
	return child.Call[Order, limit.Work](ctx, exe, "passkey", o)
}

// Serve is the child's side of Spawn.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	return child.Answer(in, out, func(o Order) (limit.Work, error) { return o.measure(ctx) })
}

func (o Order) measure(ctx context.Context) (w limit.Work, err error) {
	dir, err := os.MkdirTemp(o.Dir, "passkey-")
	if err != nil {
		return w, fmt.Errorf("passkey: %w", err)
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
	m, err := passkey.New(passkey.Options{RPID: party.ID, Origins: []string{party.Origin}, Now: time.Now})
	if err != nil {
		return w, err
	}
	people, err := enroll(ctx, db, m, o.People)
	if err != nil {
		return w, fmt.Errorf("passkey: enrol: %w", err)
	}
	check := func(ctx context.Context, e countersign.Evidence) (*countersign.Credential, error) {
		p, err := m.Check(ctx, e)
		return p.Renew, err
	}
	if o.Bare {
		if check, err = bare(); err != nil {
			return w, err
		}
	}
	return o.verify(ctx, db, people, check)
}

var party = virtualwebauthn.RelyingParty{ID: "example.com", Name: "Example", Origin: "https://id.example.com"}

// person is somebody's answer to a challenge. The authenticator never counts,
// as those of phones do not, so that one answer can be verified again and again.
type person struct {
	lookup string
	asked  []byte
	answer json.RawMessage
}

// enroll makes people, many at once, so that the store commits them together.
func enroll(ctx context.Context, db *store.DB, m *passkey.Method, n int) ([]person, error) {
	people := make([]person, n)
	var all errgroup.Group
	all.SetLimit(64)
	for i := range people {
		all.Go(func() (err error) {
			people[i], err = one(ctx, db, m)
			return err
		})
	}
	return people, all.Wait()
}

func one(ctx context.Context, db *store.DB, m *passkey.Method) (p person, err error) {
	now := time.Now()
	s := countersign.Subject{Identity: countersign.IdentityID(ids.New("idn", now)), Names: []string{"Ada"}}
	wish, err := m.Prepare(ctx, s)
	if err != nil {
		return p, err
	}
	create, err := virtualwebauthn.ParseAttestationOptions(string(wish.Show))
	if err != nil {
		return p, err
	}
	device := virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: []byte(create.UserID)})
	key := newKey()
	made, err := m.Enroll(ctx, s, countersign.Evidence{Asked: wish.Keep, Answer: evidence(virtualwebauthn.CreateAttestationResponse(party, device, key, *create))})
	if err != nil {
		return p, err
	}
	made.ID = countersign.CredentialID(ids.New("crd", now))
	err = db.Apply(ctx, &countersign.Change{
		Identity: &countersign.Identity{
			ID: s.Identity, Kind: countersign.Person, State: countersign.Active, Name: "Ada", Locale: "en", CreatedAt: now, Metadata: []byte("{}"),
			Emails: []countersign.Email{{Address: string(s.Identity) + "@example.com", Verified: true, Primary: true}},
		},
		Credentials: []countersign.Credential{made}, Events: event("identity.created", s.Identity, now),
	})
	if err != nil {
		return p, err
	}
	get, err := m.Challenge(ctx, countersign.Subject{})
	if err != nil {
		return p, err
	}
	ask, err := virtualwebauthn.ParseAssertionOptions(string(get.Show))
	if err != nil {
		return p, err
	}
	return person{made.Lookup, get.Keep, evidence(virtualwebauthn.CreateAssertionResponse(party, device, key, *ask))}, nil
}

// newKey passes over keys whose coordinates begin with a nought: the library drops it, which COSE forbids.
func newKey() virtualwebauthn.Credential {
	const whole = 77 // bytes of a COSE key on P-256
	for {
		if c := virtualwebauthn.NewCredential(virtualwebauthn.KeyTypeEC2); len(c.Key.AttestationData()) == whole {
			return c
		}
	}
}

func evidence(response string) json.RawMessage {
	return json.RawMessage(`{"method":"passkey","response":` + response + `}`)
}

func event(action string, who countersign.IdentityID, now time.Time) []countersign.Event {
	return []countersign.Event{{ID: ids.New("evt", now), At: now, Action: action, Outcome: "ok", Actor: string(who), Subject: who, Method: "passkey"}}
}

type check func(context.Context, countersign.Evidence) (*countersign.Credential, error)

// bare verifies one signature of the size that a passkey makes, and writes what was read.
func bare() (check, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	client, auth := make([]byte, 140), make([]byte, 37)
	digest := func() [sha256.Size]byte {
		inner := sha256.Sum256(client)
		return sha256.Sum256(append(auth[:len(auth):len(auth)], inner[:]...))
	}
	sum := digest()
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		return nil, err
	}
	return func(_ context.Context, e countersign.Evidence) (*countersign.Credential, error) {
		sum := digest()
		if !ecdsa.VerifyASN1(&key.PublicKey, sum[:], signature) {
			return nil, errors.New("passkey: the bare signature does not verify")
		}
		have := e.Subject.Credentials[0]
		have.UsedAt = time.Now()
		return &have, nil
	}, nil
}

// verify reads, checks and writes. Everybody's turn comes after all others', so
// that no two write the same passkey at once.
func (o Order) verify(ctx context.Context, db *store.DB, people []person, check check) (limit.Work, error) {
	failed := make(chan error, o.Callers)
	var turn atomic.Int64
	w := limit.Repeat(ctx, o.Callers, o.For, func() error {
		ctx := context.WithoutCancel(ctx)
		p, now := people[int(turn.Add(1))%len(people)], time.Now()
		err := func() error {
			who, credentials, err := db.FindHolder(ctx, "passkey", p.lookup)
			if err != nil {
				return err
			}
			renew, err := check(ctx, countersign.Evidence{Subject: countersign.Subject{Identity: who.ID, Credentials: credentials}, Asked: p.asked, Answer: p.answer})
			if err != nil {
				return err
			}
			return db.Apply(ctx, &countersign.Change{Credentials: []countersign.Credential{*renew}, Events: event("proof.given", who.ID, now)})
		}()
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
