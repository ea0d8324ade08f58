// Package argon hashes passwords with Argon2id (RFC 9106, version 1.3) and reads and writes the
// PHC string format. It owns the memory that hashing needs: an Arenas keeps a fixed number of
// blocks of memory and uses them again, because allocating 19 MiB for each hash costs a third of the rate.
//
// It does not decide how many hashes run at once (that is internal/gate), does not know what a
// password may look like (internal/strength), and adds no pepper.
package argon

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
)

const (
	saltBytes = 16 // RFC 9106 section 3.1 recommends 16
	tagBytes  = 32
)

// Params is the cost of one hash. The zero value of each field means its default, which is the
// OWASP recommendation of 19456 KiB, 2 passes, 1 lane (about 20 ms on one core of 2024).
type Params struct {
	MemoryKiB uint32 // memory in KiB; 8·Threads to MaxMemoryKiB
	Time      uint32 // passes over the memory; 1 to MaxTime
	Threads   uint8  // lanes; 1 to MaxThreads
}

func (p Params) orDefault() Params {
	if p.MemoryKiB == 0 {
		p.MemoryKiB = 19456
	}
	if p.Time == 0 {
		p.Time = 2
	}
	if p.Threads == 0 {
		p.Threads = 1
	}
	return p
}

// check refuses parameters that RFC 9106 does not define or that pass our own caps.
func (p Params) check() error {
	switch {
	case p.Threads < 1 || p.Threads > MaxThreads:
		return errors.New("argon: threads out of bounds")
	case p.Time < 1 || p.Time > MaxTime:
		return errors.New("argon: time out of bounds")
	case p.MemoryKiB < 8*uint32(p.Threads) || p.MemoryKiB > MaxMemoryKiB:
		return errors.New("argon: memory out of bounds")
	}
	return nil
}

// Hash gives the PHC string of password under p with 16 fresh bytes of salt from rand. It uses memory of its
// own for this one call; a server calls Arenas.Hash instead. It fails when p is out of bounds or rand does.
func Hash(password []byte, p Params, rand io.Reader) (string, error) {
	return new(Arenas).Hash(password, p, rand)
}

// Match tells whether password gives the stored tag, in constant time after the hash. It uses memory of its
// own for this one call; a server calls Arenas.Match instead.
func (e Encoded) Match(password []byte) bool {
	return new(Arenas).Match(e, password)
}

// Hash is the package's Hash in the arenas of a.
func (a *Arenas) Hash(password []byte, p Params, rand io.Reader) (string, error) {
	p = p.orDefault()
	if err := p.check(); err != nil {
		return "", err
	}
	e := Encoded{Params: p, salt: make([]byte, saltBytes)}
	if _, err := io.ReadFull(rand, e.salt); err != nil {
		return "", fmt.Errorf("argon: read salt: %w", err)
	}
	e.tag = a.key(password, e.salt, p, tagBytes)
	return e.String(), nil
}

// Match is Encoded.Match in the arenas of a. The zero Encoded matches no password, the empty one neither.
func (a *Arenas) Match(e Encoded, password []byte) bool {
	if len(e.tag) < minTag || e.Params.check() != nil {
		return false
	}
	return subtle.ConstantTimeCompare(a.key(password, e.salt, e.Params, uint32(len(e.tag))), e.tag) == 1
}
