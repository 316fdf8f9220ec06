package journal

// ClusterDocument is what a controller outside of the cluster says of all its nodes: which
// serve which hash slots. The journal's shard owns what it gives to the node Master.
type ClusterDocument struct {
	// Version is the controller's own count of its documents.
	Version uint64
	// Master is the id of the node that stands for the journal's shard; empty is none of
	// the document's.
	Master string
	// Force says that it holds although a higher version came before, and whatever was
	// moved that it does not know of.
	Force bool
	Text  string // a line for each node
}

// Kind returns KindClusterDocument.
func (*ClusterDocument) Kind() Kind { return KindClusterDocument }

func (*ClusterDocument) key() (DB, string) { return 0, "" }

func (o *ClusterDocument) fields(c *coder) {
	c.uint("Version", &o.Version)
	c.string("Master", &o.Master)
	c.flag("Force", &o.Force)
	c.string("Text", &o.Text)
	if c.doing == reading && o.Text == "" {
		c.fail("an empty document")
	}
}

// flag is for what is so or not.
func (c *coder) flag(name string, v *bool) {
	n := uint8(0)
	if *v {
		n = 1
	}
	if c.doing == showing {
		c.show(name, *v)
		return
	}
	c.oneOf(name, &n, 0, 1)
	*v = n == 1
}
