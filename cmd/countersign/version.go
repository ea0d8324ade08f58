package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

type versionCommand struct {
	JSON bool `help:"One JSON object: version, commit, built_at, modified, go, platform."`
}

// build says which program this is, as the Go linker wrote it down.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	At       string `json:"built_at"` // of the commit
	Modified bool   `json:"modified"` // the tree had changes that are in no commit
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func thisBuild() build {
	b := build{Version: "devel", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		b.Version = v
	}
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value
		case "vcs.time":
			b.At = s.Value
		case "vcs.modified":
			b.Modified = s.Value == "true"
		}
	}
	return b
}

// Run prints it.
func (c *versionCommand) Run(p *program) error {
	b := thisBuild()
	if c.JSON {
		return p.json(b)
	}
	commit := b.Commit
	if commit == "" {
		commit = "unknown"
	}
	if b.Modified {
		commit += " (with changes)"
	}
	_, err := fmt.Fprintf(p.out, "countersign %s\ncommit %s\n%s %s\n", b.Version, commit, b.Go, b.Platform)
	return err
}
