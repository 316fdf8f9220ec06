package command

import (
	"slices"

	"ledge/replay"
	"ledge/respd/resp"
)

// Family is what the commands on one subject have in common. Its methods make
// their rows: the caller says what is special about a command, and the family
// adds the rest, so that no row can forget it.
type Family struct {
	// Group is the group of COMMAND DOCS, unless a row names another.
	Group string
	// Cats are ACL categories of all rows; a row may add its own.
	Cats []string
	// Flags are flags of all rows, WriteFlags those of all rows that write.
	Flags, WriteFlags Flags
	// Keys are where the keys stand, unless a row says so.
	Keys KeyRange
}

// Read returns the row of a command that reads.
func (f Family) Read(s Spec, run func(*replay.View, Args) resp.Value) *Spec {
	s.Read = run
	s.Flags |= ReadOnly
	return f.data(s)
}

// Write returns the row of a command that writes. One that runs a script lacks
// the flag: it is the commands of the script that write.
func (f Family) Write(s Spec, run func(*replay.Draft, Args) (resp.Value, error)) *Spec {
	s.Write = run
	if !s.Flags.Has(Scripted) && !f.Flags.Has(Scripted) {
		s.Flags |= Write | f.WriteFlags
	}
	return f.data(s)
}

// Wait returns the row of a command that writes, or waits until it can.
func (f Family) Wait(s Spec, run func(*replay.Draft, Args) (resp.Value, error),
	block func(*replay.View, Args) (Block, error),
) *Spec {
	s.Flags |= Blocking
	s.Block = block
	return f.Write(s, run)
}

// Conn returns the row of a command on the session or the server.
func (f Family) Conn(s Spec, run func(*Session, Args) resp.Value) *Spec {
	s.Conn = run
	return f.Row(s)
}

// Container returns the row of a command that has subcommands.
func (f Family) Container(s Spec, subs ...*Spec) *Spec {
	s.Group, s.Subs = f.Group, subs
	if s.Arity == 0 {
		s.Arity = -2
	}
	if s.Complexity == "" {
		s.Complexity = "Depends on subcommand."
	}
	return &s
}

// Help returns the row of a container's HELP, which came with a version.
func (f Family) Help(since string) *Spec { return Help(f.Group, since, f.Cats...) }

// data completes the row of a command on keys.
func (f Family) data(s Spec) *Spec {
	if s.Keys.First == 0 && s.NumKeys == 0 {
		s.Keys = f.Keys
	}
	if s.Complexity == "" {
		s.Complexity = "O(1)"
	}
	return f.Row(s)
}

// Row returns a row that has its handler and all flags that come of it.
func (f Family) Row(s Spec) *Spec {
	s.Flags |= f.Flags
	s.Cats = slices.Concat(s.Cats, f.Cats)
	if s.Group == "" {
		s.Group = f.Group
	}
	return &s
}
