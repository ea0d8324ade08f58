// Package seal encrypts what must be readable again: XAES-256-GCM (C2SP), which is
// AES-256-GCM (NIST SP 800-38D) under a key derived from half of a 192-bit random
// nonce, so that one data key may seal any number of values.
//
// It owns the form of sealed values and of wrapped data keys. It does not keep
// keys, and does not know what it seals; the caller's context ties a value to its
// place, so that one row's value does not open in another row.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"slices"
)

// KeySize is the length of every key, in bytes.
const KeySize = 32

// form is the first byte of everything sealed: a later form can be told apart.
const form = 1

// ErrSealed is returned for a value that does not open: wrong key, wrong
// context, or altered. It never says which.
var ErrSealed = errors.New("seal: the value does not open")

// Key is a data key. Its id is written before every value it seals.
type Key struct {
	ID     string // 1 to 255 bytes
	Secret []byte // KeySize bytes
}

// String keeps the secret out of logs.
func (k Key) String() string { return "key " + k.ID }

// Sealer seals with its last key and opens with any of them.
type Sealer struct {
	keys   map[string]*xaes
	newest string
	rand   io.Reader
}

// New returns a Sealer of the keys, oldest first. Nonces come from random.
func New(random io.Reader, keys ...Key) (*Sealer, error) {
	if len(keys) == 0 {
		return nil, errors.New("seal: no data key")
	}
	s := &Sealer{keys: map[string]*xaes{}, rand: random}
	for _, k := range keys {
		if k.ID == "" || len(k.ID) > 255 {
			return nil, fmt.Errorf("seal: key id of %d bytes", len(k.ID))
		}
		x, err := newXAES(k.Secret)
		if err != nil {
			return nil, err
		}
		s.keys[k.ID], s.newest = x, k.ID
	}
	return s, nil
}

// Seal encrypts plain for the context, which must be given again to open it.
// It panics when randomness fails: a value must never be written unsealed.
func (s *Sealer) Seal(plain, context []byte) []byte {
	out := append([]byte{form, byte(len(s.newest))}, s.newest...)
	head := len(out)
	out = slices.Grow(out, nonceSize+len(plain)+tagSize)[:head+nonceSize]
	if _, err := io.ReadFull(s.rand, out[head:]); err != nil {
		panic("seal: no randomness: " + err.Error())
	}
	return s.keys[s.newest].seal(out, out[head:], plain, bind(out[:head], context))
}

// Open decrypts what Seal returned for the same context.
func (s *Sealer) Open(sealed, context []byte) ([]byte, error) {
	if len(sealed) < 2 || sealed[0] != form || len(sealed) < 2+int(sealed[1])+nonceSize+tagSize {
		return nil, ErrSealed
	}
	head := 2 + int(sealed[1])
	x := s.keys[string(sealed[2:head])]
	if x == nil {
		return nil, ErrSealed
	}
	body := sealed[head:]
	plain, err := x.open(body[:nonceSize], body[nonceSize:], bind(sealed[:head], context))
	if err != nil {
		return nil, ErrSealed
	}
	return plain, nil
}

// bind joins header and context; the header states its own length, so no two pairs join alike.
func bind(head, context []byte) []byte { return append(slices.Clone(head), context...) }

// Wrap seals a data key under a key-encryption key.
func Wrap(random io.Reader, kek []byte, k Key) ([]byte, error) {
	s, err := New(random, Key{ID: "kek", Secret: kek})
	if err != nil {
		return nil, err
	}
	return s.Seal(k.Secret, []byte("data key/"+k.ID)), nil
}

// Unwrap opens what Wrap returned for the key of that id, or fails with ErrSealed.
func Unwrap(kek []byte, id string, wrapped []byte) (Key, error) {
	s, err := New(nil, Key{ID: "kek", Secret: kek})
	if err != nil {
		return Key{}, err
	}
	secret, err := s.Open(wrapped, []byte("data key/"+id))
	return Key{ID: id, Secret: secret}, err
}

// Derive returns a key for one purpose (HKDF-SHA-256, RFC 5869).
func (k Key) Derive(purpose string) []byte {
	out, err := hkdf.Key(sha256.New, k.Secret, nil, purpose, KeySize)
	if err != nil {
		panic("seal: " + err.Error()) // only a length that hash cannot give
	}
	return out
}

const (
	nonceSize = 24
	tagSize   = 16
)

// xaes is XAES-256-GCM with one key; k1 is the CMAC subkey (NIST SP 800-38B).
type xaes struct {
	block cipher.Block
	k1    [aes.BlockSize]byte
}

func newXAES(key []byte) (*xaes, error) {
	if len(key) != KeySize {
		return nil, fmt.Errorf("seal: a key has %d bytes, not %d", len(key), KeySize)
	}
	b, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	x := &xaes{block: b}
	b.Encrypt(x.k1[:], x.k1[:])
	var carry byte
	for i := len(x.k1) - 1; i >= 0; i-- {
		x.k1[i], carry = x.k1[i]<<1|carry, x.k1[i]>>7
	}
	x.k1[15] ^= carry * 0x87
	return x, nil
}

// derive returns the AES-256-GCM of the nonce's first half.
func (x *xaes) derive(nonce []byte) cipher.AEAD {
	var key [KeySize]byte
	for half := range 2 {
		m := key[half*16 : half*16+16]
		m[1], m[2] = byte(half+1), 'X'
		copy(m[4:], nonce[:12])
		for i := range m {
			m[i] ^= x.k1[i]
		}
		x.block.Encrypt(m, m)
	}
	b, err := aes.NewCipher(key[:])
	if err != nil {
		panic("seal: " + err.Error()) // the length is constant
	}
	a, err := cipher.NewGCM(b)
	if err != nil {
		panic("seal: " + err.Error())
	}
	return a
}

func (x *xaes) seal(dst, nonce, plain, extra []byte) []byte {
	return x.derive(nonce).Seal(dst, nonce[12:], plain, extra)
}

func (x *xaes) open(nonce, sealed, extra []byte) ([]byte, error) {
	return x.derive(nonce).Open(nil, nonce[12:], sealed, extra)
}
