package process

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Supervisor is the service manager that has started the process and wants to hear how
// it is: systemd, for a unit with Type=notify. Where there is none its methods do
// nothing.
type Supervisor struct {
	log *slog.Logger
	// Watchdog is within which time it wants to hear again that the process is
	// alive; 0 is never.
	Watchdog time.Duration
}

// NewSupervisor finds out in the environment whether there is one.
func NewSupervisor(log *slog.Logger) *Supervisor {
	s := &Supervisor{log: log}
	var err error
	if s.Watchdog, err = daemon.SdWatchdogEnabled(false); err != nil {
		log.Warn("what the environment says of a watchdog makes no sense; it is not told anything", "cause", err)
	}
	return s
}

// Ready tells that the process serves.
func (s *Supervisor) Ready() { s.tell(daemon.SdNotifyReady + "\nSTATUS=serving") }

// Starting tells how far a start has come, and that it may go on for so long at least.
// No time is that nothing is asked for.
func (s *Supervisor) Starting(status string, more time.Duration) {
	text := "STATUS=" + status
	if more > 0 {
		text += fmt.Sprintf("\nEXTEND_TIMEOUT_USEC=%d", more.Microseconds())
	}
	s.tell(text)
}

// Alive tells that the process does its work.
func (s *Supervisor) Alive() { s.tell(daemon.SdNotifyWatchdog) }

// Stopping tells that the process has begun to stop.
func (s *Supervisor) Stopping() { s.tell(daemon.SdNotifyStopping + "\nSTATUS=stopping") }

func (s *Supervisor) tell(text string) {
	if _, err := daemon.SdNotify(false, text); err != nil {
		s.log.Warn("the service manager can't be told how the node is", "cause", err)
	}
}
