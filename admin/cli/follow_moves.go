package cli

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"ledge/admin"
	"ledge/journal/progress"
)

// follower shows how moves go, until they have ended.
type follower struct {
	bar   string // its title
	after string // what is so after an interrupt, or when the time is up
	began time.Time
	stage atomic.Pointer[stage]
}

// stage is how far moves have come.
type stage struct {
	step  string
	share float64 // from 0 to 1
	bytes int64
}

// run looks again and again, until look says that it is over. A node that can't be reached
// for a moment is asked again.
func (f *follower) run(ctx context.Context, o *operator, look func(context.Context) (stage, bool, error)) error {
	f.began = time.Now()
	l := lengthy{title: f.bar, after: f.after, look: f.seen, shown: func(done func()) { o.unshow = done }}
	return l.run(ctx, o.c, func(ctx context.Context) error {
		tick := time.NewTicker(waitEvery)
		defer tick.Stop()
		for {
			var s stage
			var over bool
			err := o.persist(ctx, func() (err error) {
				soon, cancel := context.WithTimeout(ctx, quickWait)
				defer cancel()
				s, over, err = look(soon)
				return err
			})
			if err == nil {
				f.stage.Store(&s)
			}
			switch {
			case ctx.Err() != nil:
				return fmt.Errorf("%s: %w", f.after, ctx.Err())
			case err != nil || over:
				return err
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
			}
		}
	})
}

// seen is the stage as bars show it.
func (f *follower) seen() progress.Seen {
	s := progress.Seen{Left: -1, Took: time.Since(f.began)}
	if at := f.stage.Load(); at != nil {
		s.Step, s.Known, s.Share = at.step, true, at.share
		if s.Unit, s.Done = progress.Bytes, at.bytes; s.Took > 0 {
			s.Rate = float64(at.bytes) / s.Took.Seconds()
		}
	}
	return s
}

// followMove waits until a move has ended, and returns how.
func followMove(ctx context.Context, o *operator, m admin.Move) (admin.Move, error) {
	f := &follower{bar: "move", after: "the move goes on, as ledge cluster moves shows"}
	err := f.run(ctx, o, func(ctx context.Context) (s stage, over bool, err error) {
		list, err := o.conn.ClusterAllMoves(ctx, o.node)
		if err != nil {
			return s, false, err
		}
		at, ok := named(list, m.ID)
		switch {
		case ok:
			m = at
		case len(list.Missing) == 0:
			return s, false, errors.New("no shard knows the move any more")
		}
		step := m.Phase
		if m.Cause != "" {
			step += ", waits: " + m.Cause
		}
		return stage{step: step, share: m.Done, bytes: m.Bytes}, m.Phase == "ended", nil
	})
	return m, err
}
