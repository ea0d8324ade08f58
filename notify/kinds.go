package notify

// kind is what is known of one sort of letter.
type kind struct {
	needs []string // data without which it says nothing
	page  string   // where its link leads when the message brings none
	short string   // its template where there is no room for a letter
	bare  bool     // it exists as a text message only
}

// kindOf knows every template. Besides what a kind needs, each letter shows
// where its request came from, when the message says so: "device", "place",
// "network", and "at" (RFC 3339; else the time of the message). Letters with a
// code take "link" (spends the same challenge) and "expires" (RFC 3339).
//
//	verify_code        proves an address; "purpose" is sign_up, sign_in, step_up, add or verify
//	magic_link         a link that does the same alone; "link", "expires", "purpose" as above or recover
//	sms_code           a code as a text message; "expires"
//	sign_up_taken      to the owner of an address that somebody tried to sign up with
//	recover            a code to choose a new password
//	test               sent by an operator to see that mail arrives
//
// The rest tell the owner after the fact, and their link, if any, undoes it:
//
//	password_added, password_changed, recovered, account_deleted, new_sign_in
//	email_added, email_changed_old, email_removed     "address" is the one it is about
//	phone_added, phone_removed                        "address" is the number
//	factor_added, factor_removed                      "method" is its name, whose title the catalogue
//	                                                  may have as <method>.title; "what" is what its owner calls it, or ""
//	recovery_code_used                                "left" is how many there are yet
//	recovery_codes_made
//	factor_reset_started                              "ready_at" (RFC 3339); "link" cancels it
//	factor_reset_done, factor_reset_cancelled
//	factors_reset_by_admin                            "reason" is the administrator's
func kindOf(template string) (kind, bool) {
	k := kind{short: "notice"}
	switch template {
	case "verify_code", "recover":
		k.needs, k.short = []string{"code"}, "code"
	case "sms_code":
		k.needs, k.short, k.bare = []string{"code"}, "code", true
	case "magic_link":
		k.needs, k.short = []string{"link"}, "link"
	case "sign_up_taken":
		k.page = "/sign-in"
	case "email_added", "email_changed_old", "email_removed", "phone_added", "phone_removed":
		k.needs, k.page = []string{"address"}, "/recover"
	case "factor_added", "factor_removed":
		k.needs, k.page = []string{"method"}, "/recover"
	case "recovery_code_used":
		k.needs, k.page = []string{"left"}, "/recover"
	case "factor_reset_started":
		k.needs = []string{"ready_at", "link"}
	case "factors_reset_by_admin":
		k.needs, k.page = []string{"reason"}, "/recover"
	case "password_added", "password_changed", "recovered", "new_sign_in", "recovery_codes_made", "factor_reset_done", "factor_reset_cancelled":
		k.page = "/recover"
	case "account_deleted", "test":
	default:
		return kind{}, false
	}
	return k, true
}

// Kinds lists every template, so that all can be parsed before one is needed.
func Kinds() []string {
	return []string{
		"verify_code", "magic_link", "sms_code", "recover", "sign_up_taken", "password_added", "password_changed", "recovered",
		"account_deleted", "new_sign_in", "email_added", "email_changed_old", "email_removed", "phone_added", "phone_removed",
		"factor_added", "factor_removed", "recovery_code_used", "recovery_codes_made",
		"factor_reset_started", "factor_reset_done", "factor_reset_cancelled", "factors_reset_by_admin", "test",
	}
}
