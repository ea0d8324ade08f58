package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/countersign-id/countersign/admin"
	"github.com/countersign-id/countersign/server"
)

type identityFactors struct {
	whom
	asJSON
}

// Run lists what one has set up.
func (c *identityFactors) Run(ctx context.Context, p *program) error {
	return p.with(ctx, false, func(s *server.Server) error {
		i, err := find(ctx, s, c.Who)
		if err != nil {
			return err
		}
		items, err := s.Admin.Factors(ctx, operator(), i.ID)
		if err != nil {
			return err
		}
		l := page{Limit: len(items), JSON: c.JSON}
		return list(p, l, items, "", []string{"ID", "METHOD", "NAME", "SET UP", "LAST USED", "DETAIL"}, func(f admin.Factor) []string {
			used := ""
			if f.UsedAt != nil {
				used = stamp(*f.UsedAt)
			}
			return []string{string(f.ID), f.Method, f.Name, stamp(f.CreatedAt), used, details(f.Detail)}
		})
	})
}

// details writes what a method tells as name=value; pictures and the like are only in the JSON.
func details(d map[string]any) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(d)) {
		text, ok := d[name].(string)
		if !ok {
			if b, err := json.Marshal(d[name]); err == nil {
				text = string(b)
			}
		}
		if text != "" && len(text) <= 64 && !strings.ContainsAny(text, "[{") {
			parts = append(parts, name+"="+text)
		}
	}
	return strings.Join(parts, " ")
}

type identityResetFactor struct {
	whom
	Reason string `required:"" placeholder:"TEXT" help:"Why, in up to 200 characters: for the record, and for the letter to its owner."`
}

// Run resets what one has lost. How the operator knows who asks is theirs to say, in the reason.
func (c *identityResetFactor) Run(ctx context.Context, p *program) error {
	return p.with(ctx, false, func(s *server.Server) error {
		i, err := find(ctx, s, c.Who)
		if err != nil {
			return err
		}
		before, err := s.Admin.Factors(ctx, operator(), i.ID)
		if err != nil {
			return err
		}
		if err := s.Admin.ResetFactors(ctx, operator(), i.ID, c.Reason); err != nil {
			return err
		}
		after, err := s.Admin.Factors(ctx, operator(), i.ID)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(p.out, "Reset %d factor(s) of %s (%s). All sessions have ended.\n", len(before)-len(after), i.ID, plain(called(i)))
		return err
	})
}
