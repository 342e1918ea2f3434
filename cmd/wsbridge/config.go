package main

import (
	"fmt"

	"github.com/alecthomas/kong"
)

type configCommand struct {
	Check configCheckCommand `cmd:"" help:"Say what is wrong with the settings, if anything. Exit status 0: nothing is."`
	Show  configShowCommand  `cmd:"" help:"Print the settings as a YAML file, and where each comes from. Secrets are left out."`
}

type configCheckCommand struct {
	Dev      bool `help:"As serve --dev would run."`
	settings `kong:"-"`
	kong.Plugins
}

func (c *configCheckCommand) Run(t *terminal) error {
	cfg, err := c.load(t, c.Dev)
	if err != nil {
		return err
	}
	if err := cfg.Validate(); err != nil {
		return err
	}
	for _, warning := range cfg.Warnings() {
		fmt.Fprintln(t.err, "warning:", warning)
	}
	fmt.Fprintln(t.out, "ok")
	return nil
}

type configShowCommand struct {
	Dev      bool `help:"As serve --dev would run."`
	settings `kong:"-"`
	kong.Plugins
}

func (c *configShowCommand) Run(t *terminal) error {
	cfg, err := c.load(t, c.Dev)
	if err != nil {
		return err
	}
	return cfg.Show(t.out)
}
