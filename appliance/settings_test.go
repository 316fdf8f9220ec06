package appliance_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/appliance/store"
	"ledge/journal"
)

// parameters are those of a node, with where ledge config says that they are from.
type parameters struct {
	t                   *testing.T
	Parameters, Origins map[string]string
}

func (p *peer) parameters() parameters {
	p.t.Helper()
	got := run(p.t, "config", "get", "--origin", "--json", "--dir", p.dir)
	said := parameters{t: p.t}
	if err := json.Unmarshal([]byte(got.stdout), &said); err != nil {
		p.t.Fatalf("config get --origin: %v, %s", err, got.stderr)
	}
	return said
}

func (p parameters) want(name, value, origin string) {
	p.t.Helper()
	if v, o := p.Parameters[name], p.Origins[name]; v != value || o != origin {
		p.t.Errorf("%s is %q, %s; want %q, %s", name, v, o, value, origin)
	}
}

// origins are parameters of the node of TestSettingsAreKept, and where they are from.
var origins = []struct{ name, value, origin string }{
	{"ledge-fetch-timeout", "4s", "file"}, {"ledge-sync-attempts", "7", "environment"}, {"min-replicas-to-write", "0", "flag"},
	{"ledge-connect-timeout", "3s", "default"}, {"slowlog-max-len", "128", "default"}, {"ledge-max-value", "8388608", "default"},
	{"databases", "16", "environment"}, {"ledge-sync", "off", "file"},
}

// runTimeSets are set at run time: options, parameters that the server keeps, and those
// that no option has.
var runTimeSets = []struct{ name, value string }{
	{"ledge-fetch-timeout", "5s"}, {"ledge-sync-attempts", "8"}, {"min-replicas-max-lag", "33"}, {"slowlog-max-len", "77"},
	{"maxclients", "600"}, {"notify-keyspace-events", "AKE"}, {"maxmemory", "1073741824"}, {"script-max-time", "9000"},
	{"ledge-log-level", "warn"}, {"ledge-snapshot-every", "1h0m0s"}, {"ledge-retain-for-replicas", "1048576"},
	{"lua-time-limit", "4321"}, {"replica-announce-ip", "10.1.2.3"},
}

// What is set at run time holds after a kill, of options, of parameters that the server
// keeps and of those that no option has, and it is shown as such.
func TestSettingsAreKept(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "..", "ledge.yaml")
	replaceFile(t, file, "fetch-timeout: 4s\nmax-clients: 500\nsync: off\n")
	t.Setenv("LEDGE_SYNC_ATTEMPTS", "7")
	t.Setenv("LEDGE_DATABASES", "16")
	begin := func() *peer { return lead(t, dir, "--config", file, "--min-replicas", "0") }
	p := begin()
	all := p.parameters()
	all.want("dir", dir, "flag")
	for _, tt := range origins {
		all.want(tt.name, tt.value, tt.origin)
	}
	for _, s := range runTimeSets {
		p.do("CONFIG", "SET", s.name, s.value)
	}
	if got := run(t, "config", "set", "--dir", dir, "ledge-resume-interval", "2m0s"); got.code != 0 {
		t.Errorf("config set: %s", got.stderr)
	}
	for range 2 {
		p.end(syscall.SIGKILL)
		p = begin()
		all := p.parameters()
		for _, s := range runTimeSets {
			all.want(s.name, s.value, "set at run time")
		}
		all.want("ledge-resume-interval", "2m0s", "set at run time")
		all.want("busy-reply-threshold", "4321", "set at run time") // lua-time-limit by its other name
	}
	// It can be given up, and the file's newer word counts.
	for name, want := range map[string]string{"ledge-fetch-timeout": "4s", "slowlog-max-len": "128", "maxmemory": "0", "lua-time-limit": "5000"} {
		if got := run(t, "config", "reset", "--dir", dir, name); got.code != 0 || !strings.Contains(got.stdout, want) {
			t.Errorf("config reset %s: %s%s; want %s", name, got.stdout, got.stderr, want)
		}
	}
	for _, name := range []string{"no-such", "port"} {
		if got := run(t, "config", "reset", "--dir", dir, name); got.code != 1 || !strings.Contains(got.stderr, name) {
			t.Errorf("config reset %s: exit code %d, %s; want 1 and the name", name, got.code, got.stderr)
		}
	}
	p.end(syscall.SIGTERM)
	replaceFile(t, file, "fetch-timeout: 4s\nmax-clients: 700\n")
	for range 2 {
		p = begin()
		all := p.parameters()
		all.want("ledge-fetch-timeout", "4s", "file")
		all.want("busy-reply-threshold", "5000", "default")
		all.want("maxclients", "700", "file")
		all.want("ledge-sync-attempts", "8", "set at run time")
		p.end(syscall.SIGTERM)
		replaceFile(t, file, "fetch-timeout: 4s\nmax-clients: 700\n# 500\n")
	}
	// What was given up stays so when the file says again what it said.
	replaceFile(t, file, "fetch-timeout: 4s\nmax-clients: 500\n")
	begin().parameters().want("maxclients", "500", "file")
}

// A setting that can't be taken any more is named and ignored, and the node starts.
func TestSettingsIgnored(t *testing.T) {
	dir := t.TempDir()
	start(t, dir).end(syscall.SIGTERM)
	plant := func(settings string) {
		t.Helper()
		s := store.Open(store.Config{Path: filepath.Join(dir, "node.db"), Aside: filepath.Join(dir, "x")})
		if err := s.PutSynced(t.Context(), "settings", "all", []byte(settings)); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	set := func(owner, name, value, over string) string {
		return fmt.Sprintf(`{%q:{"name":%q,"value":%q,"over":%q}}`, owner, name, value, over)
	}
	none := "e3b0c44298fc1c14" // the hash of nothing
	for _, tt := range []struct{ settings, want string }{
		{set("slowlog-max-len", "slowlog-max-len", "-5", "x"), "parameter=slowlog-max-len"},
		{set("no-more", "no-more", "1", "x"), "parameter=no-more"},
		{set("announce-host", "replica-announce-ip", "a b", none), "parameter=replica-announce-ip"},
		{set("announce-host", "ledge-announce", "a", none), "parameter=ledge-announce"},
		{"[1]", "can't be read"},
	} {
		plant(tt.settings)
		for range 2 { // it isn't forgotten meanwhile
			p := start(t, dir)
			if err := p.client().ConfigSet(t.Context(), "slowlog-max-len", "5").Err(); err != nil {
				t.Errorf("%s: CONFIG SET = %v", tt.settings, err)
			}
			p.end(syscall.SIGTERM)
			log := p.stderr.String()
			if !strings.Contains(log, "level=WARN") || !strings.Contains(log, tt.want) {
				t.Errorf("%s: the log says %s; want a WARN with %q", tt.settings, log, tt.want)
			}
			plant(tt.settings)
		}
	}
}

// Settings that are acknowledged while the process is killed are there afterwards.
func TestSettingsAndKills(t *testing.T) {
	dir := t.TempDir()
	acked := 0
	for round := range 4 {
		p := start(t, dir)
		c := p.client()
		got := c.ConfigGet(t.Context(), "slowlog-max-len").Val()["slowlog-max-len"]
		if acked > 0 && number(t, got) < journal.Seq(acked) {
			t.Fatalf("round %d: slowlog-max-len is %s; %d was acknowledged", round, got, acked)
		}
		var wg sync.WaitGroup
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		first := make(chan struct{})
		wg.Go(func() {
			defer stop()
			for i := 0; ctx.Err() == nil; i++ {
				if c.ConfigSet(ctx, "slowlog-max-len", fmt.Sprint(acked+1)).Err() != nil {
					return
				}
				acked++
				if i == 20 {
					close(first)
				}
			}
		})
		select {
		case <-first:
		case <-ctx.Done():
			t.Fatal("CONFIG SET doesn't work")
		}
		p.end(syscall.SIGKILL)
		wg.Wait()
		if want := 20 * (round + 1); acked < want {
			t.Fatalf("%d settings are acknowledged; want at least %d", acked, want)
		}
	}
}

// CONFIG SET in a transaction is kept as well, and of two parameters that show one
// value in one call is refused.
func TestSettingsTogether(t *testing.T) {
	dir := t.TempDir()
	p := start(t, dir)
	c := p.client()
	cmds, err := c.TxPipelined(t.Context(), func(tx redis.Pipeliner) error {
		tx.ConfigSet(t.Context(), "slowlog-max-len", "11")
		tx.Set(t.Context(), "k", "v", 0)
		return nil
	})
	if err != nil || len(cmds) != 2 {
		t.Errorf("CONFIG SET in a transaction = %v", err)
	}
	err = c.Do(t.Context(), "CONFIG", "SET", "lua-time-limit", "7", "busy-reply-threshold", "8").Err()
	if err == nil || !strings.Contains(err.Error(), "duplicate") {
		t.Errorf("CONFIG SET of one value by two names = %v; want that it is a duplicate", err)
	}
	p.end(syscall.SIGKILL)
	got := start(t, dir).client().ConfigGet(t.Context(), "slowlog-max-len").Val()
	if got["slowlog-max-len"] != "11" {
		t.Errorf("slowlog-max-len is %v after the kill; want 11", got)
	}
}

// What has happened is known after a kill as well as after a stop, and a kill shows
// by its missing "stopping".
func TestEventsAreKept(t *testing.T) {
	dir := t.TempDir()
	p := lead(t, dir, "--node", "n")
	p.do("SAVE")
	within(t, 10*time.Second, "the snapshot is an event", func() bool {
		return strings.Contains(run(t, "events", "--since", "1h", "--dir", dir).stdout, "snapshot")
	})
	p.end(syscall.SIGKILL)
	lead(t, dir, "--node", "n").end(syscall.SIGTERM)
	lead(t, dir, "--node", "n")
	var kinds []string
	for line := range strings.Lines(run(t, "events", "--since", "1h", "--dir", dir).stdout) {
		kinds = append(kinds, strings.Fields(line)[2])
	}
	if got, want := strings.Join(kinds, " "), "started snapshot started stopping started"; got != want {
		t.Errorf("events are %q; want %q", got, want)
	}
}
