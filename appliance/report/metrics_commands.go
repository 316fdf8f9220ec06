package report

import (
	"slices"
	"strings"

	"ledge/respd/command"
	"ledge/respd/stats"
)

// Command is what has been counted of one command.
type Command struct {
	Name string
	stats.Calls
}

// Commands returns the counts of each command that has run, by name.
func Commands(s *command.Stats) (list []Command) {
	s.ByCommand(func(spec *command.Spec, c stats.Calls) { list = append(list, Command{spec.FullName(), c}) })
	slices.SortFunc(list, func(a, b Command) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// commandStep leaves out every second bound: a node has many commands.
const commandStep = 2

// commands words what has been counted by command.
func (e *exposition) commands(s *command.Stats) {
	list := Commands(s)
	took := e.begin("ledge_command_seconds", "histogram",
		"How long commands took, by command, without what was waited for: clients that block, appends.")
	for _, c := range list {
		took.times(&c.Took, commandStep, label{"command", c.Name})
	}
	failed := e.begin("ledge_command_failures_total", "counter", "Commands whose reply was an error, by command.")
	for _, c := range list {
		failed.set(float64(c.Failed), label{"command", c.Name})
	}
	rejected := e.begin("ledge_command_rejections_total", "counter", "Commands that were refused before they were run, by command.")
	for _, c := range list {
		rejected.set(float64(c.Rejected), label{"command", c.Name})
	}
}
