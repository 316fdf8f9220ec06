package jet_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/blocks"
	"ledge/journal/broker"
	"ledge/journal/fault"
	"ledge/journal/jet"
	"ledge/journal/jet/jettest"
	"ledge/journal/journaltest"
)

// open opens a journal, which is closed when the test ends.
func open(t *testing.T, cfg jet.Config) *jettest.Journal {
	t.Helper()
	return openOn(t, cfg, broker.Config{})
}

// openOn is open on a broker that does more than keep the journal.
func openOn(t *testing.T, cfg jet.Config, b broker.Config) *jettest.Journal {
	t.Helper()
	if cfg.Lineage == 0 {
		cfg.Lineage = lineage
	}
	j, err := jettest.Open(t.Context(), cfg, b)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { j.Close() })
	return j
}

func TestDriver(t *testing.T) {
	dirs := map[journal.Driver]string{}
	journaltest.Run(t,
		func(t *testing.T) journal.Driver {
			dir := t.TempDir()
			j := open(t, jet.Config{Dir: dir, Create: true})
			dirs[j] = dir
			return j
		},
		func(t *testing.T, d journal.Driver) journal.Driver {
			if err := d.Close(); err != nil {
				t.Fatalf("Close: %v", err)
			}
			j := open(t, jet.Config{Dir: dirs[d]})
			dirs[j] = dirs[d]
			return j
		})
}

// A journal that isn't there is created on a first start only, and one of
// another lineage is left alone.
func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	refuse := func(cfg jet.Config, want string) {
		t.Helper()
		j, err := jettest.Open(t.Context(), cfg, broker.Config{})
		if err == nil {
			j.Close()
			t.Fatalf("Open(%+v) = nil; want an error", cfg)
		}
		if fault.Of(err) != fault.Operator || !strings.Contains(err.Error(), want) {
			t.Errorf("Open = %v, class %s; want class operator and %q", err, fault.Of(err), want)
		}
	}
	refuse(jet.Config{Dir: dir, Lineage: lineage}, `stream "J" is missing`)
	refuse(jet.Config{Lineage: lineage, MaxBytes: 1}, "no store directory")
	j := open(t, jet.Config{Dir: dir, Create: true})
	j.Close()
	refuse(jet.Config{Dir: dir, Lineage: lineage + 1}, "is of lineage")
	open(t, jet.Config{Dir: dir})
}

// A full journal refuses appends and takes them again once it is truncated.
func TestFull(t *testing.T) {
	dir := t.TempDir()
	j := open(t, jet.Config{Dir: dir, Create: true, MaxBytes: 32 << 20, Sync: jet.SyncOff})
	big := make([]byte, 8<<20)
	var err error
	n := journal.Seq(0)
	for ; n < 10; n++ {
		if err = j.Append(t.Context(), n, big); err != nil {
			break
		}
	}
	if n != 3 || fault.Of(err) != fault.Retryable {
		t.Fatalf("append %d = %v; want append 3 to fail with a Retryable error", n, err)
	}
	if err := j.Truncate(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	if err := j.Append(t.Context(), n, big); err != nil {
		t.Errorf("Append after Truncate = %v; want nil", err)
	}
	j.Close()
	j = open(t, jet.Config{Dir: dir, MaxBytes: 64 << 20, Sync: jet.SyncOff}) // a higher limit holds at once
	for n = 4; n < 8; n++ {
		if err := j.Append(t.Context(), n, big); err != nil {
			t.Errorf("Append(%d) under a higher limit = %v; want nil", n, err)
		}
	}
}

// The admin user comes in over TCP and sees nothing of the journal; the
// journal's own user can't come in over TCP at all, whatever it knows.
func TestAccounts(t *testing.T) {
	j := openOn(t, jet.Config{Dir: t.TempDir(), Create: true}, broker.Config{Listen: "127.0.0.1:0",
		Users: []broker.User{{Name: "admin", Password: "secret", Publish: []string{"ledge.>"}}}})
	fill(t, j, 0, 3)
	nc, err := nats.Connect(j.Broker.ClientURL(), nats.UserInfo("admin", "secret"),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	for _, subject := range []string{"j", "$JS.API.STREAM.INFO.J", "$JS.API.STREAM.PURGE.J",
		"$JS.API.STREAM.DELETE.J", "$JS.API.STREAM.MSG.GET.J"} {
		if err := errors.Join(nc.Publish(subject, []byte("{}")), nc.Flush()); err != nil {
			t.Fatal(err)
		}
		if err := nc.LastError(); !errors.Is(err, nats.ErrPermissionViolation) ||
			!strings.Contains(err.Error(), `"`+subject+`"`) {
			t.Errorf("admin publishes to %s: %v; want a violation", subject, err)
		}
	}
	wantFrames(t, j, 1, 3)
	fill(t, j, 3, 4)
	conn, user, secret, err := j.Stream().Conn()
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	for _, u := range [][2]string{{user, secret}, {"admin", "wrong"}, {"", ""}} {
		nc, err := nats.Connect(j.Broker.ClientURL(), nats.UserInfo(u[0], u[1]))
		if err == nil {
			nc.Close()
			t.Errorf("user %q came in over TCP", u[0])
		}
	}
	in, err := nats.Connect("", nats.InProcessServer(j.Broker), nats.UserInfo("admin", "secret"))
	if err != nil {
		t.Fatalf("admin in process: %v", err)
	}
	in.Close()
}

// A journal that is closed leaves its broker as it is: clients stay, and the journal can
// be opened on it once more.
func TestBrokerOutlivesJournal(t *testing.T) {
	cfg := jet.Config{Dir: t.TempDir(), Lineage: lineage, Create: true}
	j := openOn(t, cfg, broker.Config{Users: []broker.User{{Name: "guest", Inside: true, Publish: []string{"a"}, Subscribe: []string{"a"}}}})
	nc, err := j.Broker.Connect("guest")
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	heard, err := nc.SubscribeSync("a")
	if err != nil {
		t.Fatal(err)
	}
	fill(t, j, 0, 3)
	for last := journal.Seq(3); last < 9; last += 3 {
		if err := j.Journal.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
		if err := nc.Publish("a", nil); err != nil {
			t.Fatal(err)
		}
		if _, err := heard.NextMsg(20 * time.Second); err != nil {
			t.Errorf("a client of the broker whose journal is closed: %v", err)
		}
		checked, err := jet.Check(t.Context(), cfg)
		if err != nil {
			t.Fatalf("Check of a journal that was closed in good order: %v", err)
		}
		if j.Journal, err = checked.Open(t.Context(), j.Broker); err != nil {
			t.Fatalf("Open on the same broker: %v", err)
		}
		fill(t, j, last, last+3)
		wantFrames(t, j, 1, last+3)
	}
	if !nc.IsConnected() || nc.Stats().Reconnects != 0 {
		t.Errorf("a client of the broker was disconnected %d times; want never", nc.Stats().Reconnects)
	}
}

// What the broker has written beside the blocks when the journal is closed is good at
// the next start, which would have to read all blocks once more without it.
func TestCloseKeepsIndex(t *testing.T) {
	for _, mode := range []jet.SyncMode{jet.SyncAlways, jet.SyncInterval, jet.SyncOff} {
		dir := t.TempDir()
		j := open(t, jet.Config{Dir: dir, Create: true, Sync: mode})
		fill(t, j, 0, 20)
		if err := j.Journal.Close(); err != nil {
			t.Fatal(err)
		}
		for _, when := range []string{"the journal is closed", "the broker is closed", "another has been opened and closed"} {
			if last, ok := blocks.NewStore(dir).IndexLast(); !ok || last != 20 {
				t.Errorf("sync mode %d, once %s: the index ends with %d, %v; want 20", mode, when, last, ok)
			}
			if err := j.Close(); err != nil {
				t.Fatal(err)
			}
			if when == "the broker is closed" {
				if err := open(t, jet.Config{Dir: dir, Sync: mode}).Close(); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}
