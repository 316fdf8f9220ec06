package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/urfave/cli/v2"

	"ledge/admin"
)

// clusterStatusCommand says who serves which slots, once or again and again.
func clusterStatusCommand() *cli.Command {
	op := operation{name: "status", usage: "say who serves which hash slots, as far as the node has heard", wait: quickWait,
		flags: []cli.Flag{&cli.BoolFlag{Name: "watch", Usage: "say it again when it has changed, and when that was seen, until interrupted; on a terminal in place"}},
		ask:   show((*admin.Conn).ClusterStatus, printCluster)}
	c := op.command()
	c.Action = func(c *cli.Context) error {
		if c.Bool("watch") {
			return interruptible(watchCluster)(c)
		}
		return op.action(c)
	}
	return c
}

// lookEvery is how often a cluster that is watched is looked at.
const lookEvery = time.Second

// A terminal is drawn anew from its upper left corner, and what is left below is erased.
const (
	screenBegin = "\x1b[H\x1b[2J"
	screenErase = "\x1b[J"
)

// watchCluster prints the cluster and its moves whenever something is different, until ctx
// ends. A node that can't be reached is awaited.
func watchCluster(ctx context.Context, o *operator) error {
	if err := o.persist(ctx, func() error { return o.find(ctx) }); err != nil {
		return err
	}
	_, screen := terminal(o.c.App.Writer)()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for last := []byte(nil); ; {
		text, err := o.clusterText(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, admin.ErrUnreachable):
			fmt.Fprintf(o.c.App.ErrWriter, "ledge: %s; waiting for it\n", clean(err.Error()))
			if err := o.redial(ctx); err != nil || ctx.Err() != nil {
				return err
			}
			continue
		case err != nil:
			return err
		case bytes.Equal(text, last):
		case o.c.Bool("json"):
			_, err = o.c.App.Writer.Write(text)
		default:
			_, err = o.c.App.Writer.Write(stamped(text, time.Now(), screen))
		}
		if err != nil {
			return err
		}
		last = text
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// stamped is what is printed of a cluster that was seen at a time: a line with that, which parts
// it from what was seen before, and its text; on a screen in place of what was there.
func stamped(text []byte, at time.Time, screen bool) []byte {
	s := fmt.Sprintf("--- %s\n%s", instant(at), text)
	if screen {
		s = screenBegin + s + screenErase
	}
	return []byte(s)
}

// clusterText is the cluster and those of its moves that are under way, for programs in one
// line.
func (o *operator) clusterText(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, quickWait)
	defer cancel()
	c, err := o.conn.ClusterStatus(ctx, o.node)
	if err != nil {
		return nil, err
	}
	moves, err := o.conn.ClusterMoves(ctx, o.node)
	if err != nil {
		return nil, err
	}
	under := []admin.Move{}
	for _, m := range moves {
		if m.Phase != "ended" {
			m.Heard = nil // it is another one each time
			under = append(under, m)
		}
	}
	for i := range c.Shards {
		if l := c.Shards[i].Link; l != nil {
			l.Heard = nil
		}
	}
	var b bytes.Buffer
	if o.c.Bool("json") {
		err := json.NewEncoder(&b).Encode(struct {
			admin.Cluster
			Moves []admin.Move `json:"moves"`
		}{c, under})
		return b.Bytes(), err
	}
	t := newTable()
	printCluster(t, c)
	for _, m := range under {
		printMove(t, m)
	}
	err = t.write(&b)
	return b.Bytes(), err
}
