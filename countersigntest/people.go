package countersigntest

import (
	"regexp"
	"strings"
	"time"
)

// Password is a password that every rule accepts.
const Password = "a lantern over quiet water"

// codes finds a mailed code on a line of its own, and a texted one behind the name of the site.
var codes = regexp.MustCompile(`(?m)^\s*(\d{8})\s*$|^@\S+ #(\d{6})$`)

// Wait returns the newest letter to the address once there are more than seen.
func (s *Server) Wait(to string, seen int) Letter {
	s.t.Helper()
	return s.await(to, seen, func(Letter) bool { return true })
}

// await returns the newest letter after those seen that is the wanted one.
func (s *Server) await(to string, seen int, wanted func(Letter) bool) Letter {
	s.t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for time.Now().Before(deadline) {
		all := s.Letters(to)
		for _, l := range all[:max(0, len(all)-seen)] {
			if wanted(l) {
				return l
			}
		}
		<-tick.C
	}
	s.t.Fatalf("the letter to %s did not come", to)
	return Letter{}
}

// Code is the code in a letter.
func (l Letter) Code() string {
	m := codes.FindStringSubmatch(l.Text)
	if m == nil {
		return ""
	}
	return m[1] + m[2]
}

// Link is the first link with a token in a letter.
func (l Letter) Link() string {
	for word := range strings.FieldsSeq(l.Text) {
		if strings.Contains(word, "token=") {
			return word
		}
	}
	return ""
}

// SignUp makes a person with Password and returns a session token.
func (s *Server) SignUp(address string) string {
	s.t.Helper()
	seen := len(s.Letters(address))
	a := s.Call("POST", "/v1/attempts", "", map[string]any{
		"purpose": "sign_up", "identifier": address, "issue": "session_token",
		"evidence": map[string]string{"method": "password", "password": Password},
	})
	if a.Status/100 != 2 {
		s.t.Fatalf("sign-up of %s: %d %s", address, a.Status, a.Get("code"))
	}
	code := s.await(address, seen, func(l Letter) bool { return l.Code() != "" }).Code()
	a = s.Call("POST", "/v1/attempts/"+a.Get("id")+"/evidence", "", map[string]string{"method": "email_code", "code": code})
	if a.Get("session_token") == "" {
		s.t.Fatalf("code of %s: %d %s", address, a.Status, a.Get("code"))
	}
	return a.Get("session_token")
}

// SignIn signs a person in with a password.
func (s *Server) SignIn(identifier, password string) Answer {
	s.t.Helper()
	return s.Call("POST", "/v1/attempts", "", map[string]any{
		"purpose": "sign_in", "identifier": identifier, "issue": "session_token",
		"evidence": map[string]string{"method": "password", "password": password},
	})
}
