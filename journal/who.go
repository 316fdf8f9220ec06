package journal

import "strings"

// Who says whose command an entry is of. It is the last effect of its entry and
// changes nothing.
type Who struct {
	User   string // as whom the client was let in
	Client string // what it calls itself, "" if it has not said
	Addr   string // where it was connected from
}

// Bounds of Who's fields in bytes: what a client calls itself is as long as it likes.
const (
	maxUser   = 64
	maxClient = 256
	maxAddr   = 128
	// MaxWho bounds what Who takes in an entry.
	MaxWho = 1 + 3*maxVarint + maxUser + maxClient + maxAddr
)

// NewWho returns a Who, whose fields are cut to their bounds.
func NewWho(user, client, addr string) *Who {
	cut := func(s string, most int) string { return strings.Clone(s[:min(len(s), most)]) }
	return &Who{cut(user, maxUser), cut(client, maxClient), cut(addr, maxAddr)}
}

// Kind returns KindWho.
func (*Who) Kind() Kind { return KindWho }

func (*Who) key() (DB, string) { return 0, "" }

func (o *Who) fields(c *coder) {
	c.string("User", &o.User)
	c.string("Client", &o.Client)
	c.string("Addr", &o.Addr)
}
