package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/countersign-id/countersign/config"
	"github.com/countersign-id/countersign/server"
)

// reference is docs/config.md, which is made from the code; a test keeps this copy equal.
//
//go:embed reference.md
var reference string

type configCommands struct {
	Check     configCheck     `cmd:"" help:"Say everything that is wrong, with file, line, key and cure."`
	Show      configShow      `cmd:"" help:"Show what is in force and where it came from; secrets hidden."`
	Reference configReference `cmd:"" help:"Explain every setting."`
}

// load reads the settings from file, environment and --set.
func (p *program) load() (config.Config, error) {
	source := config.Source{File: p.words.Config, DataDir: p.words.Data, Env: p.env, Set: p.words.Set}
	if source.File == "" {
		source.File = p.variable("COUNTERSIGN_CONFIG")
	}
	if source.DataDir == "" {
		source.DataDir = p.variable("COUNTERSIGN_DATA")
	}
	return config.Load(source)
}

// variable reads the environment; of two lines with one name the later counts, as in a shell.
func (p *program) variable(name string) (value string) {
	for _, line := range p.env {
		if v, found := strings.CutPrefix(line, name+"="); found {
			value = v
		}
	}
	return value
}

// warn prints what is allowed and probably not meant.
func (p *program) warn(c config.Config) {
	for _, w := range c.Warnings() {
		fmt.Fprintf(p.err, "warning: %s\n", w.Error())
	}
}

type configCheck struct {
	JSON bool `help:"One JSON document: ok, problems, warnings."`
}

// Run says everything at once.
func (c *configCheck) Run(p *program) error {
	conf, err := p.load()
	if err == nil {
		err = server.Check(conf)
	}
	problems, known := err.(config.Problems)
	if err != nil && !known {
		return err
	}
	if c.JSON {
		return errAfter(len(problems) > 0, p.json(struct {
			OK       bool            `json:"ok"`
			Problems config.Problems `json:"problems"`
			Warnings config.Problems `json:"warnings"`
		}{len(problems) == 0, append(config.Problems{}, problems...), append(config.Problems{}, conf.Warnings()...)}))
	}
	p.warn(conf)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(p.out, "The configuration is good.")
	return err
}

// errAfter is the status of a check whose answer was printed as JSON.
func errAfter(wrong bool, printing error) error {
	if printing == nil && wrong {
		return &refusal{status: off, wrong: "the configuration is off"}
	}
	return printing
}

type configShow struct {
	JSON bool `help:"One JSON object: section.key to value and source."`
}

// Run shows the settings even when some are wrong: seeing them helps to mend them.
func (c *configShow) Run(p *program) error {
	conf, err := p.load()
	if problems, known := err.(config.Problems); err != nil && !known || len(problems) > 0 && c.JSON {
		return err
	}
	if shown := conf.Show(p.out, c.JSON); shown != nil {
		return shown
	}
	return err
}

type configReference struct {
	Section string `arg:"" optional:"" help:"Only this section, such as password."`
}

// Run prints the reference, or the sections that begin as asked.
func (c *configReference) Run(p *program) error {
	if c.Section == "" {
		_, err := fmt.Fprint(p.out, reference)
		return err
	}
	parts := strings.Split(reference, "\n## ")
	found := false
	for _, part := range parts[1:] {
		name, _, _ := strings.Cut(part, "\n")
		if name == c.Section || strings.HasPrefix(name, c.Section+".") {
			fmt.Fprintf(p.out, "## %s\n", strings.TrimRight(part, "\n"))
			found = true
		}
	}
	if !found {
		return &refusal{status: off, wrong: fmt.Sprintf("there is no section %q", c.Section), try: "countersign config reference"}
	}
	return nil
}

// json prints one document.
func (p *program) json(v any) error {
	e := json.NewEncoder(p.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}
