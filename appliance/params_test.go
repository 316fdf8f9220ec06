package appliance_test

import (
	"strings"
	"testing"

	"ledge/appliance/options"
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
		{"ledge-read-staleness", "10s", "1h30m0s", "1ns"},
		{"ledge-sync-attempts", "10", "3", "0"},
		{"ledge-resume-auto", "retryable", "all", ""},
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
}

// What CONFIG SET has answered OK to holds for the next command, whatever looks at
// the node by the clock meanwhile.
func TestSetHoldsAtOnce(t *testing.T) {
	ctx := t.Context()
	c := start(t, t.TempDir()).client()
	for i := range 100 {
		if err := c.ConfigSet(ctx, "min-replicas-to-write", "1").Err(); err != nil {
			t.Fatal(err)
		}
		if err := c.Set(ctx, "k", "v", 0).Err(); err == nil || !strings.HasPrefix(err.Error(), "NOREPLICAS") {
			t.Fatalf("round %d: SET on a leader without replicas = %v; want NOREPLICAS", i, err)
		}
		if err := c.ConfigSet(ctx, "min-replicas-to-write", "0").Err(); err != nil {
			t.Fatal(err)
		}
		if err := c.Set(ctx, "k", "v", 0).Err(); err != nil {
			t.Fatalf("round %d: SET where no replicas are asked for = %v", i, err)
		}
	}
}

// An option and the parameter of CONFIG that sets it at run time have one rule:
// what the one takes the other takes, too.
func TestOneRule(t *testing.T) {
	ctx := t.Context()
	c := start(t, t.TempDir()).client()
	values := []string{"0", "0s", "1", "7", "+7", "007", "-1", "1ns", "10ms", "1s", "1.5s", "90m", "48h", "3601", "70000",
		"2000000", "3000000000", "99999999999999999999", "none", "all", "yes", "no", "warn", "KEA", "KEz", "127.0.0.1", "a b", "a,b", "serve",
		"always", "interval", "everysec", "normal 1mb 0 0", "normal 1mb 512kb 7 pubsub 0 0 0", "normal 1mb", "others 1mb 0 0",
		strings.Repeat("x", 300), strings.Repeat("x", 16<<10), strings.Repeat("x", 16<<10+1)}
	live := 0
	for _, r := range options.Table() {
		for _, p := range r.Params {
			if !p.Live {
				continue
			}
			live++
			first := c.ConfigGet(ctx, p.Name).Val()[p.Name]
			taken := 0
			for _, v := range values {
				option := v
				switch p.Name {
				case "min-replicas-max-lag", "timeout", "tcp-keepalive": // which have Redis's unit
					option = v + "s"
				case "cluster-node-timeout":
					option = v + "ms"
				case "appendfsync": // which has Redis's words
					option = map[string]string{"always": "always", "everysec": "interval", "no": "off"}[v]
				}
				said := r.Set(&options.Config{}, option)
				set := c.ConfigSet(ctx, p.Name, v).Err()
				if (said == nil) != (set == nil) {
					t.Errorf("--%s %.40s: %v, but CONFIG SET %s %.40s: %v", r.Name, option, said, p.Name, v, set)
				}
				if set == nil {
					taken++
				}
			}
			if taken == 0 || taken == len(values) {
				t.Errorf("%d of %d values are good for %s; want some of either kind", taken, len(values), p.Name)
			}
			if err := c.ConfigSet(ctx, p.Name, first).Err(); err != nil {
				t.Errorf("CONFIG SET %s %q, as it was at first: %v", p.Name, first, err)
			}
		}
	}
	if live < 15 {
		t.Errorf("%d parameters are live; want all of them", live)
	}
}
