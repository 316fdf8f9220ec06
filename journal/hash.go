package journal

// The effects on hashes. As of all collections: an effect that would leave one
// empty is not written; the key is deleted instead.

// HashSet sets fields of a hash: Pairs has names and values in turn. All get
// the deadline At, in Unix milliseconds; 0 is none.
type HashSet struct {
	DB    DB
	Key   string
	At    int64
	Pairs []string
}

// HashRemove removes fields of a hash.
type HashRemove struct {
	DB     DB
	Key    string
	Fields []string
}

// HashExpire gives fields of a hash another deadline; 0 takes it away.
type HashExpire struct {
	DB     DB
	Key    string
	At     int64
	Fields []string
}

// Kind returns KindHashSet.
func (*HashSet) Kind() Kind { return KindHashSet }

// Kind returns KindHashRemove.
func (*HashRemove) Kind() Kind { return KindHashRemove }

// Kind returns KindHashExpire.
func (*HashExpire) Kind() Kind { return KindHashExpire }

func (o *HashSet) key() (DB, string) { return o.DB, o.Key }

func (o *HashRemove) key() (DB, string) { return o.DB, o.Key }

func (o *HashExpire) key() (DB, string) { return o.DB, o.Key }

func (o *HashSet) fields(c *coder) {
	c.at(&o.DB, &o.Key)
	c.int("At", &o.At)
	c.strings("Pairs", &o.Pairs)
	if len(o.Pairs)%2 != 0 {
		c.fail("a field without a value")
	}
}

func (o *HashRemove) fields(c *coder) {
	c.at(&o.DB, &o.Key)
	c.strings("Fields", &o.Fields)
}

func (o *HashExpire) fields(c *coder) {
	c.at(&o.DB, &o.Key)
	c.int("At", &o.At)
	c.strings("Fields", &o.Fields)
}
