// Package command says what a command is: its row in the command table, its
// arguments, and the session it runs in. The families beside it (strs, keys,
// conns, servers …) fill the table; package respd runs it.
package command

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"ledge/replay"
	"ledge/respd/resp"
)

// Spec is one row of the command table. COMMAND, COMMAND DOCS, the checks
// before a command runs and COMMANDS.md all come from it.
type Spec struct {
	// Name is in lower case. A subcommand's is the part after its parent's.
	Name string
	// Arity counts the name: exactly n, or at least n as -n.
	Arity int
	// Fits reports whether there are as many arguments as there may be, where
	// the arity alone can't tell. nil is yes.
	Fits func(Args) bool
	Keys KeyRange
	// NumKeys is the place of the argument that counts the keys after it, as
	// in EVAL and ZUNION; 0 is none. Such keys come on top of those in Keys.
	NumKeys int
	// Keyword is the word after which keys begin, as XREAD's STREAMS.
	Keyword string
	// KeyFlags say what is done to the keys, as COMMAND shows it: "RO access".
	// With ";" between them the first are for the first keys, one each, and the
	// last for all others. Empty follows from Flags.
	KeyFlags string
	// FindKeys finds the keys when Keys can't say where they are; it returns
	// their places in the arguments.
	FindKeys func(Args) []int
	// UnknownKeys are for COMMAND alone: what it says of keys that have no
	// certain place.
	UnknownKeys []KeySpec
	Flags       Flags
	Brief       bool // a Slow command with Conn that may be part of a transaction all the same
	// Cats are the ACL categories that don't follow from the flags, without
	// "@": "string", "keyspace", "dangerous" …
	Cats []string
	// Group, Since, Complexity and Summary are for COMMAND DOCS.
	Group, Since, Complexity, Summary string
	// Syntax is the arguments after the name, for HELP: "<key> [COUNT <n>]".
	Syntax string
	// Secrets returns the places of the arguments that only the client may see,
	// however many there are. nil is none. See Shown.
	Secrets func(Args) []int
	// Tips are for clients and proxies: "nondeterministic_output" …
	Tips []string

	// Exactly one of these is set, or Subs is. A container may have a Conn
	// besides, for when it is called without a subcommand.

	// Read cannot write: it has no way to.
	Read func(*replay.View, Args) resp.Value
	// Write runs on a draft. When it returns an error, what it did is taken
	// back; its value is kept until the batch is applied.
	Write func(*replay.Draft, Args) (resp.Value, error)
	// Conn works on the session or the server.
	Conn func(*Session, Args) resp.Value
	// Subs are the subcommands of a container such as CLIENT.
	Subs []*Spec
	// Block makes a Write wait for its keys when it returns ErrWait. It says what
	// the wait is for, from the same view that Write found nothing in, and is
	// called once for a wait. The arguments stay as they are until that ends.
	Block func(*replay.View, Args) (Block, error)
	// Reading returns what a Write is run as that writes nothing with these
	// arguments, as SORT without STORE; nil if it writes.
	Reading func(Args) func(*replay.View, Args) resp.Value
	// Clustered says why the command is refused with these arguments in a cluster, which
	// has one database; nil is never.
	Clustered func(Args) error
	// Whole is set if it writes to keys of all hash slots without naming any.
	Whole bool
	// Reach returns how much a Big read looks at, where that may be less than
	// all that its keys hold.
	Reach func(*replay.View, Args) int

	parent *Spec
}

// Block is one client's wait. A command that may wait has a Write besides, which
// tries once. When that finds nothing it returns ErrWait and the nil that stands
// for that where nobody waits, in a transaction; and has written nothing.
type Block struct {
	// Timeout is how long to wait at most; 0 is for ever.
	Timeout time.Duration
	// Keys are the places of the keys to wait for; nil is all keys.
	Keys []int
	// Serve is Write for one of the keys, which has got something. It returns
	// ErrWait if that is not for this client. What the client had seen when its
	// wait began it knows by itself: there is a Serve for each wait.
	Serve func(d *replay.Draft, key []byte) (resp.Value, error)
}

// ErrWait says that a command has found nothing and would wait.
const ErrWait resp.Error = "ERR nothing to wait for"

// KeyRange is where keys stand in the arguments: from First to Last, every
// Step. Last counts from the end when it is negative. First 0 is no keys.
type KeyRange struct{ First, Last, Step int }

// Usual key ranges.
var (
	OneKey  = KeyRange{1, 1, 1}
	TwoKeys = KeyRange{1, 2, 1}
	AllKeys = KeyRange{1, -1, 1}
)

// Flags are what a command is and needs, as bits. Those with a name in
// Redis's COMMAND reply are shown there; the rest are ours.
type Flags uint32

// The flags that COMMAND shows.
const (
	Write Flags = 1 << iota
	ReadOnly
	DenyOOM
	Admin
	PubSub
	NoScript
	Blocking
	Loading
	Stale
	SkipMonitor
	SkipSlowlog
	Asking
	Fast
	NoAuth
	MayReplicate
	NoMulti
	MovableKeys
	AllowBusy
	NoAsyncLoading
	NoMandatoryKeys
)

// The flags that are ours.
const (
	// Inline: a Conn command that only looks at or changes its own session, so
	// that it may run between writes of one pipeline without ending the group.
	Inline Flags = 1 << (iota + 24)
	// Slow: it may take long or wait, so it runs beside the event loop.
	Slow
	// Control: it runs at once even inside MULTI, instead of being queued.
	Control
	// Big: a Read, or what is run as one (Reading), whose time grows with what its keys hold. Where that is
	// much it runs beside the event loop.
	Big
	// Scripted: it runs a script, which writes what the commands that it calls
	// write. So it lacks the flag Write, as in Redis, and it is the script's
	// commands that are refused when the journal or the memory takes no more.
	// With Read, it may answer ErrLater.
	Scripted
	// Listening: it may run on a RESP2 connection that subscribes to something,
	// where replies among messages must be messages themselves.
	Listening
	// Repeats: a Big read that may look at far more than its keys hold, or has no
	// keys, as its Reach says.
	Repeats
	// Waits: a Slow command that a client is blocked in, as in BLPOP, until its
	// Session's Context ends. Inside EXEC it waits for nothing.
	Waits
)

// flagNames are in the order in which Redis lists them.
var flagNames = []struct {
	flag Flags
	name string
}{
	{Write, "write"}, {ReadOnly, "readonly"}, {DenyOOM, "denyoom"}, {Admin, "admin"},
	{PubSub, "pubsub"}, {NoScript, "noscript"}, {Blocking, "blocking"}, {Loading, "loading"},
	{Stale, "stale"}, {SkipMonitor, "skip_monitor"}, {SkipSlowlog, "skip_slowlog"},
	{Asking, "asking"}, {Fast, "fast"}, {NoAuth, "no_auth"},
	{NoMandatoryKeys, "no_mandatory_keys"}, {NoAsyncLoading, "no_async_loading"},
	{NoMulti, "no_multi"}, {MovableKeys, "movablekeys"}, {AllowBusy, "allow_busy"},
}

// ErrLater is the answer of a Scripted command that only reads but takes too
// long for the event loop. It is run again as part of a draft, whose view it
// may take as long as it needs.
const ErrLater resp.Error = "ERR a script that only reads takes long"

// ErrMoving ends a script that needs a hash slot which is being moved: nothing of it stands,
// nor of a transaction that it is in. It is run again once that is over, and a client that has
// waited for too long is answered so.
const ErrMoving resp.Error = "TRYAGAIN Slot is moving"

// Has reports whether all of flags are set.
func (f Flags) Has(flags Flags) bool { return f&flags == flags }

// Names returns the flags as COMMAND shows them.
func (f Flags) Names() []string {
	var names []string
	for _, n := range flagNames {
		if f.Has(n.flag) {
			names = append(names, n.name)
		}
	}
	return names
}

// FullName returns the name as clients know it: "client|list" for a
// subcommand.
func (s *Spec) FullName() string {
	if s.parent != nil {
		return s.parent.Name + "|" + s.Name
	}
	return s.Name
}

// Reads returns how the command runs with these arguments if it only reads; nil if it
// does not.
func (s *Spec) Reads(args Args) func(*replay.View, Args) resp.Value {
	if s.Reading != nil {
		return s.Reading(args)
	}
	return s.Read
}

// Writes reports whether the command may write keys with these arguments.
func (s *Spec) Writes(args Args) bool { return s.Write != nil && s.Reads(args) == nil }

// BigRead is how much a command may have to read on the event loop.
const BigRead = 8192

// Looks returns about how much a Big read has to look at; 0 for any other.
func (s *Spec) Looks(v *replay.View, args Args) (n int) {
	if !s.Flags.Has(Big) {
		return 0
	}
	for _, i := range s.KeysOf(args) {
		n += v.Weight(args[i])
	}
	if s.Reach != nil && (n > BigRead || s.Flags.Has(Repeats)) {
		n = s.Reach(v, args)
	}
	return n
}

// ArityOK reports whether a command with n arguments, the name included, has
// the right number.
func (s *Spec) ArityOK(n int) bool {
	if s.Arity >= 0 {
		return n == s.Arity
	}
	return n >= -s.Arity
}

// check panics when a row contradicts itself: that is a bug in the table.
func (s *Spec) check() {
	n := 0
	bare := s.Conn != nil && s.Subs == nil
	for _, set := range []bool{s.Read != nil, s.Write != nil, bare, s.Subs != nil} {
		if set {
			n++
		}
	}
	if n != 1 {
		panic(fmt.Sprintf("command %q has %d of Read, Write, Conn and Subs", s.FullName(), n))
	}
	if s.Name != strings.ToLower(s.Name) || s.Arity == 0 {
		panic(fmt.Sprintf("command %q: name or arity", s.FullName()))
	}
	if (s.Write != nil && !s.Flags.Has(Scripted)) != s.Flags.Has(Write) && s.Subs == nil {
		panic(fmt.Sprintf("command %q: flag write and handler disagree", s.FullName()))
	}
	if s.FindKeys != nil || s.NumKeys > 0 || s.Keyword != "" {
		s.Flags |= MovableKeys
	}
}

// Table is all commands by name. It does not change after NewTable.
type Table struct {
	byName map[string]*Spec
	sorted []*Spec
}

// NewTable returns a table of the given families. A row that contradicts
// itself or another is a panic.
func NewTable(families ...[]*Spec) *Table {
	t := &Table{byName: make(map[string]*Spec)}
	for _, family := range families {
		for _, s := range family {
			s.check()
			if t.byName[s.Name] != nil {
				panic("command " + s.Name + " stands twice in the table")
			}
			t.byName[s.Name] = s
			t.sorted = append(t.sorted, s)
			for _, sub := range s.Subs {
				sub.parent = s
				sub.check()
			}
		}
	}
	sort.Slice(t.sorted, func(i, j int) bool { return t.sorted[i].Name < t.sorted[j].Name })
	return t
}

// All returns the commands in order of their names. The slice must not be
// changed.
func (t *Table) All() []*Spec { return t.sorted }

// Lookup returns the command of that name, of any case, or nil.
func (t *Table) Lookup(name []byte) *Spec {
	var buf [32]byte
	if len(name) > len(buf) {
		return nil
	}
	for i, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		buf[i] = c
	}
	return t.byName[string(buf[:len(name)])]
}

// Find returns the command of that full name, of any case and with "|" before
// a subcommand, or nil.
func (t *Table) Find(name string) *Spec {
	first, sub, two := strings.Cut(name, "|")
	s := t.Lookup([]byte(first))
	if s == nil || !two {
		return s
	}
	return s.Sub([]byte(sub))
}

// Resolve finds what args call, down to the subcommand, and checks the number
// of arguments. The error's text is Redis's. When the number is wrong, the
// command is returned beside the error.
func (t *Table) Resolve(args Args) (*Spec, error) {
	s := t.Lookup(args[0])
	if s == nil {
		return nil, unknown(t.Shown(args))
	}
	if s.Subs != nil && (len(args) > 1 || s.Conn == nil) {
		if len(args) < 2 {
			return s, arity(s)
		}
		sub := s.Sub(args[1])
		if sub == nil {
			return nil, resp.Error("ERR unknown subcommand '" + clip(args.Printed(1), 128) + "'. Try " +
				strings.ToUpper(s.Name) + " HELP.")
		}
		s = sub
	}
	if !s.ArityOK(len(args)) || s.Fits != nil && !s.Fits(args) {
		return s, arity(s)
	}
	return s, nil
}

// Sub returns the subcommand of that name, of any case, or nil.
func (s *Spec) Sub(name []byte) *Spec {
	for _, sub := range s.Subs {
		if strings.EqualFold(sub.Name, string(name)) {
			return sub
		}
	}
	return nil
}

func arity(s *Spec) error {
	return resp.Error(fmt.Sprintf("ERR wrong number of arguments for '%s' command", s.FullName()))
}

// unknown words the error as Redis does: with the name and the first of the
// arguments, each cut short.
func unknown(args Args) error {
	const most = 128
	var b strings.Builder
	for i := 1; i < len(args) && b.Len() < most; i++ {
		b.WriteString("'" + clip(args.Printed(i), most-b.Len()) + "' ")
	}
	return resp.Error("ERR unknown command '" + clip(args.Printed(0), most) +
		"', with args beginning with: " + b.String())
}

// clip returns at most n bytes of s. They may end within a character, as
// Redis's do.
func clip(s string, n int) string { return s[:min(len(s), n)] }
