package main

import (
	"context"
	"fmt"

	"github.com/countersign-id/countersign"
	"github.com/countersign-id/countersign/audit"
	"github.com/countersign-id/countersign/server"
)

type auditCommands struct {
	List   auditList   `cmd:"" help:"List events, newest first."`
	Verify auditVerify `cmd:"" help:"Find a removed, added or altered record. Exit status 1 if there is one."`
}

type auditList struct {
	Identity string `placeholder:"WHO" help:"Only what was done to this identity (an id also when it is deleted)."`
	Action   string `placeholder:"ACTION" help:"Only this action, such as session.opened or proof.refused."`
	page
}

// Run lists them.
func (c *auditList) Run(ctx context.Context, p *program) error {
	return p.with(ctx, false, func(s *server.Server) error {
		f := countersign.EventFilter{Action: c.Action}
		if c.Identity != "" {
			subject, err := subject(ctx, s, c.Identity)
			if err != nil {
				return err
			}
			f.Subject = subject
		}
		items, more, err := gather(c.page, func(before string, limit int) ([]countersign.Event, string, error) {
			return s.Admin.Events(ctx, operator(), f, before, limit)
		})
		if err != nil {
			return err
		}
		return list(p, c.page, items, more, []string{"AT", "ACTION", "OUTCOME", "SUBJECT", "ACTOR", "METHOD", "NETWORK", "REASON"}, func(e countersign.Event) []string {
			return []string{stamp(e.At), e.Action, e.Outcome, string(e.Subject), e.Actor, e.Method, e.Network, e.Reason}
		})
	})
}

type auditVerify struct {
	JSON bool `help:"One JSON document: chains, records, flaws."`
}

// Run checks every record. It reads the whole log, in constant memory.
func (c *auditVerify) Run(ctx context.Context, p *program) error {
	return p.with(ctx, false, func(s *server.Server) error {
		report, err := audit.Verify(ctx, s.Store, s.Store.ChainKey())
		if err != nil {
			return err
		}
		if c.JSON {
			if report.Flaws == nil {
				report.Flaws = []audit.Flaw{}
			}
			err = p.json(report)
		} else {
			p.flaws(report)
		}
		if err == nil && !report.Sound() {
			return errUnsound
		}
		return err
	})
}

func (p *program) flaws(r audit.Report) {
	for _, f := range r.Flaws {
		fmt.Fprintf(p.out, "chain %s, record %d %s: %s\n", plain(f.Chain), f.N, plain(f.Event), plain(f.What))
	}
	if r.More > 0 {
		fmt.Fprintf(p.out, "and %d more\n", r.More)
	}
	if r.Sound() {
		fmt.Fprintf(p.out, "The record is sound: %d events in %d chains.\n", r.Records, r.Chains)
		return
	}
	fmt.Fprintf(p.out, "The record was tampered with: %d flaws among %d events in %d chains. Compare with a backup.\n", len(r.Flaws)+r.More, r.Records, r.Chains)
}
