package command_test

// Where keys stand must come out as COMMAND GETKEYSANDFLAGS of Redis has it.

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"ledge/respd/command"
)

var keyRows = map[string]*command.Spec{
	"get":  {Keys: command.OneKey, Flags: command.ReadOnly},
	"mset": {Keys: command.KeyRange{First: 1, Last: -1, Step: 2}, KeyFlags: "OW update"},
	"rename": {Keys: command.TwoKeys,
		KeyFlags: "RW access delete;OW update"},
	"bitop": {Keys: command.KeyRange{First: 2, Last: -1, Step: 1},
		KeyFlags: "OW update;RO access"},
	"blpop":       {Keys: command.KeyRange{First: 1, Last: -2, Step: 1}, KeyFlags: "RW access delete"},
	"zunionstore": {Keys: command.OneKey, NumKeys: 2, KeyFlags: "OW update;RO access"},
	"eval":        {NumKeys: 2, KeyFlags: "RW access update"},
	"xread":       {Keyword: "STREAMS", Flags: command.ReadOnly},
}

func TestKeyUses(t *testing.T) {
	for _, tt := range []struct{ command, want string }{
		{"get a", "1 RO access"},
		{"mset a 1 b 2", "1 OW update, 3 OW update"},
		{"rename a b", "1 RW access delete, 2 OW update"},
		{"bitop and d a b", "2 OW update, 3 RO access, 4 RO access"},
		{"blpop a b 0", "1 RW access delete, 2 RW access delete"},
		{"zunionstore d 2 a b weights 1 2", "1 OW update, 3 RO access, 4 RO access"},
		{"zunionstore d 9 a b", ""},
		{"eval x 1 a b", "3 RW access update"},
		{"eval x 0", ""},
		{"xread count 1 streams a b 0 0", "4 RO access, 5 RO access"},
		{"xread count 1", ""},
	} {
		var args command.Args
		for _, w := range strings.Fields(tt.command) {
			args = append(args, []byte(w))
		}
		var got []string
		spec := keyRows[string(args[0])]
		var at []int
		for _, u := range spec.KeyUses(args) {
			got = append(got, fmt.Sprint(u.At, " ", strings.Join(u.Flags, " ")))
			at = append(at, u.At)
		}
		if s := strings.Join(got, ", "); s != tt.want {
			t.Errorf("KeyUses(%s) = %q; want %q", tt.command, s, tt.want)
		}
		if keys := spec.KeysOf(args); !slices.Equal(keys, at) {
			t.Errorf("KeysOf(%s) = %v; want %v", tt.command, keys, at)
		}
	}
}
