package jet

import (
	"testing"
	"time"
)

// The broker must be given the sync settings of each mode.
func TestSyncModes(t *testing.T) {
	for _, tt := range []struct {
		cfg    Config
		always bool
		every  time.Duration
	}{
		{Config{}, true, 30 * time.Second},
		{Config{Sync: SyncInterval}, false, time.Second},
		{Config{Sync: SyncInterval, SyncEvery: 50 * time.Millisecond}, false, 50 * time.Millisecond},
		{Config{Sync: SyncOff}, false, 30 * time.Second},
	} {
		tt.cfg.setDefaults()
		if b := tt.cfg.broker(); b.SyncAlways != tt.always || b.SyncInterval != tt.every {
			t.Errorf("sync mode %d: the broker is given always=%v, every %s; want %v, %s",
				tt.cfg.Sync, b.SyncAlways, b.SyncInterval, tt.always, tt.every)
		}
	}
}
