package appliance_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/respd/lua/luatest"
)

const (
	greedyTime   = time.Second
	greedyMemory = 64 << 20
	// A script's limit, as much again of garbage, and what the process takes beside it
	// when the collector comes late on a busy machine.
	mostGrown = 2*greedyMemory + greedyMemory/2
)

// Scripts that were written to hold the node or to fill its memory end within
// their bounds, and so does what the process takes from the system.
func TestScriptBounds(t *testing.T) {
	p := start(t, t.TempDir(), "--sync", "interval")
	db := redis.NewClient(&redis.Options{Addr: p.addr, ReadTimeout: time.Minute, MaxRetries: -1})
	defer db.Close()
	set := func(name, value string) {
		t.Helper()
		if err := db.ConfigSet(t.Context(), name, value).Err(); err != nil {
			t.Fatal(err)
		}
	}
	set("script-max-memory", fmt.Sprint(greedyMemory))
	set("busy-reply-threshold", "0")
	set("script-max-time", fmt.Sprint(greedyTime.Milliseconds()))
	limit := greedyTime
	var late time.Duration
	var most int
	for i, script := range luatest.Greedy {
		if i == 20 { // most go on until they are ended; at full length that takes a minute
			limit = greedyTime / 5
			set("script-max-time", fmt.Sprint(limit.Milliseconds()))
		}
		before := p.resident("VmRSS")
		p.forgetPeak()
		began := time.Now()
		err := db.Eval(t.Context(), script, nil).Err()
		took, grown := time.Since(began), p.resident("VmHWM")-before
		late, most = max(late, took-limit), max(most, grown)
		// One second past its time is what a script may take; machines that test
		// are busy.
		if took > limit+9*time.Second || grown > mostGrown {
			t.Errorf("%s: %s, %d MiB more, %v; want at most %s and %d MiB", script, took, grown>>20, err, limit+time.Second, mostGrown>>20)
		}
		if err != nil && strings.Contains(err.Error(), "internal error") {
			t.Errorf("%s = %v", script, err)
		}
	}
	if err := db.Set(t.Context(), "a", "b", 0).Err(); err != nil {
		t.Errorf("SET after them = %v; want OK", err)
	}
	t.Logf("%d scripts: past their time by %s at most, the process grown by %d MiB at most", len(luatest.Greedy), late, most>>20)
}

// resident returns a figure of what the process has in memory, in bytes.
func (p *process) resident(field string) (bytes int) {
	p.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), field+":")
	if _, err := fmt.Sscanf(rest, "%d kB", &bytes); err != nil {
		p.t.Fatalf("%s in %q: %v", field, status, err)
	}
	return bytes << 10
}

// forgetPeak makes VmHWM begin anew.
func (p *process) forgetPeak() {
	p.t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", p.cmd.Process.Pid), []byte("5"), 0); err != nil {
		p.t.Fatal(err)
	}
}
