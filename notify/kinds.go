package notify

// kind is what is known of one sort of letter.
type kind struct {
	needs []string // data without which it says nothing
	page  string   // where its link leads when the message brings none
}

// kindOf knows every template. Besides what a kind needs, each letter shows
// where its request came from, when the message says so: "device", "place",
// "network", and "at" (RFC 3339; else the time of the message). Letters with a
// code take "link" (spends the same challenge) and "expires" (RFC 3339).
//
//	verify_code        proves an address; "purpose" is sign_up, sign_in, step_up, add or verify
//	sign_up_taken      to the owner of an address that somebody tried to sign up with
//	recover            a code to choose a new password
//	password_changed   ┐
//	email_added        │
//	email_changed_old  │ to the owner, after the fact; the link, if any,
//	email_removed      │ undoes it; "address" is the one it is about
//	recovered          │
//	account_deleted    │
//	new_sign_in        ┘
//	test               sent by an operator to see that mail arrives
func kindOf(template string) (kind, bool) {
	switch template {
	case "verify_code", "recover":
		return kind{needs: []string{"code"}}, true
	case "sign_up_taken":
		return kind{page: "/sign-in"}, true
	case "email_added", "email_changed_old", "email_removed":
		return kind{needs: []string{"address"}, page: "/recover"}, true
	case "password_changed", "recovered", "new_sign_in":
		return kind{page: "/recover"}, true
	case "account_deleted", "test":
		return kind{}, true
	}
	return kind{}, false
}

// kinds lists every template, so that all can be parsed before one is needed.
func kinds() []string {
	return []string{
		"verify_code", "sign_up_taken", "recover", "password_changed", "email_added", "email_changed_old",
		"email_removed", "recovered", "account_deleted", "new_sign_in", "test",
	}
}
