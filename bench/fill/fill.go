// Package fill puts identities and sessions into a data folder without a server, so that a benchmark
// can begin with a million of them within seconds.
//
// Identities go through the product's store, sealed and recorded as ever. Sessions are written by SQL
// of our own, because one transaction each would take minutes; they have no audit events, which no
// measurement reads. The folder must have been served once: the product makes its key and tables itself.
package fill

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/bench/child"
	"github.com/countersign-id/countersign/config"
	"github.com/countersign-id/countersign/internal/argon"
	"github.com/countersign-id/countersign/internal/ids"
	"github.com/countersign-id/countersign/internal/secret"
	"github.com/countersign-id/countersign/store"
)

// Order says what to put where.
type Order struct {
	Data        string       `json:"data"`        // the data folder; no server may run on it
	Identities  int          `json:"identities"`  // active persons with a verified address, all with Password
	Sessions    int          `json:"sessions"`    // spread evenly over the identities
	Password    string       `json:"password"`    //
	Hash        argon.Params `json:"hash"`        // what the password's hash costs
	Tokens      string       `json:"tokens"`      // file to write: one session token a line
	Identifiers string       `json:"identifiers"` // file to write: one e-mail address a line
}

// Spawn fills in a process of its own: exe, called with the argument "fill", must call Serve.
func Spawn(ctx context.Context, exe string, o Order) error {
	_, err := child.Call[Order, struct{}](ctx, exe, "fill", o)
	return err
}

// Serve is the child's side of Spawn.
func Serve(ctx context.Context, in io.Reader, out io.Writer) error {
	return child.Answer(in, out, func(o Order) (struct{}, error) { return struct{}{}, o.fill(ctx, time.Now()) })
}

func (o Order) fill(ctx context.Context, now time.Time) error {
	file := filepath.Join(o.Data, "countersign.db")
	db, err := Open(ctx, o.Data)
	if err != nil {
		return err
	}
	phc, err := argon.Hash([]byte(o.Password), o.Hash, rand.Reader)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	people, err := People(ctx, db, Addresses(o.Identities), phc, now)
	if err = errors.Join(err, db.Close()); err != nil {
		return fmt.Errorf("fill: identities: %w", err)
	}
	tokens := make([]string, 0, o.Sessions)
	rows := make([]session, 0, o.Sessions)
	for i := range o.Sessions {
		token, hash := secret.NewSession(now.Add(time.Duration(i-o.Sessions) * time.Second))
		tokens = append(tokens, token)
		rows = append(rows, session{hash, people[i%len(people)]})
	}
	if err := write(ctx, file, rows, now); err != nil {
		return fmt.Errorf("fill: sessions: %w", err)
	}
	return errors.Join(lines(o.Tokens, tokens), lines(o.Identifiers, Addresses(o.Identities)))
}

// Open opens the store of a data folder that was served before.
func Open(ctx context.Context, data string) (*store.DB, error) {
	text, err := os.ReadFile(config.Config{DataDir: data}.SealPath())
	if err != nil {
		return nil, fmt.Errorf("fill: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil {
		return nil, errors.New("fill: the seal key is not base64") // the error would quote the key
	}
	return store.Open(ctx, store.Options{URL: "sqlite:" + filepath.Join(data, "countersign.db"), Keys: [][]byte{key}, Node: "bench"})
}

// People adds an identity for each address, many at once, so that the store commits them together. All
// get the same stored hash as their password.
func People(ctx context.Context, db *store.DB, addresses []string, phc string, now time.Time) ([]countersign.IdentityID, error) {
	people := make([]countersign.IdentityID, len(addresses))
	var all errgroup.Group
	all.SetLimit(256)
	for i, address := range addresses {
		change := person(address, phc, now)
		people[i] = change.Identity.ID
		all.Go(func() error { return db.Apply(ctx, change) })
	}
	return people, all.Wait()
}

// person is what the store is told about one identity. Everybody shares one hash: checking it costs the same.
func person(address, phc string, now time.Time) *countersign.Change {
	id := countersign.IdentityID(ids.New("idn", now))
	return &countersign.Change{
		Identity: &countersign.Identity{
			ID: id, Kind: countersign.Person, State: countersign.Active, Name: "Ada Example", Locale: "en", CreatedAt: now,
			Emails: []countersign.Email{{Address: address, Verified: true, Primary: true}}, Metadata: []byte("{}"),
		},
		Credentials: []countersign.Credential{{
			ID: countersign.CredentialID(ids.New("crd", now)), Identity: id, Method: "password", Data: []byte(phc), CreatedAt: now,
		}},
		Events: []countersign.Event{{
			ID: ids.New("evt", now), At: now, Action: "identity.created", Outcome: "ok", Actor: "bench", Subject: id,
		}},
	}
}

// Addresses are the e-mail addresses of so many identities.
func Addresses(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("person-%d@example.com", i)
	}
	return out
}

func lines(file string, all []string) error {
	if err := os.WriteFile(file, []byte(strings.Join(all, "\n")+"\n"), 0o600); err != nil {
		return fmt.Errorf("fill: %w", err)
	}
	return nil
}
