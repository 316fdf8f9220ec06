package respd

import (
	"net"
	"sync/atomic"
	"time"

	"ledge/journal"
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
	"ledge/respd/stats"
)

// Bounds of what a connection does at a time.
const (
	// stepCommands and stepOutput end a proposal: what one client sends in one
	// go must not hold up the others, and its replies must be sent sometime.
	stepCommands = 4096
	stepOutput   = 1 << 20
	// firstBuffer is what a connection reads into at first; keepBuffer is the
	// most that it holds on to while idle.
	firstBuffer = 1 << 10
	keepBuffer  = 64 << 10
	keepArgs    = 1 << 10 // places for arguments, likewise
)

// conn is one client's connection: its input, its replies and the session its
// commands run in. It has one owner at a time: the loop; the writer from Submit
// to Done; or the goroutine of a slow command.
type conn struct {
	srv  *Server
	sess command.Session

	in     []byte // received and not yet done with
	at     int    // where the next command begins in in
	parser resp.Parser
	args   [][]byte // scratch for the parser
	cmd    parsed   // the next command, when it has been parsed already
	under  underway // the command under way, for when it panics

	out     []byte // replies not yet sent
	mail    mailbox
	saved   saved // where Settle goes back to
	steps   int   // commands in this proposal
	late    *execution
	wait    *waiter // while it is blocked; see blocked.go
	await   atomic.Pointer[await]
	tally   tally
	failure error // why the connection ends, for the log

	hungry  bool // the input ends in the middle of a command
	foreign bool // it has turned out to speak another protocol

	killed  atomic.Bool
	holds   holding
	stream  *stream      // the reply that is being made, slice by slice
	inLen   atomic.Int64 // for CLIENT LIST
	outLen  atomic.Int64
	traffic [2]atomic.Int64 // bytes received, sent
	link    link            // the transport's
	tunnel  *tunnel         // to a client with TLS; nil without
}

// parsed is a command that was read and not yet run.
type parsed struct {
	ok   bool
	spec *command.Spec
	err  error // why it can't run, in place of spec
	args command.Args
	size int // bytes of input
	// judged is what the loop has found about a command that it proposes.
	judged verdict
}

// saved is what a rerun after a failed append goes back to.
type saved struct {
	at, out int
	db      journal.DB
	proto   int
	noReply bool
	skip    int
	tx      command.Tx
}

// newConn begins the session of a client at the other end of nc.
func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{srv: s, in: make([]byte, 0, firstBuffer)}
	c.parser.MaxBulk = s.cfg.MaxInput
	now := s.cfg.Clock()
	c.sess.ID = s.nextID.Add(1)
	c.sess.Addr, c.sess.LAddr = nc.RemoteAddr().String(), nc.LocalAddr().String()
	c.sess.Created = now
	c.sess.LastUsed.Store(now.UnixMilli())
	c.sess.Host, c.sess.Conn = s, c
	c.sess.SetProto(2)
	c.mail.proto = 2
	c.sess.Queued.Store(-1)
	c.setAuthed(s.password() == "")
	return c
}

func (c *conn) setAuthed(on bool) {
	c.sess.Authed = on
	c.parser.Authed = on
	if on {
		c.sess.SetFacts(func(f *command.Facts) { f.User = "default" })
	}
}

// Kill closes the connection from any goroutine, without waiting.
func (c *conn) Kill() {
	c.killed.Store(true)
	c.srv.loop.poke(c)
}

// Buffers returns the bytes of unparsed input and of unsent output.
func (c *conn) Buffers() (in, out int) {
	return int(c.inLen.Load()), int(c.outLen.Load() + c.mail.size.Load())
}

// Traffic returns the bytes received and sent so far.
func (c *conn) Traffic() (in, out int64) { return c.traffic[0].Load(), c.traffic[1].Load() }

// next parses the next command, unless that has been done. It returns false
// when there is none yet, or none any more.
func (c *conn) next() bool {
	c.hungry = false
	for !c.cmd.ok {
		if c.at == len(c.in) || c.sess.Quit || c.killed.Load() {
			return false
		}
		c.parser.Authed = c.sess.Authed
		typed := c.in[c.at] != '*'
		if typed {
			if protocol := openingBytes(c.in[c.at:]); protocol != "" {
				c.turnOff(protocol)
				return false
			}
		}
		args, n, err := c.parser.Next(c.in[c.at:], c.args[:0])
		c.args = args
		if err != nil {
			c.reply(resp.Err(resp.Error("ERR " + err.Error())))
			c.at = len(c.in)
			c.sess.Quit = true
			return false
		}
		if n == 0 {
			c.hungry = true
			return false
		}
		if len(args) == 0 { // an empty line
			c.at += n
			continue
		}
		if c.resolve(args, n); c.isForeign(typed) {
			return false
		}
	}
	return true
}

// consume is done with the next command.
func (c *conn) consume() {
	c.at += c.cmd.size
	c.cmd = parsed{}
}

// compact drops the input that is done with. A command that was parsed and not
// yet run is parsed again: its arguments lie where other bytes come to lie.
func (c *conn) compact() {
	if c.at == 0 {
		return
	}
	c.cmd = parsed{}
	n := copy(c.in, c.in[c.at:])
	c.in = c.in[:n]
	c.at = 0
	c.inLen.Store(int64(n))
}

// slim gives back what a connection that is idle has no use for. There is no
// command between its parsing and its run.
func (c *conn) slim() {
	left := c.in[c.at:]
	if len(left) == 0 {
		c.in, c.at = c.in[:0], 0
	}
	if cap(c.in) > keepBuffer && max(len(left), c.parser.Want()) < keepBuffer/2 {
		c.in, c.at = append(make([]byte, 0, max(firstBuffer, 2*len(left))), left...), 0
		c.args = nil // they point into what was given back
	}
	if cap(c.args) > keepArgs {
		c.args = nil
	}
	c.inLen.Store(int64(len(left)))
}

// reply appends a reply, unless the client asked for none.
func (c *conn) reply(v resp.Value) {
	if v.Kind() == resp.KindNone {
		return
	}
	if v.IsError() {
		if v.ErrorText() == string(command.ErrTooLong) {
			c.tooMuchOutput(c.srv.cfg.MaxOutput)
			return
		}
		c.srv.stats.CountError(resp.Error(v.ErrorText()).Code())
	}
	if c.sess.NoReply && !isPush(v) {
		return
	}
	if c.sess.Skip > 0 {
		if c.sess.Skip--; !isPush(v) {
			return
		}
	}
	if s := v.Stream(); s != nil {
		c.beginStream(s)
		return
	}
	if n := c.unsent() + bound(v, c.srv.cfg.MaxOutput); n > c.srv.cfg.MaxOutput {
		c.tooMuchOutput(n)
		return
	}
	if elems := v.Elems(); len(elems) > 0 {
		c.roomFor(len(elems) * (len(elems[0].Str()) + 16))
	}
	c.out = resp.Append(c.out, v, c.sess.Proto)
	if n := c.unsent(); n > strangerOutput && !c.sess.Authed {
		c.expel(&c.srv.stats.OutputLimit, strangerClosed, n)
	}
}

// tooMuchOutput closes a connection whose replies are longer than it may have
// unread.
func (c *conn) tooMuchOutput(n int) {
	c.expel(&c.srv.stats.OutputLimit, "its replies are longer than it may have unread", n)
}

// roomFor sees to it that n bytes of replies find room without the buffer's
// growing step by step. Large buffers are the server's: most clients have their
// replies sent at once, so a few serve all.
func (c *conn) roomFor(n int) {
	if cap(c.out)-len(c.out) >= n || len(c.out)+n < keepBuffer/4 {
		return
	}
	want := max(len(c.out)+n, 2*cap(c.out))
	b, _ := c.srv.buffers.Get().(*[]byte)
	if b == nil || cap(*b) < want {
		fresh := make([]byte, 0, max(want, 2*keepBuffer))
		b = &fresh
	}
	c.out = append((*b)[:0], c.out...)
}

// emptied is told that all replies have been sent.
func (c *conn) emptied() {
	c.out = c.out[:0]
	if cap(c.out) <= keepBuffer {
		return
	}
	c.srv.reuse(c.out)
	c.out = nil
}

// reuse keeps a large buffer for other replies, unless it is larger than most.
func (s *Server) reuse(b []byte) {
	if cap(b) > keepBuffer && cap(b) <= 2*stepOutput {
		s.buffers.Put(&b)
	}
}

// bound is how long a reply is as far as it matters for a limit: short ones
// count as nothing.
func bound(v resp.Value, limit int) int {
	const short = 1 << 10 // elements, each of which is short in turn
	if len(v.Elems()) < short && len(v.Str()) < stepOutput && limit > 16*stepOutput {
		return 0
	}
	return size(v)
}

// size returns about how long a reply is.
func size(v resp.Value) int {
	n := len(v.Str()) + 16
	for _, e := range v.Elems() {
		n += size(e)
	}
	return n
}

// save marks the point that a rerun goes back to: everything in front of it is
// settled.
func (c *conn) save() {
	s := &c.sess
	c.saved = saved{at: c.at, out: len(c.out), db: s.DB, proto: s.Proto,
		noReply: s.NoReply, skip: s.Skip, tx: s.Tx}
}

// restore goes back to the point that save marked.
func (c *conn) restore() {
	s := &c.sess
	c.at, c.out = c.saved.at, c.out[:c.saved.out]
	c.cmd = parsed{}
	c.parser.Reset()
	s.Select(c.saved.db)
	s.SetProto(c.saved.proto)
	s.NoReply, s.Skip, s.Tx = c.saved.noReply, c.saved.skip, c.saved.tx
	s.Quit = false // or it would have proposed nothing
	s.Queued.Store(-1)
	if s.Tx.On {
		s.Queued.Store(int32(len(s.Tx.Queue)))
	}
	s.Watching.Store(int32(len(s.Tx.Watches)))
	c.late = nil
}

// tally gathers the runs of one command, so that counting them takes a lock
// once and not each time.
type tally struct {
	spec  *command.Spec
	calls stats.Calls
	since time.Duration // by elapsed
}

var processStart = time.Now()

// elapsed is the time since the process began. It asks one clock where time.Now
// asks two, which each command would notice.
func elapsed() time.Duration { return time.Since(processStart) }

// begin starts the clock for the commands that follow.
func (t *tally) begin() { t.since = elapsed() }

// ran counts one command that has just been run.
func (c *conn) ran(spec *command.Spec, args command.Args, failed bool) {
	t := &c.tally
	now := elapsed()
	took := now - t.since
	t.since = now
	if t.spec != spec {
		c.count()
		t.spec = spec
	}
	t.calls.Calls++
	t.calls.Micros += took.Microseconds()
	if failed {
		t.calls.Failed++
	}
	if !spec.Flags.Has(command.SkipSlowlog) && c.srv.slowlog.Keeps(took) {
		c.srv.slowlog.Add(spec.Shown(args), took, time.Now(), c.sess.Addr, c.sess.Facts().Name)
	}
}

// count hands the tally to the server's counters.
func (c *conn) count() {
	c.holds.count(&c.holds.tx, &c.srv.stats.HeldTx, c.sess.Tx.Bytes)
	t := &c.tally
	if t.spec == nil {
		return
	}
	c.srv.stats.Commands.Add(t.calls.Calls)
	c.srv.stats.Count(t.spec, t.calls)
	c.sess.LastCmd.Store(t.spec)
	c.sess.LastUsed.Store(time.Now().UnixMilli())
	t.spec, t.calls = nil, stats.Calls{}
}

var _ replay.Proposal = (*conn)(nil)

// proposals are connections as the writer sees them.
func proposals(cs []*conn) []replay.Proposal {
	ps := make([]replay.Proposal, len(cs))
	for i, c := range cs {
		ps[i] = c
	}
	return ps
}

// mayReceive bounds how much unparsed input is taken before it is served. In
// the middle of a command there is no serving, so more is taken.
func (c *conn) mayReceive() int {
	step := stepOutput
	switch {
	case !c.sess.Authed:
		step = strangerInput
	case c.srv.stats.HeldIn.Load() > int64(c.srv.cfg.MaxBuffers):
		step = keepBuffer
	}
	if c.hungry {
		return len(c.in) + step
	}
	return step
}

// unsent returns how many bytes of replies are still to be sent.
func (c *conn) unsent() int { return len(c.out) + c.link.waiting() }

// makeRoom sees to it that the input buffer has room to read into. What a client
// says that it will send takes no memory before it comes: the buffer grows with
// what has arrived, by a quarter once it is large, and not past the end of a
// long argument, which thereby ends in a buffer of its own size.
func (c *conn) makeRoom() {
	if cap(c.in) > len(c.in) {
		return
	}
	n := 2 * cap(c.in)
	if n > 8*keepBuffer {
		n = cap(c.in) + max(4*keepBuffer, cap(c.in)/4)
	}
	if want := c.parser.Want(); want > len(c.in) {
		n = min(n, want)
	}
	grown := make([]byte, len(c.in), n)
	copy(grown, c.in)
	c.in = grown
}
