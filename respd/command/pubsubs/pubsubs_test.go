package pubsubs_test

// What the commands do to a hub and to sessions, without a server. Replies are
// compared with Redis's in respd/compat/testdata/pubsubs; what connections get is
// tested in respd.

import (
	"slices"
	"strings"
	"testing"

	"ledge/respd/command"
	"ledge/respd/command/pubsubs"
	"ledge/respd/hub"
	"ledge/respd/resp"
)

// host is only a hub.
type host struct {
	command.Host
	hub *hub.Hub
}

func (h *host) Hub() *hub.Hub { return h.hub }

// client is a session that keeps what is pushed to it.
type client struct {
	*command.Session
	command.Connection
	t     *testing.T
	heard []string
}

func (c *client) Push(m *hub.Message) {
	c.heard = append(c.heard, string(m.Bytes(resp.RESP2)))
}

func (c *client) HasRoom(int) bool { return true }

func dial(t *testing.T, h *host) *client {
	c := &client{t: t}
	c.Session = &command.Session{Host: h, Conn: c}
	return c
}

// want runs a command and compares how its reply is printed.
func (c *client) want(line, want string) {
	c.t.Helper()
	var args command.Args
	for _, w := range strings.Fields(line) {
		args = append(args, []byte(w))
	}
	spec, err := command.NewTable(pubsubs.Table()).Resolve(args)
	if err != nil {
		c.t.Fatalf("%s: %v", line, err)
	}
	if got := spec.Conn(c.Session, args); got.String() != want {
		c.t.Errorf("%s = %s; want %s", line, got, want)
	}
}

// hears compares what has been pushed since the last time.
func (c *client) hears(want ...string) {
	c.t.Helper()
	var bytes []string
	for _, w := range want {
		bytes = append(bytes, string(resp.AppendCommand(nil, strings.Fields(w)...)))
	}
	if !slices.Equal(c.heard, bytes) {
		c.t.Errorf("heard %q; want %q", c.heard, bytes)
	}
	c.heard = nil
}

func TestSubscriptions(t *testing.T) {
	h := &host{hub: hub.New()}
	a, b := dial(t, h), dial(t, h)
	a.want("SUBSCRIBE c c", `+[>["subscribe" "c" (integer) 1] >["subscribe" "c" (integer) 1]]`)
	if !a.Joined {
		t.Error("Joined = false after SUBSCRIBE; want true")
	}
	a.want("PSUBSCRIBE ?", `+[>["psubscribe" "?" (integer) 2]]`)
	b.want("SSUBSCRIBE c", `+[>["ssubscribe" "c" (integer) 1]]`)
	b.want("PUBLISH c one", "(integer) 2")
	b.want("PUBLISH x two", "(integer) 1")
	b.want("PUBLISH xy three", "(integer) 0")
	b.want("SPUBLISH c four", "(integer) 1")
	a.hears("message c one", "pmessage ? c one", "pmessage ? x two")
	b.hears("smessage c four")
	b.want("PUBSUB CHANNELS", `["c"]`)
	b.want("PUBSUB CHANNELS d*", `[]`)
	b.want("PUBSUB NUMPAT", "(integer) 1")
	b.want("PUBSUB SHARDNUMSUB c d", `["c" (integer) 1 "d" (integer) 0]`)
	a.want("UNSUBSCRIBE c d", `+[>["unsubscribe" "c" (integer) 1] >["unsubscribe" "d" (integer) 1]]`)
	a.want("SUNSUBSCRIBE", `+[>["sunsubscribe" (nil) (integer) 0]]`)
	h.hub.Leave(&a.Member)
	h.hub.Leave(&b.Member)
	if a.Subscribed() || b.Subscribed() {
		t.Error("subscribed after Leave; want not to be")
	}
	b.want("PUBSUB CHANNELS", "[]")
	b.want("PUBSUB NUMPAT", "(integer) 0")
	b.want("PUBLISH c five", "(integer) 0")
	a.hears()
}

// A transaction can't wait for messages; Redis makes an exception for the two
// that are older than that rule.
func TestInExec(t *testing.T) {
	c := dial(t, &host{hub: hub.New()})
	c.InExec = true
	c.want("SSUBSCRIBE c", "(error) ERR SSUBSCRIBE isn't allowed for a DENY BLOCKING client")
	c.want("SUBSCRIBE c", `+[>["subscribe" "c" (integer) 1]]`)
	c.want("SUNSUBSCRIBE c", `+[>["sunsubscribe" "c" (integer) 0]]`)
}

// PUBLISH must not run in the middle of a group of writes, which may fail.
func TestFlags(t *testing.T) {
	for _, spec := range pubsubs.Table() {
		if spec.Flags.Has(command.Inline) {
			t.Errorf("%s is Inline; want it not to be", spec.Name)
		}
	}
}
