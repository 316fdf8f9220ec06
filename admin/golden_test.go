package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"ledge/admin"
	"ledge/admin/admintest"
	"ledge/journal/fault"
)

var add = flag.Bool("add", false, "write golden files that aren't there")

// exchange is a golden file: what is asked, and what comes back. The files are
// kept for ever: an old program must understand a new node.
type exchange struct {
	Subject string          `json:"subject"`
	Request json.RawMessage `json:"request,omitempty"`
	Headers nats.Header     `json:"reply_headers,omitempty"`
	Reply   json.RawMessage `json:"reply,omitempty"`
}

// noSpace is what a resume ends with while the disk is full.
var noSpace = fault.As(fault.Retryable, "resume", errors.New("no space left on device"))

// exchanges are the requests whose replies testdata has, under their names.
var exchanges = []struct {
	name, verb, request string
	err                 error
}{
	{"status", "status", "", nil},
	{"health", "health", "", nil},
	{"resume", "resume", "", nil},
	{"resume-failed", "resume", "{}", noSpace},
	{"snapshot", "snapshot", "", nil},
	{"snapshots", "snapshots", "", nil},
	{"compact", "compact", "", nil},
	{"verify", "verify", "", nil},
	{"backup.begin", "backup.begin", `{"lineage":"00112233445566aa","number":200,"digest":"8899aabbccddeeff","epoch":3}`, nil},
	{"backup.read", "backup.read", `{"id":"ABCDEFGH","from":201}`, nil},
	{"backup.end", "backup.end", `{"id":"ABCDEFGH"}`, nil},
	{"backup.end-taken", "backup.end", `{"id":"ABCDEFGH","taken_number":250}`, nil},
	{"config.get", "config.get", `{"pattern":"*"}`, nil},
	{"config.get-origin", "config.get", `{"pattern":"*","origin":true}`, nil},
	{"config.reset", "config.reset", `{"name":"maxclients"}`, nil},
	{"config.rewrite", "config.rewrite", "", nil},
	{"config.set", "config.set", `{"values":{"maxclients":"20000"}}`, nil},
	{"config.set-refused", "config.set", `{"values":{"maxclients":"-1"}}`,
		fault.With(fault.Refused, errors.New("maxclients: -1 is not between 1 and 1000000"))},
	{"clients", "clients", "", nil},
	{"slowlog", "slowlog", `{"count":10}`, nil},
	{"events", "events", `{"since":"2026-03-04T05:06:07Z"}`, nil},
	{"bad-request", "slowlog", `{"counts":10}`, nil},
	{"journal.tail", "journal.tail", `{"from":250,"key":"user:*","db":0,"wait_seconds":20}`, nil},
	{"follow", "follow", `{"leader":"nats://10.0.0.1:4222"}`, nil},
	{"promote", "promote", "", nil},
	{"switchover", "switchover", `{"to":"n2"}`, nil},
	{"cluster.status", "cluster.status", "", nil},
	{"cluster.found", "cluster.found", "", nil},
	{"cluster.join", "cluster.join", `{"url":"nats://10.0.0.3:4222"}`, nil},
	{"cluster.leave", "cluster.leave", "", nil},
	{"cluster.forget", "cluster.forget", `{"id":"3333333333333333333333333333333333333333"}`, nil},
	{"cluster.move", "cluster.move", `{"slots":"0-99,120","to":"10.0.0.3:6379"}`, nil},
	{"cluster.moves", "cluster.moves", "", nil},
	{"cluster.moves-all", "cluster.moves", `{"all":true}`, nil},
	{"cluster.cancel", "cluster.cancel", `{"id":"00112233445566aa"}`, nil},
	{"cluster.seize", "cluster.seize", `{"slots":"0-99","from":"10.0.0.3:6379","accept_loss":true}`, nil},
	{"cluster.yield", "cluster.yield", `{"slots":"0-99"}`, nil},
	{"passwd", "passwd", `{"user":"monitor","grace_seconds":3600}`, nil},
	{"stop", "stop", "", nil},
}

// Each request and each reply stays as it is in testdata, seen with the stock
// client and the bytes that it gets.
func TestGolden(t *testing.T) {
	b := admintest.Start(t)
	node := &admintest.Backend{}
	s := b.Serve(t, admin.Config{Backend: node, Clock: func() time.Time { return admintest.At }})
	nc := stock(t, b, admin.AdminUser)
	for _, c := range exchanges {
		node.Hook(func(context.Context, string, any) error { return c.err })
		m, err := nc.Request("ledge.n1."+c.verb, []byte(c.request), 5*time.Second)
		if err != nil {
			t.Fatalf("%s: %v", c.verb, err)
		}
		golden(t, c.name, exchange{Subject: "ledge.n1." + c.verb, Request: []byte(c.request),
			Headers: m.Header, Reply: m.Data})
	}
	sub, err := nc.SubscribeSync("ledge.*.event.>")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, e := range events() {
		s.Publish(e)
		m, err := sub.NextMsg(5 * time.Second)
		if err != nil {
			t.Fatalf("event %s: %v", e.Kind, err)
		}
		golden(t, "event-"+e.Kind, exchange{Subject: m.Subject, Reply: m.Data})
	}
}

// events returns one event of each kind.
func events() []admin.Event {
	ill, well, snap, link := admintest.Suspended(), admintest.Healthy(), admintest.Snapshot(), admintest.Link()
	doubtful := admintest.InDoubt()
	return []admin.Event{
		{Kind: admin.EventSuspended, Class: "retryable", Cause: ill.Cause, Health: &ill},
		{Kind: admin.EventInDoubt, Class: "retryable", Cause: doubtful.Cause, Health: &doubtful},
		{Kind: admin.EventResumed, Attempts: 3, Health: &well},
		{Kind: admin.EventResumeFailed, Class: "retryable", Cause: ill.Cause, Attempts: 3, Health: &ill},
		{Kind: admin.EventReserve, Cause: "given up"},
		{Kind: admin.EventSnapshot, Snapshot: &snap},
		{Kind: admin.EventClientLimit, Cause: "10000 clients"},
		{Kind: admin.EventRole, Role: "replica", Leader: "nats://10.0.0.2:4222", Number: 12},
		{Kind: admin.EventTopology, Topology: &admin.Topology{What: "forgotten", Cluster: strings.Repeat("c", 40), Node: strings.Repeat("3", 40)}},
		{Kind: admin.EventMove, Cause: "cancelled", Move: &admin.MoveChange{What: "ended", Move: admin.Move{ID: "00000000000000ab", Side: "source",
			Phase: "ended", Slots: "0-99", Count: 100, Shard: strings.Repeat("b", 40), Cause: "cancelled"}}},
		{Kind: admin.EventReplica, Cause: "nothing was heard of it for 15s", Replica: &admin.Replica{
			Node: "n2", ID: "r1", Redis: "10.0.0.2:6379", State: "streaming", Applied: 12, Synced: 11,
			Heard: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)}},
		{Kind: admin.EventLink, Class: link.Class, Cause: link.LastError, Attempts: link.Attempts, Link: &link},
		{Kind: admin.EventStarted},
		{Kind: admin.EventStopping},
	}
}

func golden(t *testing.T, name string, got exchange) {
	t.Helper()
	text, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	text = append(text, '\n')
	path := filepath.Join("testdata", name+".json")
	want, err := os.ReadFile(path)
	if *add && errors.Is(err, os.ErrNotExist) {
		want, err = text, os.WriteFile(path, text, 0o644)
	}
	if err != nil {
		t.Fatalf("%v; -add writes it", err)
	}
	if !bytes.Equal(text, want) {
		t.Errorf("%s is\n%s\nwant, as in %s,\n%s", name, text, path, want)
	}
}

// stock connects with nats.go as it comes. A monitor or replica needs to know
// of its inbox; the admin needn't.
func stock(t *testing.T, b *admintest.Broker, user string, opts ...nats.Option) *nats.Conn {
	t.Helper()
	opts = append(opts, nats.UserInfo(user, b.Passwords[user]),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	if user != admin.AdminUser {
		opts = append(opts, nats.CustomInboxPrefix("_INBOX."+user))
	}
	nc, err := nats.Connect(b.ClientURL(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}
