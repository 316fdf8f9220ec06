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
	"testing"

	"ledge/appliance"
)

// written runs a node, sends it inline commands and stops it. It returns the
// node's directory.
func written(t *testing.T, lines ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	n, err := appliance.Open(t.Context(), appliance.Config{
		Dir: dir, Listen: "127.0.0.1:0", NATSListen: appliance.Off, Node: "n"})
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- n.Run(context.Background()) }()
	nc, err := net.Dial("tcp", n.Status().Listen)
	if err != nil {
		t.Fatal(err)
	}
	replies := bufio.NewReader(nc)
	for _, line := range lines {
		fmt.Fprintf(nc, "%s\r\n", line)
		if got, err := replies.ReadString('\n'); err != nil || got[0] == '-' {
			t.Fatalf("%s: %q, %v", line, got, err)
		}
	}
	nc.Close()
	n.Shutdown()
	if err := <-ran; err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// journal tail prints what stands in each entry, one line of JSON each, and
// nothing else.
func TestTail(t *testing.T) {
	dir := written(t, "SET k v", `SET bin "\xff\x00" PXAT 99999999999999`, "INCR n", "SELECT 3", "SET k w", "DEL k", "ZADD z -inf m", "SAVE")
	got := ledge(t, "journal", "tail", "--json", "--dir", dir)
	if got.code != 0 || got.stderr != "" {
		t.Fatalf("exit code %d, stderr %q", got.code, got.stderr)
	}
	want := []string{
		`[{"Epoch":1,"Node":"n","op":"Epoch"}]`,
		`[{"At":0,"DB":0,"Key":"k","Value":"v","op":"StringSet"}]`,
		`[{"At":99999999999999,"DB":0,"Key":"bin","Value":{"base64":"/wA="},"op":"StringSet"}]`,
		`[{"At":0,"DB":0,"Key":"n","Value":"1","op":"StringSet"}]`,
		`[{"At":0,"DB":3,"Key":"k","Value":"w","op":"StringSet"}]`,
		`[{"DB":3,"Key":"k","op":"KeyDelete"}]`,
		`[{"DB":3,"Key":"z","Members":[{"Member":"m","Score":"-inf"}],"op":"ZSetAdd"}]`,
	}
	lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
	if len(lines) != len(want) {
		t.Fatalf("%d lines; want %d:\n%s", len(lines), len(want), got.stdout)
	}
	for i, l := range lines {
		var e struct {
			Seq, Entry, Epoch uint64
			Prev, At          string
			Ops               json.RawMessage
		}
		if err := json.Unmarshal([]byte(l), &e); err != nil {
			t.Fatalf("%q: %v", l, err)
		}
		if e.Seq != uint64(i+1) || e.Entry != 0 || e.Epoch != 1 || len(e.Prev) != 16 || e.At == "" {
			t.Errorf("line %d: %s", i, l)
		}
		if string(e.Ops) != want[i] {
			t.Errorf("line %d: ops %s; want %s", i, e.Ops, want[i])
		}
	}
	if got := ledge(t, "journal", "tail", "--json", "--dir", dir, "--from", "7"); got.stdout != lines[6]+"\n" {
		t.Errorf("from 7: %q; want the last line alone", got.stdout)
	}
}

// journal info, journal verify and snapshot list say what is there.
func TestInspect(t *testing.T) {
	dir := written(t, "SET a 1", "SAVE", "SET b 2")
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"journal", "info"}, `^node      n
created   20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ
lineage   [0-9a-f]{16}
numbers   1 to 3
size      \d+ bytes in 1 files
closed    in good order
$`},
		{[]string{"journal", "verify"}, `^ok: numbers 1 to 3, digest [0-9a-f]{16}, 2 keys, closed in good order
$`},
		{[]string{"snapshot", "list"}, `^20\S+Z  number 2  digest [0-9a-f]{16}  1 keys  \d+ bytes  \S+/00000000000000000002\.snap
$`},
	} {
		got := ledge(t, append(c.args, "--dir", dir)...)
		if ok, _ := regexp.MatchString(c.want, got.stdout); got.code != 0 || !ok {
			t.Errorf("%s: exit code %d, %q, %s; want %s", c.args, got.code, got.stdout, got.stderr, c.want)
		}
	}
}
