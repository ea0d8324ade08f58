package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/countersign-id/countersign/config"
)

// doctorCommand looks at everything a server needs and changes nothing: the one
// write it tries is rolled back, and no mail is sent unless asked for.
type doctorCommand struct {
	SendTest string `placeholder:"ADDRESS" help:"Send a test mail there."`
	JSON     bool   `help:"One JSON document: ok and checks."`
}

// The ends of a check.
const (
	fine = "ok"
	warn = "warn"
	bad  = "fail"
)

// finding is one line of the doctor's.
type finding struct {
	Check string `json:"check"`
	State string `json:"state"` // ok, warn or fail
	Found string `json:"found"`
	Mend  string `json:"mend,omitempty"` // what to do, as a command or a setting
}

// visit is one run of the doctor.
type visit struct {
	conf     config.Config
	now      func() time.Time
	sendTest string
	findings []finding
}

func (v *visit) fine(check, format string, args ...any) {
	v.findings = append(v.findings, finding{check, fine, fmt.Sprintf(format, args...), ""})
}

func (v *visit) warn(check, mend, format string, args ...any) {
	v.findings = append(v.findings, finding{check, warn, fmt.Sprintf(format, args...), mend})
}

func (v *visit) fail(check, mend, format string, args ...any) {
	v.findings = append(v.findings, finding{check, bad, fmt.Sprintf(format, args...), mend})
}

// Run checks everything, prints a line for each check and what to mend.
func (c *doctorCommand) Run(ctx context.Context, p *program) error {
	conf, err := p.load()
	v := &visit{conf: conf, now: p.now, sendTest: c.SendTest}
	if !v.configuration(err) {
		// What follows would only repeat what is wrong with the settings.
		return v.report(p, c.JSON)
	}
	begin := p.now()
	for _, check := range []func(context.Context){
		v.folder, v.sealKey, v.database, v.mail, v.messages, v.passkeys, v.tls, v.address, v.proxy, v.disk, v.descriptors, v.memory,
	} {
		if err := ctx.Err(); err != nil {
			return err
		}
		check(ctx)
	}
	v.clock(begin)
	return v.report(p, c.JSON)
}

func (v *visit) configuration(err error) bool {
	var problems config.Problems
	for _, w := range v.conf.Warnings() {
		mend := w.Try
		w.Try = ""
		v.warn("config", mend, "%s", w.Error())
	}
	if errors.As(err, &problems) {
		for _, w := range problems {
			mend := w.Try
			w.Try = ""
			v.fail("config", mend, "%s", w.Error())
		}
		return false
	}
	if len(v.conf.Warnings()) == 0 {
		v.fine("config", "every setting is good")
	}
	return true
}

func (v *visit) report(p *program, asJSON bool) error {
	count := map[string]int{}
	for _, f := range v.findings {
		count[f.State]++
	}
	if asJSON {
		if err := p.json(struct {
			OK     bool      `json:"ok"`
			Checks []finding `json:"checks"`
		}{count[bad] == 0, v.findings}); err != nil {
			return err
		}
	} else if err := v.print(p, count); err != nil {
		return err
	}
	if count[bad] > 0 {
		return errUnsound
	}
	return nil
}

func (v *visit) print(p *program, count map[string]int) error {
	w := tabwriter.NewWriter(p.out, 0, 8, 2, ' ', 0)
	for _, f := range v.findings {
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.State, f.Check, plain(f.Found))
		if f.Mend != "" {
			fmt.Fprintf(w, "\t\t-> %s\n", plain(f.Mend))
		}
	}
	fmt.Fprintf(w, "\n%d fine, %d to look at, %d to mend\n", count[fine], count[warn], count[bad])
	return w.Flush()
}
