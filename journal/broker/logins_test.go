package broker_test

// Passwords of users from outside are changed while the broker runs: who is let in
// meanwhile, who stays, and who is closed.

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal/broker"
)

// guests starts a broker with two users whom passwords let in.
func guests(t *testing.T, former ...broker.Former) *broker.Broker {
	t.Helper()
	return start(t, broker.Config{Listen: "127.0.0.1:0", Users: []broker.User{
		{Name: "guest", Password: "one", Former: former, Publish: []string{"a"}},
		{Name: "other", Password: "theirs", Publish: []string{"a"}},
		{Name: "service", Inside: true},
	}})
}

// enter connects once, and never again.
func enter(t *testing.T, b *broker.Broker, user, password string) (*nats.Conn, error) {
	t.Helper()
	nc, err := nats.Connect(b.ClientURL(), nats.UserInfo(user, password), nats.NoReconnect(), quiet)
	if err == nil {
		t.Cleanup(nc.Close)
	}
	return nc, err
}

// lets checks whether each password lets guest in.
func lets(t *testing.T, b *broker.Broker, when string, passwords map[string]bool) {
	t.Helper()
	for p, want := range passwords {
		nc, err := enter(t, b, "guest", p)
		if (err == nil) != want || err != nil && !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("%s: password %q: %v; want it to let in: %v", when, p, err, want)
		}
		if err == nil {
			nc.Close()
		}
	}
}

// written takes what is to be written down, and has it written.
func written(into *[]broker.Former) func([]broker.Former) error {
	return func(f []broker.Former) error { *into = f; return nil }
}

// until waits for something, with a bound.
func until(t *testing.T, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !is(); {
		if time.Now().After(end) {
			t.Fatalf("not so within 20 s: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// Until the grace ends both passwords let in, and nobody is closed. Then those who came
// by the old one are closed, and it is refused.
func TestChangeWithGrace(t *testing.T) {
	b := guests(t)
	early, err := enter(t, b, "guest", "one")
	if err != nil {
		t.Fatal(err)
	}
	other, err := enter(t, b, "other", "theirs")
	if err != nil {
		t.Fatal(err)
	}
	var kept []broker.Former
	end := time.Now().Add(3 * time.Second)
	n, err := b.ChangePassword("guest", "two", end, written(&kept))
	if err != nil || n != 1 {
		t.Fatalf("ChangePassword = %d, %v; want 1 connection by the old one", n, err)
	}
	if len(kept) != 1 || !kept[0].Is("one") || kept[0].Is("two") || !kept[0].Until.Equal(end) {
		t.Errorf("%d former passwords are written down, %+v; want the one, until %s", len(kept), kept, end)
	}
	late, err := enter(t, b, "guest", "one")
	if err != nil {
		t.Fatalf("the old password within the grace: %v", err)
	}
	fresh, err := enter(t, b, "guest", "two")
	if err != nil {
		t.Fatalf("the new password within the grace: %v", err)
	}
	lets(t, b, "within the grace", map[string]bool{"one": true, "two": true, "three": false, "": false, "theirs": false})
	// The broker takes notice in its own time that those of lets have left.
	want := broker.Admitted{User: "guest", Current: 1, Former: 2, Until: end}
	until(t, fmt.Sprintf("the broker counts %+v", want), func() bool { return b.Admitted()[0] == want })
	until(t, "those by the old password are closed", func() bool { return early.IsClosed() && late.IsClosed() })
	if time.Now().Before(end) {
		t.Errorf("they were closed %s before the grace's end", time.Until(end))
	}
	for name, nc := range map[string]*nats.Conn{"by the new password": fresh, "of another user": other} {
		if err := nc.Flush(); err != nil {
			t.Errorf("the connection %s: %v; want it to stay", name, err)
		}
	}
	lets(t, b, "after the grace", map[string]bool{"one": false, "two": true})
	if a := b.Admitted()[0]; a.Former != 0 || !a.Until.IsZero() {
		t.Errorf("Admitted after the grace = %+v; want no former password", a)
	}
}

// Without a grace the old password is refused at once, and so are all from before it;
// those in by any of them are closed.
func TestChangeAtOnce(t *testing.T) {
	b := guests(t)
	var kept []broker.Former
	first, err := enter(t, b, "guest", "one")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.ChangePassword("guest", "two", time.Now().Add(time.Hour), written(&kept)); err != nil {
		t.Fatal(err)
	}
	second, err := enter(t, b, "guest", "two")
	if err != nil {
		t.Fatal(err)
	}
	n, err := b.ChangePassword("guest", "three", time.Time{}, written(&kept))
	if err != nil || n != 2 || len(kept) != 0 {
		t.Errorf("ChangePassword = %d, %v, with %d former passwords; want 2 connections and none", n, err, len(kept))
	}
	lets(t, b, "at once", map[string]bool{"one": false, "two": false, "three": true})
	until(t, "those in are closed", func() bool { return first.IsClosed() && second.IsClosed() })
}

// A change that can't be written down has not happened. While it is being written the
// new password lets in already, for whoever reads the file first.
func TestChangeNotWritten(t *testing.T) {
	b := guests(t)
	in, err := enter(t, b, "guest", "one")
	if err != nil {
		t.Fatal(err)
	}
	full := errors.New("no space left on device")
	var hasty *nats.Conn
	_, err = b.ChangePassword("guest", "two", time.Time{}, func([]broker.Former) error {
		lets(t, b, "while it is written", map[string]bool{"one": true, "two": true})
		hasty, _ = enter(t, b, "guest", "two")
		return full
	})
	if !errors.Is(err, full) {
		t.Errorf("ChangePassword = %v; want %v", err, full)
	}
	lets(t, b, "after it failed", map[string]bool{"one": true, "two": false})
	until(t, "the one in by a password that never was is closed", hasty.IsClosed)
	if err := in.Flush(); err != nil {
		t.Errorf("who was in: %v; want it to stay", err)
	}
	for _, user := range []string{"service", "journal", "nobody"} {
		if _, err := b.ChangePassword(user, "x", time.Time{}, written(new([]broker.Former))); err == nil {
			t.Errorf("ChangePassword of %q = nil; want an error", user)
		}
	}
}

// Former passwords hold over a restart, for as long as they would have without one. No
// more than a few hold at a time.
func TestFormerPasswords(t *testing.T) {
	b := guests(t)
	var kept []broker.Former
	for i := range broker.MaxFormer {
		if _, err := b.ChangePassword("guest", fmt.Sprint("new-", i), time.Now().Add(time.Hour), written(&kept)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.ChangePassword("guest", "more", time.Now().Add(time.Hour), written(&kept)); !errors.Is(err, broker.ErrManyFormer) {
		t.Errorf("one more = %v; want %v", err, broker.ErrManyFormer)
	}
	kept[2].Until = time.Now()
	again := guests(t, kept...)
	lets(t, again, "after a restart", map[string]bool{"one": true, "new-0": true, "new-1": false, "new-2": true, "more": false})
}

// A password that looks like a hash is a password.
func TestPasswordLikeHash(t *testing.T) {
	const hash = "$2a$11$W2zko751KUvVy59mUTWmpOdWjpEm5qhcCZRd05GjI/sSOT.xtiHyG"
	b := guests(t)
	if _, err := b.ChangePassword("guest", hash, time.Time{}, written(new([]broker.Former))); err != nil {
		t.Fatal(err)
	}
	lets(t, b, "like a hash", map[string]bool{hash: true, "ytrewq": false, "one": false})
}

// comers are clients of guest that come and go all the time, each with the password that
// it has read just before.
type comers struct {
	mu       sync.Mutex
	password string
	entered  int // how often one was let in
}

// come has one client connect again and again until done is closed.
func (c *comers) come(t *testing.T, b *broker.Broker, done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		default:
		}
		c.mu.Lock()
		p := c.password
		c.mu.Unlock()
		nc, err := nats.Connect(b.ClientURL(), nats.UserInfo("guest", p), nats.NoReconnect(), quiet)
		if err != nil {
			t.Errorf("password %q: %v", p, err)
			return
		}
		nc.Close()
		c.mu.Lock()
		c.entered++
		c.mu.Unlock()
	}
}

// tell returns what a broker calls to have a change written down. Whoever comes from
// then on reads the password that it is changed to.
func (c *comers) tell(password string) func([]broker.Former) error {
	return func([]broker.Former) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.password = password
		return nil
	}
}

func (c *comers) times() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.entered
}

// Clients that come all the time with the password that they have read last, and those
// that stay, hear nothing of changes: none is refused within the grace. What is
// remembered of connections has a bound.
func TestChangesUnderLoad(t *testing.T) {
	b := guests(t)
	guest := &comers{password: "one"}
	var clients sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		clients.Go(func() { guest.come(t, b, done) })
	}
	stays, err := enter(t, b, "other", "theirs")
	if err != nil {
		t.Fatal(err)
	}
	for round := range 5 {
		to := fmt.Sprint("round-", round)
		if _, err := b.ChangePassword("guest", to, time.Now().Add(time.Minute), guest.tell(to)); err != nil {
			t.Fatal(err)
		}
		want := guest.times() + 100
		until(t, "a hundred have entered", func() bool { return guest.times() >= want || t.Failed() })
	}
	close(done)
	clients.Wait()
	if err := stays.Flush(); err != nil {
		t.Errorf("who was in: %v", err)
	}
	t.Logf("%d logins in 5 changes, %d remembered", guest.times(), b.Remembered())
	if n := b.Remembered(); n > 128 {
		t.Errorf("%d connections are remembered of %d that have gone; want at most 128", n, guest.times())
	}
}

// A password that stays ends the grace of those before it when it is said once more,
// without one; whoever came by it stays.
func TestEndGrace(t *testing.T) {
	b := guests(t)
	var kept []broker.Former
	old, err := enter(t, b, "guest", "one")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.ChangePassword("guest", "two", time.Now().Add(time.Hour), written(&kept)); err != nil {
		t.Fatal(err)
	}
	in, err := enter(t, b, "guest", "two")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.ChangePassword("guest", "two", time.Now().Add(time.Hour), written(&kept)); !errors.Is(err, broker.ErrSame) {
		t.Errorf("ChangePassword to the same = %v; want %v", err, broker.ErrSame)
	}
	full := errors.New("no space left on device")
	if _, err := b.ChangePassword("guest", "two", time.Time{}, func([]broker.Former) error { return full }); !errors.Is(err, full) {
		t.Errorf("ChangePassword that is not written = %v; want %v", err, full)
	}
	lets(t, b, "after it failed", map[string]bool{"one": true, "two": true})
	until(t, "the broker has noticed that those have left again", func() bool {
		now := b.Admitted()[0]
		return now.Former == 1 && now.Current == 1
	})
	if n, err := b.ChangePassword("guest", "two", time.Time{}, written(&kept)); err != nil || n != 1 || len(kept) != 0 {
		t.Errorf("ChangePassword to the same without a grace = %d, %v, with %d former; want 1 connection and none", n, err, len(kept))
	}
	until(t, "the one by the old password is closed", old.IsClosed)
	lets(t, b, "after that", map[string]bool{"one": false, "two": true})
	if err := in.Flush(); err != nil {
		t.Errorf("who came by the password that stays: %v", err)
	}
}
