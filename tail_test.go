package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"ledge/appliance"
	"ledge/appliance/options"
)

// lines is what a program prints, while it runs.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// awaitText waits until a program has printed something.
func (l *lines) awaitText(t *testing.T, want string) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !strings.Contains(l.String(), want); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it has printed\n%s\nwant %q", l.String(), want)
		}
	}
}

// tailServing runs a node with a NATS listener until the test ends, and returns its
// directory and how to have it run commands.
func tailServing(t *testing.T) (dir string, do func(lines ...string)) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "data")
	n, err := appliance.Open(t.Context(), appliance.Config{
		Dir: dir, Listen: "127.0.0.1:0", NATSListen: "127.0.0.1:0", Node: "n", Live: options.Live{Sync: appliance.SyncOff}})
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- n.Run(context.Background()) }()
	nc, err := net.Dial("tcp", n.Status().Listen)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		nc.Close()
		n.Shutdown()
		if err := <-ran; err != nil {
			t.Error(err)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	replies := bufio.NewReader(nc)
	return dir, func(lines ...string) {
		t.Helper()
		for _, line := range lines {
			fmt.Fprintf(nc, "%s\r\n", line)
			if got, err := replies.ReadString('\n'); err != nil || got[0] == '-' {
				t.Fatalf("%s: %q, %v", line, got, err)
			}
		}
	}
}

// What goes on until it is interrupted ends well after --timeout.
func TestFollowForAWhile(t *testing.T) {
	dir, do := tailServing(t)
	do("SET a 1")
	for _, c := range []struct{ args, want, says string }{
		{"journal tail --follow --from 2", "StringSet", ""},
		{"events", "", "ledge: waiting for events until interrupted; --since 1h prints those of the last hour\n"},
	} {
		got := ledge(t, append(strings.Fields(c.args), "--timeout", "1s", "--dir", dir)...)
		if got.code != 0 || got.stderr != c.says || !strings.Contains(got.stdout, c.want) {
			t.Errorf("%s: exit code %d, %s%s; want 0, %s and %q", c.args, got.code, got.stdout, got.stderr, c.want, c.says)
		}
	}
}

// journal tail shows the same of a node that runs as of one that is stopped: lines for
// people, or JSON, filtered.
func TestTailRunning(t *testing.T) {
	dir, do := tailServing(t)
	do("SET user:1 Ada", `SET <b>&x "\x1b[2J"`, "SELECT 1", "SET user:2 Bob", "RPUSH list a b", "SET n 9007199254740993")
	for _, c := range []struct {
		args []string
		want string // a pattern
	}{
		{nil, `^1  20\S+Z  Epoch  Epoch 1  Node "n"
2  20\S+Z  StringSet  db 0  "user:1"  At 0  Value "Ada"
3  20\S+Z  StringSet  db 0  .*  Value "\\u001b\[2J"
4  20\S+Z  StringSet  db 1  "user:2"  At 0  Value "Bob"
5  20\S+Z  ListPush  db 1  "list"  Items \["a","b"\]  Left false
6  .*
$`},
		{[]string{"--key", "user:*", "--db", "1"}, `^4 .*Bob"\n$`},
		{[]string{"--since", "5"}, `^5 .*\n6 .*\n$`},
		{[]string{"--from", "6"}, `^6 .*\n$`},
		{[]string{"--last", "2"}, `^5 .*\n6 .*\n$`},
		{[]string{"--since", "1h", "--key", "list"}, `^5 .*\n$`},
		{[]string{"--since", time.Now().Add(time.Hour).Format(time.RFC3339)}, `^$`},
		{[]string{"--json", "--key", "user:1"}, `^\{"seq":2,"entry":0,"epoch":1,"prev":"[0-9a-f]{16}","at":"20\S+Z","ops":` +
			`\[\{"At":0,"DB":0,"Key":"user:1","Value":"Ada","op":"StringSet"\}\]\}\n$`},
		{[]string{"--json", "--key", "<b>*"}, `"Key":"<b>&x"`},
		{[]string{"--node", "n", "--key", "nobody"}, `^$`},
	} {
		got := ledge(t, append([]string{"journal", "tail", "--dir", dir}, c.args...)...)
		if ok, _ := regexp.MatchString(c.want, got.stdout); got.code != 0 || got.stderr != "" || !ok {
			t.Errorf("%q: exit code %d, %s\n%s\nwant %s", c.args, got.code, got.stderr, got.stdout, c.want)
		}
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"--since", "then"}, 2, `--since: "then": want a number of the journal, a time as`},
		{[]string{"--since", "-1h"}, 2, `--since: "-1h": want a number`},
		{[]string{"--from", "0"}, 2, `--from: "0" is no number from 1 on`},
		{[]string{"--last", "x"}, 2, `--last: "x" is no number from 1 on`},
		{[]string{"--since", "1", "--last", "2"}, 2, `exclude each other`},
		{[]string{"--db", "-1"}, 2, `--db: `},
		{[]string{"--key", ""}, 2, `--key: needs a pattern`},
		{[]string{"--from", "99"}, 1, `there is no number 99: the journal ends with number 6`},
		{[]string{"--user", "monitor"}, 1, `user "monitor" may not ask ledge.n.journal.tail; user admin may`},
		{[]string{"--node", "other"}, 2, `there is no node "other"`},
	} {
		got := ledge(t, append([]string{"journal", "tail", "--dir", dir}, c.args...)...)
		if got.code != c.code || !strings.Contains(got.stderr, c.want) || got.stdout != "" {
			t.Errorf("%q: exit code %d, %s%s; want %d, %s", c.args, got.code, got.stdout, got.stderr, c.code, c.want)
		}
	}
}

// --follow goes on with what is written, as JSON too, until it is interrupted, and ends
// with an error when its node has gone.
func TestTailFollow(t *testing.T) {
	dir, do := tailServing(t)
	do("SET before 1")
	var people, programs, stderr lines
	ctx, interrupt := context.WithCancel(t.Context())
	ended := make(chan int, 2)
	go func() {
		ended <- run(ctx, []string{"ledge", "journal", "tail", "--follow", "--dir", dir}, &people, &stderr)
	}()
	people.awaitText(t, `"before"`) // two command lines are not read at once
	go func() {
		ended <- run(ctx, []string{"ledge", "journal", "tail", "--follow", "--json", "--key", "wanted:*", "--from", "1", "--dir", dir},
			&programs, &stderr)
	}()
	do("SET wanted:1 a", "SET other b")
	people.awaitText(t, `"other"`)
	programs.awaitText(t, `"wanted:1"`)
	do("SET wanted:2 c")
	people.awaitText(t, `"wanted:2"`)
	programs.awaitText(t, `"wanted:2"`)
	interrupt()
	for range 2 {
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			t.Fatal("it goes on after it was interrupted")
		}
	}
	if n := strings.Count(programs.String(), "\n"); n != 2 {
		t.Errorf("programs are told\n%s\nwant the 2 entries that match", programs.String())
	}
	for line := range strings.Lines(programs.String()) {
		if !json.Valid([]byte(line)) {
			t.Errorf("%q is no JSON", line)
		}
	}
}

// A stopped node is read as it is, and there is nothing to follow.
func TestTailStopped(t *testing.T) {
	dir := written(t, "SET user:1 Ada", "SET other v", "MSET user:2 Bob x y")
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, `^1 .*\n2 .*Ada"\n3 .*\n4 .*Bob"\n4 .*"x".*\n$`},
		{[]string{"--key", "user:*"}, `^2 .*Ada"\n4 .*Bob"\n4 .*and 1 effects that are not shown\n$`},
		{[]string{"--since", "4", "--db", "0"}, `^4 .*\n4 .*\n$`},
		{[]string{"--since", "1h", "--key", "other"}, `^3 .*\n$`},
	} {
		got := ledge(t, append([]string{"journal", "tail", "--dir", dir}, c.args...)...)
		if ok, _ := regexp.MatchString(c.want, got.stdout); got.code != 0 || !ok {
			t.Errorf("%q: exit code %d, %s\n%s\nwant %s", c.args, got.code, got.stderr, got.stdout, c.want)
		}
	}
	if got := ledge(t, "journal", "tail", "--follow", "--dir", dir); got.code != 1 || !strings.Contains(got.stderr, "is stopped") {
		t.Errorf("--follow: exit code %d, %s; want it refused", got.code, got.stderr)
	}
	if got := ledge(t, "journal", "tail", "--from", "9", "--dir", dir); got.code != 1 ||
		!strings.Contains(got.stderr, "the journal ends with number 4") {
		t.Errorf("--from 9: exit code %d, %s; want it refused", got.code, got.stderr)
	}
}

// What looks at a stopped node prints JSON with --json.
func TestInspectJSON(t *testing.T) {
	dir := written(t, "SET a 1", "SAVE", "SET b 2")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"journal", "info"}, `"node": "n",\s.*"lineage": "[0-9a-f]{16}",\s.*"first_number": 1,\s.*"last_number": 3,\s.*"closed": true`},
		{[]string{"journal", "verify"}, `"ok": true,\s.*"damaged": false,\s.*"last_number": 3,\s.*"keys": 2`},
		{[]string{"journal", "repair"}, `"needed": false,\s.*"damage": \[\],`},
		{[]string{"snapshot", "list"}, `"snapshots": \[\s.*"number": 2,`},
	} {
		got := ledge(t, append(c.args, "--json", "--dir", dir)...)
		if ok, _ := regexp.MatchString(`(?s)`+c.want, got.stdout); got.code != 0 || !ok || !json.Valid([]byte(got.stdout)) {
			t.Errorf("%s: exit code %d, %s%s; want %s", c.args, got.code, got.stdout, got.stderr, c.want)
		}
	}
	harmed := bare(t, dir, "journal/jetstream")
	got := ledge(t, "restore", "--json", "--dir", harmed)
	var said struct {
		Needed, Done bool
		Damage       []string
		Loses        string
		Command      string
	}
	if err := json.Unmarshal([]byte(got.stdout), &said); err != nil || got.code != 0 || !said.Needed || said.Done ||
		len(said.Damage) == 0 || said.Loses == "" || !strings.Contains(said.Command, "--apply") {
		t.Errorf("restore: exit code %d, %v, %s%s; want the plan and its command", got.code, err, got.stdout, got.stderr)
	}
	got = ledge(t, "restore", "--json", "--apply", "--dir", harmed)
	if err := json.Unmarshal([]byte(got.stdout), &said); err != nil || got.code != 0 || !said.Done {
		t.Errorf("restore --apply: exit code %d, %v, %s%s; want it done", got.code, err, got.stdout, got.stderr)
	}
}
