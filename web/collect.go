package web

import (
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/account"
	"github.com/countersign-id/countersign/internal/ids"
)

// addPage sets up one more of a method: what it shows, and the answer that proves
// that it works. What is made in one step has no answer; it is shown once.
type addPage struct {
	*accountPage
	Main   *form
	Path   string // of the collection
	ID     string // of what is being set up
	Direct bool
	Made   bool // it is set up, and this is the only time that it is shown
}

// itemPage is one credential, to be renamed or removed.
type itemPage struct {
	*accountPage
	Item   holding
	Set    string
	Path   string
	Fixed  bool
	Waits  bool
	Forget string // what authenticators are told when it is gone, as JSON; "" for nothing
}

// collection finds the method behind a path of the account.
func (v *visit) collection() (path string, m countersign.Keeper, ok bool) {
	path = v.r.PathValue("collection")
	m, ok = v.site.Factors.Collections()[path]
	return path, m, ok && v.site.fragments[m.Name()] != nil
}

// addable is a method that its owner can add one of, here.
func (s *site) addable(path string) (countersign.Keeper, bool) {
	m, ok := s.Factors.Collections()[path]
	if !ok {
		return nil, false
	}
	_, prepares := m.(countersign.Preparer)
	return m, prepares && s.brings(m.Name(), "enroll")
}

func (v *visit) addPage(path string, m countersign.Keeper) *addPage {
	p := &addPage{accountPage: v.account("security"), Path: path, Direct: m.Collection().Direct}
	p.Name = "account-" + path + "-add"
	p.failing = p.Name
	p.Heading, p.Lead = v.T(m.Name()+".choose"), v.T(m.Name()+".about", v.site.facts...)
	p.Fresh = true
	p.Main = p.Form(p.Name)
	p.Main.Method = m.Name()
	p.Passkeys = m.Name() == v.site.Nameless
	return p
}

func (p *addPage) answer(status int) error {
	p.site.render(p.visit, status, "account-add", p)
	return nil
}

// showAdd begins. What a method prepares changes nothing of the account, and a
// newer one ends the older, so that looking does no harm.
func showAdd(v *visit) error {
	if v.mustSignIn() {
		return nil
	}
	path := v.r.PathValue("collection")
	m, ok := v.site.addable(path)
	if !ok {
		return countersign.ErrNotFound
	}
	p := v.addPage(path, m)
	if err := p.prepare(); err != nil {
		return p.refused(err)
	}
	return p.answer(200)
}

func (p *addPage) prepare() error {
	if p.Direct {
		return nil
	}
	shown, err := p.site.Factors.Prepare(p.r.Context(), p.by, p.Path)
	if err != nil {
		return err
	}
	p.Main.Shown = shownOf(shown)
	p.ID, _ = p.Main.Shown["id"].(string)
	delete(p.Main.Shown, "id")
	return nil
}

// refused sends who must prove again away and back; all else is told on the page.
func (p *addPage) refused(err error) error {
	if errors.Is(err, countersign.ErrStepUp) {
		return p.see("/step-up?" + url.Values{"then": {"/account/" + p.Path + "/add"}}.Encode())
	}
	if errors.Is(err, countersign.ErrConflict) {
		p.problems = append(p.problems, problem{Text: p.T("security.full")})
		return p.answer(409)
	}
	status, ok := p.explain(err, "", "")
	if !ok {
		return err
	}
	return p.answer(status)
}

// add takes the answer to what was shown.
func (s *site) add(path string) action {
	return func(v *visit) (string, error) {
		m, ok := s.addable(path)
		if !ok {
			return "", countersign.ErrNotFound
		}
		if m.Collection().Direct {
			return "", v.addDirect(path, m)
		}
		id := countersign.CredentialID(v.form.Get("id"))
		body := v.evidence(m.Name(), "enroll")
		if _, err := s.Factors.Confirm(v.r.Context(), v.by, path, id, without(body, "method")); err != nil {
			return "", err
		}
		return "/account/security?" + url.Values{"added": {path}}.Encode(), nil
	}
}

// addDirect makes and shows at once: there is nowhere to keep it for another page.
func (v *visit) addDirect(path string, m countersign.Keeper) error {
	shown, err := v.site.Keepers.Add(v.r.Context(), v.by, path, nil)
	if err != nil {
		return err
	}
	p := v.addPage(path, m)
	p.Main.Shown, p.Made, p.Lead = shownOf(shown), true, ""
	p.Notice = v.T(m.Name() + ".added")
	return p.answer(200)
}

// mistaken shows the page of a path below the account again, with what is wrong.
func (v *visit) mistaken(name string, err error) error {
	path, last, _ := strings.Cut(name, "/")
	if last != "add" {
		return v.mistakenItem(path, countersign.CredentialID(last), err)
	}
	m, ok := v.site.addable(path)
	if !ok {
		return err
	}
	p := v.addPage(path, m)
	if errors.Is(err, countersign.ErrExpired) || errors.Is(err, countersign.ErrConflict) {
		// Too long, too many tries, or begun anew in another tab: a new one, which
		// the old answer does not fit.
		clear(v.form)
		if err := p.prepare(); err != nil {
			return p.refused(err)
		}
		p.problems = append(p.problems, problem{Text: p.T("security.expired")})
		return p.answer(409)
	}
	status, ok := p.explain(err, m.Name(), "enroll")
	if !ok {
		return err
	}
	p.Main.Shown, p.ID = shownOf([]byte(v.form.Get("shown"))), v.form.Get("id")
	return p.answer(status)
}

// without leaves a field out of an object.
func without(body json.RawMessage, name string) json.RawMessage {
	var all map[string]json.RawMessage
	if json.Unmarshal(body, &all) != nil {
		return body
	}
	delete(all, name)
	text, err := json.Marshal(all)
	if err != nil {
		return body
	}
	return text
}

// showItem answers for one credential.
func showItem(v *visit) error {
	if v.mustSignIn() {
		return nil
	}
	path, _, ok := v.collection()
	if !ok {
		return countersign.ErrNotFound
	}
	p, err := v.itemPage(path, countersign.CredentialID(v.r.PathValue("id")))
	if err != nil {
		return err
	}
	v.site.render(v, 200, "account-item", p)
	return nil
}

func (v *visit) itemPage(path string, id countersign.CredentialID) (*itemPage, error) {
	s, err := v.site.Factors.Security(v.r.Context(), v.by)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(s.Kept, func(k account.Kept) bool { return k.Path == path })
	if at < 0 {
		return nil, countersign.ErrNotFound
	}
	of := slices.IndexFunc(s.Kept[at].Items, func(f account.Factor) bool { return f.ID == id })
	m := v.site.Factors.Collections()[path]
	if of < 0 || m == nil {
		return nil, countersign.ErrNotFound
	}
	p := &itemPage{accountPage: v.account("security"), Item: v.item(path, s.Kept[at].Items[of]), Path: path, Fixed: m.Collection().Fixed}
	p.Name = "account-" + path
	p.failing = p.Name + "-remove"
	p.Heading, p.Set, p.Waits = p.Item.Label, v.T(m.Name()+".title"), m.Name() == v.site.Reset
	p.Passkeys = m.Name() == v.site.Nameless
	if rp, ok := p.Item.Detail["rp_id"].(string); ok {
		text, err := json.Marshal(map[string]any{"rpId": rp, "credentialId": p.Item.Detail["credential_id"]})
		if err == nil {
			p.Forget = string(text)
		}
	}
	return p, nil
}

// Rename begins the form for its name.
func (p *itemPage) Rename() *form {
	f := p.Form(p.Name + "-rename")
	f.values = map[string]string{"name": p.Item.Factor.Name}
	return f
}

// Remove begins the form that takes it away.
func (p *itemPage) Remove() *form { return p.Form(p.Name + "-remove") }

// manage renames or removes one credential.
func (s *site) manage(path string, id countersign.CredentialID) action {
	return func(v *visit) (string, error) {
		if v.form.Get("do") != "remove" {
			_, err := s.Keepers.Rename(v.r.Context(), v.by, path, id, strings.TrimSpace(v.form.Get("name")))
			if errors.Is(err, countersign.ErrMalformed) {
				err = countersign.Invalid("name", "wrong", v.T("security.name_wrong"))
			}
			return "/account/security?done=renamed", err
		}
		if v.form.Get("sure") != "yes" {
			return "", countersign.Invalid("sure", "required", v.T("data.sure_required"))
		}
		err := s.Keepers.Remove(v.r.Context(), v.by, path, id)
		if errors.Is(err, countersign.ErrNotFound) {
			err = nil // it is gone already, which is what was wanted
		}
		return "/account/security?" + url.Values{"removed": {path}}.Encode(), err
	}
}

func (v *visit) mistakenItem(path string, id countersign.CredentialID, err error) error {
	p, findErr := v.itemPage(path, id)
	if findErr != nil {
		return findErr
	}
	if v.form.Get("do") != "remove" {
		p.failing = p.Name + "-rename"
	}
	var status int
	if errors.Is(err, countersign.ErrConflict) {
		p.problems, status = append(p.problems, problem{Text: v.T("security.only_way")}), 409
	} else {
		var ok bool
		if status, ok = p.explain(err, "", ""); !ok {
			return err
		}
	}
	v.site.render(v, status, "account-item", p)
	return nil
}

// nested is the action of a path below a tab: adding to a collection, or one
// credential of it.
func (s *site) nested(path string) action {
	collection, last, ok := strings.Cut(strings.TrimPrefix(path, "/account/"), "/")
	if !ok || s.Factors.Collections()[collection] == nil {
		return nil
	}
	if last == "add" {
		if _, ok := s.addable(collection); ok {
			return s.add(collection)
		}
		return nil
	}
	if !ids.Is("crd", last) {
		return nil
	}
	return s.manage(collection, countersign.CredentialID(last))
}

// action finds what a form of the account does, by its path; nil for no such form.
func (s *site) action(path string) action {
	if act := s.actions()[path]; act != nil {
		return act
	}
	return s.nested(path)
}

// changeNested answers POST below a tab.
func changeNested(v *visit) error {
	if v.mustSignIn() {
		return nil
	}
	act := v.site.nested(v.r.URL.Path)
	if act == nil {
		return countersign.ErrNotFound
	}
	return change(strings.TrimPrefix(v.r.URL.Path, "/account/"), act)(v)
}
