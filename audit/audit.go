// Package audit checks the append-only record.
//
// Each writer of the store has a chain of its own: every record's keyed hash
// (HMAC-SHA-256, RFC 2104, see Event.Link) covers the one before it. The ends of
// the chains are kept with keyed hashes too, and checkpoint events, which are
// records themselves, name the ends of all chains. The package owns the checking
// alone: the store writes. What the key's holder forges, it cannot find.
//
// A limit: records that were removed from the end of a chain within the second
// before a crash, before its end was written down, are not missed.
package audit

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/countersign-id/countersign"
)

// Source is where the record is; store.DB is one.
type Source interface {
	// EachChain visits every chain that has records or a head. Sound says whether
	// the head's own keyed hash fits; n is 0 where there is no head.
	EachChain(ctx context.Context, visit func(chain string, n int64, hash []byte, sound bool) error) error
	// EachRecord visits the records of a chain by their number. An event that is
	// not as it was written may be given as the zero Event.
	EachRecord(ctx context.Context, chain string, visit func(n int64, e countersign.Event, hash []byte) error) error
	// LinkOf returns the hash of the n-th record; nil when there is none.
	LinkOf(ctx context.Context, chain string, n int64) ([]byte, error)
}

// Flaw is one thing that is wrong with the record.
type Flaw struct {
	Chain string `json:"chain"`
	N     int64  `json:"n"`               // the record, counted from 1
	Event string `json:"event,omitempty"` // its id, where it has one
	What  string `json:"what"`
}

// Report is the result of Verify. It is sound when it has no flaws.
type Report struct {
	Chains  int    `json:"chains"`
	Records int64  `json:"records"`
	Flaws   []Flaw `json:"flaws"` // the first maxFlaws
	More    int    `json:"more"`  // further ones
}

// Sound reports whether nothing is wrong.
func (r Report) Sound() bool { return len(r.Flaws) == 0 }

// maxFlaws bounds the report: a wrong key finds fault with every record.
const maxFlaws = 100

// checkpoint is the action of the events that join the chains.
const checkpoint = "audit.checkpoint"

// end is how far a chain is known to have reached.
type end struct {
	n    int64
	hash []byte
	by   string // the id of the event that says so
}

type verifier struct {
	key    []byte
	source Source
	report Report
	seen   map[string]bool
	claims map[string]end // the furthest that any checkpoint names, per chain
}

// Verify reads the whole record, once, and says what does not fit. An error means
// that it could not read; whatever it reads, it never changes anything. Records
// that are written while it runs do no harm.
func Verify(ctx context.Context, source Source, key []byte) (Report, error) {
	if len(key) == 0 {
		return Report{}, fmt.Errorf("audit: verify: no key")
	}
	v := &verifier{key: key, source: source, seen: map[string]bool{}, claims: map[string]end{}}
	err := source.EachChain(ctx, func(chain string, n int64, hash []byte, sound bool) error {
		v.seen[chain] = true
		v.report.Chains++
		return v.chain(ctx, chain, end{n, hash, ""}, sound)
	})
	if err == nil {
		err = v.joints(ctx)
	}
	if err != nil {
		return v.report, fmt.Errorf("audit: verify: %w", err)
	}
	return v.report, nil
}

// walk is where in a chain the verifier is.
type walk struct {
	chain        string
	last         int64
	stored, made []byte // the last record's hash as it is stored and as it should be
}

// chain follows one chain. After a flaw it goes on, so that each tampering is told
// once and where it is.
func (v *verifier) chain(ctx context.Context, chain string, head end, sound bool) error {
	w := walk{chain: chain}
	var atHead []byte
	err := v.source.EachRecord(ctx, chain, func(n int64, e countersign.Event, hash []byte) error {
		v.report.Records++
		v.follow(&w, n, e, hash)
		if n == head.n {
			atHead = hash
		}
		return nil
	})
	switch {
	case err != nil:
		return err
	case head.n == 0:
		v.flaw(chain, w.last, "", "the chain's head is missing")
	case !sound:
		v.flaw(chain, head.n, "", "the chain's head was altered")
	case w.last < head.n:
		v.flaw(chain, w.last+1, "", fmt.Sprintf("removed at the end: the head is at %d, the last record at %d", head.n, w.last))
	case atHead != nil && !bytes.Equal(atHead, head.hash):
		v.flaw(chain, head.n, "", "differs from the chain's head")
	}
	return nil
}

// follow checks one record against the one before it. Behind a gap it can only go
// on from what is stored. Where the record before was altered, either its hash or
// its fields still are what they were, and this one fits one of the two.
func (v *verifier) follow(w *walk, n int64, e countersign.Event, hash []byte) {
	if n < 1 {
		v.flaw(w.chain, n, e.ID, "added: records count from 1")
		return
	}
	gap := n != w.last+1
	if gap {
		v.flaw(w.chain, w.last+1, "", fmt.Sprintf("removed: %d missing before record %d", n-w.last-1, n))
	}
	made := e.Link(v.key, w.chain, n, w.stored)
	fits := bytes.Equal(made, hash)
	if !fits && !gap && !bytes.Equal(w.made, w.stored) {
		if other := e.Link(v.key, w.chain, n, w.made); bytes.Equal(other, hash) {
			made, fits = other, true
		}
	}
	switch {
	case gap:
		made = hash
	case !fits:
		v.flaw(w.chain, n, e.ID, "altered, added or out of order: the keyed hash does not fit")
	case e.Action == checkpoint:
		v.claim(e)
	}
	w.last, w.stored, w.made = n, hash, made
}

// claim remembers what a checkpoint names. An earlier claim of the same chain
// follows from a later one, so only the furthest is kept.
func (v *verifier) claim(e countersign.Event) {
	for chain, name := range e.Detail {
		n, hash, ok := parse(name)
		if !ok {
			v.flaw(chain, 0, e.ID, "a checkpoint that does not read")
			continue
		}
		if have := v.claims[chain]; n > have.n {
			v.claims[chain] = end{n, hash, e.ID}
		}
	}
}

// joints checks what the checkpoints named against what is there.
func (v *verifier) joints(ctx context.Context) error {
	for chain, want := range v.claims {
		got, err := v.source.LinkOf(ctx, chain, want.n)
		switch {
		case err != nil:
			return err
		case got == nil && !v.seen[chain]:
			v.flaw(chain, want.n, "", "the whole chain was removed; event "+want.by+" names it")
		case got == nil:
			v.flaw(chain, want.n, "", "removed; event "+want.by+" names it")
		case !bytes.Equal(got, want.hash):
			v.flaw(chain, want.n, "", "differs from what event "+want.by+" names")
		}
	}
	return nil
}

func (v *verifier) flaw(chain string, n int64, event, what string) {
	if len(v.report.Flaws) >= maxFlaws {
		v.report.More++
		return
	}
	v.report.Flaws = append(v.report.Flaws, Flaw{chain, n, event, what})
}

// parse reads "n:hash in hex", as a checkpoint names a head.
func parse(s string) (n int64, hash []byte, ok bool) {
	count, sum, found := strings.Cut(s, ":")
	n, err := strconv.ParseInt(count, 10, 64)
	hash, bad := hex.DecodeString(sum)
	return n, hash, found && err == nil && bad == nil && n > 0
}
