package config

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestRolesAreReadAsTheyAreWritten(t *testing.T) {
	c, err := load("", folder{}, nil, []string{"policy.roles=admin: aal2"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]RoleRule{{Role: "admin", Level: "aal2"}}, c.RoleRules()); diff != "" {
		t.Error(diff)
	}
	for text, want := range map[string]RoleRule{
		"*: aal1": {Level: "aal1"},
		" auditor :  phishing_resistant grace=7d   from=2026-12-01": {Role: "auditor", PhishingResistant: true, Grace: 7 * 24 * time.Hour, From: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)},
		"admin: aal2 phishing_resistant":                            {Role: "admin", Level: "aal2", PhishingResistant: true},
	} {
		if got, ok := roleRule(text); !ok || got != want {
			t.Errorf("%q is read as %+v, %t", text, got, ok)
		}
	}
	for _, bad := range []string{"", "admin", ":", ": aal2", "admin:", "admin: aal3", "admin: aal2 now", "admin: grace=7d", "admin: aal2 grace", "admin: aal2 grace=-1d", "admin: aal2 from=tomorrow", "admin: aal2 from=2026-13-01", "admin: aal2,"} {
		if got, ok := roleRule(bad); ok {
			t.Errorf("%q is read as %+v", bad, got)
		}
	}
}

func TestAPolicyThatCannotBeIsRefused(t *testing.T) {
	for set, want := range map[string]string{
		"policy.first=":                                        `--set: policy.first: is empty, so that nobody could sign in; write at least ["password"]`,
		"policy.first=password,password":                       `--set: policy.first: names "password" twice; name it once, where it stands best`,
		"policy.second=To TP":                                  `--set: policy.second: holds "To TP", which is no method's name; write names such as "password" or "totp"`,
		"policy.roles=admin is aal2":                           `--set: policy.roles: holds "admin is aal2", which is no rule; write a role, a colon and what it needs, such as "admin: aal2 phishing_resistant grace=7d from=2026-12-01"`,
		"sms.countries=DEU":                                    `--set: sms.countries: holds "DEU", which is no country code; write two letters, such as DE`,
		"sms.twilio_from=Acme":                                 `--set: sms.twilio_from: needs sms.twilio_account and sms.twilio_token too; set all three`,
		"sms.hook_url=https://a.example/":                      `--set: sms.hook_url: needs sms.hook_secret too; set both`,
		"passkey.allowed=fa2b99dc-9e39-4257-8f92-4a30d23c4118": `--set: passkey.allowed: cannot be verified without passkey.metadata; set it to the path of the FIDO metadata blob`,
	} {
		if _, err := load("", folder{}, nil, []string{set}); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", set, err, want)
		}
	}
	_, err := load("", folder{}, nil, []string{"sms.twilio_account=AC0", "sms.twilio_token=0", "sms.twilio_from=Acme", "sms.hook_url=https://a.example/", "sms.hook_secret=whsec_0"})
	if err == nil || !strings.Contains(err.Error(), "use one way to send messages") {
		t.Errorf("two ways to send: %v", err)
	}
}

func TestAMethodThatThereIsNotIsNamedWithTheNearest(t *testing.T) {
	c, err := load("", folder{}, nil, []string{"policy.first=pasword", "policy.second=totp"})
	if err != nil {
		t.Fatal(err)
	}
	known := []string{"password", "totp", "passkey", "recovery_code", "device", "factor_reset"}
	if err := c.CheckMethods(known); err == nil || !strings.Contains(err.Error(), `--set: policy.first: names "pasword", which is no method of this server; did you mean password?`) {
		t.Error(err)
	}
	c.Policy.First = []string{"password"}
	if err := c.CheckMethods(known); err != nil {
		t.Error(err)
	}
}
