package journal

// The effects on strings.

// StringSet makes Key a string with exactly this value and deadline, whatever
// it was.
type StringSet struct {
	DB    DB
	Key   string
	Value string
	// At is the deadline in Unix milliseconds; 0 is none.
	At int64
}

// StringEdit overwrites a string from Offset on and keeps the rest and the
// deadline. A gap before Offset is filled with zeros; a missing key counts as
// empty. It lets APPEND and SETRANGE journal what they touch and no more.
type StringEdit struct {
	DB     DB
	Key    string
	Offset int64
	Data   string
}

// Kind returns KindStringSet.
func (*StringSet) Kind() Kind { return KindStringSet }

// Kind returns KindStringEdit.
func (*StringEdit) Kind() Kind { return KindStringEdit }

func (o *StringSet) key() (DB, string) { return o.DB, o.Key }

func (o *StringEdit) key() (DB, string) { return o.DB, o.Key }

func (o *StringSet) fields(c *coder) {
	c.at(&o.DB, &o.Key)
	c.int("At", &o.At)
	c.string("Value", &o.Value)
}

func (o *StringEdit) fields(c *coder) {
	c.at(&o.DB, &o.Key)
	c.offset("Offset", &o.Offset)
	c.string("Data", &o.Data)
}
