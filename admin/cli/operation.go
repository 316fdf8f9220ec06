package cli

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"ledge/admin"
	"ledge/appliance/options"
	"ledge/journal/progress"
)

// operation is a command that asks a running node.
type operation struct {
	name, usage, args string
	flags             []cli.Flag
	wait              time.Duration
	// after says what is so after an interrupt of one that may take long, and verb what
	// the node calls it; "" is one that is quick.
	after, verb string
	ask         func(ctx context.Context, o *operator) error
	// repeats says that it may be asked twice: it changes nothing.
	repeats bool
}

// operator is one run of an operation.
type operator struct {
	c    *cli.Context
	conn *admin.Conn // nil before the first, and after an attempt has failed
	node string
	cfg  admin.ClientConfig
	// unshow takes a bar away, which an answer is not to stand in; nil is that there is
	// none. It may be called several times.
	unshow func()
}

// answers is called before an answer is printed.
func (o *operator) answers() {
	if o.unshow != nil {
		o.unshow()
	}
}

// operateFlags say which node is meant and how to reach it.
func operateFlags() []cli.Flag {
	return append([]cli.Flag{
		&cli.StringFlag{Name: "dir", Value: options.DefaultDir, EnvVars: []string{"LEDGE_DIR"},
			Usage: "`DIR`: the node's data, which says where it listens and has the passwords"},
		&cli.StringFlag{Name: "server", Usage: "`URL` of the node's NATS listener",
			DefaultText: "as in DIR/run.json, or " + defaultServer},
		&cli.StringFlag{Name: "user", Value: "admin", Usage: "`NAME`: admin, replica or monitor"},
		&cli.StringFlag{Name: "password-file", Usage: "`FILE` with the user's password",
			DefaultText: "DIR/auth/NAME"},
		&cli.StringFlag{Name: "node", Usage: "`NAME` of the node", DefaultText: "the one that answers"},
		&cli.StringFlag{Name: "timeout", Usage: "`DURATION` to wait for an answer",
			DefaultText: "by command"},
		jsonFlag(),
	}, tlsFlags()...)
}

func (op operation) command() *cli.Command {
	return &cli.Command{
		Name: op.name, Usage: op.usage, Args: op.args != "", ArgsUsage: op.args,
		Flags: append(op.flags, operateFlags()...), Action: op.action,
	}
}

// action finds the node and asks it.
func (op operation) action(c *cli.Context) error {
	return connected(op.wait, func(ctx context.Context, o *operator) error {
		if err := o.persist(ctx, func() error { return o.find(ctx) }); err != nil {
			return err
		}
		if op.repeats {
			return o.persist(ctx, func() error { return op.ask(ctx, o) })
		}
		if op.after == "" {
			return op.ask(ctx, o)
		}
		l := lengthy{title: op.name, after: op.after, remote: func(ctx context.Context) (progress.Seen, error) {
			return o.working(ctx, op.verb)
		}}
		l.shown = func(done func()) { o.unshow = done }
		return l.run(ctx, c, func(ctx context.Context) error { return op.ask(ctx, o) })
	})(c)
}

// working asks the node how far it is with a verb: with what was asked for last, if
// several have.
func (o *operator) working(ctx context.Context, verb string) (s progress.Seen, err error) {
	st, err := o.conn.Status(ctx, o.node)
	s.Left = -1
	for _, w := range st.Work {
		if w.Verb == verb {
			s = w.Seen()
		}
	}
	return s, err
}

// patientConnect is how long a command waits for the node to take the connection, if it
// may wait so long: it should not fail because the node, or its machine, is busy for a
// moment.
const patientConnect = 15 * time.Second

// connected runs a command with a connection, as long as it may wait. A wait
// of 0 has no end.
func connected(wait time.Duration, run func(context.Context, *operator) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		wait, err := waitOf(c, wait)
		if err != nil {
			return err
		}
		if err := locate(c); err != nil {
			return err
		}
		cfg, err := access(c)
		if err != nil {
			return err
		}
		cfg.ConnectTimeout = patientConnect
		ctx, cancel := c.Context, context.CancelFunc(func() {})
		if wait > 0 {
			ctx, cancel = context.WithTimeout(ctx, wait)
		}
		defer cancel()
		o := &operator{c: c, cfg: cfg}
		defer o.drop()
		if err := o.persist(ctx, func() error { return nil }); err != nil {
			return advise(c, err)
		}
		return advise(c, run(ctx, o))
	}
}

// interruptible is connected for a command that goes on until it is interrupted, or for as
// long as --timeout says.
func interruptible(run func(context.Context, *operator) error) cli.ActionFunc {
	return func(c *cli.Context) error {
		interrupted, stop := Interrupts(c.Context)
		defer stop()
		return connected(0, func(ctx context.Context, o *operator) error {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			defer context.AfterFunc(interrupted, cancel)()
			return run(ctx, o)
		})(c)
	}
}

// Nobody answers for a moment, though the node runs, while another broker takes the
// place of the one that it had: a node that begins to follow takes its leader's journal.
// So one that runs is tried for awayMost, each awayEvery.
const (
	awayMost  = 3 * time.Second
	awayEvery = 50 * time.Millisecond
)

// persist asks, on a connection that it makes if there is none, until somebody answers.
// What is asked may be asked several times.
func (o *operator) persist(ctx context.Context, ask func() error) (err error) {
	for until := time.Now().Add(awayMost); ; {
		if err = nil; o.conn == nil {
			o.conn, err = admin.Dial(ctx, o.cfg)
		}
		if err == nil {
			err = ask()
		}
		if !errors.Is(err, admin.ErrUnreachable) || !nodeRuns(o.c) || time.Now().After(until) {
			return err
		}
		o.drop()
		select {
		case <-time.After(awayEvery):
		case <-ctx.Done():
			return err
		}
	}
}

// drop gives the connection up.
func (o *operator) drop() {
	if o.conn != nil {
		o.conn.Close()
		o.conn = nil
	}
}

// waitOf returns how long to wait: as --timeout says, or as is usual.
func waitOf(c *cli.Context, usual time.Duration) (time.Duration, error) {
	if !c.IsSet("timeout") {
		return usual, nil
	}
	d, err := options.ParseDuration(c.String("timeout"))
	if err != nil {
		return 0, Usage("--timeout: %w", err)
	}
	return d, nil
}

// advise says what to do about an error, and sets the exit code.
func advise(c *cli.Context, err error) error {
	var answer *admin.Error
	switch {
	case errors.Is(err, admin.ErrForeign) && c.String("server") != "":
		return &ExitError{ExitUnreachable, fmt.Errorf("%w; --server wants the node's NATS address, which it names at its start and in "+
			"run.json, port 4222 unless told", err)}
	case errors.Is(err, admin.ErrUnreachable) && adviseTLS(err) != "":
		return &ExitError{ExitUnreachable, fmt.Errorf("%w; %s", err, adviseTLS(err))}
	case errors.Is(err, admin.ErrUnreachable):
		return &ExitError{ExitUnreachable, fmt.Errorf("%w; %s", err, whereNode(c))}
	case errors.As(err, &answer) && answer.Code == admin.CodeNotLetIn:
		return fmt.Errorf("%w; --dir or --password-file says where the password is", err)
	case errors.As(err, &answer) && answer.Code == admin.CodeDenied:
		return fmt.Errorf("%w; user admin may", err)
	}
	return err
}

// find sets the node: the one that was named, or the only one that answers.
func (o *operator) find(ctx context.Context) error {
	if o.node = o.c.String("node"); o.node != "" {
		return nil
	}
	l, err := o.conn.Nodes(ctx)
	if err != nil {
		return err
	}
	names := make(map[string]bool)
	for _, n := range l.Nodes {
		o.node = n.Node
		names[n.Node] = true
	}
	if len(names) > 1 {
		return Usage("several nodes answer: %s; --node says which one is meant",
			strings.Join(slices.Sorted(maps.Keys(names)), ", "))
	}
	return nil
}

// print prints a reply, for programs or for people.
func (o *operator) print(reply any, table func(*table)) error {
	o.answers()
	if o.c.Bool("json") {
		return printJSON(o.c, reply)
	}
	t := newTable()
	table(t)
	return t.write(o.c.App.Writer)
}

// show makes an operation of a request without arguments and a way to print
// the reply.
func show[R any](ask func(*admin.Conn, context.Context, string) (R, error),
	print func(*table, R)) func(context.Context, *operator) error {
	return func(ctx context.Context, o *operator) error {
		r, err := ask(o.conn, ctx, o.node)
		if err != nil {
			return err
		}
		return o.print(r, func(t *table) { print(t, r) })
	}
}
