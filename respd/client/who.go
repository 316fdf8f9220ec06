package client

import "ledge/journal"

// who returns what the journal is to say of whoever writes; nil is nothing. It stays
// the same for as long as the client says nothing else of itself.
func (c *Conn) who() *journal.Who {
	if !c.shared.Named() {
		c.known = nil
		return nil
	}
	f := c.sess.Facts()
	if c.known == nil || c.knownAs != (names{f.User, f.Name}) {
		c.knownAs = names{f.User, f.Name}
		c.known = journal.NewWho(f.User, f.Name, c.sess.Addr)
	}
	return c.known
}

// names are what Conn.known was made of.
type names struct{ user, client string }
