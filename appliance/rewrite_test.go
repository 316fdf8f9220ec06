package appliance_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// CONFIG REWRITE moves what was set at run time into the file, which has it after a
// kill, too. What the file can't have stays set at run time.
func TestConfigRewrite(t *testing.T) {
	t.Parallel()
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "ledge.yaml")
	replaceFile(t, file, "# mine\nmax-clients: 500 # enough\nnode: n\n")
	begin := func() *peer { return lead(t, dir, "--config", file, "--fetch-timeout", "4s") }
	p := begin()
	sets := [][2]string{{"maxclients", "600"}, {"timeout", "7200"}, {"appendfsync", "everysec"}, {"maxmemory", "1gb"},
		{"ledge-snapshot-every", "1h"}, {"client-output-buffer-limit", "pubsub 64mb 0 0"}}
	stays := [][2]string{{"slowlog-max-len", "77"}, {"ledge-fetch-timeout", "5s"}}
	for _, s := range append(sets, stays...) {
		p.do("CONFIG", "SET", s[0], s[1])
	}
	before := p.parameters()
	kept, err := os.ReadFile(filepath.Join(dir, "node.db"))
	if err != nil {
		t.Fatal(err)
	}
	p.do("CONFIG", "REWRITE")
	const want = "# mine\nmax-clients: 600 # enough\nnode: n\n"
	if got, _ := os.ReadFile(file); !strings.HasPrefix(string(got), want) || strings.Contains(string(got), "slowlog") || strings.Contains(string(got), "fetch") {
		t.Errorf("the file is\n%s\nwant it to begin with\n%s", got, want)
	}
	check := func(when string) {
		t.Helper()
		all := p.parameters()
		for _, s := range sets {
			if v, o := all.Parameters[s[0]], all.Origins[s[0]]; v != before.Parameters[s[0]] || o != "file" {
				t.Errorf("%s is %q, %s %s; want %q, file", s[0], v, o, when, before.Parameters[s[0]])
			}
		}
		for _, s := range stays {
			all.want(s[0], before.Parameters[s[0]], "set at run time")
		}
	}
	check("at once")
	p.end(syscall.SIGKILL)
	p = begin()
	check("after a kill")
	p.do("CONFIG", "REWRITE") // of nothing
	// Killed after the file was written, and before node.db was.
	p.end(syscall.SIGKILL)
	if err := os.WriteFile(filepath.Join(dir, "node.db"), kept, 0o600); err != nil {
		t.Fatal(err)
	}
	p = begin()
	check("after a kill in between")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	p.do("CONFIG", "SET", "maxclients", "700")
	p.refuses("ERR Rewriting config file: ", "CONFIG", "REWRITE")
	p.parameters().want("maxclients", "700", "set at run time")
	other := lead(t, t.TempDir())
	other.refuses("ERR The server is running without a config file", "CONFIG", "REWRITE")
}

// Beside a directory for it, the configuration file stays as it came: what is rewritten
// goes there, and its origin says so, at once and after a restart.
func TestConfigRewriteBeside(t *testing.T) {
	t.Parallel()
	dir, etc := t.TempDir(), t.TempDir()
	file, mine := filepath.Join(etc, "ledge.yaml"), filepath.Join(etc, "ledge.d", "50-mine.yaml")
	if err := os.Mkdir(filepath.Dir(mine), 0o700); err != nil {
		t.Fatal(err)
	}
	const shipped = "max-clients: 500\ndatabases: 4\n"
	replaceFile(t, file, shipped)
	replaceFile(t, mine, "fetch-timeout: 4s\nmax-clients: 550\n")
	p := lead(t, dir, "--config", file)
	check := func(clients, timeout, idle string) {
		t.Helper()
		all := p.parameters()
		all.want("maxclients", clients, "file "+mine)
		all.want("ledge-fetch-timeout", timeout, "file "+mine)
		all.want("timeout", idle, "file "+filepath.Join(etc, "ledge.d", "90-config-rewrite.yaml"))
		all.want("databases", "4", "file")
	}
	for _, s := range [][2]string{{"maxclients", "600"}, {"ledge-fetch-timeout", "5s"}, {"timeout", "7200"}} {
		p.do("CONFIG", "SET", s[0], s[1])
	}
	p.do("CONFIG", "SET", "slowlog-max-len", "77")
	got := run(t, "config", "rewrite", "--dir", dir)
	for _, want := range []string{"written  max-clients\n", "written  idle-timeout\n", "into     " + mine + "\n", "kept     slowlog-max-len: "} {
		if got.code != 0 || !strings.Contains(got.stdout, want) {
			t.Errorf("config rewrite ends with %d, %s%s; want %q", got.code, got.stdout, got.stderr, want)
		}
	}
	check("600", "5s", "7200")
	if got, err := os.ReadFile(file); string(got) != shipped {
		t.Errorf("the configuration file is %q, %v; want %q", got, err, shipped)
	}
	p.end(syscall.SIGTERM)
	replaceFile(t, mine, "fetch-timeout: 6s\nmax-clients: 600\n")
	p = lead(t, dir, "--config", file)
	check("600", "6s", "7200")
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if got := run(t, "config", "rewrite", "--dir", dir); got.code != 1 || !strings.HasPrefix(got.stderr, "ledge: Rewriting config file: ") {
		t.Errorf("config rewrite without the file ends with %d, %s; want 1 and why", got.code, got.stderr)
	}
}
