package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ledge/admin"
	"ledge/admin/admintest"
)

// passwd changes a stopped node's password in its directory and asks a running one; it
// takes a new password from a file and never from the command line, and says none.
func TestPasswdCommand(t *testing.T) {
	dir, _ := serving(t, "--listen", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0")
	read := func(user string) string {
		b, err := os.ReadFile(filepath.Join(dir, "auth", user))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(string(b))
	}
	given := write(t, "given", "given by hand\n")
	for _, when := range []string{"running", "stopped"} {
		if when == "stopped" {
			if got := ledge(t, "stop", "--dir", dir); got.code != 0 {
				t.Fatal(got.stderr)
			}
			end := time.Now().Add(20 * time.Second)
			for ledge(t, "snapshot", "list", "--dir", dir).code != 0 { // it is the test's process that has it
				if time.Now().After(end) {
					t.Fatal("the node has not let its directory go within 20 s")
				}
				time.Sleep(10 * time.Millisecond)
			}
		}
		first := read("monitor")
		got := ledge(t, "passwd", "--dir", dir, "monitor")
		if now := read("monitor"); got.code != 0 || now == first || strings.Contains(got.stdout, now) {
			t.Errorf("%s: passwd yields %+v; want another password, which it doesn't say", when, got)
		}
		got = ledge(t, "passwd", "--dir", dir, "--json", "--expire-now", "--new-password-file", given, "monitor")
		if got.code != 0 || read("monitor") != "given by hand" || strings.Contains(got.stdout, "given by") {
			t.Errorf("%s: passwd with a file yields %+v; want what is in it", when, got)
		}
		got = ledge(t, "passwd", "--dir", dir, "--new-password-file", given, "monitor")
		if got.code != exitRefused || !strings.Contains(got.stderr, "that is the password already") {
			t.Errorf("%s: passwd with the same password yields %+v; want it refused", when, got)
		}
		if got = ledge(t, "passwd", "--dir", dir, "nobody"); got.code != exitRefused || !strings.Contains(got.stderr, `user "nobody"`) {
			t.Errorf("%s: passwd of nobody yields %+v; want it refused", when, got)
		}
	}
}

// What passwd can't do it says in a line, and asks nobody.
func TestPasswdRefusals(t *testing.T) {
	b, node := admintest.Start(t), &admintest.Backend{}
	b.Serve(t, admin.Config{Backend: node})
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"admin", "sesame"}, exitUsage, "want one USER at most"},
		{[]string{"--grace", "1h", "--expire-now"}, exitUsage, "no meaning beside --expire-now"},
		{[]string{"--grace", "721h"}, exitUsage, "--grace"},
		{[]string{"--grace", "soon"}, exitUsage, "--grace"},
		{[]string{"--new-password-file", write(t, "empty", " \n")}, exitRefused, "is empty"},
		{[]string{"--new-password-file", write(t, "long", strings.Repeat("x", 20000))}, exitRefused, "more than 16384 bytes"},
		{[]string{"--new-password-file", "/does/not/exist"}, exitRefused, "no such file"},
	} {
		got := ledge(t, append([]string{"passwd", "--dir", b.Dir}, c.args...)...)
		if got.code != c.code || !strings.Contains(got.stderr, c.want) || strings.Contains(got.stderr, "sesame") {
			t.Errorf("passwd %q: %+v; want exit code %d and %q", c.args, got, c.code, c.want)
		}
	}
	if calls := node.Calls(); len(calls) > 0 {
		t.Errorf("the node was asked %q; want nothing", calls)
	}
}
