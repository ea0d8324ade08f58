package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/account"
)

// action does what a form of the account asks for and says where to go then.
type action func(v *visit) (to string, err error)

// actions are the forms of the account by their paths. A form that needs a
// fresh proof is put off by its path, so only what is here can be put off.
func (s *site) actions() map[string]action {
	all := map[string]action{
		"/account/profile":  saveProfile,
		"/account/emails":   changeEmails,
		"/account/sessions": endSessions,
		"/account/data":     useData,
	}
	if s.Phones != nil {
		all["/account/phones"] = changePhones
	}
	for _, m := range s.names(s.Changes.Changeable(), "change") {
		all["/account/"+m] = func(v *visit) (string, error) {
			body := map[string]string{}
			for _, name := range s.fragments[m]["change"] {
				body[name] = v.form.Get(name)
			}
			return "/account/" + m + "?done=changed", s.Changes.Change(v.r.Context(), v.by, m, encode(body))
		}
	}
	return all
}

// change answers POST for a tab.
func change(name string, act action) handler {
	return func(v *visit) error {
		if v.mustSignIn() {
			return nil
		}
		to, err := act(v)
		switch {
		case errors.Is(err, countersign.ErrStepUp):
			return v.putOff("/account/" + name)
		case err != nil:
			return v.mistake(name, err)
		case to == "":
			return nil // the action has answered by itself
		}
		return v.see(to)
	}
}

// mistake shows the tab again, with what was typed and what is wrong with it.
func (v *visit) mistake(name string, err error) error {
	if strings.Contains(name, "/") {
		return v.mistaken(name, err)
	}
	p := v.account(name)
	method := ""
	if v.site.fragments[name]["change"] != nil {
		method = name
	}
	if id := v.form.Get("form"); id != "" {
		p.failing = id
	}
	status, ok := p.explain(err, method, "change")
	if !ok {
		return err
	}
	if err := p.read(name); err != nil {
		return err
	}
	return p.show(name, status)
}

func saveProfile(v *visit) (string, error) {
	p := account.Patch{}
	for name, to := range map[string]**string{"name": &p.Name, "locale": &p.Locale, "username": &p.Username} {
		if value, sent := v.form[name]; sent {
			trimmed := strings.TrimSpace(value[0])
			*to = &trimmed
		}
	}
	if p.Username != nil && *p.Username == "" && v.by.Identity.Username == nil {
		p.Username = nil // it was empty and stays so
	}
	_, err := v.site.Profiles.Update(v.r.Context(), v.by, p)
	return "/account/profile?done=saved", err
}

// changeEmails adds, proves, prefers and removes addresses. "add" for one that
// is there and unproved sends a new code.
func changeEmails(v *visit) (string, error) {
	ctx, e, address := v.r.Context(), v.site.Emails, strings.TrimSpace(v.form.Get("address"))
	var err error
	done := "added"
	switch v.form.Get("do") {
	case "verify":
		done = "verified"
		code := strings.NewReplacer(" ", "", "-", "", "\u00a0", "").Replace(v.form.Get("code"))
		if _, err = e.VerifyEmail(ctx, v.by, address, code); errors.Is(err, countersign.ErrNoMatch) {
			err = countersign.Invalid("code", "no_match", v.T("emails.no_match"))
		}
	case "send":
		done = "sent"
		_, err = e.AddEmail(ctx, v.by, address)
	case "primary":
		done = "primary"
		_, err = e.MakePrimary(ctx, v.by, address)
	case "remove":
		done = "removed"
		err = e.RemoveEmail(ctx, v.by, address)
	default:
		_, err = e.AddEmail(ctx, v.by, address)
	}
	if errors.Is(err, countersign.ErrConflict) {
		field, said := "", "emails.conflict"
		if done == "added" {
			field, said = "address", "emails.have"
		}
		err = countersign.Invalid(field, "conflict", v.T(said))
	}
	return "/account/emails?done=" + done, err
}

func endSessions(v *visit) (string, error) {
	if v.form.Get("do") == "others" {
		return "/account/sessions?done=others", v.site.Devices.EndOthers(v.r.Context(), v.by)
	}
	id := countersign.SessionID(v.form.Get("session"))
	err := v.site.Devices.EndSession(v.r.Context(), v.by, id)
	if errors.Is(err, countersign.ErrNotFound) {
		err = nil // it has ended already, which is what was wanted
	}
	if id == v.by.Session.ID && err == nil {
		v.leave()
		return "/sign-out?done=1", nil
	}
	return "/account/sessions?done=ended", err
}

// useData exports or deletes everything held about the caller.
func useData(v *visit) (string, error) {
	ctx := v.r.Context()
	if v.form.Get("do") == "export" {
		if v.r.URL.Path == "/step-up" {
			// A download would leave the reader on a page that has had its use.
			return "/account/data?done=proved", nil
		}
		all, err := v.site.Profiles.Export(ctx, v.by)
		if err != nil {
			return "", err
		}
		return "", v.download("account.json", all)
	}
	if v.form.Get("sure") != "yes" {
		return "", countersign.Invalid("sure", "required", v.T("data.sure_required"))
	}
	if err := v.site.Profiles.Delete(ctx, v.by); err != nil {
		return "", err
	}
	v.leave()
	return "/sign-out?done=deleted", nil
}

func (v *visit) download(name string, what any) error {
	text, err := json.MarshalIndent(what, "", "  ")
	if err != nil {
		return fmt.Errorf("web: export: %w", err)
	}
	h := v.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	h.Set("Cache-Control", "no-store")
	_, err = v.w.Write(append(text, '\n'))
	return err
}

// putOff sends the form on to the page that asks for a proof. 307 makes the
// browser post it there as it is (RFC 9110 section 15.4.8), so nothing that was
// typed is lost or kept anywhere.
func (v *visit) putOff(path string) error {
	v.w.Header().Set("Location", "/step-up?"+url.Values{"then": {path}}.Encode())
	v.w.WriteHeader(http.StatusTemporaryRedirect)
	return nil
}
