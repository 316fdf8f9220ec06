package appliance_test

// WAITAOF claims nothing that the disk has not done.

import (
	"fmt"
	"strings"
	"testing"
)

func TestWaitAOF(t *testing.T) {
	type step struct {
		args []any
		want string
	}
	set := step{[]any{"SET", "k", "v"}, "OK"}
	for name, c := range map[string]struct {
		opts  []string
		steps []step
	}{
		"always": {nil, []step{set,
			{[]any{"WAITAOF", 1, 0, 0}, "[1 0]"}, {[]any{"WAITAOF", 0, 0, 0}, "[1 0]"}, {[]any{"WAITAOF", 1, 1, 20}, "[1 0]"}}},
		"interval": {[]string{"--sync", "interval"}, []step{set, {[]any{"WAITAOF", 1, 0, 0}, "[1 0]"}}},
		// An hour is not over: only a snapshot syncs.
		"long interval": {[]string{"--sync", "interval", "--sync-interval", "1h"}, []step{set,
			{[]any{"WAITAOF", 1, 0, 50}, "[0 0]"}, {[]any{"WAITAOF", 0, 0, 0}, "[0 0]"}, {[]any{"WAITAOF", 1, 1, 50}, "[0 0]"},
			{[]any{"MULTI"}, "OK"}, {[]any{"WAITAOF", 1, 0, 0}, "QUEUED"}, {[]any{"EXEC"}, "[[0 0]]"},
			{[]any{"SAVE"}, "OK"}, {[]any{"WAITAOF", 1, 0, 0}, "[1 0]"}, {[]any{"WAITAOF", 0, 0, 0}, "[1 0]"},
			{[]any{"SET", "k", "w"}, "OK"}, {[]any{"WAITAOF", 1, 0, 50}, "[0 0]"}}},
		"off": {[]string{"--sync", "off"}, []step{set,
			{[]any{"WAITAOF", 1, 0, 50}, "ERR WAITAOF cannot be used when numlocal is set"},
			{[]any{"WAITAOF", 1, 1, 50}, "ERR WAITAOF cannot be used when numlocal is set"},
			{[]any{"WAITAOF", 0, 0, 50}, "[0 0]"}, {[]any{"SAVE"}, "OK"}, {[]any{"WAITAOF", 0, 0, 50}, "[1 0]"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := start(t, t.TempDir(), c.opts...).client().Conn()
			defer conn.Close()
			for _, s := range c.steps {
				got := ""
				if val, err := conn.Do(t.Context(), s.args...).Result(); err != nil {
					got = err.Error()
				} else {
					got = fmt.Sprint(val)
				}
				if !strings.HasPrefix(got, s.want) {
					t.Errorf("%v = %s; want %s", s.args, got, s.want)
				}
			}
		})
	}
}
