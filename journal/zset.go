package journal

// The effects on sorted sets.

// Scored is a member of a sorted set with its score.
type Scored struct {
	Score  float64
	Member string
}

// ZSetAdd gives members of a sorted set these scores.
type ZSetAdd struct {
	DB      DB
	Key     string
	Members []Scored
}

// ZSetRemove removes members of a sorted set.
type ZSetRemove struct {
	DB      DB
	Key     string
	Members []string
}

// ZSetRemoveRange removes Count members of a sorted set from rank First on,
// the lowest score being rank 0.
type ZSetRemoveRange struct {
	DB           DB
	Key          string
	First, Count uint64
}

// Kind returns KindZSetAdd.
func (*ZSetAdd) Kind() Kind { return KindZSetAdd }

// Kind returns KindZSetRemove.
func (*ZSetRemove) Kind() Kind { return KindZSetRemove }

// Kind returns KindZSetRemoveRange.
func (*ZSetRemoveRange) Kind() Kind { return KindZSetRemoveRange }

func (o *ZSetAdd) key() (DB, string) { return o.DB, o.Key }

func (o *ZSetRemove) key() (DB, string) { return o.DB, o.Key }

func (o *ZSetRemoveRange) key() (DB, string) { return o.DB, o.Key }

func (o *ZSetAdd) fields(c *coder) {
	c.at(&o.DB, &o.Key)
	c.scored("Members", &o.Members)
}

func (o *ZSetRemove) fields(c *coder) {
	c.at(&o.DB, &o.Key)
	c.strings("Members", &o.Members)
}

func (o *ZSetRemoveRange) fields(c *coder) {
	c.at(&o.DB, &o.Key)
	c.uint("First", &o.First)
	c.uint("Count", &o.Count)
}
