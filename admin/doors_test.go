package admin_test

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/admin"
	"ledge/admin/admintest"
)

// door is a subject and who may go through it.
type door struct {
	subject string
	users   []string
}

var (
	nobody   = []string{}
	admins   = []string{admin.AdminUser}
	everyone = []string{admin.AdminUser, admin.ReplicaUser, admin.MonitorUser}
)

// publishDoors are what could be asked, forged or broken by publishing.
var publishDoors = []door{
	{"ledge.n1.status", everyone}, {"ledge.n1.health", everyone},
	{"ledge.n1.resume", admins}, {"ledge.n1.snapshot", admins}, {"ledge.n1.snapshots", admins},
	{"ledge.n1.compact", admins}, {"ledge.n1.verify", admins}, {"ledge.n1.config.get", admins},
	{"ledge.n1.config.set", admins}, {"ledge.n1.clients", admins}, {"ledge.n1.slowlog", admins},
	{"ledge.n1.stop", admins}, {"ledge.n1.follow", admins}, {"ledge.n1.promote", admins}, {"ledge.n1.switchover", admins},
	{"ledge.replica.hello", []string{admin.AdminUser, admin.ReplicaUser}},
	{"ledge.replica.chunk", []string{admin.AdminUser, admin.ReplicaUser}},
	{"ledge.cluster.view", []string{admin.AdminUser, admin.PeerUser}}, {"ledge.cluster.move.hello", []string{admin.AdminUser, admin.PeerUser}},
	// What operators ask of nodes with such names.
	{"ledge.replica.stop", admins}, {"ledge.replica.config.set", admins}, {"ledge.replica.status", everyone},
	{"ledge.cluster.stop", admins}, {"ledge.cluster.config.set", admins}, {"ledge.cluster.status", everyone},
	{"ledge.replica.event.x", nobody}, {"ledge.cluster.event.x", nobody}, {"ledge.cluster.event.x.y", nobody},
	// Discovery.
	{"$SRV.PING", everyone}, {"$SRV.PING.ledge", everyone}, {"$SRV.PING.ledge.x", everyone},
	{"$SRV.INFO", everyone}, {"$SRV.INFO.ledge", everyone}, {"$SRV.STATS", everyone},
	{"$SRV.STATS.ledge", everyone}, {"$SRV.OTHER", admins},
	// Events are the node's alone.
	{"ledge.n1.event.suspended", nobody}, {"ledge.n1.event.resumed", nobody}, {"ledge.n2.event.x", nobody},
	// So is answering, but into one's own inbox, as programs do that check a connection.
	{"_INBOX.admin.x", admins}, {"_INBOX.monitor.x", []string{admin.MonitorUser}},
	{"_INBOX.replica.x", []string{admin.ReplicaUser}}, {"_INBOX.peer.x", nobody}, {"_INBOX.x", admins},
	// Whether there are streams, of which the account has none.
	{"$JS.API.INFO", everyone}, {"$JS.API.STREAM.LIST", everyone}, {"$JS.API.STREAM.NAMES", everyone},
	// The journal.
	{"j", nobody}, {"J", nobody}, {"$JS.API.STREAM.INFO.J", nobody},
	{"$JS.API.STREAM.DELETE.J", nobody}, {"$JS.API.STREAM.PURGE.J", nobody},
	{"$JS.API.STREAM.UPDATE.J", nobody}, {"$JS.API.STREAM.CREATE.X", nobody},
	{"$JS.API.STREAM.MSG.GET.J", nobody}, {"$JS.API.STREAM.MSG.DELETE.J", nobody},
	{"$JS.API.DIRECT.GET.J", nobody}, {"$JS.API.CONSUMER.CREATE.J", nobody},
	{"$JS.API.STREAM.SNAPSHOT.J", nobody}, {"$JS.API.STREAM.RESTORE.J", nobody}, {"$JS.ACK.J.x", nobody},
	// The broker.
	{"$SYS.REQ.SERVER.PING", nobody}, {"$SYS.REQ.USER.INFO", everyone},
	{"$SYS.REQ.ACCOUNT.JOURNAL.CONNZ", nobody}, {"$SYS.REQ.SERVER.RELOAD", nobody},
	{"anything", nobody},
}

// subscribeDoors are what could be overheard or answered for.
var subscribeDoors = []door{
	{"ledge.*.event.>", everyone}, {"ledge.n1.event.>", everyone}, {"ledge.n1.event.suspended", everyone},
	{"_INBOX.>", admins}, {"_INBOX.admin.>", admins}, {"_INBOX.x", admins},
	{"_INBOX.monitor.>", []string{admin.AdminUser, admin.MonitorUser}},
	{"_INBOX.replica.>", []string{admin.AdminUser, admin.ReplicaUser}},
	{"_INBOX.peer.>", []string{admin.AdminUser, admin.PeerUser}},
	{"_INBOX.monitor", admins}, {"_INBOX.*.>", admins},
	// Answering for the service.
	{">", nobody}, {"*", nobody}, {"*.>", nobody}, {"ledge.>", nobody}, {"ledge.n1.>", nobody},
	{"ledge.replica.>", nobody}, {"ledge.replica.hello", nobody},
	{"ledge.*.*", nobody}, {"ledge.n1.status", nobody}, {"ledge.n1.resume", nobody}, {"ledge.n1.config.*", nobody},
	{"$SRV.>", nobody}, {"$SRV.PING", nobody}, {"$SRV.PING.ledge", nobody},
	// The journal and the broker.
	{"j", nobody}, {"$JS.>", nobody}, {"$JS.API.>", nobody}, {"$JS.EVENT.>", nobody}, {"$SYS.>", nobody},
	{"$SYS.ACCOUNT.>", nobody}, {"$G.>", nobody},
}

// Each door opens for those named and for nobody else, and the journal is
// whole after all of them were tried.
func TestDoors(t *testing.T) {
	b := admintest.Start(t)
	node := &admintest.Backend{}
	b.Serve(t, admin.Config{Backend: node})
	if err := b.Journal.Append(t.Context(), 0, []byte("first")); err != nil {
		t.Fatal(err)
	}
	for _, user := range admin.ChangedUsers() {
		nc := stock(t, b, user)
		for _, d := range publishDoors {
			try(t, nc, user, "Publish to %q", d, nc.Publish(d.subject, []byte("{}")))
		}
		for _, d := range subscribeDoors {
			_, err := nc.SubscribeSync(d.subject)
			try(t, nc, user, "Subscription to %q", d, err)
			_, err = nc.QueueSubscribeSync(d.subject, "q")
			try(t, nc, user, `Subscription to %q using queue "q"`, d, err)
		}
		if user == admin.PeerUser {
			continue // operators' subjects are none of its business
		}
		c := b.Dial(t, user)
		if _, err := c.Status(t.Context(), "n1"); err != nil {
			t.Errorf("%s: status = %v; want nil", user, err)
		}
	}
	if err := b.Journal.Append(t.Context(), 1, []byte("second")); err != nil {
		t.Errorf("Append = %v; want nil", err)
	}
	frames := 0
	for f, err := range b.Journal.Read(t.Context(), 1) {
		if frames++; err != nil || string(f.Data) != []string{"first", "second"}[frames-1] {
			t.Errorf("frame %d is %q, %v", f.Seq, f.Data, err)
		}
	}
	if frames != 2 {
		t.Errorf("%d frames; want 2", frames)
	}
}

// try looks at what the broker has said of the last thing that nc did.
func try(t *testing.T, nc *nats.Conn, user, deed string, d door, err error) {
	t.Helper()
	deed = fmt.Sprintf(deed, d.subject)
	if err := errors.Join(err, nc.Flush()); err != nil {
		t.Fatalf("%s: %s: %v", user, deed, err)
	}
	// The broker's word comes before the flush's end, and the last one stays.
	last := nc.LastError()
	denied := errors.Is(last, nats.ErrPermissionViolation) && strings.Contains(last.Error(), deed)
	if denied == slices.Contains(d.users, user) {
		t.Errorf("%s: %s: denied is %v; want %v", user, deed, denied, !denied)
	}
}

// Without a name and a password, with wrong ones, and with names that exist
// within the process only, nobody comes in.
func TestDoorsWithoutKey(t *testing.T) {
	b := admintest.Start(t)
	keys := [][2]string{{"", ""}, {"admin", ""}, {"monitor", b.Passwords[admin.AdminUser]}, {"root", "x"}}
	for _, user := range []string{"admin", "replica", "monitor", "peer", "journal", "service", "events", "sys", "ADMIN"} {
		keys = append(keys, [2]string{user, "guess"})
	}
	for _, k := range keys {
		opts := []nats.Option{nats.NoReconnect(), nats.UserInfo(k[0], k[1])}
		if k[0] == "" {
			opts = opts[:1]
		}
		nc, err := nats.Connect(b.ClientURL(), opts...)
		if err == nil {
			nc.Close()
		}
		if !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("user %q, password %q: %v; want an authorization violation", k[0], k[1], err)
		}
	}
}

// A reply goes wherever a request says. That must not be a way to have the
// service ask itself, or publish an event, with the service's rights.
func TestNoDeputy(t *testing.T) {
	b := admintest.Start(t)
	denied := make(chan error, 16)
	nc, err := b.Connect(admin.ServiceUser, nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
		denied <- err
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	node := &admintest.Backend{}
	b.Serve(t, admin.Config{Backend: node, Conn: nc})
	monitor := stock(t, b, admin.MonitorUser)
	sub, err := monitor.SubscribeSync("ledge.*.event.>")
	if err != nil {
		t.Fatal(err)
	}
	for _, subject := range []string{"$SRV.PING.ledge", "$SRV.STATS.ledge", "ledge.n1.status"} {
		for _, reply := range []string{"ledge.n1.stop", "ledge.n1.event.suspended", "$JS.API.STREAM.DELETE.J", "j"} {
			if err := monitor.PublishRequest(subject, reply, nil); err != nil {
				t.Fatal(err)
			}
			select {
			case err := <-denied:
				if !errors.Is(err, nats.ErrPermissionViolation) || !strings.Contains(err.Error(), strconv.Quote(reply)) {
					t.Errorf("%s with reply %s: %v; want a violation", subject, reply, err)
				}
			case <-time.After(10 * time.Second):
				t.Fatalf("%s with reply %s was not denied", subject, reply)
			}
		}
	}
	if n, _, err := sub.Pending(); n != 0 || err != nil {
		t.Errorf("%d events were published, %v; want none", n, err)
	}
	if calls := node.Calls(); slices.Contains(calls, "stop") {
		t.Errorf("the backend was asked for %q; want no stop", calls)
	}
}

// Programs that look for streams, ask what their user may do, or check a connection by
// sending themselves a message, have an answer at once, and nothing is refused. What
// `nats server check jetstream` takes for an alarm is an error in the first answer.
func TestStockProbes(t *testing.T) {
	b := admintest.Start(t)
	b.Serve(t, admin.Config{Backend: &admintest.Backend{}})
	for _, user := range everyone {
		nc := stock(t, b, user)
		for subject, want := range map[string]string{"$JS.API.INFO": `"streams":0`, "$JS.API.STREAM.LIST": `"total":0`,
			"$JS.API.STREAM.NAMES": `"total":0`, "$SYS.REQ.USER.INFO": `"user":"` + user + `"`} {
			m, err := nc.Request(subject, nil, 5*time.Second)
			if err != nil || !strings.Contains(string(m.Data), want) || strings.Contains(string(m.Data), `"error"`) {
				t.Errorf("%s: %s = %+v, %v; want %s and no error", user, subject, m, err, want)
			}
		}
		sub, err := nc.SubscribeSync(nc.NewRespInbox())
		if err != nil {
			t.Fatal(err)
		}
		if err := nc.Publish(sub.Subject, []byte("echo")); err != nil {
			t.Fatal(err)
		}
		if m, err := sub.NextMsg(5 * time.Second); err != nil || string(m.Data) != "echo" {
			t.Errorf("%s hears of itself %+v, %v; want its own message", user, m, err)
		}
		if err := nc.LastError(); err != nil {
			t.Errorf("%s: %v; want nothing refused", user, err)
		}
	}
}
