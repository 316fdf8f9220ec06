//go:build !linux

package process

// ScheduleMonitor is of use only where the loop is; see monitor_linux.go.
func ScheduleMonitor(Without) error { return nil }
