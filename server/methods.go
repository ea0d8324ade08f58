package server

import (
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/config"
	"github.com/countersign-id/countersign/internal/strength"
	"github.com/countersign-id/countersign/proof/code"
	"github.com/countersign-id/countersign/proof/password"
)

// methods lists the ways to prove. A new one is its package and one line here.
func (s *Server) methods() (map[string]countersign.Method, error) {
	all := map[string]countersign.Method{}
	for _, make := range []func() (countersign.Method, error){
		s.password,
		s.emailCode,
	} {
		m, err := make()
		if err != nil {
			return nil, fmt.Errorf("server: %w", err)
		}
		all[m.Name()] = m
	}
	return all, nil
}

func (s *Server) password() (countersign.Method, error) {
	c := s.config
	g, arenas, err := newGate(c, s.options.Cores)
	if err != nil {
		return nil, err
	}
	s.gate = g // for the metrics of the queue
	return password.New(password.Options{
		Params: params(c), Rules: rules(c), Pepper: []byte(c.Password.Pepper.Reveal()), Own: []string{c.Server.Name, c.Server.PublicURL.URL().Hostname()},
		Arenas: arenas, Gate: g, Now: s.options.Now,
	})
}

// rules are those of the settings. The profile "nist" asks for 15 characters where a
// password is the only factor (NIST SP 800-63B-4 section 3.1.1.2).
func rules(c config.Config) strength.Rules {
	r := strength.Rules{Min: c.Password.MinLength}
	if r.Min == 0 && c.Password.Profile == "nist" {
		r.Min = strength.NISTLength
	}
	return r
}

func (s *Server) emailCode() (countersign.Method, error) {
	return code.New(code.Options{
		Key: s.key("email code"), Life: time.Duration(s.config.Code.Life), Tries: s.config.Code.Tries, Now: s.options.Now,
	}), nil
}

// key derives a key of its own for each use from the database's, so that every
// node has the same and none is kept (RFC 5869).
func (s *Server) key(use string) []byte {
	k, err := hkdf.Expand(sha256.New, s.Store.ChainKey(), "countersign "+use, 32)
	if err != nil {
		panic("server: 32 bytes can always be derived: " + err.Error())
	}
	return k
}

// fragments are the forms and words that methods bring for the pages.
func fragments(methods map[string]countersign.Method) map[string]fs.FS {
	out := map[string]fs.FS{}
	for name, m := range methods {
		if f, ok := m.(interface{ Files() fs.FS }); ok {
			out[name] = f.Files()
		}
	}
	return out
}

// policies say how much proof each purpose needs. Recovery asks for the mail alone,
// for the password is what was lost.
func policies() map[countersign.Purpose]countersign.Policy {
	return map[countersign.Purpose]countersign.Policy{
		countersign.SignIn:    {Factors: 1, Offer: []string{"password"}},
		countersign.SignUp:    {Factors: 1, Offer: []string{"email_code"}, Enroll: []string{"password"}},
		countersign.VerifyOwn: {Factors: 1, Offer: []string{"email_code"}},
		countersign.Recover:   {Factors: 1, Offer: []string{"email_code"}, Enroll: []string{"password"}},
		countersign.StepUp:    {Factors: 1, Offer: []string{"password"}},
	}
}
