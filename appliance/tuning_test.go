package appliance_test

import (
	"strings"
	"testing"
	"time"
)

// What a replica waits for, and what a leader demands, can be changed while the
// node runs, and nonsense is refused.
func TestTuning(t *testing.T) {
	ctx := t.Context()
	c := start(t, t.TempDir(), "--fetch-timeout", "4s").client()
	for _, tt := range []struct{ name, first, good, bad string }{
		{"ledge-connect-timeout", "3s", "1.5s", "10ms"},
		{"ledge-fetch-timeout", "4s", "2s", "never"},
		{"ledge-sync-chunk-timeout", "5s", "1m0s", "2h"},
		{"ledge-read-staleness", "0s", "10s", "-1s"},
		{"ledge-sync-attempts", "10", "3", "0"},
		{"min-replicas-to-write", "0", "1", "-1"},
		{"min-replicas-max-lag", "10", "5", "0"},
	} {
		got := func() string { return c.ConfigGet(ctx, tt.name).Val()[tt.name] }
		if got() != tt.first {
			t.Errorf("%s = %q at first; want %q", tt.name, got(), tt.first)
		}
		if err := c.ConfigSet(ctx, tt.name, tt.bad).Err(); err == nil || !strings.Contains(err.Error(), tt.bad) {
			t.Errorf("CONFIG SET %s %s = %v; want an error that names the value", tt.name, tt.bad, err)
		}
		if err := c.ConfigSet(ctx, tt.name, tt.good).Err(); err != nil || got() != tt.good {
			t.Errorf("CONFIG SET %s %s = %v, and it is %q", tt.name, tt.good, err, got())
		}
	}
	within(t, 10*time.Second, "a leader with no replicas refuses to write", func() bool {
		err := c.Set(ctx, "k", "v", 0).Err()
		return err != nil && strings.HasPrefix(err.Error(), "NOREPLICAS")
	})
}
