// Package process sets what a ledge has of its process: the memory it takes, the
// threads it runs on, and how the system schedules the runtime's monitor. All of it
// is for the whole process, and each departure from what Go does by itself can be
// turned off.
package process

import (
	"fmt"
	"slices"
	"strings"
)

// Variable is the environment variable that turns habits off: their names, with
// commas between them.
const Variable = "LEDGE_WITHOUT"

// Habit is something that a process does otherwise than Go's runtime would. Each
// was measured where it was made, on two processors. Where it turns out to be
// harmful, it can be left out without another program.
type Habit string

// The habits.
const (
	// CalmMonitor has the runtime's monitor thread scheduled as idle.
	CalmMonitor Habit = "monitor"
	// OneOfTwo has a node with two processors serve on one.
	OneOfTwo Habit = "one-of-two"
	// GiveBack gives memory back to the system after a load.
	GiveBack Habit = "give-back"
	// Slack gives the collector more room under load.
	Slack Habit = "slack"
	// Doze has no collections while next to nothing is allocated.
	Doze Habit = "doze"
	// Gather has the event loop wait for other clients' writes before it proposes
	// those at hand (respd/gather.go).
	Gather Habit = "gather"
)

var habits = []Habit{CalmMonitor, OneOfTwo, GiveBack, Slack, Doze, Gather}

// names returns the habits' names with commas between them.
func names() string {
	list := make([]string, len(habits))
	for i, h := range habits {
		list[i] = string(h)
	}
	return strings.Join(list, ", ")
}

// Without is which habits are turned off. The zero value is none.
type Without map[Habit]bool

// ParseWithout makes what the variable says into a Without.
func ParseWithout(value string) (Without, error) {
	w := make(Without)
	for _, word := range strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' }) {
		if !slices.Contains(habits, Habit(word)) {
			return nil, fmt.Errorf("%s: %q is none of %s", Variable, word, names())
		}
		w[Habit(word)] = true
	}
	return w, nil
}
