package appliance

import (
	"context"

	"ledge/appliance/options"
	"ledge/journal"
)

// syncModes are the modes by their names.
var syncModes = map[string]journal.SyncMode{SyncAlways: journal.SyncAlways, SyncInterval: journal.SyncInterval, SyncOff: journal.SyncOff}

// syncingOf returns how the journal is to be synced.
func syncingOf(l *options.Live) journal.Syncing {
	return journal.Syncing{Mode: syncModes[l.Sync], Every: l.SyncInterval}
}

// liveNow returns what can change while the node runs, as it is. How the journal is
// synced only the journal knows: a change that a hanging disk has kept from being made
// may be made later.
func liveNow(n *Node) options.Live {
	l := *n.live.Load()
	s := n.log.Syncing()
	if s == (journal.Syncing{}) { // it is not open yet
		return l
	}
	for name, mode := range syncModes {
		if mode == s.Mode {
			l.Sync = name
		}
	}
	l.SyncInterval = s.Every
	return l
}

// setSyncing has the journal be synced as l says, and then the rest be as l says.
func setSyncing(ctx context.Context, n *Node, l options.Live) error {
	if s := syncingOf(&l); s != n.log.Syncing() {
		if err := n.writer.SetSync(ctx, s); err != nil {
			return err
		}
		n.cfg.Logger.Info("the journal is synced in another way", "sync", l.Sync, "interval", l.SyncInterval)
	}
	n.takeLive(l)
	return nil
}

// whole returns the Config with what can change as it was set.
func whole(n *Node) *Config {
	c := n.cfg
	c.Live = *n.live.Load()
	return &c
}
