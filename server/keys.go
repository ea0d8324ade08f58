package server

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/countersign-id/countersign/config"
)

// sealKeys returns the key-encryption key: the configured one, or that of the
// data folder, which is made at the first start.
func sealKeys(c config.Config) ([][]byte, error) {
	if key, ok := c.SealKey(); ok {
		return [][]byte{key}, nil
	}
	path := c.SealPath()
	key, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = makeKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("server: seal key: %w", err)
	}
	return [][]byte{key}, nil
}

// readKey never makes a new key in place of one it cannot read: what the old one
// sealed would be lost without a word.
func readKey(path string) ([]byte, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != 32 {
		return nil, fmt.Errorf("%s is not 32 bytes in base64; restore it from a backup", path)
	}
	return key, nil
}

// makeKey writes a new key so that of two servers that start at once both read
// the same: whoever links the file first wins.
func makeKey(path string) ([]byte, error) {
	// For its owner alone: who reads the key reads what the database seals.
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	key := make([]byte, 32)
	rand.Read(key)
	f, err := os.CreateTemp(filepath.Dir(path), ".seal-*")
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	// On the disk before it has its name, so that a crash leaves the whole key or none.
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return readKey(path) // the winner's, whoever that was
}
