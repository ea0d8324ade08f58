package fill

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	_ "modernc.org/sqlite" // the driver the product embeds

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/ids"
)

type session struct {
	hash     [32]byte
	identity countersign.IdentityID
}

const (
	columns = 11
	perRow  = 100 // rows of one INSERT
)

// write adds sessions in the order of their hashes, so that the table grows at its end; the tokens'
// file keeps the order in which they were made, so that reading them later jumps about as life does.
// Nothing is synced before the end: a filling that is cut off is thrown away.
func write(ctx context.Context, file string, rows []session, now time.Time) (err error) {
	slices.SortFunc(rows, func(a, b session) int { return bytes.Compare(a.hash[:], b.hash[:]) })
	pragmas := url.Values{"_pragma": {"journal_mode(wal)", "synchronous(off)", "cache_size(-262144)", "foreign_keys(0)"}}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: file}).EscapedPath()+"?"+pragmas.Encode())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(rows, perRow) {
		if err := insert(ctx, tx, chunk, now); err != nil {
			return errors.Join(err, tx.Rollback())
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	// The product must not begin by moving a gigabyte out of the log.
	if _, err := db.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)"); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	return nil
}

func insert(ctx context.Context, tx *sql.Tx, chunk []session, now time.Time) error {
	args := make([]any, 0, columns*len(chunk))
	at, idle, end := now.UnixMicro(), now.Add(7*24*time.Hour).UnixMicro(), now.Add(30*24*time.Hour).UnixMicro()
	for _, s := range chunk {
		args = append(args, s.hash[:], ids.New("ses", now), string(s.identity), int(countersign.AAL1), `["password"]`,
			at, at, at, end, idle, `{"name":"Firefox on Linux","network":"127.0.0.1","place":""}`)
	}
	row := "(" + strings.TrimSuffix(strings.Repeat("?,", columns), ",") + ")"
	_, err := tx.ExecContext(ctx, `INSERT INTO sessions (hash, id, identity, assurance, methods, authenticated_at, last_proved_at,
		last_seen_at, expires_at, idle_expires_at, device) VALUES `+strings.TrimSuffix(strings.Repeat(row+",", len(chunk)), ","), args...)
	return err
}
