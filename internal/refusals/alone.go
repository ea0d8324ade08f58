package refusals

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/countersign-id/countersign"
)

// alone asks the method itself, so that it does not lean on the process: what
// the process checks as well is checked twice.
func alone(t *testing.T, c Case) {
	right := c.Evidence(t)
	proof, err := c.Method.Check(t.Context(), right)
	if err != nil || proof.Identity == "" || proof.Identity != right.Subject.Identity {
		t.Fatalf("right evidence proves %q: %v", proof.Identity, err)
	}
	if proof.Method != c.Method.Name() || proof.Factor.Count() == 0 || proof.At.IsZero() {
		t.Errorf("a proof without method, factor or time: %+v", proof)
	}
	if proof.Bound != (len(c.Elsewhere) > 0) {
		t.Errorf("the proof says it is bound to our origin: %t; evidence from another one is given: %t", proof.Bound, len(c.Elsewhere) > 0)
	}
	deny := func(what string, change func(*countersign.Evidence)) {
		t.Helper()
		e := c.Evidence(t)
		change(&e)
		if got, err := c.Method.Check(t.Context(), e); !shown(err) || got.Identity != "" {
			t.Errorf("%s: %v, and a proof of %q", what, err, got.Identity)
		}
	}
	if len(c.Elsewhere) > 0 {
		deny("evidence from another origin", func(e *countersign.Evidence) { e.Answer = c.Elsewhere })
	}
	deny("a stranger", func(e *countersign.Evidence) { e.Subject = countersign.Subject{Address: e.Subject.Address} })
	deny("a subject without identity", func(e *countersign.Evidence) { e.Subject.Identity = "" })
	deny("somebody who has not enrolled or was not asked", func(e *countersign.Evidence) {
		e.Subject, e.Asked = countersign.Subject{Identity: "idn_eve", Address: Eve}, nil
	})
	_, asks := c.Method.(countersign.Challenger)
	if asks && !c.Bearer {
		deny("a challenge for another identity", func(e *countersign.Evidence) { e.Subject.Identity = "idn_eve" })
		deny("a challenge for another address", func(e *countersign.Evidence) { e.Subject.Address = Eve })
	}
	if asks {
		deny("a challenge that is not this method's", func(e *countersign.Evidence) { e.Asked = []byte("{") })
		deny("a challenge that holds nothing", func(e *countersign.Evidence) { e.Asked = []byte("{}") })
		deny("somebody else's challenge", func(e *countersign.Evidence) { e.Asked = c.Evidence(t).Asked })
	}
	for what, bad := range Bad(t, right.Answer) {
		deny(what, func(e *countersign.Evidence) { e.Answer = bad })
	}
	for what, bad := range malformed(right.Answer) {
		e := right
		e.Answer = bad
		if _, err := c.Method.Check(t.Context(), e); !errors.Is(err, countersign.ErrMalformed) {
			t.Errorf("%s: %v, want it called malformed", what, err)
		}
	}
}

// Bad derives everything that is not the right answer from the one that is.
func Bad(t *testing.T, right json.RawMessage) map[string]json.RawMessage {
	t.Helper()
	all := malformed(right)
	var fields map[string]string
	if err := json.Unmarshal(right, &fields); err != nil {
		t.Fatalf("the right answer is no object of strings: %v", err)
	}
	for name, value := range fields {
		if name == "method" {
			continue
		}
		if value == "" {
			t.Fatalf("the right answer has nothing in %s", name)
		}
		last := value[len(value)-1]
		for what, wrong := range map[string]any{
			"an empty ":                     "",
			"a blank ":                      " ",
			"no text but a zero byte as ":   "\x00",
			"the last character changed in": value[:len(value)-1] + string(rune(last^1)),
			"one character less in ":        value[:len(value)-1],
			"one character more in ":        value + "0",
			"twice ":                        value + value,
			"ten thousand characters of ":   string(make([]rune, 10_000)) + value,
			"null as ":                      nil,
			"a number as ":                  1,
			"true as ":                      true,
			"a list as ":                    []string{value},
			"an object as ":                 map[string]string{name: value},
		} {
			all[what+name] = with(fields, name, wrong)
		}
	}
	return all
}

// with gives the answer with one field replaced.
func with(fields map[string]string, name string, value any) json.RawMessage {
	out := map[string]any{name: value}
	for other, have := range fields {
		if other != name {
			out[other] = have
		}
	}
	b, err := json.Marshal(out)
	if err != nil {
		panic("refusals: plain values always encode: " + err.Error())
	}
	return b
}

// malformed is what has not the form of an answer, whatever is in it. JSON that
// two readers may read differently (RFC 8259 section 4: names not unique) is not.
func malformed(right json.RawMessage) map[string]json.RawMessage {
	whole := string(right)
	inside := whole[1 : len(whole)-1]
	return map[string]json.RawMessage{
		"nothing":                   nil,
		"text":                      json.RawMessage(`"evidence"`),
		"a number":                  json.RawMessage("1"),
		"the answer in a list":      json.RawMessage("[" + whole + "]"),
		"half the answer":           right[:len(right)/2],
		"the answer twice":          json.RawMessage(whole + whole),
		"every name twice":          json.RawMessage("{" + inside + "," + inside + "}"),
		"a name that nobody knows":  json.RawMessage("{" + inside + `,"extra":1}`),
		"an identity of its own":    json.RawMessage("{" + inside + `,"identity":"idn_eve"}`),
		"a byte after the end":      json.RawMessage(whole + "\x00"),
		"bytes that are not UTF-8":  json.RawMessage("{" + inside + ",\"\xff\":1}"),
		"a value that is not UTF-8": json.RawMessage("{" + inside[:len(inside)-1] + "\xff\"}"),
	}
}
