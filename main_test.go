package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	urfave "github.com/urfave/cli/v2"

	"ledge/appliance"
	"ledge/journal/logtest"
)

// outcome is how a run of the program ended; stderr is without how far it had come.
type outcome struct {
	code           int
	stdout, stderr string
}

// ledge runs the program within the test.
func ledge(t *testing.T, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // what serves although it should refuse to
	defer cancel()
	code := run(ctx, append([]string{"ledge"}, args...), &stdout, &stderr)
	return outcome{code, stdout.String(), logtest.WithoutProgress(stderr.String())}
}

// write makes a file in a new directory and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// refusal is a command line that ledge refuses, and how.
type refusal struct {
	name string
	args []string
	code int
	want string // the line, without "ledge: "
}

// refusals are those for which no file needs to be there.
var refusals = []refusal{
	{"unknown command", []string{"frob"}, 2,
		`unknown command "frob"; ledge --help lists those there are`},
	{"unknown subcommand", []string{"journal", "frob"}, 2,
		`unknown command "frob"; ledge journal --help lists those there are`},
	{"unknown option", []string{"serve", "--frob", "1"}, 2,
		`--frob: unknown option; ledge serve --help lists those there are; did you mean --from?`},
	{"argument", []string{"serve", "frob"}, 2, `serve: unexpected argument "frob"`},
	{"no value", []string{"serve", "--listen"}, 2, `--listen: needs a value`},
	{"empty value", []string{"serve", "--dir", ""}, 2, `--dir: no value`},
	{"not an address", []string{"serve", "--listen", "here"}, 2,
		`--listen: "here" is not HOST:PORT`},
	{"bad port", []string{"serve", "--nats-listen", "127.0.0.1:99999"}, 2,
		`--nats-listen: "127.0.0.1:99999" has no valid port`},
	{"every interface", []string{"serve", "--listen", "0.0.0.0:6379"}, 2,
		`--listen: 0.0.0.0:6379 can be reached from other machines, so there must be a password`},
	{"every interface, v6", []string{"serve", "--listen", "[::]:6379"}, 2,
		`--listen: [::]:6379 can be reached from other machines, so there must be a password`},
	{"no host", []string{"serve", "--listen", ":6379"}, 2,
		`--listen: :6379 can be reached from other machines, so there must be a password`},
	{"a host name", []string{"serve", "--listen", "example.com:6379"}, 2,
		`--listen: example.com:6379 can be reached from other machines, so there must be a password`},
	{"no way in", []string{"serve", "--listen", "off"}, 2,
		`--listen: off leaves Redis clients no way in without tls-listen`},
	{"TLS without a key", []string{"serve", "--nats-tls-cert", "c"}, 2,
		`--nats-tls-cert: needs nats-tls-key, which is missing`},
	{"TLS without a certificate", []string{"serve", "--tls-listen", "127.0.0.1:0", "--tls-key", "k"}, 2,
		`--tls-key: needs tls-cert, which is missing`},
	{"TLS without both", []string{"serve", "--tls-listen", "127.0.0.1:0"}, 2,
		`--tls-listen: needs tls-cert and tls-key, which are missing`},
	{"TLS where there is none", []string{"serve", "--tls-listen", "127.0.0.1:6379", "--tls-cert", "c", "--tls-key", "k"}, 2,
		`--tls-listen: 127.0.0.1:6379 is the address of listen already`},
	{"TLS without a listener", []string{"serve", "--tls-ca", "ca"}, 2,
		`--tls-ca: has no meaning without tls-listen`},
	{"TLS, every interface", []string{"serve", "--tls-listen", ":6380", "--tls-cert", "c", "--tls-key", "k"}, 2,
		`--tls-listen: :6380 can be reached from other machines, so there must be a password or tls-auth-clients yes`},
	{"TLS, whom to believe", []string{"serve", "--tls-listen", "127.0.0.1:0", "--tls-cert", "c", "--tls-key", "k",
		"--tls-auth-clients", "optional"}, 2, `--tls-auth-clients: optional needs tls-ca, which is missing`},
	{"TLS, who", []string{"serve", "--tls-listen", "127.0.0.1:0", "--tls-cert", "c", "--tls-key", "k",
		"--tls-auth-clients", "some"}, 2, `--tls-auth-clients: "some" is none of no, optional, yes`},
	{"TLS, no such file", []string{"serve", "--nats-tls-ca", "/does/not/exist"}, 1,
		`--nats-tls-ca: open /does/not/exist: no such file or directory`},
	{"password twice", []string{"serve", "--password", "a", "--password-file", "b"}, 2,
		`--password-file: has no meaning beside --password`},
	{"no password file", []string{"serve", "--password-file", "/does/not/exist"}, 1,
		`--password-file: open /does/not/exist: no such file or directory`},
	{"leader with a password", []string{"serve", "--follow", "nats://replica:sesame@127.0.0.1:4222"}, 2,
		`--follow: "nats://(redacted)@127.0.0.1:4222": it may not have a password; use follow-password-file`},
	{"leader with a password and a bad port", []string{"serve", "--follow", "replica:sesame@127.0.0.1:port"}, 2,
		`--follow: "(redacted)@127.0.0.1:port": it is not a URL like nats://HOST:PORT`},
	{"sync", []string{"serve", "--sync", "sometimes"}, 2,
		`--sync: "sometimes" is none of always, interval, off`},
	{"clash", []string{"serve", "--sync-interval", "2s"}, 2,
		`--sync-interval: has no meaning with sync always`},
	{"clash, off", []string{"serve", "--sync", "off", "--sync-interval", "2s"}, 2,
		`--sync-interval: has no meaning with --sync off`},
	{"interval", []string{"serve", "--sync", "interval", "--sync-interval", "soon"}, 2,
		`--sync-interval: "soon" is not a duration like 1s or 250ms`},
	{"number", []string{"serve", "--databases", "0"}, 2,
		`--databases: "0" is not a whole number above 0`},
	{"too many", []string{"serve", "--databases", "100000"}, 2,
		`--databases: 100000 is not between 1 and 32768`},
	{"size", []string{"serve", "--max-value", "8MiBs"}, 2,
		`--max-value: "8MiBs" is not a size like 8MiB`},
	{"too much", []string{"serve", "--max-value", "1GiB"}, 2,
		`--max-value: 1073741824 is not between 64 and 8388608`},
	{"memory", []string{"serve", "--max-memory", "1MiB"}, 2,
		`--max-memory: 1048576 is not between 33554432 and 4611686018427387904`},
	{"snapshot", []string{"serve", "--snapshot-every", "often"}, 2,
		`--snapshot-every: "often" is neither a size like 256MiB nor a duration like 1h`},
	{"name", []string{"serve", "--node", "a.b"}, 2,
		`--node: "a.b" may have letters, digits, - and _ only, and at most 64 of them`},
	{"level", []string{"serve", "--log-level", "loud"}, 2,
		`--log-level: "loud" is none of debug, info, warn, error`},
	{"format", []string{"serve", "--log-format", "xml"}, 2,
		`--log-format: "xml" is none of text, json`},
	{"all at once", []string{"serve", "--sync", "x", "--databases", "y"}, 2,
		`--databases: "y" is not a whole number above 0; --sync: "x" is none of always, interval, off`},
	{"no file", []string{"serve", "--config", "/does/not/exist"}, 2,
		`--config: open /does/not/exist: no such file or directory`},
}

// refusedFiles makes files, and returns the refusals that are about them, and the one
// that is about dir, which isn't there.
func refusedFiles(t *testing.T, dir string) []refusal {
	t.Helper()
	empty, long := write(t, "empty", "\n"), write(t, "long", strings.Repeat("x", 16385)+"\n")
	open := write(t, "open", "sesame\n")
	if err := os.Chmod(open, 0o604); err != nil {
		t.Fatal(err)
	}
	return []refusal{
		{"empty password file", []string{"serve", "--password-file", empty}, 1, `--password-file: ` + empty + ` is empty`},
		{"open password file", []string{"serve", "--password-file", open}, 1,
			`--password-file: ` + open + ` can be read or changed by every user of this machine (mode 0604); chmod o-rw ` + open},
		{"endless password file", []string{"serve", "--password-file", long}, 1,
			`--password-file: ` + long + ` has 16385 bytes; the most that a client can say is 16384`},
		{"open password file of a leader", []string{"serve", "--follow-password-file", open}, 1,
			`--follow-password-file: ` + open + ` can be read or changed by every user of this machine (mode 0604); chmod o-rw ` + open},
		{"open key", []string{"serve", "--tls-listen", "127.0.0.1:0", "--tls-cert", long, "--tls-key", open}, 1,
			`--tls-key: ` + open + ` can be read or changed by every user of this machine (mode 0604); chmod o-rw ` + open},
		{"open key for NATS", []string{"serve", "--nats-tls-cert", long, "--nats-tls-key", open}, 1,
			`--nats-tls-key: ` + open + ` can be read or changed by every user of this machine (mode 0604); chmod o-rw ` + open},
		{"not ours", []string{"journal", "verify", "--dir", dir}, 1,
			`--dir: ` + dir + ` is not a ledge directory: it has no ledge.json`},
	}
}

// Whatever serve can't do, it says in one line that names the option, and
// where it stands, and it says so before it makes or changes anything.
func TestRefusals(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	for _, c := range slices.Concat(refusals, refusedFiles(t, dir)) {
		t.Run(c.name, func(t *testing.T) {
			if c.args[0] == "serve" {
				c.args = append([]string{"serve"}, append(c.args[1:], "--dir="+dir)...)
				if c.name == "empty value" || c.name == "no value" {
					c.args = c.args[:len(c.args)-1]
				}
			}
			got := ledge(t, c.args...)
			if got.code != c.code || got.stderr != "ledge: "+c.want+"\n" {
				t.Errorf("exit code %d, stderr %q; want %d, %q", got.code, got.stderr, c.code,
					"ledge: "+c.want+"\n")
			}
		})
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("after the refusals %s is there (%v); want nothing made", dir, err)
	}
}

// A fault in a configuration file is named with the file's line.
func TestRefusedFile(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"unknown", "sync: always\nsink: off\n", "FILE:2: sink: unknown option; did you mean sync?"},
		{"twice", "sync: always\nlisten: 127.0.0.1:1\nsync: off\n", "FILE:3: sync: stands at FILE:1 already"},
		{"list", "listen: [a, b]\n", "FILE:1: listen: wants one value, has a list"},
		{"mapping", "\nlisten:\n  host: a\n", "FILE:2: listen: wants one value, has a mapping"},
		{"none", "listen:\n", "FILE:1: listen: wants one value, has none"},
		{"empty", "listen: ''\n", "FILE:1: listen: no value"},
		{"no mapping", "- listen\n", "FILE:1: wants lines of OPTION: VALUE, has a list"},
		{"second document", "sync: off\n---\nsync: always\n", "FILE:2: a second document"},
		{"syntax, first line", "a: b: c\n", "FILE:1: mapping values are not allowed in this context"},
		{"syntax", "sync: off\nlisten: 'a\n", "FILE:2: found unexpected end of stream"},
		{"value", "# none\ndatabases: many\n", `FILE:2: databases: "many" is not a whole number above 0`},
		{"clash", "sync: always\nsync-interval: 1s\n", "FILE:2: sync-interval: has no meaning with FILE:1: sync always"},
		{"two clashes", "http-listen: 127.0.0.1:0\nmetrics-listen: 127.0.0.1:0\nresume-auto: none\nresume-max-attempts: 3\n",
			"FILE:1: http-listen: is the same as FILE:2: metrics-listen, which is set as well; keep one of them; " +
				"FILE:2: metrics-listen: is the same as FILE:1: http-listen, which is set as well; keep that one; " +
				"FILE:3: resume-auto: none leaves FILE:4: resume-max-attempts without a meaning"},
		{"no password", "listen: 0.0.0.0:6379\n",
			"FILE:1: listen: 0.0.0.0:6379 can be reached from other machines, so there must be a password"},
		{"two", "x: 1\ny: 2\n", "FILE:1: x: unknown option; FILE:2: y: unknown option"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := write(t, "ledge.yaml", c.text)
			got := ledge(t, "serve", "--dir", filepath.Join(t.TempDir(), "d"), "--config", path)
			want := "ledge: " + strings.ReplaceAll(c.want, "FILE", path) + "\n"
			if got.code != exitUsage || got.stderr != want {
				t.Errorf("exit code %d, stderr %q; want %d, %q", got.code, got.stderr, exitUsage, want)
			}
		})
	}
}

// A fault in a variable is named with the variable; an empty one is none.
func TestRefusedVariable(t *testing.T) {
	t.Setenv("LEDGE_MAX_VALUE", "large")
	t.Setenv("LEDGE_NODE", "")
	got := ledge(t, "serve", "--dir", filepath.Join(t.TempDir(), "d"))
	want := "ledge: LEDGE_MAX_VALUE: \"large\" is not a size like 8MiB\n"
	if got.code != exitUsage || got.stderr != want {
		t.Errorf("exit code %d, stderr %q; want %d, %q", got.code, got.stderr, exitUsage, want)
	}
}

// What is not a habit is refused as any other option is, with those there are.
func TestRefusedHabit(t *testing.T) {
	t.Setenv("LEDGE_WITHOUT", "doze,MONITOR")
	got := ledge(t, "serve", "--dir", filepath.Join(t.TempDir(), "d"))
	want := "ledge: LEDGE_WITHOUT: \"MONITOR\" is none of monitor, one-of-two, give-back, slack, doze, gather\n"
	if got.code != exitUsage || got.stderr != want {
		t.Errorf("exit code %d, stderr %q; want %d, %q", got.code, got.stderr, exitUsage, want)
	}
}

// The command line beats the environment, which beats the file, which beats
// the default; what the file says as a number or a switch is taken as written.
func TestPrecedence(t *testing.T) {
	t.Setenv("LEDGE_NODE", "from-env")
	t.Setenv("LEDGE_DATABASES", "5")
	t.Setenv("LEDGE_MAX_VALUE", "") // the default, whatever the file says
	path := write(t, "ledge.yaml",
		"node: from-file\ndatabases: 6\nmax-clients: 7\nsync: off\npassword: 0123\nsnapshot-every: 1h\nmax-value: 1MiB\n")
	var n appliance.Config
	app := newApp(new(bytes.Buffer), new(bytes.Buffer))
	app.Commands[0].Action = func(c *urfave.Context) (err error) {
		n, _, err = configure(c, c.App.ErrWriter)
		return err
	}
	if err := app.Run([]string{"ledge", "serve", "--node", "from-flag", "--config", path}); err != nil {
		t.Fatal(err)
	}
	have := fmt.Sprint(n.Node, n.Databases, n.MaxClients, n.Sync, n.Password, n.SnapshotEvery, n.Listen)
	want := fmt.Sprint("from-flag", 5, 7, "off", "0123", "1h0m0s", "")
	if have != want || n.MaxValue != 0 {
		t.Errorf("settings are %q and a max-value of %d; want %q and none", have, n.MaxValue, want)
	}
}

// A directory that somebody else has, or that this program can't know, and a
// port that is taken are refused; nothing in the directory is touched.
func TestRefusedSurroundings(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	busy := ln.Addr().String()
	newer := filepath.Dir(write(t, "ledge.json", `{"format": 2, "state": "ready", "lineage": "01"}`))
	broken := filepath.Dir(write(t, "ledge.json", `{"format": `))
	foreign := filepath.Dir(write(t, "thesis.tex", "x"))

	owned := t.TempDir()
	n, err := appliance.Open(t.Context(), appliance.Config{Dir: owned, Listen: "127.0.0.1:0", NATSListen: appliance.Off})
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()

	serve := []string{"serve", "--listen", "127.0.0.1:0", "--nats-listen", "off"}
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"redis port", []string{"serve", "--listen", busy, "--nats-listen", "off", "--dir", t.TempDir()},
			"--listen: " + busy + " is taken by another process; --listen names another address"},
		{"NATS port", []string{"serve", "--listen", "127.0.0.1:0", "--nats-listen", busy, "--dir", t.TempDir()},
			"--nats-listen: " + busy + " is taken by another process; --nats-listen names another address"},
		{"newer", append(serve, "--dir", newer), "--dir: " + newer +
			" has format 2; this program knows up to 1: use the program that wrote it, or newer"},
		{"newer, stopped", []string{"journal", "info", "--dir", newer}, "--dir: " + newer +
			" has format 2; this program knows up to 1: use the program that wrote it, or newer"},
		{"broken", append(serve, "--dir", broken), filepath.Join(broken, "ledge.json") +
			": not what ledge writes: unexpected end of JSON input; there is no journal beside it: remove it to begin anew"},
		{"foreign", append(serve, "--dir", foreign), "--dir: " + foreign +
			` has "thesis.tex" and no ledge.json: it is neither ledge's nor empty`},
		{"owned", append(serve, "--dir", owned), fmt.Sprintf(
			"--dir: %s belongs to a running process, pid %d; ledge stop --dir %[1]s ends it, and --dir gives this one another directory",
			owned, os.Getpid())},
		{"owned, stopped", []string{"journal", "verify", "--dir", owned}, fmt.Sprintf(
			"--dir: %s belongs to a running process, pid %d; a running node is asked with ledge verify --dir %[1]s", owned, os.Getpid())},
		{"owned, snapshots", []string{"snapshot", "list", "--dir", owned}, fmt.Sprintf(
			"--dir: %s belongs to a running process, pid %d; a running node is asked with ledge snapshots --dir %[1]s", owned, os.Getpid())},
		{"owned, repair", []string{"journal", "repair", "--dir", owned}, fmt.Sprintf(
			"--dir: %s belongs to a running process, pid %d; it needs the node to be stopped: ledge stop --dir %[1]s", owned, os.Getpid())},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := ledge(t, c.args...)
			if want := "ledge: " + c.want + "\n"; got.code != exitRefused || got.stderr != want {
				t.Errorf("exit code %d, stderr %q; want %d, %q", got.code, got.stderr, exitRefused, want)
			}
		})
	}
}

// A command line is public: no command takes a secret on it without a way to
// name a file that has it.
func TestSecretFlags(t *testing.T) {
	var flags func(commands []*urfave.Command)
	seen := 0
	flags = func(commands []*urfave.Command) {
		for _, c := range commands {
			names := make(map[string]bool)
			for _, f := range c.Flags {
				names[f.Names()[0]] = true
			}
			for name := range names {
				looks := strings.Contains(name, "password") || strings.Contains(name, "secret") || strings.Contains(name, "token")
				if !looks {
					continue
				}
				seen++
				if !strings.HasSuffix(name, "-file") && !names[name+"-file"] {
					t.Errorf("%s takes --%s and no --%s-file", c.Name, name, name)
				}
			}
			flags(c.Subcommands)
		}
	}
	flags(newApp(new(bytes.Buffer), new(bytes.Buffer)).Commands)
	if seen < 4 {
		t.Errorf("%d flags look like secrets; want those of serve and of the commands that log in", seen)
	}
}
