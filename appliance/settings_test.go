package appliance_test

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

// What has happened is known after a kill as well as after a stop, and a kill shows
// by its missing "stopping".
func TestEventsAreKept(t *testing.T) {
	dir := t.TempDir()
	p := lead(t, dir, "--node", "n")
	p.do("SAVE")
	within(t, 10*time.Second, "the snapshot is an event", func() bool {
		return strings.Contains(run(t, "events", "--since", "1h", "--dir", dir).stdout, "snapshot")
	})
	p.end(syscall.SIGKILL)
	lead(t, dir, "--node", "n").end(syscall.SIGTERM)
	lead(t, dir, "--node", "n")
	var kinds []string
	for line := range strings.Lines(run(t, "events", "--since", "1h", "--dir", dir).stdout) {
		kinds = append(kinds, strings.Fields(line)[2])
	}
	if got, want := strings.Join(kinds, " "), "started snapshot started stopping started"; got != want {
		t.Errorf("events are %q; want %q", got, want)
	}
}
