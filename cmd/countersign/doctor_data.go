package main

import (
	"context"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/ids"
	"github.com/countersign-id/countersign/store"
)

// folder checks that nobody else can read the keys and the database.
func (v *visit) folder(context.Context) {
	const check = "data folder"
	dir := v.conf.DataDir
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		v.fine(check, "%s is not there yet; the first start makes it", dir)
		return
	}
	good := true
	for _, f := range []struct {
		path  string
		most  fs.FileMode // permissions it may have
		state string
	}{
		{dir, 0o755, warn},
		{filepath.Join(dir, "keys"), 0o700, bad},
		{v.conf.SealPath(), 0o600, bad},
		{v.conf.Database.URL.URL().Opaque, 0o600, bad},
	} {
		info, err := os.Stat(f.path)
		if f.path == "" || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			v.fail(check, "run this as the user who runs the server", "%v", err)
			good = false
		} else if got := info.Mode().Perm(); got&^f.most != 0 {
			v.findings = append(v.findings, finding{check, f.state, f.path + " can be used by others (" + got.String() + ")", "chmod go-rwx " + f.path})
			good = false
		}
	}
	if good {
		v.fine(check, "%s and its keys belong to one user alone", dir)
	}
}

// key reads the sealing key without making one; nil when there is none.
func (v *visit) key() ([]byte, error) {
	if key, ok := v.conf.SealKey(); ok {
		return key, nil
	}
	text, err := os.ReadFile(v.conf.SealPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != 32 {
		return nil, errors.New(v.conf.SealPath() + " is not 32 bytes in base64")
	}
	return key, nil
}

const restoreKey = "restore keys/seal.key from a backup, or set COUNTERSIGN_KEYS__SEAL=file:/path"

func (v *visit) sealKey(context.Context) {
	const check = "seal key"
	key, err := v.key()
	switch {
	case err != nil:
		v.fail(check, restoreKey, "%v", err)
	case key == nil && absent(v.conf):
		v.fine(check, "is made at the first start, in %s; back it up with the database", v.conf.SealPath())
	case key == nil:
		v.fail(check, restoreKey, "there is a database, but not the key to what is sealed in it")
	default:
		v.fine(check, "is there; back it up with the database")
	}
}

// database opens it without bringing its schema up to date.
func (v *visit) database(ctx context.Context) {
	const check = "database"
	key, err := v.key()
	if err != nil || absent(v.conf) {
		if err == nil {
			v.fine(check, "%s is not there yet; the first start makes it", v.conf.Database.URL)
		}
		return // the key's line says the rest
	}
	if key == nil {
		key = make([]byte, 32) // reaching the database needs one; it opens nothing
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	db, err := store.Open(ctx, store.Options{URL: v.conf.Database.URL.Reveal(), Keys: [][]byte{key}, Node: "doctor", Now: v.now})
	if err != nil {
		v.fail(check, "check database.url (COUNTERSIGN_DATABASE__URL), the database server and the seal key", "%v", err)
		return
	}
	defer db.Close()
	if err := db.Ready(ctx); err != nil {
		v.fail(check, "countersign migrate", "%v", err)
		return
	}
	if err := rolledBack(ctx, db, v.now()); err != nil {
		v.fail(check, "look for a full or read-only disk, or another process that holds a lock", "cannot be written: %v", err)
		return
	}
	v.fine(check, "%s answers, has the tables, can be written, and the seal key opens it", v.conf.Database.URL)
	v.record(ctx, db)
}

// rolledBack writes a row in a transaction that cannot succeed, because it also
// spends a challenge that is not there. Nothing remains.
func rolledBack(ctx context.Context, db *store.DB, now time.Time) error {
	id := countersign.AttemptID(ids.New("att", now))
	err := db.Apply(ctx, &countersign.Change{
		Attempt: &countersign.Attempt{ID: id, Purpose: countersign.SignIn, State: countersign.NeedsEvidence, CreatedAt: now, Expires: now.Add(time.Minute)},
		Spend:   &countersign.Challenge{Scope: string(id), Method: "doctor", Keep: []byte(id)},
		Events:  []countersign.Event{{ID: ids.New("evt", now), At: now, Action: "doctor.write", Outcome: "ok", Actor: "cli"}},
	})
	if errors.Is(err, countersign.ErrConflict) {
		return nil
	}
	if err == nil {
		return errors.New("a write that must fail did not")
	}
	return err
}

// record looks at the ends of the audit chains only, and at the newest event.
func (v *visit) record(ctx context.Context, db *store.DB) {
	const check = "audit log"
	chains, unsound := 0, 0
	err := db.EachChain(ctx, func(_ string, n int64, _ []byte, sound bool) error {
		chains++
		if n > 0 && !sound {
			unsound++
		}
		return nil
	})
	newest, listed := db.ListEvents(ctx, countersign.EventFilter{}, "", 1)
	switch err = errors.Join(err, listed); {
	case err != nil:
		v.fail(check, "countersign audit verify", "%v", err)
	case unsound > 0:
		v.fail(check, "countersign audit verify", "%d of %d chains have an altered end", unsound, chains)
	case len(newest) > 0 && newest[0].At.After(v.now().Add(5*time.Second)):
		v.fail("clock", "set the clock by NTP: timedatectl set-ntp true",
			"the newest event is %s ahead of this machine's clock", newest[0].At.Sub(v.now()).Round(time.Second))
	default:
		v.fine(check, "the ends of %d chains are sound; countersign audit verify reads all of it", chains)
	}
}
