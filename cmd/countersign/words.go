package main

import (
	"errors"

	"github.com/alecthomas/kong"
)

// words is the grammar: every command and flag, with one line about each.
type words struct {
	Config string   `placeholder:"FILE" help:"Settings, as one TOML file (or COUNTERSIGN_CONFIG)."`
	Data   string   `placeholder:"DIR" help:"Folder of the SQLite database and the keys (or COUNTERSIGN_DATA; ./countersign-data)."`
	Set    []string `placeholder:"SECTION.KEY=VALUE" sep:"none" help:"Set one setting; may be repeated. The last word over file and environment."`
	Help   helpFlag `short:"h" help:"Say more about a command."`

	Serve     serveCommand     `cmd:"" group:"server" help:"Run the server."`
	Migrate   migrateCommand   `cmd:"" group:"server" help:"Bring the database schema up to date."`
	SetupLink setupLinkCommand `cmd:"" group:"server" help:"Print a fresh link that makes the first administrator."`
	Doctor    doctorCommand    `cmd:"" group:"server" help:"Check configuration, database, keys, mail, TLS; say what to mend."`
	Calibrate calibrateCommand `cmd:"" group:"server" help:"Measure this machine; propose hash parameters for a sign-in time."`

	Cfg      configCommands   `cmd:"" name:"config" group:"server" help:"Check, show and explain the settings."`
	Identity identityCommands `cmd:"" group:"people" help:"People, services and guests."`
	Session  sessionCommands  `cmd:"" group:"people" help:"Sessions of an identity."`
	Audit    auditCommands    `cmd:"" group:"people" help:"The record of everything that happened."`

	Version    versionCommand    `cmd:"" group:"program" help:"Say which program this is."`
	Completion completionCommand `cmd:"" group:"program" help:"Print the completion script of a shell."`
	Assist     helpCommand       `cmd:"" name:"help" group:"program" help:"Say more about a command."`
	Complete   completeCommand   `cmd:"" name:"__complete" hidden:"" passthrough:"all"`
}

// groups are the headings of the overview, in their order.
var groups = []kong.Group{
	{Key: "server", Title: "The server"},
	{Key: "people", Title: "People and what they do"},
	{Key: "program", Title: "This program"},
}

// grammar builds the parser. It prints nothing and never exits: run does both.
func (p *program) grammar() (*kong.Kong, error) {
	p.words = words{Config: "", Data: ""}
	k, err := kong.New(&p.words, kong.Name("countersign"), kong.NoDefaultHelp(), kong.ExplicitGroups(groups),
		kong.Description("An identity server: accounts, sign-in, sessions."),
		kong.Exit(func(int) {}), kong.Writers(p.out, p.err))
	return k, err
}

// errHelp says that the words ask for help, wherever in them it stands.
var errHelp = errors.New("help")

// helpFlag stops the reading of words before anything is found missing.
type helpFlag bool

// IgnoreDefault keeps kong from calling the hook for a flag that is not there.
func (helpFlag) IgnoreDefault() {}

// BeforeReset is kong's hook for a flag that is.
func (helpFlag) BeforeReset() error { return errHelp }

// page says which part of a list to print.
type page struct {
	Limit int    `default:"50" placeholder:"N" help:"How many at most, up to 100000 (50)."`
	After string `placeholder:"ID" help:"The \"next\" of the page before."`
	JSON  bool   `help:"One JSON document: items and next, as in the API."`
}

// Validate is kong's hook.
func (l page) Validate() error {
	if l.Limit < 1 || l.Limit > 100000 {
		return errors.New("--limit is 1 to 100000")
	}
	return nil
}

// asJSON is for commands that answer with one thing.
type asJSON struct {
	JSON bool `help:"One JSON document, as in the API."`
}
