// Package client is a client's connection without its descriptor: bytes come in,
// commands run, and bytes go out. A transport (package respd) puts what has arrived
// into Room, calls Serve, and sends Output.
//
// A connection's pipeline is parsed as far as it has arrived (input.go). Each command
// is judged (admission.go) and then run where it belongs: on a View that the
// transport's round shares, on a goroutine of its own (beside.go), or, if it writes,
// by the writer (proposal.go), to which all that follows it in the pipeline is
// proposed with it. No reply leaves before the outcome of everything before it is
// known: what the writer could not store is run again without it (rerun.go).
//
// What all connections of a server have in common is Shared: among it who waits for
// which keys (blocked_on_keys.go).
package client

import (
	"sync/atomic"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/watch"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// Bounds of what a connection does at a time.
const (
	// stepCommands and StepOutput end a proposal: what one client sends in one
	// go must not hold up the others, and its replies must be sent sometime.
	stepCommands = 4096
	StepOutput   = 1 << 20
	// firstBuffer is what a connection reads into at first; keepBuffer is the
	// most that it holds on to while idle.
	firstBuffer = 1 << 10
	keepBuffer  = 64 << 10
	keepArgs    = 1 << 10 // places for arguments, likewise
)

// Conn is one client's connection: its input, its replies and the session its
// commands run in. It has bytes put in and gives bytes out, and knows of no
// descriptor: moving them is its Wire's. It has one owner at a time: the transport;
// the writer from Submit to Done; or the goroutine of a slow command.
type Conn struct {
	shared *Shared
	wire   Wire
	sess   command.Session

	in     []byte // received and not yet done with
	at     int    // where the next command begins in in
	parser resp.Parser
	parses int64    // what the parser's bounds were made of, by boundParser
	args   [][]byte // scratch for the parser
	cmd    parsed   // the next command, when it has been parsed already
	under  underway // the command under way, for when it panics

	out     []byte // replies not yet taken by the transport
	mail    mailbox
	saved   saved // where Settle goes back to
	steps   int   // commands in this proposal
	late    *execution
	wait    *Waiter // while it is blocked; see blocked_on_keys.go
	parking parking // of the next command; see park.go
	await   atomic.Pointer[await]
	tally   tally

	rested  atomic.Pointer[activity] // it was idle for too long when it had done this
	watched watched

	known   *journal.Who // what the journal says of the client; see who
	knownAs names

	hungry  bool  // the input ends in the middle of a command
	waits   int64 // since when the next command has waited for room, by Elapsed; 0 if it has not
	foreign bool  // it has turned out to speak another protocol

	killed  atomic.Bool
	holds   holding
	stream  *stream      // the reply that is being made, slice by slice
	taken   atomic.Int64 // bytes of replies that the transport has taken and not sent
	inLen   atomic.Int64 // for CLIENT LIST
	outLen  atomic.Int64
	traffic [2]atomic.Int64 // bytes received, sent
}

// Wire is what a connection tells its transport.
type Wire interface {
	// Back says that the writer, or the goroutine of a slow command, is done with
	// the connection.
	Back()
	// Park says that the client waits for a key. Back follows.
	Park(w *Waiter)
	// Poke says that the connection was killed, or that there are messages for it.
	// It may be called from any goroutine.
	Poke()
}

// Open begins the session of a client. It is called once, before all else.
func (c *Conn) Open(s *Shared, w Wire, id int64, remote, local string, authed bool) {
	c.shared, c.wire, c.in = s, w, make([]byte, 0, firstBuffer)
	now := s.Clock()
	c.sess.ID = id
	c.sess.Addr, c.sess.LAddr = remote, local
	c.sess.Created = now
	c.sess.LastUsed.Store(now.UnixMilli())
	c.sess.Host, c.sess.Conn = s.Host, c
	c.sess.SetProto(2)
	c.mail.proto = 2
	c.sess.Queued.Store(-1)
	c.setAuthed(authed)
}

func (c *Conn) setAuthed(on bool) {
	c.sess.Authed = on
	c.parser.Authed = on
	if on {
		c.sess.SetFacts(func(f *command.Facts) { f.User = "default" })
	}
}

// Close ends the session. The caller is the connection's owner.
func (c *Conn) Close() {
	watch.End(c.sess.Tx.Watches...)
	c.endStream()
	c.bidFarewell()
}

// Session returns the session that the connection's commands run in.
func (c *Conn) Session() *command.Session { return &c.sess }

// Killed reports whether the connection is to be closed whatever it has to send.
func (c *Conn) Killed() bool { return c.killed.Load() }

// Doom is Kill by the transport itself, which need not be told.
func (c *Conn) Doom() { c.killed.Store(true) }

// Kill closes the connection from any goroutine, without waiting.
func (c *Conn) Kill() {
	c.killed.Store(true)
	c.wire.Poke()
}

// Buffers returns the bytes of unparsed input and of unsent output.
func (c *Conn) Buffers() (in, out int) {
	return int(c.inLen.Load()), int(c.outLen.Load() + c.mail.size.Load())
}

// Traffic returns the bytes received and sent so far.
func (c *Conn) Traffic() (in, out int64) { return c.traffic[0].Load(), c.traffic[1].Load() }

var _ replay.Proposal = (*Conn)(nil)
