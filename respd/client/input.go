package client

import (
	"ledge/replay/cluster"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// parsed is a command that was read and not yet run.
type parsed struct {
	ok   bool
	spec *command.Spec
	err  error // why it can't run, in place of spec
	args command.Args
	size int // bytes of input
	// judged is what the loop has found about a command that it proposes.
	judged verdict
	// by is the map by which it was routed, nil for a node in no cluster.
	by *cluster.Map
}

// next parses the next command, unless that has been done. It returns false
// when there is none yet, or none any more.
func (c *Conn) next() bool {
	c.hungry = false
	for !c.cmd.ok {
		if c.at == len(c.in) || c.sess.Quit || c.killed.Load() {
			return false
		}
		c.parser.Authed = c.sess.Authed
		c.boundParser()
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

// boundParser has the parser follow what all clients may make the server hold.
func (c *Conn) boundParser() {
	most := c.shared.Buffers()
	if most == c.parses {
		return
	}
	c.parses = most
	c.parser.MaxBulk = c.shared.MostInput()
	c.parser.MaxArgs = min(resp.DefaultMaxArgs, int(most/argBytes))
}

// consume is done with the next command.
func (c *Conn) consume() {
	c.at += c.cmd.size
	c.cmd = parsed{}
}

// Compact drops the input that is done with. A command that was parsed and not
// yet run is parsed again: its arguments lie where other bytes come to lie.
func (c *Conn) Compact() {
	if c.at == 0 {
		return
	}
	c.cmd = parsed{}
	n := copy(c.in, c.in[c.at:])
	c.in = c.in[:n]
	c.at = 0
	c.inLen.Store(int64(n))
}

// Slim gives back what a connection that is idle has no use for. There is no
// command between its parsing and its run.
func (c *Conn) Slim() {
	left := c.in[c.at:]
	if len(left) == 0 {
		c.in, c.at = c.in[:0], 0
	}
	keep := keepBuffer
	if c.shared.crowded() {
		keep = 2 * firstBuffer
	}
	if cap(c.in) > keep && max(len(left), c.parser.Want()) < keep/2 {
		c.in, c.at = append(make([]byte, 0, max(firstBuffer, 2*len(left))), left...), 0
		c.args = nil // they point into what was given back
	}
	if cap(c.args) > keepArgs {
		c.args = nil
	}
	c.inLen.Store(int64(len(left)))
}

// Room returns where the transport may put what has arrived, or nothing when there
// is as much as most, and has to be served first.
func (c *Conn) Room(most int) []byte {
	if len(c.in) >= most {
		return nil
	}
	c.makeRoom()
	return c.in[len(c.in):cap(c.in)]
}

// Received is told that the first n bytes of Room have been filled.
func (c *Conn) Received(n int) {
	c.in = c.in[:len(c.in)+n]
	c.inLen.Store(int64(len(c.in)))
	c.traffic[0].Add(int64(n))
	c.shared.Stats.NetIn.Add(int64(n))
}

// Hungry reports whether the input ends in the middle of a command.
func (c *Conn) Hungry() bool { return c.hungry }

// MayReceive bounds how much unparsed input is taken before it is served. In
// the middle of a command there is no serving, so more is taken.
func (c *Conn) MayReceive() int {
	step := StepOutput
	switch {
	case !c.sess.Authed:
		step = strangerInput
	case c.shared.Stats.HeldIn.Load() > c.shared.Buffers():
		step = keepBuffer
	}
	if c.hungry {
		return len(c.in) + step
	}
	return step
}

// CountInput counts what the connection's input takes, and remembers since when
// a command has been half here.
func (c *Conn) CountInput() {
	n := c.parser.Held()
	if cap(c.in) > firstBuffer {
		n += cap(c.in)
	}
	if cap(c.args) > keepArgs {
		n += cap(c.args) * argSize
	}
	c.hold(&c.holds.in, &c.shared.Stats.HeldIn, n)
	switch {
	case !c.hungry:
		c.holds.half.Store(0)
	case c.at > 0 || c.holds.half.Load() == 0: // the one before it has run meanwhile
		c.holds.half.Store(int64(Elapsed()))
	}
}

// TooMuchInput closes a connection whose command is longer than any may be.
func (c *Conn) TooMuchInput() bool {
	n := len(c.in) - c.at
	if n <= c.shared.MostInput()+StepOutput {
		return false
	}
	c.Expel(&c.shared.Stats.InputLimit, "one command is longer than the query buffer may be", n)
	return true
}

// makeRoom sees to it that the input buffer has room to read into. What a client
// says that it will send takes no memory before it comes: the buffer grows with
// what has arrived, by a quarter once it is large, and not past the end of a
// long argument, which thereby ends in a buffer of its own size.
func (c *Conn) makeRoom() {
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
	if n > 8*keepBuffer {
		c.shared.collectFor(n)
	}
	grown := make([]byte, len(c.in), n)
	copy(grown, c.in)
	c.in = grown
}
