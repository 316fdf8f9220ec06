package jet

import (
	"strings"
	"testing"
	"time"

	"ledge/journal/broker"
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
		c := Checked{cfg: tt.cfg}
		if b := c.Broker(broker.Config{}); b.SyncAlways != tt.always || b.SyncInterval != tt.every {
			t.Errorf("sync mode %d: the broker is given always=%v, every %s; want %v, %s",
				tt.cfg.Sync, b.SyncAlways, b.SyncInterval, tt.always, tt.every)
		}
	}
}

// Every fault is said at once.
func TestValidate(t *testing.T) {
	err := Config{Sync: 9, SyncEvery: time.Microsecond, MaxBytes: 1, AppendTimeout: -1}.Validate()
	if err == nil {
		t.Fatal("Validate = nil; want errors")
	}
	for _, want := range []string{"sync mode 9", "sync interval 1µs", "journal limit of 1 bytes", "append timeout",
		"no store directory"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("Validate = %v; want %q", err, want)
		}
	}
	if err := (Config{Dir: "x", SyncEvery: time.Second}).Validate(); err != nil {
		t.Errorf("Validate = %v; want nil", err)
	}
}
