package journal

// The effects on lists.

// ListPush adds items to an end of a list, one after the other.
type ListPush struct {
	DB    DB
	Key   string
	Left  bool
	Items []string
}

// ListRemove takes Count items out of a list from the First on.
type ListRemove struct {
	DB           DB
	Key          string
	First, Count uint64
}

// ListSet replaces one item of a list.
type ListSet struct {
	DB    DB
	Key   string
	Index uint64
	Item  string
}

// ListInsert puts an item into a list, before the one at Index.
type ListInsert struct {
	DB    DB
	Key   string
	Index uint64
	Item  string
}

// Kind returns KindListPush.
func (*ListPush) Kind() Kind { return KindListPush }

// Kind returns KindListRemove.
func (*ListRemove) Kind() Kind { return KindListRemove }

// Kind returns KindListSet.
func (*ListSet) Kind() Kind { return KindListSet }

// Kind returns KindListInsert.
func (*ListInsert) Kind() Kind { return KindListInsert }

func (o *ListPush) key() (DB, string) { return o.DB, o.Key }

func (o *ListRemove) key() (DB, string) { return o.DB, o.Key }

func (o *ListSet) key() (DB, string) { return o.DB, o.Key }

func (o *ListInsert) key() (DB, string) { return o.DB, o.Key }

func (o *ListPush) fields(c *coder) {
	c.at(&o.DB, &o.Key)
	c.side("Left", &o.Left)
	c.strings("Items", &o.Items)
}

func (o *ListRemove) fields(c *coder) {
	c.at(&o.DB, &o.Key)
	c.uint("First", &o.First)
	c.uint("Count", &o.Count)
}

func (o *ListSet) fields(c *coder) {
	c.at(&o.DB, &o.Key)
	c.uint("Index", &o.Index)
	c.string("Item", &o.Item)
}

func (o *ListInsert) fields(c *coder) {
	c.at(&o.DB, &o.Key)
	c.uint("Index", &o.Index)
	c.string("Item", &o.Item)
}
