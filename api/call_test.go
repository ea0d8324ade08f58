package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/internal/door"
)

const signIn = `{"purpose":"sign_in","identifier":"ada@example.com","evidence":{"method":"password","password":"correct horse"}}`

func completed(h *house, issue string) {
	h.result = completeAttempt().Result
	h.result.Secret, h.result.Issue, h.result.Proved = "cs_ses_new", issue, adaID
}

func TestASignInByABrowserGetsACookieAndNoTokenInTheBody(t *testing.T) {
	h := newHouse(t)
	completed(h, "cookie")
	w := h.ask(t, "POST", attemptsPath, signIn)
	if w.Code != 200 || strings.Contains(w.Body.String(), "cs_ses_") || strings.Contains(w.Body.String(), "session_token") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	cookies := w.Result().Cookies()
	if len(cookies) != 2 || cookies[0].Name != "__Host-countersign" || cookies[0].Value != "cs_ses_new" || cookies[1].Name != "__Host-countersign-device" {
		t.Fatalf("cookies: %v", cookies)
	}
	for _, c := range cookies {
		if !c.HttpOnly || !c.Secure || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.MaxAge <= 0 || c.Domain != "" {
			t.Errorf("the cookie is not safe: %s", c)
		}
	}
	if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("an answer with a secret may be kept: %v", w.Header())
	}
}

func TestASignInByAProgramGetsItsTokenOnlyWhenItAskedForOne(t *testing.T) {
	h := newHouse(t)
	completed(h, "session_token")
	w := h.ask(t, "POST", attemptsPath, strings.Replace(signIn, "{", `{"issue":"session_token",`, 1))
	if !strings.Contains(w.Body.String(), `"session_token":"cs_ses_new"`) || len(w.Result().Cookies()) != 0 {
		t.Errorf("%s, cookies %v", w.Body, w.Result().Cookies())
	}
	if h.started.Issue != "session_token" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("issue %q, %v", h.started.Issue, w.Header())
	}
}

func TestAnAttemptIsWrittenWithoutWhatIsNotSo(t *testing.T) {
	w := newHouse(t).ask(t, "GET", anAttempt, "")
	want := `{"id":"att_01jd9q3v8m4g6j8m0p2r4t6w8y0a2c4e","purpose":"sign_in","state":"needs_evidence","methods":[{"method":"password"},{"method":"email_code","to":"a•••@example.com"}],` +
		`"assurance":{"reached":"aal0","required":"aal1"},"expires_at":"2026-11-22T15:00:00Z"}` + "\n"
	if diff := cmp.Diff(want, w.Body.String()); diff != "" {
		t.Error(diff)
	}
}

func TestEvidenceReachesItsMethodByteForByte(t *testing.T) {
	h := newHouse(t)
	h.ask(t, "POST", attemptsPath, `{"purpose":"sign_in","evidence": {"method":"x", "n":12345678901234567890.10}}`)
	if got := string(h.started.Evidence); got != `{"method":"x", "n":12345678901234567890.10}` {
		t.Errorf("evidence became %s", got)
	}
	h.ask(t, "POST", attemptsPath, `{"purpose":"sign_in","evidence":null}`)
	if h.started.Evidence != nil {
		t.Errorf("null evidence became %s", h.started.Evidence)
	}
}

func TestReturningToAnAllowedPlaceIsAccepted(t *testing.T) {
	h := newHouse(t)
	for _, to := range []string{"/account", "/a?b=c#d", "https://app.example.com/x", "https://id.example.com/account"} {
		if w := h.ask(t, "POST", attemptsPath, `{"purpose":"sign_in","return_to":"`+to+`"}`); w.Code != 200 || h.started.ReturnTo != to {
			t.Errorf("%s: %d, %q", to, w.Code, h.started.ReturnTo)
		}
	}
}

func TestSigningOutExpiresTheCookieAndNeedsASession(t *testing.T) {
	h := newHouse(t)
	if w := h.ask(t, "DELETE", "/v1/session", ""); w.Code != 401 || h.calls() != 0 {
		t.Errorf("a stranger signed out: %d", w.Code)
	}
	w := h.ask(t, "DELETE", "/v1/session", "", "Cookie", "__Host-countersign="+goodToken)
	if c := w.Result().Cookies(); w.Code != 204 || w.Body.Len() != 0 || len(c) != 1 || c[0].MaxAge != -1 || c[0].Value != "" || c[0].Name != "__Host-countersign" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

func TestASessionIsShownToItsOwnerByCookieAndByToken(t *testing.T) {
	h := newHouse(t)
	want, err := json.Marshal(sampleWho())
	if err != nil {
		t.Fatal(err)
	}
	for _, head := range [][]string{{"Authorization", "Bearer " + goodToken}, {"Authorization", "bearer " + goodToken}, {"Cookie", "a=b; __Host-countersign=" + goodToken},
		{"Cookie", "__Host-countersign=" + goodToken, "Authorization", "Bearer " + goodToken}} {
		w := h.ask(t, "GET", "/v1/session", "", head...)
		if diff := cmp.Diff(string(want)+"\n", w.Body.String()); w.Code != 200 || diff != "" || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%v: %d %s", head, w.Code, diff)
		}
		if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("X-Request-Id") == "" {
			t.Errorf("%v: headers %v", head, w.Header())
		}
	}
}

func TestAnOldCookieMakesAStrangerAndAnOldTokenIsRefused(t *testing.T) {
	h := newHouse(t)
	if w := h.ask(t, "POST", attemptsPath, signIn, "Cookie", "__Host-countersign=cs_ses_old"); w.Code != 200 {
		t.Errorf("an old cookie keeps its browser from signing in: %d", w.Code)
	}
	w := h.ask(t, "POST", attemptsPath, signIn, "Authorization", "Bearer cs_ses_old")
	if w.Code != 401 || !strings.Contains(w.Header().Get("WWW-Authenticate"), "invalid_token") {
		t.Errorf("an old token: %d %s", w.Code, w.Header().Get("WWW-Authenticate"))
	}
}

func TestAStoreThatIsDownIsSaidSoAndNotTakenForNobody(t *testing.T) {
	h := newHouse(t)
	for _, target := range []string{"/v1/session", "/v1/account"} {
		w := h.ask(t, "GET", target, "", "Authorization", "Bearer cs_ses_down")
		if w.Code != 503 || w.Header().Get("Retry-After") != "1" || !strings.Contains(w.Body.String(), `"overloaded"`) {
			t.Errorf("%s: %d %v %s", target, w.Code, w.Header(), w.Body)
		}
	}
}

func TestWhatNobodyForesawIsLoggedAndNotShown(t *testing.T) {
	h := newHouse(t)
	h.fail = errors.New("disk says no to secret-path")
	w := h.ask(t, "GET", "/v1/account", "", signedIn...)
	if w.Code != 500 || strings.Contains(w.Body.String(), "disk") || !strings.Contains(h.log.String(), "disk says no") || !strings.Contains(h.log.String(), w.Header().Get("X-Request-Id")) {
		t.Errorf("%d %s\n%s", w.Code, w.Body, h.log)
	}
	checkProblem(t, "an unforeseen error", w.Code, w.Header(), w.Body.Bytes())
}

func TestAPanicBecomesA500WithoutItsValueInTheLog(t *testing.T) {
	h := newHouse(t)
	w := h.ask(t, "POST", anAttempt+"/evidence", `{"method":"panic"}`)
	checkProblem(t, "a panic", 500, w.Header(), w.Body.Bytes())
	if strings.Contains(h.log.String(), "secret-in-a-panic") || !strings.Contains(h.log.String(), "house_test.go") {
		t.Errorf("log: %.300s", h.log)
	}
}

func TestTheReasonOfARefusalStaysInside(t *testing.T) {
	h := newHouse(t)
	h.fail = countersign.NoMatch("no such identity")
	w := h.ask(t, "POST", attemptsPath, signIn)
	if w.Code != 401 || strings.Contains(w.Body.String(), "no such identity") || !strings.Contains(w.Body.String(), `"invalid_credentials"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	h.fail = countersign.SlowDown(90*time.Second+time.Millisecond, "guesses")
	if w := h.ask(t, "POST", attemptsPath, signIn); w.Code != 429 || w.Header().Get("Retry-After") != "91" {
		t.Errorf("%d, Retry-After %q", w.Code, w.Header().Get("Retry-After"))
	}
}

func TestFieldErrorsNameTheFieldAndSayWhatToDo(t *testing.T) {
	h := newHouse(t)
	for body, want := range map[string]countersign.FieldError{
		`{}`:                       {Field: "purpose", Code: "required", Message: "The field is missing."},
		`{"purpose":"x"}`:          {Field: "purpose", Code: "not_offered", Message: `The value must be one of "sign_in, sign_up, recover, step_up, verify".`},
		start(`"nmae":"x"`):        {Field: "nmae", Code: "unknown", Message: "There is no such field here."},
		start(`"traits":{"x":1}`):  {Field: "traits.x", Code: "unknown", Message: "There is no such field here."},
		start(`"identifier":7`):    {Field: "identifier", Code: "wrong_type", Message: "The value must be a text."},
		start(`"evidence":{}`):     {Field: "evidence.method", Code: "required", Message: "The field is missing."},
		start(`"purpose":"x"`):     {Field: "purpose", Code: "duplicate", Message: "The field is there twice."},
		start(`"return_to":"//x"`): {Field: "return_to", Code: "not_allowed", Message: "People cannot be sent back to that place."},
	} {
		var p problem
		if err := json.Unmarshal(h.ask(t, "POST", attemptsPath, body).Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]countersign.FieldError{want}, p.Errors); diff != "" {
			t.Errorf("%s: %s", body, diff)
		}
	}
}

func TestAParameterOutOfRangeIsToldTheRange(t *testing.T) {
	h := newHouse(t)
	for query, want := range map[string]countersign.FieldError{
		"limit=0":   {Field: "limit", Code: "too_small", Message: "The number must be at least 1."},
		"limit=201": {Field: "limit", Code: "too_large", Message: "The number must be at most 200."},
		"limit=x":   {Field: "limit", Code: "wrong_type", Message: "The parameter must be a whole number."},
	} {
		var p problem
		if err := json.Unmarshal(h.ask(t, "GET", "/v1/sessions?"+query, "", signedIn...).Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]countersign.FieldError{want}, p.Errors); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
}

func TestAPageSaysWhereTheNextBegins(t *testing.T) {
	h := newHouse(t)
	w := h.ask(t, "GET", "/v1/sessions?limit=1", "", signedIn...)
	if !strings.Contains(w.Body.String(), `"next":"`+string(sampleSession().ID)+`"`) {
		t.Errorf("%s", w.Body)
	}
	if w := h.ask(t, "GET", "/v1/account/activity", "", signedIn...); w.Body.String() != "{\"items\":[],\"next\":null}\n" {
		t.Errorf("an empty list is %s", w.Body)
	}
}

func TestAnAnswerIsGivenAgainForTheSameKeyAndRequest(t *testing.T) {
	h := newHouse(t)
	completed(h, "cookie")
	head := []string{"Idempotency-Key", "k-1"}
	one, two := h.ask(t, "POST", attemptsPath, signIn, head...), h.ask(t, "POST", attemptsPath, signIn, head...)
	if h.calls() != 1 || two.Code != one.Code || two.Body.String() != one.Body.String() || two.Header().Get("Idempotent-Replayed") != "true" {
		t.Errorf("%d calls; %d %s", h.calls(), two.Code, two.Body)
	}
	if diff := cmp.Diff(one.Header()["Set-Cookie"], two.Header()["Set-Cookie"]); diff != "" {
		t.Errorf("the cookies differ: %s", diff)
	}
	if one.Header().Get("X-Request-Id") == two.Header().Get("X-Request-Id") {
		t.Error("two requests have one id")
	}
}

func TestAKeyBelongsToItsRequestItsRouteAndItsCaller(t *testing.T) {
	h := newHouse(t)
	head := []string{"Idempotency-Key", "k-1"}
	h.ask(t, "POST", attemptsPath, signIn, head...)
	if w := h.ask(t, "POST", attemptsPath, `{"purpose":"sign_up"}`, head...); w.Code != 409 || !strings.Contains(w.Body.String(), "another request") {
		t.Errorf("another body: %d %s", w.Code, w.Body)
	}
	for name, w := range map[string]int{
		"another route":    h.ask(t, "POST", anAttempt+"/challenges", `{"method":"x"}`, head...).Code,
		"another stranger": h.ask(t, "POST", attemptsPath, `{"purpose":"sign_up"}`, append(head, "Peer", "192.0.2.8:1")...).Code,
		"somebody":         h.ask(t, "POST", attemptsPath, `{"purpose":"sign_up"}`, append(head, signedIn...)...).Code,
	} {
		if w >= 400 {
			t.Errorf("%s was refused the key: %d", name, w)
		}
	}
	for key, kept := range h.replies.kept {
		if strings.Contains(key+string(kept.request), "k-1") || strings.Contains(string(kept.request), "correct horse") {
			t.Error("a key or a body is kept readable")
		}
	}
}

func TestAKeyIsGivenBackWhenTryingAgainMayHelp(t *testing.T) {
	h := newHouse(t)
	head := []string{"Idempotency-Key", "k-1"}
	for _, fail := range []error{countersign.ErrOverloaded, countersign.SlowDown(time.Second, ""), errors.New("unforeseen")} {
		h.fail = fail
		h.ask(t, "POST", attemptsPath, signIn, head...)
	}
	h.ask(t, "POST", anAttempt+"/evidence", `{"method":"panic"}`, head...)
	if len(h.replies.kept) != 0 {
		t.Errorf("%d keys are still taken", len(h.replies.kept))
	}
	// A stranger's mistakes are not worth a row each; those of somebody are theirs to repeat.
	for who, kept := range map[string]bool{"stranger": false, "somebody": true} {
		also := head
		if kept {
			also = append(head, signedIn...)
		}
		h.fail = countersign.NoMatch("wrong")
		h.ask(t, "POST", attemptsPath, signIn, also...)
		h.fail = nil
		if w := h.ask(t, "POST", attemptsPath, signIn, also...); (w.Code == 401) != kept {
			t.Errorf("%s: a refusal is kept: %v", who, w.Code == 401)
		}
	}
}

func TestARequestThatIsStillBeingDoneIsNotDoneTwice(t *testing.T) {
	h := newHouse(t)
	head := []string{"Idempotency-Key", "k-1"}
	h.ask(t, "POST", attemptsPath, signIn, head...)
	for _, kept := range h.replies.kept {
		kept.answer = nil // as if the first were under way
	}
	w := h.ask(t, "POST", attemptsPath, signIn, head...)
	if w.Code != 409 || w.Header().Get("Retry-After") != "1" || !strings.Contains(w.Body.String(), "being done") || h.calls() != 1 {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
}

func TestOfManyRequestsWithOneKeyOneIsDone(t *testing.T) {
	h := newHouse(t)
	var all sync.WaitGroup
	codes := make([]int, 100)
	for i := range codes {
		all.Go(func() { codes[i] = h.ask(t, "POST", attemptsPath, signIn, "Idempotency-Key", "k").Code })
	}
	all.Wait()
	if h.calls() != 1 {
		t.Errorf("done %d times", h.calls())
	}
	for _, code := range codes {
		if code != 200 && code != 409 {
			t.Errorf("answer %d", code)
		}
	}
}

func TestRoutesAreCountedByPatternAndNeverByPath(t *testing.T) {
	var seen []door.Seen
	h := newHouse(t, func(d *door.Door) { d.Observe = func(s door.Seen) { s.Duration = 0; seen = append(seen, s) } })
	h.ask(t, "GET", anAttempt, "")
	h.ask(t, "BREW", "/v1/nothing-of-ours", "")
	want := []door.Seen{{Route: "GET /v1/attempts/{id}", Method: "GET", Status: 200}, {Route: "/v1/", Method: "other", Status: 404}}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Error(diff)
	}
	if strings.Contains(h.log.String(), "att_01") || strings.Contains(h.log.String(), "nothing-of-ours") {
		t.Errorf("the log has a path: %s", h.log)
	}
}
