package journal

// The effects on keys of whatever type, one by one and by the range.

// KeyDelete removes a key of any type.
type KeyDelete struct {
	DB  DB
	Key string
}

// KeyExpire gives a key another deadline; 0 takes it away.
type KeyExpire struct {
	DB  DB
	Key string
	At  int64
}

// KeyRename moves a key with its deadline, replacing what stood at To.
type KeyRename struct {
	DB   DB
	Key  string
	ToDB DB
	To   string
}

// KeyCopy copies a key with its deadline, replacing what stood at To.
type KeyCopy struct {
	DB   DB
	Key  string
	ToDB DB
	To   string
}

// RangeClear removes every key of DB whose slot is in First…Last. A whole
// database is 0…MaxSlot.
type RangeClear struct {
	DB          DB
	First, Last uint16
}

// SwapDB exchanges two databases.
type SwapDB struct {
	A, B DB
}

// Kind returns KindKeyDelete.
func (*KeyDelete) Kind() Kind { return KindKeyDelete }

// Kind returns KindKeyExpire.
func (*KeyExpire) Kind() Kind { return KindKeyExpire }

// Kind returns KindKeyRename.
func (*KeyRename) Kind() Kind { return KindKeyRename }

// Kind returns KindKeyCopy.
func (*KeyCopy) Kind() Kind { return KindKeyCopy }

// Kind returns KindRangeClear.
func (*RangeClear) Kind() Kind { return KindRangeClear }

// Kind returns KindSwapDB.
func (*SwapDB) Kind() Kind { return KindSwapDB }

func (o *KeyDelete) key() (DB, string) { return o.DB, o.Key }

func (o *KeyExpire) key() (DB, string) { return o.DB, o.Key }

func (o *KeyRename) key() (DB, string) { return o.DB, o.Key }

func (o *KeyCopy) key() (DB, string) { return o.DB, o.Key }

func (*RangeClear) key() (DB, string) { return 0, "" }

func (*SwapDB) key() (DB, string) { return 0, "" }

func (o *KeyDelete) fields(c *coder) { c.at(&o.DB, &o.Key) }

func (o *KeyExpire) fields(c *coder) {
	c.at(&o.DB, &o.Key)
	c.int("At", &o.At)
}

func (o *KeyRename) fields(c *coder) {
	c.at(&o.DB, &o.Key)
	c.db("ToDB", &o.ToDB)
	c.string("To", &o.To)
}

func (o *KeyCopy) fields(c *coder) {
	c.at(&o.DB, &o.Key)
	c.db("ToDB", &o.ToDB)
	c.string("To", &o.To)
}

func (o *RangeClear) fields(c *coder) {
	c.db("DB", &o.DB)
	c.slot("First", &o.First)
	c.slot("Last", &o.Last)
	if o.First > o.Last {
		c.fail("slot range %d to %d runs backwards", o.First, o.Last)
	}
}

func (o *SwapDB) fields(c *coder) {
	c.db("A", &o.A)
	c.db("B", &o.B)
}
