package command_test

import (
	"strings"
	"testing"

	"ledge/respd"
	"ledge/respd/command"
)

// What others may see of a command, by its name alone: right or wrong, known or
// only Redis's.
func TestShown(t *testing.T) {
	table := respd.Commands()
	for line, want := range map[string]string{
		"AUTH a":                           "AUTH *",
		"auth":                             "auth",
		"AUTH a b c d":                     "AUTH * * * *",
		"HELLO":                            "HELLO",
		"HELLO 3 AUTH u":                   "HELLO 3 AUTH *",
		"HELLO 3 AUTH u p AUTH v q":        "HELLO 3 AUTH * * AUTH * *",
		"HELLO AUTH u p":                   "HELLO AUTH * *",
		"CONFIG SET requirepass":           "CONFIG SET requirepass",
		"CONFIG set x y REQUIREPASS p":     "CONFIG set x y REQUIREPASS *",
		"CONFIG SET x requirepass p":       "CONFIG SET x requirepass *",
		"CONFIG GET requirepass x":         "CONFIG GET requirepass x",
		"CONFIG":                           "CONFIG",
		"MIGRATE h 1 k 0 9 COPY AUTH p":    "MIGRATE h 1 k 0 9 COPY AUTH *",
		"migrate h 1 k 0 9 auth2 u p keys": "migrate h 1 k 0 9 auth2 * * keys",
		"ACL SETUSER u on >p":              "ACL SETUSER * * *",
		"ACL WHOAMI":                       "ACL WHOAMI",
		"SENTINEL SET m auth-pass p":       "SENTINEL SET m auth-pass *",
		"SENTINEL CONFIG SET a b":          "SENTINEL CONFIG SET a b",
		"SET auth p":                       "SET auth p",
		"NOSUCH auth p":                    "NOSUCH auth p",
	} {
		var args command.Args
		for _, w := range strings.Fields(line) {
			args = append(args, []byte(w))
		}
		var shown []string
		for i, a := range table.Shown(args) {
			shown = append(shown, string(a))
			if i < len(args) && string(args[i]) == command.Redacted {
				t.Errorf("%s: the command itself is changed", line)
			}
		}
		if got := strings.ReplaceAll(strings.Join(shown, " "), command.Redacted, "*"); got != want {
			t.Errorf("%s is shown as %s; want %s", line, got, want)
		}
	}
}
