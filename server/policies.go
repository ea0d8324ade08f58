package server

import (
	"slices"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/config"
)

// Some methods have a part of their own in a policy. It is the operator who names
// methods; these are what the settings cannot say.
var (
	codes  = []string{"email_code", "sms_code"} // prove an address or a number
	strong = []string{"passkey"}                // cannot be phished
	absent = []string{"device", "factor_reset"} // prove nothing about who is there now
)

// policies say how much proof each purpose needs, from the settings. Recovery asks
// for the mail, for the password is what was lost, and for the second step all the
// same: else a mailbox would be the way around it.
func (s *Server) policies(methods map[string]countersign.Method) map[countersign.Purpose]countersign.Policy {
	c := s.config.Policy
	offered := func(lists ...[]string) (out []string) {
		for _, m := range slices.Concat(lists...) {
			sender, sends := methods[m].(countersign.Sender)
			if methods[m] != nil && !slices.Contains(out, m) && (s.texts() || !sends || sender.Channel() != "sms") {
				out = append(out, m)
			}
		}
		return out
	}
	spare := slices.DeleteFunc(slices.Clone(c.Spare), func(m string) bool { return m == "device" && c.RememberDevice == 0 })
	now := slices.DeleteFunc(slices.Clone(spare), func(m string) bool { return slices.Contains(absent, m) })
	shows := map[string]countersign.Factor{}
	for name, m := range methods {
		shows[name] = countersign.FactorOf(m)
	}
	listed := slices.Concat(c.First, c.Second, c.Spare)
	channels := map[string]string{}
	for name, m := range methods {
		if sender, ok := m.(countersign.Sender); ok {
			channels[name] = sender.Channel()
		}
	}
	base := countersign.Policy{Factors: 1, SetUp: offered(c.SignUp), Channel: channels, Strong: common(offered(strong), listed), Shows: shows, Rules: roleRules(s.config)}
	with := func(change func(*countersign.Policy)) countersign.Policy {
		p := base
		change(&p)
		return p
	}
	return map[countersign.Purpose]countersign.Policy{
		countersign.SignIn: with(func(p *countersign.Policy) {
			p.Offer, p.Second, p.Spare = offered(c.First), offered(c.Second), offered(spare)
		}),
		countersign.SignUp:    {Factors: 1, Offer: offered(codes), Enroll: offered(c.SignUp)},
		countersign.VerifyOwn: {Factors: 1, Offer: offered(codes)},
		countersign.Recover: with(func(p *countersign.Policy) {
			p.Lost = true
			p.Offer, p.Second, p.Spare, p.Enroll = offered(codes), offered(c.Second), offered(now, []string{"factor_reset"}), offered(c.SignUp)
		}),
		countersign.StepUp: with(func(p *countersign.Policy) {
			p.Offer, p.Second, p.Spare = offered(c.First), offered(c.Second), offered(now)
		}),
	}
}

// common is what is in both lists, in the order of the first.
func common(a, b []string) []string {
	return slices.DeleteFunc(a, func(m string) bool { return !slices.Contains(b, m) })
}

// texts reports whether text messages have somewhere to go.
func (s *Server) texts() bool {
	c := s.config.SMS
	return c.TwilioAccount != "" || !c.HookURL.Empty() || s.inboxOpen()
}

func roleRules(c config.Config) (all []countersign.Rule) {
	for _, r := range c.RoleRules() {
		rule := countersign.Rule{Role: r.Role, Bound: r.PhishingResistant, From: r.From, Grace: r.Grace, Factors: 1}
		if r.Level == "aal2" {
			rule.Factors = 2
		}
		all = append(all, rule)
	}
	return all
}
