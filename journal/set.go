package journal

// The effects on sets.

// SetAdd adds members to a set.
type SetAdd struct {
	DB      DB
	Key     string
	Members []string
}

// SetRemove removes members of a set.
type SetRemove struct {
	DB      DB
	Key     string
	Members []string
}

// Kind returns KindSetAdd.
func (*SetAdd) Kind() Kind { return KindSetAdd }

// Kind returns KindSetRemove.
func (*SetRemove) Kind() Kind { return KindSetRemove }

func (o *SetAdd) key() (DB, string) { return o.DB, o.Key }

func (o *SetRemove) key() (DB, string) { return o.DB, o.Key }

func (o *SetAdd) fields(c *coder) {
	c.at(&o.DB, &o.Key)
	c.strings("Members", &o.Members)
}

func (o *SetRemove) fields(c *coder) {
	c.at(&o.DB, &o.Key)
	c.strings("Members", &o.Members)
}
