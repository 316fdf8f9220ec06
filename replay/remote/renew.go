package remote

import (
	"context"
	"errors"
	"sync"
)

// errRenew ends an attempt of which nothing is wrong: the link is to be made anew, with
// another password. The leader would part one that was made with a former password.
var errRenew = errors.New("the leader's password has changed")

// watchPassword looks, whenever the password may be another, whether it is. Once the
// leader has let the node in by it the attempt ends, as soon as the leader is heard of; a
// password that the leader does not take leaves the link as it is. It returns how to end
// that.
func (f *Follower) watchPassword(ctx context.Context, c *conn) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	var watched sync.WaitGroup
	watched.Go(func() {
		for {
			select {
			case <-f.reread:
			case <-ctx.Done():
				return
			}
			if said, err := f.cfg.Password(); err != nil || said == c.said {
				continue // whoever attempts to connect says what is wrong
			}
			tried, err := dial(ctx, &f.cfg)
			if err == nil {
				tried.Close()
			}
			if ctx.Err() != nil {
				return
			}
			if err != nil {
				f.cfg.Logger.Warn("the leader does not take the password that was read anew; the link stays as it is",
					"leader", f.cfg.Leader, "cause", err)
				continue
			}
			f.renew.Store(true)
			return
		}
	})
	return func() {
		cancel()
		watched.Wait()
	}
}
