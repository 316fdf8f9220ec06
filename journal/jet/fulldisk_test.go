package jet_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// A disk that is really full, with a node on it: it says so at once, takes what
// frees room by giving up its reserve, keeps the snapshot it has, starts again
// and serves what it holds, and resumes when there is room.
func TestFullDisk(t *testing.T) {
	mnt := t.TempDir()
	if err := syscall.Mount("none", mnt, "tmpfs", 0, "size=32m"); err != nil {
		t.Skipf("mount tmpfs: %v", err)
	}
	t.Cleanup(func() { syscall.Unmount(mnt, syscall.MNT_DETACH) })
	dir := filepath.Join(mnt, "data")
	options := []string{"--resume-auto", "none", "--reserve", "4MiB"}
	n := serve(t, dir, options...)
	c := n.dial()
	book := newBook()
	val := strings.Repeat("v", 2000)
	write := func(key string) string {
		began := time.Now()
		got := c.do("SET " + key + " " + val)
		if took := time.Since(began); strings.HasPrefix(got, "-") && took > firstError {
			t.Errorf("the error came after %s; want at most %s", took, firstError)
		}
		book.enter(key, val, got)
		return got
	}
	for i := range 100 {
		write(fmt.Sprintf("before:%d", i))
	}
	c.want("SAVE", "OK")
	ballast := filepath.Join(mnt, "ballast")
	fillDisk(t, ballast)
	// The rest of the last page may still take some.
	fill := func(name string) (got string) {
		for i := range 20 {
			if got = write(fmt.Sprintf("%s:%d", name, i)); got != "OK" {
				break
			}
		}
		return got
	}
	got := fill("full")
	if !strings.HasPrefix(got, "-MISCONF") || !strings.Contains(got, "no space left on device") {
		t.Fatalf("SET on a full disk = %s; want MISCONF with the cause", got)
	}
	until(t.Context(), t, "the reserve to be given up", func() bool {
		return strings.Contains(c.do("INFO journal"), "journal_deletes_taken:1")
	})
	fillDisk(t, ballast+"2") // somebody else takes most of what it gave up
	os.Truncate(ballast+"2", 2<<20)
	c.want("DEL before:0 before:1", "2")
	delete(book.acked, "before:0")
	delete(book.acked, "before:1")
	if got := write("more"); !strings.Contains(got, "reads and deletes are served") {
		t.Errorf("SET = %s; want it to say that deletes are served", got)
	}
	if got := c.do("LEDGE RESUME"); !strings.HasPrefix(got, "-") || !strings.Contains(got, "no space left on device") {
		t.Errorf("resume on a full disk = %s; want an error with the cause", got)
	}
	if got := c.do("SAVE"); got != "OK" && !strings.Contains(got, "no space") {
		t.Errorf("SAVE = %s; want OK or no space", got)
	}
	book.check(n, "on a full disk")
	n.kill()
	fillDisk(t, ballast+"3")
	n = serve(t, dir, options...)
	c = n.dial()
	book.check(n, "after a start on a full disk")
	if got := fill("again"); !strings.HasPrefix(got, "-MISCONF") {
		t.Errorf("SET after a start on a full disk = %s; want MISCONF", got)
	}
	resume := operate(t, n)
	if got := resume(); !strings.Contains(got, "no space left on device") {
		t.Errorf("resume over NATS on a full disk = %s; want an error with the cause", got)
	}
	for _, name := range []string{ballast, ballast + "2", ballast + "3"} {
		os.Remove(name)
	}
	if got := resume(); got != "" {
		t.Errorf("resume over NATS with room = %s; want no error", got)
	}
	if got := write("last"); got != "OK" {
		t.Errorf("SET after it = %s; want OK", got)
	}
	n.kill()
	n = serve(t, dir, options...)
	book.check(n, "at the end")
	n.stop()
}

// operate finds a suspended node as somebody does who has the README, the
// password and a NATS client, and returns a function that asks it to resume and
// returns what the node says is wrong. User monitor can look, and not resume.
func operate(t *testing.T, n *node) (resume func() string) {
	t.Helper()
	dial := func(user string, opts ...nats.Option) *nats.Conn {
		secret, err := os.ReadFile(filepath.Join(n.dir(), "auth", user))
		if err != nil {
			t.Fatal(err)
		}
		nc, err := nats.Connect(n.nats, append(opts, nats.UserInfo(user, strings.TrimSpace(string(secret))))...)
		if err != nil {
			t.Fatalf("connect as %s: %v", user, err)
		}
		t.Cleanup(nc.Close)
		return nc
	}
	ask := func(nc *nats.Conn, subject string) (*nats.Msg, error) {
		return nc.Request(subject, nil, 5*time.Second)
	}
	admin := dial("admin")
	pong, err := ask(admin, "$SRV.PING.ledge")
	if err != nil {
		t.Fatalf("nobody answers $SRV.PING.ledge: %v", err)
	}
	var who struct{ Metadata struct{ Node string } }
	if err := json.Unmarshal(pong.Data, &who); err != nil || who.Metadata.Node == "" {
		t.Fatalf("$SRV.PING.ledge = %s, %v; want the node's name", pong.Data, err)
	}
	// Monitor is told no below; the client would print that on standard error.
	monitor := dial("monitor", nats.CustomInboxPrefix("_INBOX.monitor"),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	status, err := ask(monitor, "ledge."+who.Metadata.Node+".status")
	if err != nil || !strings.Contains(string(status.Data), `"state":"suspended"`) ||
		!strings.Contains(string(status.Data), "no space left on device") {
		t.Errorf("status = %s, %v; want suspended, with the cause", status.Data, err)
	}
	if _, err := monitor.Request("ledge."+who.Metadata.Node+".resume", nil, 200*time.Millisecond); err == nil {
		t.Error("monitor's resume is answered; want it to be refused")
	}
	events, err := monitor.SubscribeSync("ledge." + who.Metadata.Node + ".event.>")
	if err == nil {
		err = monitor.Flush()
	}
	if err != nil {
		t.Fatal(err)
	}
	return func() string {
		msg, err := ask(admin, "ledge."+who.Metadata.Node+".resume")
		if err != nil {
			t.Fatalf("resume: %v", err)
		}
		failed, want := msg.Header.Get("Nats-Service-Error"), "resumed"
		if failed != "" {
			want = "resume-failed"
		}
		e, err := events.NextMsg(5 * time.Second)
		for err == nil && strings.HasSuffix(e.Subject, ".event.reserve") { // it is held again
			e, err = events.NextMsg(5 * time.Second)
		}
		if err != nil || !strings.HasSuffix(e.Subject, ".event."+want) {
			t.Errorf("event = %v, %v; want %s", e, err, want)
		}
		return failed
	}
}
