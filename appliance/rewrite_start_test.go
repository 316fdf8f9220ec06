package appliance_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// What CONFIG REWRITE has written a start takes. A setting that means nothing beside the rest
// of the file stays in the node's own store; where the file itself would have to change, it is
// refused, and the file is as it was.
func TestRewriteStarts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, file, set string
		refused         string // by REWRITE
		writes          string // what the file has then, besides
	}{
		{name: "an interval without its sync", set: "ledge-sync-interval 500ms"},
		{name: "no tries with an interval", set: "ledge-resume-interval 2s ledge-resume-auto none", writes: "resume-interval: 2s"},
		{name: "no tries beside an interval of the file", file: "resume-interval: 30s\n", set: "ledge-resume-auto none maxclients 77", writes: "max-clients: 77"},
		{name: "a lag without replicas", set: "min-replicas-max-lag 20"},
		{name: "a sync beside an interval of the file", file: "sync: interval\nsync-interval: 2s\n", set: "appendfsync always", refused: ":1: sync always"},
		{name: "no replicas beside a lag of the file", file: "min-replicas: 1\nmin-replicas-lag: 5s\n", set: "min-replicas-to-write 0", refused: ":2: min-replicas-lag: 5s has no meaning"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir, file := filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "ledge.yaml")
			write(t, file, c.file)
			p := start(t, dir, "--config", file)
			args := []any{"CONFIG", "SET"}
			for _, a := range strings.Fields(c.set) {
				args = append(args, a)
			}
			if err := p.client().Do(t.Context(), args...).Err(); err != nil {
				t.Fatal(err)
			}
			err := p.client().ConfigRewrite(t.Context()).Err()
			if c.refused == "" && err != nil || c.refused != "" && (err == nil || !strings.Contains(err.Error(), c.refused)) {
				t.Errorf("CONFIG REWRITE = %v; want %q", err, c.refused)
			}
			if b, err := os.ReadFile(file); err != nil || !strings.Contains(string(b), c.writes) || c.refused != "" && string(b) != c.file {
				t.Errorf("the file is %q, %v; want %q in it", b, err, c.writes)
			}
			get := func(p *process) map[string]string {
				all := make(map[string]string)
				for i := 2; i < len(args); i += 2 {
					name := fmt.Sprint(args[i])
					all[name] = p.client().ConfigGet(t.Context(), name).Val()[name]
				}
				return all
			}
			want := fmt.Sprint(get(p))
			if code := p.end(syscall.SIGTERM); code != 0 {
				t.Fatalf("exit code %d; want 0", code)
			}
			again := start(t, dir, "--config", file)
			if got := fmt.Sprint(get(again)); got != want {
				t.Errorf("after a start it has %s; want %s", got, want)
			}
		})
	}
}
