package process

import (
	"maps"
	"strings"
	"testing"
)

// What the variable says is a list of known habits, or refused with what there is.
func TestParseWithout(t *testing.T) {
	for value, want := range map[string]Without{
		"":                             {},
		"monitor":                      {CalmMonitor: true},
		"slack, give-back":             {Slack: true, GiveBack: true},
		"one-of-two,monitor,":          {OneOfTwo: true, CalmMonitor: true},
		"slack,slack":                  {Slack: true},
		"monitor one-of-two give-back": {CalmMonitor: true, OneOfTwo: true, GiveBack: true},
	} {
		if got, err := ParseWithout(value); err != nil || !maps.Equal(got, want) {
			t.Errorf("ParseWithout(%q) = %v, %v; want %v", value, got, err, want)
		}
	}
	for _, value := range []string{"all", "Monitor", "slack,-", "monitor=1"} {
		if _, err := ParseWithout(value); err == nil || !strings.Contains(err.Error(), "one-of-two, give-back") {
			t.Errorf("ParseWithout(%q) = %v; want an error that lists the habits", value, err)
		}
	}
}
