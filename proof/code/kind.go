package code

// kind is what makes one of the methods of this package differ from the others.
type kind struct {
	name    string
	channel string // that it is sent through
	page    string // that the link opens; "" for the one of all codes
	letter  string // template of the message; "" for that of the purpose
	files   string // folder of its form and words
	digits  int    // of the code; 0 for none
	link    bool   // whether there is a token
	form    string // of its evidence, for those who got it wrong
}

// New returns the method "email_code": 8 digits (26 bits) and a link, in one mail.
func New(o Options) *Method {
	return &Method{o, kind{
		name: "email_code", channel: "email", files: "email", digits: 8, link: true, form: `{"method", "code"}`,
	}}
}

// NewSMS returns the method "sms_code": 6 digits (20 bits) in a text message. That
// is short enough to be copied from the lock screen, and 5 tries in 10 minutes
// guess one in 200,000. There is no link: one in a text message looks like fraud.
func NewSMS(o Options) *Method {
	return &Method{o, kind{
		name: "sms_code", channel: "sms", letter: "sms_code", files: "sms", digits: 6, form: `{"method", "code"}`,
	}}
}

// NewLink returns the method "magic_link": a link of 256 bits and nothing to
// type. Options.Channel says how it is sent.
func NewLink(o Options) *Method {
	k := kind{
		name: "magic_link", channel: o.Channel, page: "/magic-link", letter: "magic_link", files: "link", link: true, form: `{"method", "token"}`,
	}
	if k.channel == "" {
		k.channel = "email"
	}
	return &Method{o, k}
}

// Name is the method's name in policies, evidence and events.
func (m *Method) Name() string { return m.k.name }

// Channel is what its messages go out through.
func (m *Method) Channel() string { return m.k.channel }
