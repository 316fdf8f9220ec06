package journal

// Epoch starts an epoch: the node of that name can write from here on.
type Epoch struct {
	Epoch uint64
	Node  string
}

// Kind returns KindEpoch.
func (*Epoch) Kind() Kind { return KindEpoch }

func (*Epoch) key() (DB, string) { return 0, "" }

func (o *Epoch) fields(c *coder) {
	c.uint("Epoch", &o.Epoch)
	c.string("Node", &o.Node)
}
