// Package config holds every setting of a server: one struct, read once,
// checked once.
//
// It owns the names of the settings, their defaults, where a value may come
// from (a TOML file, the environment, --set; the later wins) and the rules they
// must meet, alone and together. It does not own what a setting does: the
// wiring hands each part its own values, and no part imports this package.
//
// The comments on the fields below are the reference: docs/config.md is made
// from them. The file is TOML 1.0. Keys are walked one by one rather than
// decoded into the struct, because a strict decoder stops at the first value of
// a wrong type, and an operator wants every mistake at once.
package config

import "net/netip"

// Config is the effective configuration. Make one with Load: the zero value
// has no defaults and has not been checked.
type Config struct {
	// DataDir is the folder for the SQLite database and the keys (--data).
	DataDir string

	Server struct {
		// Address and port the server listens on. An empty host means every address of the machine.
		Listen string `toml:"listen" default:"127.0.0.1:8440"`
		// What people type into their browser: scheme, host and port, no path. Links in mails, cookies and tokens are made from it.
		// When unset it follows the certificate's host and the port of `server.listen`.
		PublicURL URL `toml:"public_url" default:"http://localhost:8440"`
		// Name of the service, as people see it on pages and in mails.
		Name string `toml:"name" default:"Countersign"`
		// Allows an http public URL on a host that is not this machine. Passwords and cookies then travel readable.
		InsecureHTTP bool `toml:"insecure_http" default:"false"`
		// How long a client may take to send its request headers.
		ReadHeaderTimeout Duration `toml:"read_header_timeout" default:"5s" min:"100ms" max:"5m"`
		// How long requests in flight may take to finish after SIGTERM.
		DrainTimeout Duration `toml:"drain_timeout" default:"10s" min:"100ms" max:"5m"`
		// Moves the server's clock, for tests of expiry. Refused unless `server.public_url` and `server.listen` stay on this machine.
		InsecureClockOffset Duration `toml:"insecure_clock_offset" default:"0s" min:"-3650d" max:"3650d"`

		TLS struct {
			// Path of the certificate chain in PEM; read again on SIGHUP. Needs `server.tls.key`.
			Cert string `toml:"cert" path:"yes"`
			// Path of the certificate's private key in PEM. Needs `server.tls.cert`.
			Key string `toml:"key" path:"yes"`
			// Host names to get certificates for by ACME (Let's Encrypt) instead of files. Port 443 must reach the server.
			AutocertDomains []string `toml:"autocert_domains"`
			// Address the certificate authority may write to.
			AutocertEmail string `toml:"autocert_email"`
		} `toml:"tls"`
	} `toml:"server"`

	Operations struct {
		// Address and port for health, metrics and profiling. Empty turns it off. It asks for no password: keep it private.
		Listen string `toml:"listen" default:"127.0.0.1:8441"`
	} `toml:"operations"`

	Database struct {
		// `sqlite:PATH` or `postgres://user:password@host/name`. When unset: `sqlite:` and countersign.db in the data folder.
		URL URL `toml:"url" default:"sqlite:countersign-data/countersign.db"`
		// Brings the schema up to date at the start. Without it a server refuses to start on an older schema.
		Migrate bool `toml:"migrate" default:"true"`
		// Most connections open at once.
		MaxConnections int `toml:"max_connections" default:"16" min:"1" max:"1000"`
	} `toml:"database"`

	Keys struct {
		// The key that seals secrets kept in the database: 32 bytes in base64, best as `file:/path`.
		// When unset: keys/seal.key in the data folder, made at the first start. Servers on one database need the same one.
		Seal Secret `toml:"seal"`
	} `toml:"keys"`

	Password struct {
		// `default` asks for 8 characters; `nist` for 15 where a password is the only factor (NIST SP 800-63B-4).
		Profile string `toml:"profile" default:"default" oneof:"default nist"`
		// Least number of characters. 0 leaves it to the profile.
		MinLength int `toml:"min_length" default:"0" min:"0" max:"256"`
		// Mixed into every hash and kept outside the database. Losing it makes every password unusable.
		Pepper Secret `toml:"pepper"`
		// How many passwords may wait to be hashed; more are answered 503.
		Queue int `toml:"queue" default:"256" min:"1" max:"65536"`
		// Who would wait longer than this for a hash, going by recent ones, is answered 503 at once.
		QueueWait Duration `toml:"queue_wait" default:"400ms" min:"1ms" max:"30s"`
		// Most memory for hashing. 0 means one hash for each core.
		MaxMemory Size `toml:"max_memory" default:"0"`

		Hash struct {
			// Memory of one Argon2id hash (RFC 9106), in KiB. `countersign calibrate` proposes a value for your machine.
			MemoryKiB int `toml:"memory_kib" default:"19456" min:"8192" max:"1048576"`
			// Passes over that memory.
			Time int `toml:"time" default:"2" min:"1" max:"64"`
			// Lanes, each computed by one thread.
			Threads int `toml:"threads" default:"1" min:"1" max:"16"`
		} `toml:"hash"`
	} `toml:"password"`

	Session struct {
		// A session ends this long after sign-in, used or not. Browsers keep cookies for 400 days at most.
		Absolute Duration `toml:"absolute" default:"30d" min:"1s" max:"400d"`
		// A session ends when it was not used for this long.
		Idle Duration `toml:"idle" default:"7d" min:"1s" max:"400d"`
		// How long after a proof sensitive changes need no new one.
		Sudo Duration `toml:"sudo" default:"10m" min:"1s" max:"30d"`
		// Sessions kept in memory, so that a request in use asks the database nothing.
		CacheEntries int `toml:"cache_entries" default:"65536" min:"1" max:"16777216"`
	} `toml:"session"`

	Attempt struct {
		// How long a sign-in, sign-up or recovery may take from start to end.
		Life Duration `toml:"life" default:"30m" min:"1s" max:"1d"`
	} `toml:"attempt"`

	Code struct {
		// How long a code or link that was sent can be used.
		Life Duration `toml:"life" default:"10m" min:"1s" max:"1h"`
		// Wrong tries that end a code.
		Tries int `toml:"tries" default:"5" min:"1" max:"10"`
	} `toml:"code"`

	Link struct {
		// How long a sign-in link that was sent can be used.
		Life Duration `toml:"life" default:"15m" min:"1s" max:"1h"`
		// How it is sent: `email`, or `sms` to the number of who is named.
		Channel string `toml:"channel" default:"email" oneof:"email sms"`
	} `toml:"link"`

	Passkey struct {
		// Domain that passkeys belong to: the public URL's host or one above it. It cannot be changed later without losing every passkey. When unset it is the host.
		RPID string `toml:"rp_id"`
		// Other origins (https://app.example.org) that may use passkeys of this domain (WebAuthn related origins).
		RelatedOrigins []string `toml:"related_origins"`
		// `direct` asks authenticators what model they are, for `passkey.allowed`; `none` does not.
		Attestation string `toml:"attestation" default:"none" oneof:"none direct"`
		// Path of the FIDO metadata blob (MDS3) that attestation is verified against.
		Metadata string `toml:"metadata" path:"yes"`
		// Models (AAGUIDs) that may be added. Empty means all. Needs `passkey.metadata`.
		Allowed []string `toml:"allowed"`
	} `toml:"passkey"`

	Policy struct {
		// Methods that may prove first at a sign-in, best first.
		First []string `toml:"first" default:"passkey,password,email_code,magic_link,sms_code"`
		// Second steps: whoever has set up one of them must show one after the first.
		Second []string `toml:"second" default:"totp"`
		// Accepted in place of a second step, and asked of nobody.
		Spare []string `toml:"spare" default:"passkey,recovery_code,device,factor_reset"`
		// Methods a new account may begin with besides its proved address.
		SignUp []string `toml:"sign_up" default:"password,passkey"`
		// What roles need: "admin: aal2", "auditor: aal2 phishing_resistant grace=7d from=2026-12-01". Grace counts from the day the account was made.
		Roles []string `toml:"roles"`
		// How long a browser is remembered in place of a second step, if its owner asks for that. 0s turns it off.
		RememberDevice Duration `toml:"remember_device" default:"30d" min:"0s" max:"400d"`
		// How long a reset of lost second steps waits before it works, so that the owner can stop it.
		ResetWait Duration `toml:"reset_wait" default:"3d" min:"1h" max:"30d"`
	} `toml:"policy"`

	SMS struct {
		// Account SID of Twilio. When neither Twilio nor a hook is set up, messages are shown in the development inbox.
		TwilioAccount string `toml:"twilio_account"`
		// Auth token of Twilio, or the secret of an API key.
		TwilioToken Secret `toml:"twilio_token"`
		// SID of the API key, when `sms.twilio_token` is the secret of one.
		TwilioKey string `toml:"twilio_key"`
		// Number, sender name or messaging service (MG…) that messages come from.
		TwilioFrom string `toml:"twilio_from"`
		// Address that messages are posted to as signed JSON (Standard Webhooks), for any other way to send them.
		HookURL URL `toml:"hook_url"`
		// Secret that signs them: `whsec_` and base64.
		HookSecret Secret `toml:"hook_secret"`
		// Countries (ISO 3166, such as DE) that messages are sent to. Empty means all.
		Countries []string `toml:"countries"`
	} `toml:"sms"`

	Limits struct {
		// Text messages to neighbouring numbers (the same first 7 digits), against fraud by price.
		SMSPerPrefix Limit `toml:"sms_per_prefix" default:"20/1h"`
		// Text messages to one country.
		SMSPerCountry Limit `toml:"sms_per_country" default:"200/1h"`
		// Text messages in all.
		SMSTotal Limit `toml:"sms_total" default:"1000/1h"`
		// Accounts created from one network (/24 or /48).
		SignUpPerNetwork Limit `toml:"sign_up_per_network" default:"20/1h"`
		// Mails and messages asked for from one network.
		SendPerNetwork Limit `toml:"send_per_network" default:"20/1h"`
		// Mails and messages sent to one address, whoever asks.
		SendPerAddress Limit `toml:"send_per_address" default:"1/1m,5/1h"`
		// Attempts of any kind begun from one network.
		AttemptsPerNetwork Limit `toml:"attempts_per_network" default:"600/1m"`
		// Wrong passwords in a row before an identity pauses (NIST SP 800-63B-4 allows 100).
		GuessesPerIdentity int `toml:"guesses_per_identity" default:"10" min:"1" max:"100"`
		// The first pause after too many wrong passwords; it doubles each time.
		GuessPause Duration `toml:"guess_pause" default:"15m" min:"1s" max:"7d"`
		// Wrong passwords from one network, for whichever identity.
		GuessesPerNetwork Limit `toml:"guesses_per_network" default:"1000/1h"`
	} `toml:"limits"`

	SignUp struct {
		// Whether strangers may create accounts. Administrators always can.
		Enabled bool `toml:"enabled" default:"true"`
		// E-mail domains that may sign up. Empty means all; a subdomain is a domain of its own.
		AllowedDomains []string `toml:"allowed_domains"`
	} `toml:"sign_up"`

	Proxy struct {
		// Addresses and networks of reverse proxies whose X-Forwarded-For and Forwarded headers are believed.
		Trusted []netip.Prefix `toml:"trusted"`
	} `toml:"proxy"`

	Notify struct {
		// Sender of every mail.
		From string `toml:"from" default:"Countersign <no-reply@localhost>"`
		// Folder whose files replace the built-in mail templates of the same name.
		TemplatesDir string `toml:"templates_dir" path:"yes"`

		SMTP struct {
			// `smtp://user:password@host:587` (STARTTLS) or `smtps://user:password@host:465` (TLS).
			// When unset nothing leaves the machine: mails are shown in the development inbox.
			URL URL `toml:"url"`
		} `toml:"smtp"`
	} `toml:"notify"`

	Brand struct {
		// Hue of the one accent colour, in degrees.
		Hue int `toml:"hue" default:"265" min:"0" max:"360"`
		// Path of a logo (.svg, .png or .webp) shown in place of the mark.
		Logo string `toml:"logo" path:"yes"`
		// Link to your terms of use.
		TermsURL URL `toml:"terms_url"`
		// Link to your privacy notice.
		PrivacyURL URL `toml:"privacy_url"`
		// Link to your help page; mailto: works too.
		HelpURL URL `toml:"help_url"`
	} `toml:"brand"`

	Web struct {
		// Languages offered to people, the first one where theirs is not among them.
		Locales []string `toml:"locales" default:"en,de"`
	} `toml:"web"`

	ReturnTo struct {
		// Origins (https://app.example.com) a person may be sent back to after signing in. Paths of this server need no entry.
		Allow []string `toml:"allow"`
	} `toml:"return_to"`

	Log struct {
		// Least important lines that are written.
		Level string `toml:"level" default:"info" oneof:"debug info warn error"`
		// `auto` is text on a terminal and json elsewhere.
		Format string `toml:"format" default:"auto" oneof:"auto text json"`
	} `toml:"log"`

	origins  map[string]origin // where each value that is no default came from
	warnings Problems
}
