package config

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// RoleRule is what the identities with a role need.
type RoleRule struct {
	Role              string
	Level             string // "aal1" or "aal2"
	PhishingResistant bool
	Grace             time.Duration
	From              time.Time
}

// RoleRules reads `policy.roles`. Load has checked them.
func (c Config) RoleRules() (all []RoleRule) {
	for _, text := range c.Policy.Roles {
		if r, ok := roleRule(text); ok {
			all = append(all, r)
		}
	}
	return all
}

// roleRule reads "admin: aal2 phishing_resistant grace=7d from=2026-12-01".
func roleRule(text string) (r RoleRule, ok bool) {
	role, rest, found := strings.Cut(text, ":")
	if r.Role = strings.TrimSpace(role); !found || r.Role == "" {
		return r, false
	}
	if r.Role == "*" {
		r.Role = "" // everybody
	}
	for _, part := range strings.Fields(rest) {
		word, value, _ := strings.Cut(part, "=")
		switch {
		case part == "aal1" || part == "aal2":
			r.Level = part
		case part == "phishing_resistant":
			r.PhishingResistant = true
		case word == "grace":
			if r.Grace, ok = parseDuration(value); !ok || r.Grace < 0 {
				return r, false
			}
		case word == "from":
			var err error
			if r.From, err = time.Parse(time.DateOnly, value); err != nil {
				return r, false
			}
		default:
			return r, false
		}
	}
	return r, r.Level != "" || r.PhishingResistant
}

// methodName is how methods are named. Which there are is the server's to know.
var methodName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)

func (l *loader) checkPolicy() {
	p := l.c.Policy
	for _, list := range l.c.policyLists() {
		for i, m := range list.Methods {
			if !methodName.MatchString(m) {
				l.wrong(list.Key, "holds "+quoted(m)+", which is no method's name", `write names such as "password" or "totp"`)
			} else if slices.Contains(list.Methods[:i], m) {
				l.wrong(list.Key, "names "+quoted(m)+" twice", "name it once, where it stands best")
			}
		}
	}
	if len(p.First) == 0 {
		l.wrong("policy.first", "is empty, so that nobody could sign in", `write at least ["password"]`)
	}
	for _, text := range p.Roles {
		if _, ok := roleRule(text); !ok {
			l.wrong("policy.roles", "holds "+quoted(text)+", which is no rule", `write a role, a colon and what it needs, such as "admin: aal2 phishing_resistant grace=7d from=2026-12-01"`)
		}
	}
}

// MethodList is a setting that names methods.
type MethodList struct {
	Key     string
	Methods []string
}

// policyLists are the settings that name methods.
func (c Config) policyLists() []MethodList {
	return []MethodList{{"policy.first", c.Policy.First}, {"policy.second", c.Policy.Second}, {"policy.spare", c.Policy.Spare}, {"policy.sign_up", c.Policy.SignUp}}
}

// CheckMethods reports the settings that name a method which there is not.
func (c Config) CheckMethods(known []string) error {
	var all Problems
	for _, list := range c.policyLists() {
		for _, m := range list.Methods {
			if !slices.Contains(known, m) {
				all = append(all, c.origins[list.Key].problem(list.Key, "names "+quoted(m)+", which is no method of this server", "did you mean "+nearest(m, known)+"?"))
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// wholly reports settings of which some are given and others are missing.
func (l *loader) wholly(given map[string]bool, try string) {
	var have, missing []string
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if given[key] {
			have = append(have, key)
		} else {
			missing = append(missing, key)
		}
	}
	if len(have) > 0 && len(missing) > 0 {
		l.wrong(have[0], "needs "+strings.Join(missing, " and ")+" too", try)
	}
}

// checkSMS refuses half a provider, and two.
func (l *loader) checkSMS() {
	s := l.c.SMS
	twilio := s.TwilioAccount != "" || s.TwilioToken.Reveal() != "" || s.TwilioFrom != ""
	hook := s.HookURL.URL() != nil || s.HookSecret.Reveal() != ""
	switch {
	case twilio && hook:
		l.wrong("sms.hook_url", "is set beside Twilio", "use one way to send messages")
	}
	if twilio {
		l.wholly(map[string]bool{"sms.twilio_account": s.TwilioAccount != "", "sms.twilio_token": s.TwilioToken.Reveal() != "", "sms.twilio_from": s.TwilioFrom != ""}, "set all three")
	}
	if hook {
		l.wholly(map[string]bool{"sms.hook_url": s.HookURL.URL() != nil, "sms.hook_secret": s.HookSecret.Reveal() != ""}, "set both")
	}
	for _, country := range s.Countries {
		if len(country) != 2 {
			l.wrong("sms.countries", "holds "+quoted(country)+", which is no country code", "write two letters, such as DE")
		}
	}
	if len(l.c.Passkey.Allowed) > 0 && l.c.Passkey.Metadata == "" {
		l.wrong("passkey.allowed", "cannot be verified without passkey.metadata", "set it to the path of the FIDO metadata blob")
	}
}
