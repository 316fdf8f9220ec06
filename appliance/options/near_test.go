package options

import (
	"reflect"
	"strings"
	"testing"
)

func TestNear(t *testing.T) {
	names := append(Names(), "status", "config", "nodes")
	for name, want := range map[string]string{
		"max-memroy": "max-memory", "snyc": "sync", "listn": "listen", "databses": "databases", "statsu": "status",
		"log-fromat": "log-format", "MAX-MEMORY": "max-memory", "resume-max": "resume-max-attempts", "node": "node",
		"frob": "", "x": "", "": "", "nothing-like-it-at-all": "",
	} {
		if want != "" {
			want = "; did you mean " + want + "?"
		}
		if got := Near("", name, names); got != want {
			t.Errorf("Near(%q) = %q; want %q", name, got, want)
		}
	}
}

// A parameter is found by a part of its name, and by the name of its option.
func TestNearParam(t *testing.T) {
	names := []string{"slowlog-max-len", "timeout", "requirepass"}
	for _, r := range Table() {
		for _, p := range r.Params {
			names = append(names, p.Name)
		}
	}
	for name, want := range map[string]string{"snapshot-every": "ledge-snapshot-every", "max-memory": "maxmemory", "maxmemroy": "maxmemory",
		"sync": "ledge-sync", "idle-timeout": "timeout", "password": "requirepass", "max-len": "slowlog-max-len", "ledge-maxclients": "maxclients",
		"min-replicas": "min-replicas-to-write", "Log-Level": "ledge-log-level", "frobnicate": "", "ab": ""} {
		if want != "" {
			want = "; did you mean " + want + "?"
		}
		if got := NearParam(name, names); got != want {
			t.Errorf("NearParam(%q) = %q; want %q", name, got, want)
		}
	}
}

// An option that no parameter shows, and a parameter that can't be set at run time, are
// for the start, whichever they are.
func TestForStart(t *testing.T) {
	var names []string
	for _, r := range Table() {
		for _, p := range r.Params {
			names = append(names, p.Name)
		}
	}
	for _, r := range Table() {
		want := "; " + r.Name + " is an option of the start: set it in the configuration file or with ledge serve --" + r.Name +
			", and restart the node"
		if len(r.Params) == 0 {
			if got := NearParam(r.Name, names); got != want {
				t.Errorf("NearParam(%q) = %q; want %q", r.Name, got, want)
			}
		}
		for _, p := range r.Params {
			if got := ForStart(p.Name); !p.Live && got != want || p.Live && got != "" {
				t.Errorf("ForStart(%q) = %q; want %q if it can't be set at run time", p.Name, got, want)
			}
		}
	}
	if got := NearParam("on_divergence", names); !strings.HasPrefix(got, "; on-divergence is an option of the start") {
		t.Errorf("NearParam(on_divergence) = %q; want it to be taken for on-divergence", got)
	}
	if got := ForStart("nosuch"); got != "" {
		t.Errorf("ForStart(nosuch) = %q; want nothing", got)
	}
}

func TestUnknownVariables(t *testing.T) {
	for name, v := range map[string]string{"LEDGE_MAX_MEMROY": "1GiB", "LEDGE_FROB": "1", "LEDGE_SYNC": "off", "LEDGE_CONFIG": "f",
		"LEDGE_OTHER": "x", "NOT_LEDGE": "x"} {
		t.Setenv(name, v)
	}
	want := []string{"LEDGE_FROB", "LEDGE_MAX_MEMROY; did you mean LEDGE_MAX_MEMORY?"}
	if got := UnknownVariables("LEDGE_OTHER"); !reflect.DeepEqual(got, want) {
		t.Errorf("UnknownVariables = %q; want %q", got, want)
	}
}
