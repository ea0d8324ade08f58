package store

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/countersign-id/countersign"
)

// head is the end of a lane's audit chain. Each lane has a chain of its own, so
// that writers never wait for each other; checkpoints join them.
type head struct {
	chain      string
	n          int64 // records so far
	hash       []byte
	at         time.Time
	feed       int64 // rows of the revocation feed so far
	registered bool  // it has its row in chains
}

// newHead begins a chain. Its row in chains is written with its first record.
func (db *DB) newHead() (head, error) {
	id, err := db.newID("chn_")
	return head{chain: id}, err
}

func (db *DB) newID(prefix string) (string, error) {
	id, err := uuid.NewV7FromReader(db.o.Rand)
	if err != nil {
		return "", fmt.Errorf("store: new id: %w", err)
	}
	return prefix + strings.ReplaceAll(id.String(), "-", ""), nil
}

// mac names the head so that a shortened chain shows: who has no key cannot
// write the row of an earlier one.
func (h head) mac(key []byte, node string) []byte {
	m := hmac.New(sha256.New, key)
	for _, part := range [][]byte{[]byte("head"), []byte(h.chain), []byte(node), h.hash} {
		m.Write(binary.BigEndian.AppendUint64(nil, uint64(len(part))))
		m.Write(part)
	}
	m.Write(binary.BigEndian.AppendUint64(nil, uint64(h.n)))
	m.Write(binary.BigEndian.AppendUint64(nil, uint64(micros(h.at))))
	return m.Sum(nil)
}

// document is an Event without what has a column of its own: those names are
// shadowed, so that no field is kept twice and none can be changed unseen. A
// field that Event gains later is kept without a change here.
type document struct {
	countersign.Event
	ID      *struct{} `json:"id,omitempty"`
	At      *struct{} `json:"at,omitempty"`
	Action  *struct{} `json:"action,omitempty"`
	Outcome *struct{} `json:"outcome,omitempty"`
	Subject *struct{} `json:"subject,omitempty"`
	Actor   *struct{} `json:"actor,omitempty"`
}

// record is an event as its row will hold it, but for its place in a chain.
type record struct {
	event    countersign.Event
	document string
}

// records encodes the events, each such that it reads back as it is linked: what
// neither database nor JSON can hold is replaced before it is hashed.
func records(events []countersign.Event) ([]record, error) {
	out := make([]record, len(events))
	for k, e := range events {
		for _, s := range []*string{&e.ID, &e.Action, &e.Outcome, &e.Reason, &e.Actor, (*string)(&e.Subject), (*string)(&e.Session),
			(*string)(&e.Attempt), &e.Method, &e.Network, &e.Device, &e.Request} {
			*s = plain(*s)
		}
		if len(e.Detail) > 0 {
			detail := make(map[string]string, len(e.Detail))
			for k, v := range e.Detail {
				detail[plain(k)] = plain(v)
			}
			e.Detail = detail
		}
		e.At = fromMicros(micros(e.At))
		doc, err := json.Marshal(document{Event: e})
		if err != nil {
			return nil, fmt.Errorf("store: event: %w", err)
		}
		out[k] = record{e, string(doc)}
	}
	return out, nil
}

const intoEvents = `INSERT INTO events (chain, n, id, at, action, outcome, subject, actor, document, hash) VALUES `

// record links the events to the lane's chain and inserts them.
func (t *tx) record(all []record) error {
	key := t.lane.db.ChainKey()
	for chunk := range slices.Chunk(all, maxRows) {
		args := make([]any, 0, len(chunk)*10)
		for _, r := range chunk {
			e := r.event
			t.head.n++
			t.head.hash = e.Link(key, t.head.chain, t.head.n, t.head.hash)
			if e.Action != checkpointAction {
				t.linked++
			}
			args = append(args, t.head.chain, t.head.n, e.ID, micros(e.At), e.Action, e.Outcome, string(e.Subject), e.Actor, r.document, t.head.hash)
		}
		t.head.at = t.now
		if _, err := t.exec(intoEvents+tuples(len(chunk), 10), args...); err != nil {
			return err
		}
	}
	return nil
}

// register writes the row of a chain that has got its first records.
func (t *tx) register() error {
	if t.head.registered || t.head.n == 0 {
		return nil
	}
	if err := t.writeHead(t.head); err != nil {
		return err
	}
	t.head.registered = true
	return nil
}

func (t *tx) writeHead(h head) error {
	db := t.lane.db
	st, err := t.lane.stmts.get(t.ctx, `INSERT INTO chains AS c (chain, node, n, hash, at, mac) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (chain) DO UPDATE SET node = excluded.node, n = excluded.n, hash = excluded.hash, at = excluded.at, mac = excluded.mac
		WHERE c.n < excluded.n`)
	if err == nil {
		_, err = st.ExecContext(t.ctx, h.chain, db.o.Node, h.n, h.hash, micros(h.at), h.mac(db.ChainKey(), db.o.Node))
	}
	return t.fail(err)
}

// plain replaces broken UTF-8 and drops NUL, which PostgreSQL cannot hold.
func plain(s string) string {
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\uFFFD")
}
