package main

import (
	"context"
	"net"
	"net/url"
	"slices"
	"strings"
)

// offers says whether the policy lets a method prove anything.
func (v *visit) offers(method string) bool {
	p := v.conf.Policy
	return slices.Contains(slices.Concat(p.First, p.Second, p.Spare, p.SignUp), method)
}

// messages looks whether text messages that are offered can go anywhere.
func (v *visit) messages(context.Context) {
	const check = "text messages"
	s, public := v.conf.SMS, v.conf.Server.PublicURL.URL()
	switch {
	case !v.offers("sms_code"):
		v.fine(check, "are not offered")
	case s.TwilioAccount != "":
		v.fine(check, "go out through Twilio")
	case !s.HookURL.Empty():
		v.fine(check, "are handed to %s", s.HookURL.URL().Host)
	case local(public.Hostname()):
		v.fine(check, "no provider is configured; they stay in the development inbox")
	default:
		v.warn(check, "set sms.twilio_account or sms.hook_url, or take sms_code out of policy.first",
			"codes by text message cannot be offered: there is nobody to send them")
	}
}

// passkeys looks whether browsers would make any here: for a domain that is ours,
// over HTTPS (WebAuthn Level 3, sections 5.1.3 and 13.4.9).
func (v *visit) passkeys(context.Context) {
	if !v.offers("passkey") {
		v.fine("passkeys", "are not offered")
		return
	}
	v.domain(v.conf.Server.PublicURL.URL(), v.conf.Passkey.RPID)
}

func (v *visit) domain(public *url.URL, rp string) {
	const check = "passkeys"
	const mend = "mend passkey.rp_id (COUNTERSIGN_PASSKEY__RP_ID), or leave it out"
	host := public.Hostname()
	if rp == "" {
		rp = host
	}
	named := host == "localhost" || strings.HasSuffix(host, ".localhost")
	switch {
	case rp != host && !strings.HasSuffix(host, "."+rp):
		v.fail(check, mend, "they would belong to %s, which is neither %s nor a domain above it: browsers refuse that", rp, host)
	case rp != host && !strings.Contains(rp, "."):
		v.fail(check, mend, "they would belong to all of %s: browsers refuse that", rp)
	case net.ParseIP(strings.Trim(host, "[]")) != nil:
		v.warn(check, "give server.public_url (COUNTERSIGN_SERVER__PUBLIC_URL) a name, such as http://localhost:8440",
			"%s is an address, and passkeys belong to names: browsers make none", host)
	case public.Scheme != "https" && !named:
		v.fail(check, "serve HTTPS, or set server.public_url (COUNTERSIGN_SERVER__PUBLIC_URL) to what a proxy serves",
			"browsers make none over plain HTTP, but on localhost")
	default:
		v.fine(check, "belong to %s; it cannot be changed without losing them", rp)
	}
}

// local reports whether a host can only be this machine.
func local(host string) bool {
	if a := net.ParseIP(strings.Trim(host, "[]")); a != nil {
		return a.IsLoopback()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
