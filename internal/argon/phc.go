package argon

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// The widest parameters Parse accepts. A stored or imported string names its own cost, so without
// these a single row saying m=999999999 would ask for a terabyte.
const (
	MaxMemoryKiB = 1 << 20 // 1 GiB
	MaxTime      = 64
	MaxThreads   = 16
)

const (
	minSalt, maxSalt = 8, 64
	minTag, maxTag   = 16, 64
	version          = "v=19"
	// longest is the longest text that can pass: every field at its widest.
	longest = len("$argon2id$v=19$m=1048576,t=64,p=16$$") + (maxSalt+maxTag)*4/3 + 4
)

// ErrEncoding is what every refusal of Parse wraps. It never carries the text it refused.
var ErrEncoding = errors.New("argon: not an acceptable Argon2id string")

// b64 is the base64 of the PHC string format: standard alphabet, no padding, and strict, so that
// one hash has exactly one spelling.
var b64 = base64.RawStdEncoding.Strict()

// Encoded is a parsed PHC string. The zero value matches nothing.
type Encoded struct {
	Params Params
	salt   []byte
	tag    []byte
}

// String gives the PHC string back, byte for byte what Parse read.
func (e Encoded) String() string {
	return fmt.Sprintf("$argon2id$%s$m=%d,t=%d,p=%d$%s$%s", version,
		e.Params.MemoryKiB, e.Params.Time, e.Params.Threads, b64.EncodeToString(e.salt), b64.EncodeToString(e.tag))
}

// Weaker tells whether e costs an attacker less than p in any of memory or passes, so that it should be
// hashed again while the password is at hand. Threads are no strength and are not compared.
func (e Encoded) Weaker(p Params) bool {
	p = p.orDefault()
	return e.Params.MemoryKiB < p.MemoryKiB || e.Params.Time < p.Time || len(e.salt) < saltBytes || len(e.tag) < tagBytes
}

// Parse reads a PHC string of Argon2id version 1.3: $argon2id$v=19$m=…,t=…,p=…$salt$tag, in that order,
// decimal without leading zeros, unpadded canonical base64, nothing before or after. Bounds: memory
// 8·p to MaxMemoryKiB, time 1 to MaxTime, threads 1 to MaxThreads, salt 8 to 64 bytes, tag 16 to 64.
// Every error wraps ErrEncoding.
func Parse(phc string) (Encoded, error) {
	if len(phc) > longest {
		return Encoded{}, fmt.Errorf("%w: too long", ErrEncoding)
	}
	part := strings.Split(phc, "$")
	if len(part) != 6 || part[0] != "" || part[1] != "argon2id" || part[2] != version {
		return Encoded{}, fmt.Errorf("%w: not $argon2id$%s$…$…$…", ErrEncoding, version)
	}
	p, err := parseParams(part[3])
	if err != nil {
		return Encoded{}, err
	}
	salt, err := parseBytes(part[4], minSalt, maxSalt)
	if err != nil {
		return Encoded{}, fmt.Errorf("%w: salt", err)
	}
	tag, err := parseBytes(part[5], minTag, maxTag)
	if err != nil {
		return Encoded{}, fmt.Errorf("%w: tag", err)
	}
	return Encoded{Params: p, salt: salt, tag: tag}, nil
}

func parseParams(s string) (Params, error) {
	field := strings.Split(s, ",")
	if len(field) != 3 {
		return Params{}, fmt.Errorf("%w: parameters", ErrEncoding)
	}
	m, okM := parseNumber(field[0], "m=", MaxMemoryKiB)
	t, okT := parseNumber(field[1], "t=", MaxTime)
	p, okP := parseNumber(field[2], "p=", MaxThreads)
	if !okM || !okT || !okP {
		return Params{}, fmt.Errorf("%w: parameters out of bounds", ErrEncoding)
	}
	params := Params{MemoryKiB: m, Time: t, Threads: uint8(p)}
	if err := params.check(); err != nil {
		return Params{}, fmt.Errorf("%w: %w", ErrEncoding, err)
	}
	return params, nil
}

// parseNumber reads name followed by a decimal from 1 to most. "+5", "05" and "" are refused: ParseUint
// alone would take "05", and then one hash would have two spellings.
func parseNumber(s, name string, most uint64) (uint32, bool) {
	digits, ok := strings.CutPrefix(s, name)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	if err != nil || n < 1 || n > most || strconv.FormatUint(n, 10) != digits {
		return 0, false
	}
	return uint32(n), true
}

func parseBytes(s string, least, most int) ([]byte, error) {
	// The decoder skips line breaks wherever they stand; they are not in the alphabet.
	if strings.ContainsAny(s, "\r\n") {
		return nil, ErrEncoding
	}
	b, err := b64.DecodeString(s)
	if err != nil || len(b) < least || len(b) > most {
		return nil, ErrEncoding // not err: it quotes a part of the input
	}
	return b, nil
}
