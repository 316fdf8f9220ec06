//go:build linux

package process

import (
	"testing"

	"golang.org/x/sys/unix"
)

// The monitor is found and scheduled as idle; no other thread is, this one among
// them.
func TestScheduleMonitor(t *testing.T) {
	if err := ScheduleMonitor(nil); err != nil {
		t.Fatal(err)
	}
	tid, err := monitorThread()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		tid  int
		want uint32
	}{{"monitor", tid, unix.SCHED_IDLE}, {"this thread", 0, unix.SCHED_NORMAL}} {
		attr, err := unix.SchedGetAttr(tt.tid, 0)
		if err != nil {
			t.Fatal(err)
		}
		if attr.Policy != tt.want {
			t.Errorf("%s: policy %d; want %d", tt.name, attr.Policy, tt.want)
		}
	}
}
