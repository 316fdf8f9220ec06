package command_test

import (
	"slices"
	"testing"

	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

var (
	reads  = func(*replay.View, command.Args) resp.Value { return resp.OK }
	writes = func(*replay.Draft, command.Args) (resp.Value, error) { return resp.OK, nil }
	works  = func(*command.Session, command.Args) resp.Value { return resp.OK }
)

// What a family's rows have in common is added to what a row says of itself, and
// replaces none of it.
func TestFamily(t *testing.T) {
	f := command.Family{Group: "list", Cats: []string{"list"}, Flags: command.Stale,
		WriteFlags: command.DenyOOM, Keys: command.OneKey}
	block := func(*replay.View, command.Args) (command.Block, error) { return command.Block{}, nil }
	own := command.Spec{Name: "x", Arity: 1, Flags: command.Fast, Keys: command.TwoKeys, Group: "server",
		Cats: []string{"dangerous"}, Complexity: "O(N)"}
	bare := command.Spec{Name: "x", Arity: 1}
	counted := command.Spec{Name: "x", Arity: 1, NumKeys: 1}
	script := command.Spec{Name: "x", Arity: 1, Flags: command.Scripted}
	none := command.KeyRange{}
	for _, c := range []struct {
		what       string
		got        *command.Spec
		flags      command.Flags
		keys       command.KeyRange
		group      string
		complexity string
		cats       []string
	}{
		{"read", f.Read(bare, reads), command.ReadOnly | command.Stale, command.OneKey, "list", "O(1)", []string{"list"}},
		{"read of its own", f.Read(own, reads), command.ReadOnly | command.Stale | command.Fast, command.TwoKeys,
			"server", "O(N)", []string{"dangerous", "list"}},
		{"read of counted keys", f.Read(counted, reads), command.ReadOnly | command.Stale, none, "list", "O(1)", []string{"list"}},
		{"write", f.Write(bare, writes), command.Write | command.Stale | command.DenyOOM, command.OneKey, "list",
			"O(1)", []string{"list"}},
		{"script", f.Write(script, writes), command.Scripted | command.Stale, command.OneKey, "list", "O(1)", []string{"list"}},
		{"wait", f.Wait(bare, writes, block), command.Write | command.Stale | command.DenyOOM | command.Blocking,
			command.OneKey, "list", "O(1)", []string{"list"}},
		{"conn", f.Conn(bare, works), command.Stale, none, "list", "", []string{"list"}},
		{"container", f.Container(bare, f.Help("1.0.0")), 0, none, "list", "Depends on subcommand.", nil},
		{"help", f.Help("1.0.0"), command.Loading | command.Stale, none, "list", "O(1)", []string{"list"}},
	} {
		got := c.got
		if got.Flags != c.flags || got.Keys != c.keys || got.Group != c.group || got.Complexity != c.complexity ||
			!slices.Equal(got.Cats, c.cats) {
			t.Errorf("%s: flags %b, keys %v, group %q, complexity %q, categories %q; want %b, %v, %q, %q, %q", c.what,
				got.Flags, got.Keys, got.Group, got.Complexity, got.Cats, c.flags, c.keys, c.group, c.complexity, c.cats)
		}
	}
	if w := f.Wait(bare, writes, block); w.Block == nil || w.Write == nil {
		t.Errorf("a row that waits has block %v and write %v; want both", w.Block != nil, w.Write != nil)
	}
}

// Two rows of a family must not share memory: what one adds to its categories
// would come to stand in the other.
func TestFamilyRowsAreApart(t *testing.T) {
	f := command.Family{Group: "list", Cats: append(make([]string, 0, 8), "list")}
	a := f.Read(command.Spec{Name: "a", Arity: 1}, reads)
	a.Cats = append(a.Cats, "dangerous")
	b := f.Read(command.Spec{Name: "b", Arity: 1}, reads)
	b.Cats = append(b.Cats, "admin")
	if got, want := a.Cats, []string{"list", "dangerous"}; !slices.Equal(got, want) {
		t.Errorf("categories %q; want %q", got, want)
	}
}
