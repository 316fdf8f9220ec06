// Package cli has the commands for operators: it asks running nodes, looks into
// the directories of stopped ones, and prints what it finds for people or for
// programs.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"ledge/admin"
	"ledge/appliance"
	"ledge/appliance/options"
)

// How long a command waits, unless told. The node itself bounds most requests
// by 30 s and the long ones by 10 min.
const (
	quickWait  = 5 * time.Second
	configWait = 10 * time.Second // the node waits for its disk
	resumeWait = 40 * time.Second
	nodesWait  = 15 * time.Second // several are asked, one after the other has named it
	longWait   = 10*time.Minute + 10*time.Second
)

// Running returns the commands that ask a running node.
func Running() []*cli.Command {
	return []*cli.Command{
		operation{name: "status", usage: "say what a running node is and how it is", wait: quickWait,
			ask: show((*admin.Conn).Status, printStatus), repeats: true}.command(),
		healthCommand(),
		operation{name: "resume", usage: "have a suspended node try to take writes again",
			wait: resumeWait, ask: resume}.command(),
		operation{name: "snapshots", usage: "list a running node's snapshots", wait: quickWait,
			ask: show((*admin.Conn).Snapshots, printSnapshotList), repeats: true}.command(),
		operation{name: "compact", usage: "have a node take a snapshot and truncate its journal, so that its past goes back no further",
			wait: longWait, verb: "compact", after: nodeGoesOn, ask: show((*admin.Conn).Compact, printCompacted)}.command(),
		operation{name: "verify", usage: "have a running node read all of its journal and snapshots",
			wait: longWait, verb: "verify", after: nodeGoesOn, ask: show((*admin.Conn).Verify, printVerified)}.command(),
		backupCommand(),
		configCommand(),
		operation{name: "clients", usage: "list a node's Redis clients", wait: quickWait,
			ask: show((*admin.Conn).Clients, printClients), repeats: true}.command(),
		operation{name: "slowlog", usage: "list slow commands, newest first", wait: quickWait,
			flags: []cli.Flag{&cli.StringFlag{Name: "count", Usage: "at most `N`", DefaultText: "all"}},
			ask:   slowlog, repeats: true}.command(),
		followCommand(),
		operation{name: "promote", usage: "have a replica stop following, and lead",
			wait: resumeWait, ask: show((*admin.Conn).Promote, printPromoted)}.command(),
		operation{name: "switchover", usage: "have a replica lead, and the node follow it", wait: resumeWait,
			flags: []cli.Flag{&cli.StringFlag{Name: "to", Usage: "`NODE` that is to lead", Required: true}},
			ask:   switchOver}.command(),
		clusterCommand(),
		passwdCommand(),
		stopCommand(),
		eventsCommand(),
		{Name: "nodes", Usage: "list the nodes that can be reached: those that answer, their leaders and replicas", Flags: operateFlags(),
			Action: connected(nodesWait, listNodes)},
	}
}

// taking makes the commands about snapshots take one if none of them is named.
// Those look at a stopped node, so options before their name would be lost.
func taking(cmd *cli.Command) *cli.Command {
	op := operation{name: "snapshot", wait: longWait, verb: "snapshot", after: nodeGoesOn, ask: show((*admin.Conn).Snapshot, printSnapshot)}
	cmd.Usage = "have a running node take a snapshot, or list those of a stopped one"
	cmd.Flags, cmd.Action = operateFlags(), op.action
	cmd.Before = func(c *cli.Context) error {
		if c.Args().Present() && len(c.LocalFlagNames()) > 0 {
			return Usage("snapshot: the options of %q stand behind it", c.Args().First())
		}
		return nil
	}
	return cmd
}

// healthCommand is the probe: its exit code says it all, and what can't be
// found out is 2 whatever the cause.
func healthCommand() *cli.Command {
	cmd := operation{name: "health", wait: quickWait, ask: health, repeats: true,
		flags: []cli.Flag{&cli.BoolFlag{Name: "writes", Usage: "end with 1 unless writes are taken, as a replica takes none"}},
		usage: "say whether a node serves: exit code 0, 1 if its journal takes no writes, a leader takes none or waits for what other shards own, or a replica has no reads or its link to the leader has failed or been down for 5 s, 2 if it is unreachable, 4 while it loads"}.command()
	action := cmd.Action
	cmd.Action = func(c *cli.Context) error {
		err := action(c)
		var coded *ExitError
		if err == nil || errors.As(err, &coded) {
			return err
		}
		return &ExitError{ExitUnreachable, err}
	}
	return cmd
}

// makeRoom says of a full disk what waiting doesn't mend, if it is the journal that has
// filled it.
func makeRoom(h admin.Health) string {
	if !strings.Contains(h.Cause, "no space left") {
		return ""
	}
	return "; ledge compact makes room of what the journal has on the disk"
}

func health(ctx context.Context, o *operator) error {
	h, err := o.conn.Health(ctx, o.node)
	if err != nil {
		return err
	}
	if err := o.print(h, func(t *table) { printHealth(t, h) }); err != nil {
		return err
	}
	if h.State == admin.StateLoading {
		return &ExitError{ExitLoading, fmt.Errorf("node %s is loading its data: %s", h.Node, loadingWords(h.Loading))}
	}
	if h.State != admin.StateOK {
		return &ExitError{ExitRefused, fmt.Errorf("node %s takes no writes: %s; once that is mended, "+
			"ledge resume tries again%s", h.Node, clean(h.Cause), makeRoom(h))}
	}
	if why := unfit(h, o.c.Bool("writes")); why != "" {
		return &ExitError{ExitRefused, fmt.Errorf("node %s %s", h.Node, clean(why))}
	}
	return nil
}

// linkPatience is for how many seconds a replica that does not hear its leader passes for
// a sound one: a leader that is started again is back by then.
const linkPatience = 5

// unfit says why a node does not do what its role is, "" if it does; writes asks for
// those of any role. A node from before these were said says nothing.
func unfit(h admin.Health, writes bool) string {
	switch leads := h.Role != "replica"; {
	case h.ReadsRefused != "":
		return "refuses reads: " + h.ReadsRefused
	case h.WritesRefused != "" && (leads || writes):
		return "takes no writes: " + h.WritesRefused
	case h.SlotsWait != "":
		return "does not serve its slots yet: " + h.SlotsWait
	case h.SlotsSeized != "":
		return fmt.Sprintf("does not serve slots %s, which another shard has seized: ledge cluster yield gives them up, and clears what they hold here", h.SlotsSeized)
	case h.SlotsGiven != "":
		return fmt.Sprintf("has given slots %s to another shard, which has not taken them, and nobody serves them: start that shard's leader, or do what ledge cluster moves says if it is gone for good", h.SlotsGiven)
	case h.LinkFailed != "":
		return "does not reach its leader: " + h.LinkFailed
	case h.LinkSilent >= linkPatience:
		return fmt.Sprintf("has not heard of its leader for %.1f s: %s", h.LinkSilent, h.LinkDown)
	}
	return ""
}

// resume prints what was tried, whether that has worked or not.
func resume(ctx context.Context, o *operator) error {
	r, err := o.conn.Resume(ctx, o.node)
	if r.Node != "" {
		err = errors.Join(o.print(r, func(t *table) { printResumed(t, r) }), err)
	}
	return err
}

func slowlog(ctx context.Context, o *operator) error {
	n := 0
	if o.c.IsSet("count") {
		var err error
		if n, err = options.ParseCount(o.c.String("count")); err != nil {
			return Usage("--count: %w", err)
		}
	}
	l, err := o.conn.Slowlog(ctx, o.node, n)
	if err != nil {
		return err
	}
	return o.print(l, func(t *table) { printSlow(t, l) })
}

func switchOver(ctx context.Context, o *operator) error {
	s, err := o.conn.Switchover(ctx, o.node, o.c.String("to"))
	if err != nil {
		return err
	}
	return o.print(s, func(t *table) {
		t.field("leads", "%s, at %s, from number %d; it took %s", s.Node, s.Leader, s.Number, milliseconds(s.Took))
	})
}

func listNodes(ctx context.Context, o *operator) error {
	cfg, err := access(o.c)
	if err != nil {
		return err
	}
	l, err := o.conn.Reachable(ctx, func(ctx context.Context, server string) (*admin.Conn, error) {
		return dialNamed(ctx, o.c, cfg, server)
	})
	if err != nil {
		return err
	}
	return o.print(l, func(t *table) { printNodes(t, l) })
}

// dialNamed connects to an address that a node has named. Whoever listens there hears the
// password, so it is that of monitor, who may change nothing.
func dialNamed(ctx context.Context, c *cli.Context, cfg admin.ClientConfig, server string) (*admin.Conn, error) {
	if cfg.User != admin.MonitorUser {
		word, err := appliance.ReadOwnPassword(filepath.Join(c.String("dir"), "auth", admin.MonitorUser))
		if err != nil {
			return nil, errors.New("it is asked as monitor only, whose password is not at hand: --user monitor and --password-file give it")
		}
		cfg.User, cfg.Password = admin.MonitorUser, word
	}
	if cfg.Server = server; c.String("tls-ca") == "" {
		cfg.TLS = nil // what is pinned is the one certificate of the node that was asked first
	}
	conn, err := admin.Dial(ctx, cfg)
	var denied *admin.Error
	if errors.As(err, &denied) {
		return nil, fmt.Errorf("%w; each node draws its own: give all of them one with ledge passwd --new-password-file FILE monitor", err)
	}
	return conn, err
}

// eventsCommand prints events until it is interrupted, which is no failure.
func eventsCommand() *cli.Command {
	return &cli.Command{
		Name: "events", Usage: "print what happens to the nodes, one line each, until interrupted",
		Flags: append([]cli.Flag{&cli.StringFlag{Name: "since",
			Usage: "`DURATION`: print what has happened to a node within it, and end", DefaultText: "what comes"}}, operateFlags()...),
		Action: func(c *cli.Context) error {
			if c.IsSet("since") {
				return operation{wait: quickWait, ask: pastEvents}.action(c)
			}
			return interruptible(watch)(c)
		},
	}
}

// pastEvents prints what was, in the lines in which watch prints what comes.
func pastEvents(ctx context.Context, o *operator) error {
	span, err := options.ParseDuration(o.c.String("since"))
	if err != nil {
		return Usage("--since: %w", err)
	}
	l, err := o.conn.PastEvents(ctx, o.node, time.Now().Add(-span))
	if err != nil {
		return err
	}
	for _, e := range l.Events {
		if err := o.printEvent(e); err != nil {
			return err
		}
	}
	return nil
}

// printEvent prints an event in one line, for programs or for people.
func (o *operator) printEvent(e admin.Event) error {
	if !o.c.Bool("json") {
		_, err := fmt.Fprintln(o.c.App.Writer, eventLine(e))
		return err
	}
	enc := json.NewEncoder(o.c.App.Writer)
	enc.SetEscapeHTML(false)
	return enc.Encode(e)
}

// watch prints what happens until ctx ends. A node that stops, or can't be reached for
// a while, is awaited.
func watch(ctx context.Context, o *operator) error {
	defer o.drop()
	for first := true; ; first = false {
		err := watchOnce(ctx, o, first)
		if !errors.Is(err, admin.ErrUnreachable) || ctx.Err() != nil {
			return err
		}
		fmt.Fprintf(o.c.App.ErrWriter, "ledge: %s; waiting for it\n", clean(err.Error()))
		if err := o.redial(ctx); err != nil || ctx.Err() != nil {
			return err
		}
		fmt.Fprintln(o.c.App.ErrWriter, "ledge: it is back")
	}
}

// redialEvery is how often it is tried to reach a node that has gone.
const redialEvery = time.Second

// redial connects again, as soon as that works, or ctx ends. Who is not let in any more
// hears so.
func (o *operator) redial(ctx context.Context) error {
	tick := time.NewTicker(redialEvery)
	defer tick.Stop()
	for {
		cfg, err := access(o.c) // it may listen elsewhere now
		if err == nil && o.c.String("server") == "" && !hasRun(o.c.String("dir")) {
			err = admin.ErrUnreachable // whoever listens where nodes do by default is another
		}
		if err == nil {
			var conn *admin.Conn
			if conn, err = admin.Dial(ctx, cfg); err == nil {
				o.conn.Close()
				o.conn = conn
				return nil
			}
		}
		if !errors.Is(err, admin.ErrUnreachable) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// watchOnce is watch on one connection. On the first it says that it waits: there may be
// nothing to print for a long time.
func watchOnce(ctx context.Context, o *operator, first bool) error {
	events, err := o.conn.Events(ctx, o.c.String("node"))
	if err != nil {
		return err
	}
	if first {
		fmt.Fprintln(o.c.App.ErrWriter, "ledge: waiting for events until interrupted; --since 1h prints those of the last hour")
	}
	for e, err := range events {
		if err == nil {
			err = o.printEvent(e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
