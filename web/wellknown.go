package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// wellKnown adds what browsers, crawlers and researchers look for by name.
func (s *site) wellKnown(on func(string, handler, handler)) {
	// Password managers open this one (W3C "A Well-Known URL for Changing Passwords").
	on("/.well-known/change-password", func(v *visit) error {
		for _, m := range s.names(s.Changes.Changeable(), "change") {
			return v.see("/account/" + m)
		}
		return v.see("/account")
	}, nil)
	on("/.well-known/passkey-endpoints", s.passkeyEndpoints, nil)
	on("/.well-known/webauthn", s.related, nil)
	on("/.well-known/security.txt", s.security, nil)
	on("/robots.txt", func(v *visit) error {
		// Pages of accounts are nobody's search result; the front door may be.
		return v.text("text/plain; charset=utf-8", "User-agent: *\nDisallow: /account\nDisallow: /dev/\nDisallow: /setup\nDisallow: /step-up\nDisallow: /verify\n")
	}, nil)
	on("/site.webmanifest", s.manifest, nil)
	for _, name := range []string{"favicon.ico", "apple-touch-icon.png"} {
		on("/"+name, func(v *visit) error {
			one, ok := s.assets.body[s.assets.path[name][len("/assets/"):]]
			if !ok {
				return nothing(v)
			}
			v.w.Header().Set("Cache-Control", "public, max-age=86400")
			return one.send(v)
		}, nil)
	}
}

// passkeyEndpoints tells password managers where passkeys are added and kept
// (W3C "A Well-Known URL for Relying Party Passkey Endpoints").
func (s *site) passkeyEndpoints(v *visit) error {
	for path, m := range s.Factors.Collections() {
		if _, ok := s.addable(path); ok && m.Name() == s.Nameless {
			return v.object(map[string]any{"enroll": s.absolute("/account/" + path + "/add"), "manage": s.absolute("/account/security")})
		}
	}
	return nothing(v)
}

// related tells browsers at which other origins our passkeys may be used
// (WebAuthn Level 3 section 5.11.1).
func (s *site) related(v *visit) error {
	if len(s.RelatedOrigins) == 0 {
		return nothing(v)
	}
	return v.object(map[string]any{"origins": s.RelatedOrigins})
}

func (v *visit) object(what any) error {
	text, err := json.Marshal(what)
	if err != nil {
		return fmt.Errorf("web: well-known: %w", err)
	}
	return v.text("application/json", string(text))
}

// security names the operator's contact (RFC 9116). Without a help link there
// is nobody to name, and an invented contact would be worse than none.
func (s *site) security(v *visit) error {
	if s.Brand.Help == "" {
		return nothing(v)
	}
	return v.text("text/plain; charset=utf-8", fmt.Sprintf("Contact: %s\nExpires: %s\nCanonical: %s\nPreferred-Languages: en, de\n",
		s.Brand.Help, v.now.UTC().AddDate(0, 6, 0).Truncate(24*time.Hour).Format(time.RFC3339), s.absolute("/.well-known/security.txt")))
}

// manifest lets a phone keep the account as an icon (W3C Web Application Manifest).
func (s *site) manifest(v *visit) error {
	text, err := json.Marshal(map[string]any{
		"name": s.Brand.Name, "short_name": s.Brand.Name, "start_url": "/account", "display": "browser",
		"icons": []map[string]string{
			{"src": s.assets.path["icon.svg"], "sizes": "any", "type": "image/svg+xml"},
			{"src": s.assets.path["icon-512.png"], "sizes": "512x512", "type": "image/png"},
		},
	})
	if err != nil {
		return fmt.Errorf("web: manifest: %w", err)
	}
	return v.text("application/manifest+json", string(text))
}

func (v *visit) text(kind, body string) error {
	v.w.Header().Set("Content-Type", kind)
	v.w.Header().Set("Cache-Control", "public, max-age=3600")
	v.w.WriteHeader(http.StatusOK)
	if v.r.Method == http.MethodHead {
		return nil
	}
	_, err := v.w.Write([]byte(body))
	return err
}

// strength judges a password that is being typed, by the rule that will judge
// it when it is sent. It is told nothing else and keeps nothing.
func (s *site) strength(v *visit) error {
	typed := v.form.Get("password")
	if typed == "" || len(typed) > 1024 {
		return nothing(v)
	}
	select {
	case s.judging <- struct{}{}:
		defer func() { <-s.judging }()
	default: // strangers can ask, so it may cost only so much; the page then says nothing
		v.w.WriteHeader(http.StatusServiceUnavailable)
		return nil
	}
	judged := s.Strength(typed)
	key := fmt.Sprintf("strength.%d", min(max(judged.Score, 0), 4))
	if judged.Problem != "" {
		key = "strength.0"
	}
	text, err := json.Marshal(map[string]any{"score": min(max(judged.Score, 0), 4), "ok": judged.Problem == "", "text": v.T(key)})
	if err != nil {
		return fmt.Errorf("web: strength: %w", err)
	}
	v.w.Header().Set("Content-Type", "application/json")
	_, err = v.w.Write(text)
	return err
}
