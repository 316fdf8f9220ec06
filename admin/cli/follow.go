package cli

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/urfave/cli/v2"

	"ledge/admin"
	"ledge/journal/progress"
)

func followCommand() *cli.Command {
	op := operation{name: "follow", usage: "have a node follow the leader with that NATS address", args: "URL", wait: quickWait,
		flags: []cli.Flag{&cli.BoolFlag{Name: "wait", Usage: "until the node has all that the leader has, and show how far it is"}},
		ask:   followLeader}
	cmd := op.command()
	cmd.Action = func(c *cli.Context) error {
		if c.Bool("wait") {
			op.wait = 0
		}
		return op.action(c)
	}
	return cmd
}

// followLeader asks a node to follow, and waits for more if it is to.
func followLeader(ctx context.Context, o *operator) error {
	if o.c.Args().Len() != 1 {
		return Usage("follow: want one URL, nats://HOST:PORT")
	}
	defer o.drop() // which may be another than the one that was given
	l, err := o.follow(ctx, o.c.Args().First())
	if err == nil && o.c.Bool("wait") {
		l, err = awaitSync(ctx, o, l)
	}
	if err != nil {
		return err
	}
	return o.print(l, func(t *table) { printLink(t, l) })
}

// follow asks once more if the connection has ended before the answer.
func (o *operator) follow(ctx context.Context, url string) (l admin.Link, err error) {
	ctx, cancel := context.WithTimeout(ctx, followWait(o.c))
	defer cancel()
	l, err = o.conn.Follow(ctx, o.node, url)
	if errors.Is(err, admin.ErrUnreachable) && ctx.Err() == nil {
		// A full sync has put another broker in the place of the one that was asked.
		// To follow the same leader once more changes nothing.
		if err := o.redial(ctx); err != nil {
			return l, err
		}
		l, err = o.conn.Follow(ctx, o.node, url)
	}
	return l, err
}

// followWait is how long the request may take; connected has checked --timeout.
func followWait(c *cli.Context) time.Duration {
	if d, err := waitOf(c, quickWait); err == nil && d > 0 {
		return d
	}
	return quickWait
}

// While a replica is waited for it is asked each syncEvery. One that has not answered
// for syncLost is given up: its broker is away for a moment in each full sync.
const (
	syncEvery = 300 * time.Millisecond
	syncLost  = 30 * time.Second
)

// awaitSync waits until a node has all that its leader has.
func awaitSync(ctx context.Context, o *operator, l admin.Link) (admin.Link, error) {
	w := &syncWait{leader: l.Leader, began: time.Now(), heard: time.Now()}
	w.note(progress.Seen{Step: l.State, Left: -1})
	work := lengthy{title: "follow", after: "the node goes on following; ledge status says how far it is", look: w.look,
		shown: func(done func()) { o.unshow = done }}
	err := work.run(ctx, o.c, func(ctx context.Context) error {
		tick := time.NewTicker(syncEvery)
		defer tick.Stop()
		for {
			there, err := w.ask(ctx, o)
			if there || err != nil {
				return err
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	return w.link, err
}

// syncWait waits for a replica to have all that its leader has.
type syncWait struct {
	leader string // that it is to follow
	began  time.Time
	heard  time.Time // when the node answered last
	link   admin.Link
	behind uint64 // how far it was behind when its stream began
	seen   atomic.Pointer[progress.Seen]
}

func (w *syncWait) note(s progress.Seen) { w.seen.Store(&s) }

func (w *syncWait) look() progress.Seen {
	s := *w.seen.Load()
	s.Took = time.Since(w.began)
	return s
}

// ask asks once, and reports whether the node has all.
func (w *syncWait) ask(ctx context.Context, o *operator) (there bool, err error) {
	soon, cancel := context.WithTimeout(ctx, quickWait)
	defer cancel()
	st, err := o.conn.Status(soon, o.node)
	var answer *admin.Error
	switch {
	case ctx.Err() != nil:
		return false, ctx.Err()
	case err != nil && !errors.As(err, &answer) && time.Since(w.heard) < syncLost:
		return false, o.redial(soon)
	case err != nil:
		return false, err
	}
	w.heard = time.Now()
	switch {
	case st.Link == nil:
		return false, errors.New("the node follows nobody any more")
	case st.Link.Leader != w.leader:
		return false, fmt.Errorf("the node follows %s meanwhile", st.Link.Leader)
	case st.Link.State == "failed":
		return false, fmt.Errorf("the node goes on trying, but the link has failed: %s", st.Link.LastError)
	}
	w.link = *st.Link
	w.note(w.show(&st))
	return st.Link.State == "streaming" && st.Link.Lag != nil && *st.Link.Lag == 0, nil
}

// show says how far the node is: with its full sync, or with what came after that.
func (w *syncWait) show(st *admin.Status) progress.Seen {
	for _, work := range st.Work {
		if work.Verb == admin.WorkFullSync {
			return work.Seen()
		}
	}
	s := progress.Seen{Step: linkState(*st.Link), Left: -1}
	if lag := st.Link.Lag; st.Link.State == "streaming" && lag != nil {
		w.behind = max(w.behind, *lag)
		s.Unit, s.Total, s.Done = progress.Numbers, int64(w.behind), int64(w.behind-*lag)
		if w.behind > 0 {
			s.Known, s.Share = true, float64(s.Done)/float64(s.Total)
		}
	}
	return s
}
