package process

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// ScheduleMonitor keeps the Go runtime's monitor thread from interrupting the others.
//
// While goroutines enter and leave system calls the monitor wakes every 100 µs
// or so to see whether a processor is stuck in one. On a node that serves on one
// processor it thereby takes 16 µs of every 100 from the loop: with 50 clients,
// synced always, SET ran at 34,000 a second, and at 42,000 with the monitor
// scheduled as idle. So scheduled, it runs when a CPU has nothing else to do,
// as while the node waits for the disk, when it is needed; on a machine whose
// CPUs are all busy it still gets its small share: a GET beside synced writes had
// its p99 at 3.6 ms there, and at 2.9 ms with the monitor as it was. It is for the
// life of the process: only a privileged one could take it back. All of this was
// measured on two processors; LEDGE_WITHOUT=monitor turns it off.
func ScheduleMonitor(without Without) error {
	if without[CalmMonitor] {
		return nil
	}
	tid, err := monitorThread()
	if err != nil {
		return err
	}
	return os.NewSyscallError("sched_setattr", unix.SchedSetAttr(tid,
		&unix.SchedAttr{Policy: unix.SCHED_IDLE}, 0))
}

// monitorThread returns the id of the first thread that the runtime made, which
// is its monitor. The kernel lists threads in the order of their making.
func monitorThread() (int, error) {
	dir, err := os.Open("/proc/self/task")
	if err != nil {
		return 0, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(2)
	if err != nil {
		return 0, err
	}
	if len(names) < 2 || names[0] != strconv.Itoa(os.Getpid()) {
		return 0, fmt.Errorf("%s lists no threads of the runtime", filepath.Clean(dir.Name()))
	}
	return strconv.Atoi(names[1])
}
