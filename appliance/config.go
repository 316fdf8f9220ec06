package appliance

import (
	"ledge/appliance/options"
	"ledge/replay/writer"
	"ledge/respd/hub"
)

// Version is what this program calls itself.
const Version = "0.1.0"

// Config says what a node is, and OptionError what is wrong with it.
type (
	Config      = options.Config
	OptionError = options.Error
)

// Words of options that the node goes by.
const (
	Off             = options.Off
	SyncAlways      = options.SyncAlways
	SyncInterval    = options.SyncInterval
	SyncOff         = options.SyncOff
	DamageStop      = options.DamageStop
	DamageServeGood = options.DamageServeGood
)

func orDefault(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

// resumePolicy returns when it is tried to resume without being asked.
func resumePolicy(l *options.Live) writer.ResumePolicy {
	return writer.ResumePolicy{Auto: writer.ResumeAuto(l.ResumeAuto),
		Interval: l.ResumeInterval, MaxAttempts: l.ResumeMaxAttempts}
}

// keyspaceEvents returns which keyspace events are sent at first.
func keyspaceEvents(c *Config) hub.EventFlags {
	f, _ := hub.ParseEvents(c.NotifyKeyspaceEvents) // Validate has looked at it
	return f
}
