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

// crowded is a node on a disk that is full.
type crowded struct {
	*node
	t       *testing.T
	c       *client
	book    *book
	ballast string // a file that fills the disk; others have its name and a digit
}

var crowdedOptions = []string{"--resume-auto", "none", "--reserve", "4MiB"}

// serve starts the node, again as well.
func (n *crowded) serve(dir string) {
	n.node = serve(n.t, dir, crowdedOptions...)
	n.c = n.dial()
}

// write sets a key, and returns the answer, which comes soon if it is an error.
func (n *crowded) write(key string) string {
	val := strings.Repeat("v", 2000)
	began := time.Now()
	got := n.c.do("SET " + key + " " + val)
	if took := time.Since(began); strings.HasPrefix(got, "-") && took > firstError {
		n.t.Errorf("the error came after %s; want at most %s", took, firstError)
	}
	n.book.enter(key, val, got)
	return got
}

// fill writes until it is refused: the rest of the last page may still take some.
func (n *crowded) fill(name string) (got string) {
	for i := range 20 {
		if got = n.write(fmt.Sprintf("%s:%d", name, i)); got != "OK" {
			break
		}
	}
	return got
}

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
	n := &crowded{t: t, book: newBook(), ballast: filepath.Join(mnt, "ballast")}
	n.serve(dir)
	for i := range 100 {
		n.write(fmt.Sprintf("before:%d", i))
	}
	n.c.want("SAVE", "OK")
	fillDisk(t, n.ballast)
	n.refuses()
	n.kill()
	fillDisk(t, n.ballast+"3")
	n.serve(dir)
	n.book.check(n.node, "after a start on a full disk")
	if got := n.fill("again"); !strings.HasPrefix(got, "-MISCONF") {
		t.Errorf("SET after a start on a full disk = %s; want MISCONF", got)
	}
	resume := operate(t, n.node)
	if got := resume(); !strings.Contains(got, "no space left on device") {
		t.Errorf("resume over NATS on a full disk = %s; want an error with the cause", got)
	}
	for _, name := range []string{n.ballast, n.ballast + "2", n.ballast + "3"} {
		os.Remove(name)
	}
	if got := resume(); got != "" {
		t.Errorf("resume over NATS with room = %s; want no error", got)
	}
	if got := n.write("last"); got != "OK" {
		t.Errorf("SET after it = %s; want OK", got)
	}
	n.kill()
	n.serve(dir)
	n.book.check(n.node, "at the end")
	n.stop()
}

// refuses checks what the node takes while the disk is full, and what it says.
func (n *crowded) refuses() {
	t, c := n.t, n.c
	t.Helper()
	got := n.fill("full")
	if !strings.HasPrefix(got, "-MISCONF") || !strings.Contains(got, "no space left on device") {
		t.Fatalf("SET on a full disk = %s; want MISCONF with the cause", got)
	}
	until(t.Context(), t, "the reserve to be given up", func() bool {
		return strings.Contains(c.do("INFO journal"), "journal_deletes_taken:1")
	})
	fillDisk(t, n.ballast+"2") // somebody else takes most of what it gave up
	os.Truncate(n.ballast+"2", 2<<20)
	c.want("DEL before:0 before:1", "2")
	delete(n.book.acked, "before:0")
	delete(n.book.acked, "before:1")
	if got := n.write("more"); !strings.Contains(got, "reads and deletes are served") {
		t.Errorf("SET = %s; want it to say that deletes are served", got)
	}
	if got := c.do("LEDGE RESUME"); !strings.HasPrefix(got, "-") || !strings.Contains(got, "no space left on device") {
		t.Errorf("resume on a full disk = %s; want an error with the cause", got)
	}
	if got := c.do("SAVE"); got != "OK" && !strings.Contains(got, "no space") {
		t.Errorf("SAVE = %s; want OK or no space", got)
	}
	n.book.check(n.node, "on a full disk")
}

// operate finds a suspended node as somebody does who has the README, the
// password and a NATS client, and returns a function that asks it to resume and
// returns what the node says is wrong. User monitor can look, and not resume.
func operate(t *testing.T, n *node) (resume func() string) {
	t.Helper()
	admin := dialNATS(t, n, "admin")
	pong, err := askNATS(admin, "$SRV.PING.ledge")
	if err != nil {
		t.Fatalf("nobody answers $SRV.PING.ledge: %v", err)
	}
	var who struct{ Metadata struct{ Node string } }
	if err := json.Unmarshal(pong.Data, &who); err != nil || who.Metadata.Node == "" {
		t.Fatalf("$SRV.PING.ledge = %s, %v; want the node's name", pong.Data, err)
	}
	// Monitor is told no below; the client would print that on standard error.
	monitor := dialNATS(t, n, "monitor", nats.CustomInboxPrefix("_INBOX.monitor"),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	status, err := askNATS(monitor, "ledge."+who.Metadata.Node+".status")
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
		msg, err := askNATS(admin, "ledge."+who.Metadata.Node+".resume")
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

// dialNATS connects as a user of the node's.
func dialNATS(t *testing.T, n *node, user string, opts ...nats.Option) *nats.Conn {
	t.Helper()
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

func askNATS(nc *nats.Conn, subject string) (*nats.Msg, error) {
	return nc.Request(subject, nil, 5*time.Second)
}
