package store

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/seal"
)

// keyring is what the data keys give: the sealer, and the keys derived from the oldest.
type keyring struct {
	sealer *seal.Sealer
	chain  []byte // of the audit chains
	names  []byte // of hashes that only name a value: keeps, requests
}

// firstKey is the id of the key that the first node makes. It is fixed, so that
// of two nodes that start together on a new database one wins and both use it.
const firstKey = "k1"

// loadKeys unwraps the data keys, making the first one where there is none.
func (db *DB) loadKeys(ctx context.Context) error {
	keys, err := db.readKeys(ctx)
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		if err := db.makeKey(ctx); err != nil {
			return err
		}
		if keys, err = db.readKeys(ctx); err != nil {
			return err
		}
	}
	s, err := seal.New(db.o.Rand, keys...)
	if err != nil {
		return fmt.Errorf("store: data keys: %w", err)
	}
	db.keys.Store(&keyring{s, keys[0].Derive("countersign audit chain"), keys[0].Derive("countersign names")})
	return nil
}

func (db *DB) readKeys(ctx context.Context) ([]seal.Key, error) {
	rows, err := db.write.QueryContext(ctx, `SELECT id, wrapped FROM data_keys ORDER BY created_at, id`)
	if err != nil {
		return nil, db.fault(fmt.Errorf("store: data keys: %w", err))
	}
	defer rows.Close()
	var keys []seal.Key
	for rows.Next() {
		var id string
		var wrapped []byte
		if err := rows.Scan(&id, &wrapped); err != nil {
			return nil, fmt.Errorf("store: data keys: %w", err)
		}
		k, err := db.unwrap(id, wrapped)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	if err := rows.Err(); err != nil {
		return nil, db.fault(fmt.Errorf("store: data keys: %w", err))
	}
	return keys, nil
}

func (db *DB) unwrap(id string, wrapped []byte) (seal.Key, error) {
	for _, kek := range db.o.Keys {
		k, err := seal.Unwrap(kek, id, wrapped)
		if err == nil {
			return k, nil
		}
		if !errors.Is(err, seal.ErrSealed) {
			return seal.Key{}, fmt.Errorf("store: data key %s: %w", id, err)
		}
	}
	return seal.Key{}, fmt.Errorf("store: data key %s does not open: this database was made with another key-encryption key", id)
}

func (db *DB) makeKey(ctx context.Context) error {
	k := seal.Key{ID: firstKey, Secret: make([]byte, seal.KeySize)}
	if _, err := io.ReadFull(db.o.Rand, k.Secret); err != nil {
		return fmt.Errorf("store: make a data key: %w", err)
	}
	wrapped, err := seal.Wrap(db.o.Rand, db.o.Keys[0], k)
	if err != nil {
		return fmt.Errorf("store: make a data key: %w", err)
	}
	_, err = db.write.ExecContext(ctx, `INSERT INTO data_keys (id, wrapped, created_at) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING`,
		k.ID, wrapped, micros(db.now()))
	if err != nil {
		return db.fault(fmt.Errorf("store: make a data key: %w", err))
	}
	return nil
}

// seal ties the value to its row. Nil stays nil: nothing is kept of nothing.
func (db *DB) seal(plain []byte, table, key string) []byte {
	return db.keys.Load().sealer.Seal(plain, []byte(table+"/"+key))
}

func (db *DB) unseal(sealed []byte, table, key string) ([]byte, error) {
	k := db.keys.Load()
	if k == nil {
		return nil, fmt.Errorf("store: before migrate: %w", countersign.ErrOverloaded)
	}
	plain, err := k.sealer.Open(sealed, []byte(table+"/"+key))
	if err != nil {
		return nil, fmt.Errorf("store: %s: %w", table, err)
	}
	return plain, nil
}
