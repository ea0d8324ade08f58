package server

import (
	"cmp"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"time"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/config"
	"github.com/countersign-id/countersign/internal/strength"
	"github.com/countersign-id/countersign/proof/code"
	"github.com/countersign-id/countersign/proof/device"
	"github.com/countersign-id/countersign/proof/passkey"
	"github.com/countersign-id/countersign/proof/password"
	"github.com/countersign-id/countersign/proof/recovery"
	"github.com/countersign-id/countersign/proof/reset"
	"github.com/countersign-id/countersign/proof/totp"
)

// maker makes one way to prove, nil where the settings leave it out.
type maker struct {
	name string
	make func() (countersign.Method, error)
}

// makers lists the ways to prove. A new one is its package and one line here.
func (s *Server) makers() []maker {
	return []maker{
		{"password", s.password},
		{"passkey", s.passkey},
		{"email_code", s.emailCode},
		{"sms_code", s.smsCode},
		{"magic_link", s.magicLink},
		{"totp", s.totp},
		{"recovery_code", s.recoveryCode},
		{"device", s.device},
		{"factor_reset", s.factorReset},
	}
}

// Check reports settings that no server would start with though each by itself is
// well formed: methods that there are not, and what a method or a way to send
// refuses. The error is a config.Problems.
func Check(c config.Config) error {
	s := &Server{config: c, options: Options{}.withDefaults(c)}
	if err := s.named(); err != nil {
		return err
	}
	var all config.Problems
	if _, err := newSender(c); err != nil {
		all = append(all, config.Problem{Key: "sms", Wrong: err.Error()})
	}
	if _, err := s.passkey(); err != nil {
		all = append(all, config.Problem{Key: "passkey", Wrong: err.Error()})
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// named refuses policies that name a method which there is not.
func (s *Server) named() error {
	var known []string
	for _, m := range s.makers() {
		known = append(known, m.name)
	}
	return s.config.CheckMethods(known)
}

// methods makes them.
func (s *Server) methods() (map[string]countersign.Method, error) {
	if err := s.named(); err != nil {
		return nil, err
	}
	all := map[string]countersign.Method{}
	for _, one := range s.makers() {
		m, err := one.make()
		if err != nil {
			return nil, fmt.Errorf("server: %w", err)
		}
		if m != nil {
			all[m.Name()] = m
		}
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

// codes are the options of what is sent, each kind with a key of its own.
func (s *Server) codes(use string, life config.Duration) code.Options {
	return code.Options{Key: s.key(use), Life: time.Duration(life), Tries: s.config.Code.Tries, Now: s.options.Now}
}

func (s *Server) emailCode() (countersign.Method, error) {
	return code.New(s.codes("email code", s.config.Code.Life)), nil
}

func (s *Server) smsCode() (countersign.Method, error) {
	return code.NewSMS(s.codes("sms code", s.config.Code.Life)), nil
}

func (s *Server) magicLink() (countersign.Method, error) {
	o := s.codes("magic link", s.config.Link.Life)
	o.Channel = s.config.Link.Channel
	return code.NewLink(o), nil
}

func (s *Server) totp() (countersign.Method, error) {
	return totp.New(totp.Options{Issuer: s.config.Server.Name, Now: s.options.Now}), nil
}

func (s *Server) recoveryCode() (countersign.Method, error) {
	return recovery.New(recovery.Options{Now: s.options.Now}), nil
}

func (s *Server) device() (countersign.Method, error) {
	if s.config.Policy.RememberDevice == 0 {
		return nil, nil
	}
	return device.New(device.Options{Life: time.Duration(s.config.Policy.RememberDevice), Now: s.options.Now}), nil
}

// factorReset ends what stands beside the first factor: a password stays, and so
// does what was proved by mail.
func (s *Server) factorReset() (countersign.Method, error) {
	return reset.New(reset.Options{Wait: time.Duration(s.config.Policy.ResetWait), Lost: []string{"totp", "passkey", "recovery_code", "device"}, Now: s.options.Now}), nil
}

// passkey is nil where browsers allow none: they belong to a domain, not to an address of a network.
func (s *Server) passkey() (countersign.Method, error) {
	c := s.config.Passkey
	self := s.publicURL()
	id := cmp.Or(c.RPID, self.Hostname())
	if _, err := netip.ParseAddr(id); err == nil {
		return nil, nil
	}
	o := passkey.Options{
		RPID: id, RPName: s.config.Server.Name, Origins: append([]string{self.Scheme + "://" + self.Host}, c.RelatedOrigins...),
		Direct: c.Attestation == "direct", Allow: c.Allowed, Now: s.options.Now,
	}
	if c.Metadata != "" {
		blob, err := os.ReadFile(c.Metadata)
		if err != nil {
			return nil, fmt.Errorf("passkey.metadata: %w", err)
		}
		o.Metadata = blob
	}
	return passkey.New(o)
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
