package appliance_test

// Passwords of the NATS users are changed: by operators, in the files, and while the
// node is killed. What the files say and whom the node lets in must agree.

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ledge/admin"
	"ledge/appliance"
	"ledge/journal/broker"
	"ledge/journal/fault"
	"ledge/journal/freeport"
	"ledge/journal/jet/faultfs"
	"ledge/journal/logtest"
	"ledge/replay/standing"
)

// knock returns whether a node lets a user in.
func knock(t *testing.T, server, user, password string) (*admin.Conn, bool) {
	t.Helper()
	var c *admin.Conn
	var err error
	within(t, 20*time.Second, fmt.Sprintf("user %s is let in at %s or not", user, server), func() bool {
		c, err = admin.Dial(t.Context(), admin.ClientConfig{Server: server, User: user, Password: password, ConnectTimeout: patience(5 * time.Second)})
		var answer *admin.Error
		return err == nil || errors.As(err, &answer) && answer.Code == admin.CodeNotLetIn
	})
	if err == nil {
		t.Cleanup(c.Close)
	}
	return c, err == nil
}

// letsIn checks which passwords let a user in.
func letsIn(t *testing.T, when, server, user string, passwords map[string]bool) {
	t.Helper()
	for p, want := range passwords {
		c, in := knock(t, server, user, p)
		if in != want {
			t.Errorf("%s: %s is let in by %q: %v; want %v", when, user, p, in, want)
		}
		if in {
			c.Close()
		}
	}
}

// word returns a user's password.
func word(t *testing.T, dir, user string) string {
	t.Helper()
	return strings.TrimSpace(read(t, filepath.Join(dir, "auth", user)))
}

// An operator changes passwords of a node that runs: with a grace, in which both hold,
// and at once. What can't be is refused, and changes nothing.
func TestPasswd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	n := serve(t, appliance.Config{Dir: dir, Node: "n", NATSListen: freeport.Addr(t)})
	server, first := n.Status().NATS, word(t, dir, "monitor")
	op, _ := knock(t, server, "admin", word(t, dir, "admin"))
	old, _ := knock(t, server, "monitor", first)
	r, err := op.Passwd(t.Context(), "n", "monitor", "", time.Hour)
	drawn := word(t, dir, "monitor")
	if err != nil || !r.Drawn || r.Until == nil || r.Former != 1 || r.File != filepath.Join(dir, "auth", "monitor") || drawn == first {
		t.Fatalf("Passwd = %+v, %v; want one that is drawn, with one connection by the former", r, err)
	}
	letsIn(t, "within the grace", server, "monitor", map[string]bool{first: true, drawn: true, "x": false, word(t, dir, "replica"): false})
	st, err := op.Status(t.Context(), "n")
	if err != nil || len(st.Former) != 1 || st.Former[0].User != "monitor" || st.Former[0].Former != 1 || !st.Former[0].Until.Equal(*r.Until) {
		t.Errorf("former passwords in the status: %+v, %v; want monitor's, until %v, with one connection", st.Former, err, r.Until)
	}
	for name, c := range map[string]struct {
		user, to string
		grace    time.Duration
		class    fault.Class
	}{
		"a user that is not there": {"journal", "x", 0, fault.Refused},
		"two lines":                {"monitor", "a\nb", 0, fault.Refused},
		"a space at the end":       {"monitor", "a ", 0, fault.Refused},
		"too long":                 {"monitor", strings.Repeat("x", 3073), 0, fault.Refused},
		"too long as JSON":         {"monitor", strings.Repeat("<", 600), 0, fault.Refused},
		"too long a grace":         {"monitor", "x", admin.MaxGrace + time.Second, fault.Refused},
		"the one there is":         {"monitor", drawn, time.Hour, fault.Refused},
	} {
		_, err := op.Passwd(t.Context(), "n", c.user, c.to, c.grace)
		var answer *admin.Error
		if !errors.As(err, &answer) || answer.Class != c.class {
			t.Errorf("Passwd with %s = %v; want class %s", name, err, c.class)
		}
		if err != nil && len(c.to) > 8 && strings.Contains(err.Error(), c.to) {
			t.Errorf("Passwd with %s says the password: %v", name, err)
		}
	}
	longest := strings.Repeat("y", 3070)
	if _, err := op.Passwd(t.Context(), "n", "monitor", longest, 0); err != nil {
		t.Fatal(err)
	}
	letsIn(t, "at once", server, "monitor", map[string]bool{first: false, drawn: false, longest: true})
	within(t, 20*time.Second, "the connection by the first is closed", func() bool {
		_, err := old.Health(t.Context(), "n")
		return errors.Is(err, admin.ErrUnreachable)
	})
	if r, err = op.Passwd(t.Context(), "n", "admin", "mine", 0); err != nil || r.Until != nil || r.Drawn {
		t.Errorf("Passwd of who asks = %+v, %v; want an answer before the connection is closed", r, err)
	}
	letsIn(t, "the operator", server, "admin", map[string]bool{"mine": true})
}

// The files are taken at SIGHUP: the former password holds for a while, one that is no
// good changes nothing, and one that is not there is drawn.
func TestPasswordFilesReread(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cfg := appliance.Config{Dir: dir, Node: "n", NATSListen: freeport.Addr(t)}
	cfg.Reread = func() (appliance.Config, error) { return cfg, nil }
	n := serve(t, cfg)
	server, first, path := n.Status().NATS, word(t, dir, "monitor"), filepath.Join(dir, "auth", "monitor")
	replaceFile(t, path, "by hand\n")
	letsIn(t, "before it is read", server, "monitor", map[string]bool{first: true, "by hand": false})
	if err := n.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	letsIn(t, "after that", server, "monitor", map[string]bool{first: true, "by hand": true})
	for name, bad := range map[string]string{"empty": "", "two lines": "a\nb\n", "too long": strings.Repeat("z", 5000), "a space": " \n"} {
		replaceFile(t, path, bad)
		err := n.Reload(t.Context())
		if fault.Of(err) != fault.Operator || !strings.Contains(err.Error(), path) {
			t.Errorf("Reload with a file that is %s = %v; want it of class operator, with the file", name, err)
		}
		letsIn(t, name, server, "monitor", map[string]bool{"by hand": true, "": false, "a": false})
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := n.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	letsIn(t, "drawn", server, "monitor", map[string]bool{word(t, dir, "monitor"): true, "by hand": true})
	if fi, err := os.Stat(filepath.Join(dir, "auth", "before.json")); err != nil || fi.Mode().Perm() != 0o600 {
		t.Errorf("auth/before.json: %v, %v; want mode 0600", fi, err)
	}
}

// A node that is killed while a password is changed has the old one afterwards, or the
// new one, and in the grace both; the files say which. A disk that does not answer holds
// the change where it is killed.
func TestPasswdKilled(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		stops      string // the file that can't be written
		grace      time.Duration
		first, new bool // whether they hold after the restart
	}{
		{"before.json.tmp", time.Hour, true, false},
		{"monitor.tmp", time.Hour, true, false},
		{"monitor.tmp", 0, true, false},
		{"", time.Hour, true, true},
		{"", 0, false, true},
	} {
		t.Run(fmt.Sprintf("%s,%s", c.stops, c.grace), func(t *testing.T) {
			t.Parallel()
			disk := faultfs.Start(t)
			dir := filepath.Join(disk.Dir, "n")
			p := lead(t, dir)
			first := word(t, dir, "monitor")
			op, _ := knock(t, p.nats(), "admin", word(t, dir, "admin"))
			if c.stops != "" {
				if err := disk.Add(faultfs.Rule{Op: faultfs.OpFsync, Match: c.stops, Delay: time.Hour}); err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithCancel(t.Context())
			answered := make(chan error, 1)
			go func() {
				_, err := op.Passwd(ctx, "n", "monitor", "new", c.grace)
				answered <- err
			}()
			if c.stops == "" {
				if err := <-answered; err != nil {
					t.Error(err)
				}
			} else {
				within(t, 20*time.Second, "it is being written", func() bool {
					_, in := knock(t, p.nats(), "monitor", "new")
					return in
				})
			}
			_ = p.cmd.Process.Signal(syscall.SIGKILL)
			if err := disk.Clear(); err != nil { // the process goes once the disk has answered
				t.Fatal(err)
			}
			p.end(syscall.SIGKILL)
			cancel()
			if c.stops != "" {
				<-answered
			}
			p = lead(t, dir)
			letsIn(t, "after the restart", p.nats(), "monitor", map[string]bool{first: c.first, "new": c.new})
			letsIn(t, "by the file", p.nats(), "monitor", map[string]bool{word(t, dir, "monitor"): true})
		})
	}
}

// What can't be written down changes nothing, on the disk or in the node.
func TestPasswdNotWritten(t *testing.T) {
	t.Parallel()
	for _, stops := range []string{"before.json.tmp", "monitor.tmp"} {
		dir := t.TempDir()
		n := serve(t, appliance.Config{Dir: dir, Node: "n", NATSListen: freeport.Addr(t)})
		server, first := n.Status().NATS, word(t, dir, "monitor")
		op, _ := knock(t, server, "admin", word(t, dir, "admin"))
		if _, err := op.Passwd(t.Context(), "n", "monitor", "second", time.Hour); err != nil {
			t.Fatal(err)
		}
		before := read(t, filepath.Join(dir, "auth", "before.json"))
		way := filepath.Join(dir, "auth", stops)
		if err := os.MkdirAll(filepath.Join(way, "x"), 0o700); err != nil {
			t.Fatal(err)
		}
		_, err := op.Passwd(t.Context(), "n", "monitor", "third", 0)
		var answer *admin.Error
		if !errors.As(err, &answer) || answer.Class != fault.Operator {
			t.Errorf("Passwd with %s in the way = %v; want class operator", stops, err)
		}
		letsIn(t, stops, server, "monitor", map[string]bool{first: true, "second": true, "third": false})
		if got := read(t, filepath.Join(dir, "auth", "before.json")); got != before || word(t, dir, "monitor") != "second" {
			t.Errorf("with %s in the way the files changed", stops)
		}
	}
}

// A stopped node's passwords are changed in its directory, by the same rules.
func TestPasswdStopped(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := func() string {
		n, err := appliance.Open(t.Context(), appliance.Config{Dir: dir, Listen: "127.0.0.1:0", NATSListen: freeport.Addr(t), Reserve: -1})
		if err == nil {
			err = n.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
		return word(t, dir, "monitor")
	}()
	change := func(to string, grace time.Duration) (admin.PasswordChanged, error) {
		s, err := appliance.OpenStopped(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		return s.ChangePassword(t.Context(), "monitor", to, grace)
	}
	if r, err := change("", time.Hour); err != nil || !r.Drawn || r.Until == nil {
		t.Fatalf("ChangePassword = %+v, %v; want one that is drawn, with a grace", r, err)
	}
	drawn := word(t, dir, "monitor")
	if _, err := change(drawn, time.Hour); !errors.Is(err, broker.ErrSame) || fault.Of(err) != fault.Refused {
		t.Errorf("ChangePassword to the same = %v; want %v", err, broker.ErrSame)
	}
	if _, err := change("given", time.Hour); err != nil {
		t.Fatal(err)
	}
	held := func(t *testing.T, want map[string]bool) {
		n := serve(t, appliance.Config{Dir: dir, Node: "n", NATSListen: freeport.Addr(t)})
		letsIn(t, "after the start", n.Status().NATS, "monitor", want)
		if _, err := appliance.OpenStopped(dir); !errors.Is(err, appliance.ErrRunning) {
			t.Errorf("OpenStopped of a node that runs = %v; want %v", err, appliance.ErrRunning)
		}
	}
	t.Run("grace", func(t *testing.T) { held(t, map[string]bool{first: true, drawn: true, "given": true}) })
	for i := range broker.MaxFormer - 2 {
		if _, err := change(fmt.Sprint("more-", i), time.Hour); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := change("too many", time.Hour); !errors.Is(err, broker.ErrManyFormer) {
		t.Errorf("ChangePassword = %v; want %v", err, broker.ErrManyFormer)
	}
	if _, err := change("last", 0); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "auth", "before.json"), "{ damaged")
	if _, err := change("after damage", 0); err != nil {
		t.Errorf("ChangePassword with before.json damaged = %v; want it to be written anew", err)
	}
}

// A replica that its leader refuses says so, and comes in at once when its file is mended
// and it is told to read it, be it in another place. A file that is no good changes nothing.
func TestLeaderPasswordReread(t *testing.T) {
	t.Parallel()
	a := serve(t, appliance.Config{Node: "a", Dir: t.TempDir(), NATSListen: freeport.Addr(t)})
	auth := filepath.Dir(a.Status().Credentials)
	at := t.TempDir()
	wrong, right := filepath.Join(at, "wrong"), filepath.Join(at, "right")
	replaceFile(t, wrong, "not that\n")
	replaceFile(t, right, read(t, filepath.Join(auth, "replica")))
	var log logtest.Log
	cfg := appliance.Config{Node: "b", NATSListen: appliance.Off, Follow: a.Status().NATS, FollowPasswordFile: wrong, Logger: log.Logger()}
	next := cfg
	cfg.Reread = func() (appliance.Config, error) { return next, nil }
	b := serve(t, cfg)
	streams := func(when string) {
		t.Helper()
		within(t, 20*time.Second, "the replica streams "+when, func() bool { return b.Link().State == standing.LinkStreaming })
	}
	refused := func() {
		t.Helper()
		within(t, 20*time.Second, "the replica is refused", func() bool {
			l := b.Link()
			return fault.Of(l.Err) == fault.Operator && l.State == standing.LinkFailed && strings.Contains(l.Err.Error(), "Authorization")
		})
	}
	reload := func() {
		t.Helper()
		if err := b.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	refused() // the next attempt is 24 s away, or more
	next.FollowPasswordFile = right
	reload()
	streams("by a file in another place")
	for name, bad := range map[string]string{"empty": "", "two lines": "a\nb\n", "too long": strings.Repeat("z", 5000)} {
		replaceFile(t, right, bad)
		if err := b.Reload(t.Context()); fault.Of(err) != fault.Operator || !strings.Contains(err.Error(), "follow-password-file") {
			t.Errorf("Reload with a file that is %s = %v; want it of class operator, with the option", name, err)
		}
	}
	if err := os.Remove(right); err != nil {
		t.Fatal(err)
	}
	if err := b.Reload(t.Context()); fault.Of(err) != fault.Operator {
		t.Errorf("Reload without the file = %v; want class operator", err)
	}
	op, _ := knock(t, a.Status().NATS, "admin", word(t, filepath.Dir(auth), "admin"))
	if _, err := op.Passwd(t.Context(), "a", "replica", "other", 0); err != nil {
		t.Fatal(err)
	}
	refused()
	replaceFile(t, right, "other\n")
	reload()
	streams("after its file was mended")
	if !strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("nothing is logged of a password file that is not there:\n%s", log.String())
	}
}
