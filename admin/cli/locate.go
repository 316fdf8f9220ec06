package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"ledge/appliance/options"
)

// packagedConfig configures the node that a package of ledge has installed.
const packagedConfig = "/etc/ledge/ledge.yaml"

// locate has a command that was told no directory and no server look at the node that a
// package has installed, if there is none where it is run, and says so. Commands that
// write into a stopped node's directory don't guess which one is meant.
func locate(c *cli.Context) error { return locateBy(c, packagedConfig) }

// located is a command that locate comes before.
func located(do cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		if err := locate(c); err != nil {
			return err
		}
		return do(c)
	}
}

func locateBy(c *cli.Context, config string) error {
	if c.IsSet("dir") || c.String("server") != "" {
		return nil
	}
	if _, err := os.Lstat(c.String("dir")); !errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	f, _ := options.ReadFile(config) // what is wrong with it, serve says
	dir, from := f.Value("dir")
	if !filepath.IsAbs(dir) {
		return nil
	}
	if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	fmt.Fprintf(c.App.ErrWriter, "ledge: this is about the node in %s, as %s says; --dir names another\n", dir, from)
	return c.Set("dir", dir)
}
