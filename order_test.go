package main

import (
	"io"
	"strings"
	"testing"

	"ledge/admin/cli"
)

// Options of a command are taken after its arguments, too. Values, what the command
// does not know, and all from -- on stay where they stand.
func TestOptionsFirst(t *testing.T) {
	t.Parallel()
	app := newApp(io.Discard, io.Discard)
	for line, want := range map[string]string{
		"ledge config get maxmemory --dir D":            "ledge config get --dir D maxmemory",
		"ledge config get maxmemory --origin --dir=D":   "ledge config get --origin --dir=D maxmemory",
		"ledge config set --dir D a -1 b 2 --json":      "ledge config set --dir D --json a -1 b 2",
		"ledge config set a b --frob --dir D":           "ledge config set --dir D a b --frob",
		"ledge config set a b -- --dir D":               "ledge config set a b -- --dir D",
		"ledge config get a --help":                     "ledge config get --help a",
		"ledge config reset maxclients --dir D":         "ledge config reset --dir D maxclients",
		"ledge config get a --dir":                      "ledge config get --dir a",
		"ledge serve --port 1":                          "ledge serve --port 1",
		"ledge":                                         "ledge",
		"ledge frob --dir D":                            "ledge frob --dir D",
		"ledge config --dir D":                          "ledge config --dir D",
		"ledge config get x --generate-bash-completion": "ledge config get x --generate-bash-completion",
	} {
		if got := strings.Join(cli.OptionsFirst(app, strings.Fields(line)), " "); got != want {
			t.Errorf("%s becomes %s; want %s", line, got, want)
		}
	}
}
