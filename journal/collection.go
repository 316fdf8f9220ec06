package journal

import (
	"encoding/binary"
	"math"
)

// The effects on collections. One that would leave a collection empty is not
// written: the key is deleted instead.

// Keepsake holds something with an effect that is not written down, for whoever
// applies it without having read it.
type Keepsake struct{ x any }

// Keep leaves x with the effect.
func (k *Keepsake) Keep(x any) { k.x = x }

// Kept returns what Keep left, or nil.
func (k *Keepsake) Kept() any { return k.x }

// HashSet sets fields of a hash: Pairs has names and values in turn. All get
// the deadline At, in Unix milliseconds; 0 is none.
type HashSet struct {
	DB    DB
	Key   string
	At    int64
	Pairs []string
	Keepsake
}

// HashRemove removes fields of a hash.
type HashRemove struct {
	DB     DB
	Key    string
	Fields []string
	Keepsake
}

// HashExpire gives fields of a hash another deadline; 0 takes it away.
type HashExpire struct {
	DB     DB
	Key    string
	At     int64
	Fields []string
	Keepsake
}

// SetAdd adds members to a set.
type SetAdd struct {
	DB      DB
	Key     string
	Members []string
	Keepsake
}

// SetRemove removes members of a set.
type SetRemove struct {
	DB      DB
	Key     string
	Members []string
	Keepsake
}

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
	Keepsake
}

// ZSetRemove removes members of a sorted set.
type ZSetRemove struct {
	DB      DB
	Key     string
	Members []string
	Keepsake
}

// ZSetRemoveRange removes Count members of a sorted set from rank First on,
// the lowest score being rank 0.
type ZSetRemoveRange struct {
	DB           DB
	Key          string
	First, Count uint64
	Keepsake
}

// ListPush adds items to an end of a list, one after the other.
type ListPush struct {
	DB    DB
	Key   string
	Left  bool
	Items []string
	Keepsake
}

// ListRemove takes Count items out of a list from the First on.
type ListRemove struct {
	DB           DB
	Key          string
	First, Count uint64
	Keepsake
}

// ListSet replaces one item of a list.
type ListSet struct {
	DB    DB
	Key   string
	Index uint64
	Item  string
	Keepsake
}

// ListInsert puts an item into a list, in front of the one at Index.
type ListInsert struct {
	DB    DB
	Key   string
	Index uint64
	Item  string
	Keepsake
}

// Kind returns KindHashSet.
func (*HashSet) Kind() Kind { return KindHashSet }

// Kind returns KindHashRemove.
func (*HashRemove) Kind() Kind { return KindHashRemove }

// Kind returns KindHashExpire.
func (*HashExpire) Kind() Kind { return KindHashExpire }

// Kind returns KindSetAdd.
func (*SetAdd) Kind() Kind { return KindSetAdd }

// Kind returns KindSetRemove.
func (*SetRemove) Kind() Kind { return KindSetRemove }

// Kind returns KindZSetAdd.
func (*ZSetAdd) Kind() Kind { return KindZSetAdd }

// Kind returns KindZSetRemove.
func (*ZSetRemove) Kind() Kind { return KindZSetRemove }

// Kind returns KindZSetRemoveRange.
func (*ZSetRemoveRange) Kind() Kind { return KindZSetRemoveRange }

// Kind returns KindListPush.
func (*ListPush) Kind() Kind { return KindListPush }

// Kind returns KindListRemove.
func (*ListRemove) Kind() Kind { return KindListRemove }

// Kind returns KindListSet.
func (*ListSet) Kind() Kind { return KindListSet }

// Kind returns KindListInsert.
func (*ListInsert) Kind() Kind { return KindListInsert }

// stringsSize bounds the encoded length of a list of strings.
func stringsSize(ss []string) int {
	n := maxVarint
	for _, s := range ss {
		n += maxVarint32 + len(s)
	}
	return n
}

func appendStrings(b []byte, ss []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(ss)))
	for _, s := range ss {
		b = appendString(b, s)
	}
	return b
}

// strings reads a list of strings, of which there is one at least.
func (d *decoder) strings() []string {
	n := d.uvarint()
	if n == 0 {
		d.fail("an empty list of elements")
	}
	ss := make([]string, 0, min(n, uint64(len(d.rest)), trusted))
	for range n {
		if d.err != "" {
			return nil
		}
		ss = append(ss, d.string())
	}
	return ss
}

func (o *HashSet) size() int { return 3*maxVarint + len(o.Key) + stringsSize(o.Pairs) }

func (o *HashSet) append(b []byte) []byte {
	b = binary.AppendVarint(appendString(appendDB(b, o.DB), o.Key), o.At)
	return appendStrings(b, o.Pairs)
}

func (o *HashSet) decode(d *decoder) {
	o.DB, o.Key, o.At, o.Pairs = d.db(), d.string(), d.varint(), d.strings()
	if len(o.Pairs)%2 != 0 {
		d.fail("a field without a value")
	}
}

// appendNamed writes the fields of an effect that names elements.
func appendNamed(b []byte, db DB, key string, names []string) []byte {
	return appendStrings(appendString(appendDB(b, db), key), names)
}

func (o *HashRemove) size() int { return 2*maxVarint + len(o.Key) + stringsSize(o.Fields) }

func (o *HashRemove) append(b []byte) []byte { return appendNamed(b, o.DB, o.Key, o.Fields) }

func (o *HashRemove) decode(d *decoder) { o.DB, o.Key, o.Fields = d.db(), d.string(), d.strings() }

func (o *HashExpire) size() int { return 3*maxVarint + len(o.Key) + stringsSize(o.Fields) }

func (o *HashExpire) append(b []byte) []byte {
	b = binary.AppendVarint(appendString(appendDB(b, o.DB), o.Key), o.At)
	return appendStrings(b, o.Fields)
}

func (o *HashExpire) decode(d *decoder) {
	o.DB, o.Key, o.At, o.Fields = d.db(), d.string(), d.varint(), d.strings()
}

func (o *SetAdd) size() int { return 2*maxVarint + len(o.Key) + stringsSize(o.Members) }

func (o *SetAdd) append(b []byte) []byte { return appendNamed(b, o.DB, o.Key, o.Members) }

func (o *SetAdd) decode(d *decoder) { o.DB, o.Key, o.Members = d.db(), d.string(), d.strings() }

func (o *SetRemove) size() int { return 2*maxVarint + len(o.Key) + stringsSize(o.Members) }

func (o *SetRemove) append(b []byte) []byte { return appendNamed(b, o.DB, o.Key, o.Members) }

func (o *SetRemove) decode(d *decoder) { o.DB, o.Key, o.Members = d.db(), d.string(), d.strings() }

func (o *ZSetAdd) size() int {
	n := 3*maxVarint + len(o.Key)
	for i := range o.Members {
		n += 8 + maxVarint32 + len(o.Members[i].Member)
	}
	return n
}

func (o *ZSetAdd) append(b []byte) []byte {
	b = appendString(appendDB(b, o.DB), o.Key)
	b = binary.AppendUvarint(b, uint64(len(o.Members)))
	for i := range o.Members {
		b = binary.BigEndian.AppendUint64(b, math.Float64bits(o.Members[i].Score))
		b = appendString(b, o.Members[i].Member)
	}
	return b
}

func (o *ZSetAdd) decode(d *decoder) {
	o.DB, o.Key = d.db(), d.string()
	n := d.uvarint()
	if n == 0 {
		d.fail("an empty list of elements")
	}
	o.Members = make([]Scored, 0, min(n, uint64(len(d.rest)), trusted))
	for range n {
		if d.err != "" {
			return
		}
		s := Scored{Score: d.float()}
		s.Member = d.string()
		o.Members = append(o.Members, s)
	}
}

// float reads a score, which is a number.
func (d *decoder) float() float64 {
	if len(d.rest) < 8 {
		d.fail("frame ends in the middle of a score")
		return 0
	}
	f := math.Float64frombits(binary.BigEndian.Uint64(d.rest))
	d.rest = d.rest[8:]
	if math.IsNaN(f) {
		d.fail("a score that is not a number")
	}
	return f
}

func (o *ZSetRemove) size() int { return 2*maxVarint + len(o.Key) + stringsSize(o.Members) }

func (o *ZSetRemove) append(b []byte) []byte { return appendNamed(b, o.DB, o.Key, o.Members) }

func (o *ZSetRemove) decode(d *decoder) { o.DB, o.Key, o.Members = d.db(), d.string(), d.strings() }

// appendRun writes the fields of an effect on a run of elements.
func appendRun(b []byte, db DB, key string, first, count uint64) []byte {
	b = binary.AppendUvarint(appendString(appendDB(b, db), key), first)
	return binary.AppendUvarint(b, count)
}

func (o *ZSetRemoveRange) size() int { return 4*maxVarint + len(o.Key) }

func (o *ZSetRemoveRange) append(b []byte) []byte {
	return appendRun(b, o.DB, o.Key, o.First, o.Count)
}

func (o *ZSetRemoveRange) decode(d *decoder) {
	o.DB, o.Key, o.First, o.Count = d.db(), d.string(), d.uvarint(), d.uvarint()
}

func (o *ListPush) size() int { return 2*maxVarint + 1 + len(o.Key) + stringsSize(o.Items) }

func (o *ListPush) append(b []byte) []byte {
	side := byte(0)
	if o.Left {
		side = 1
	}
	return appendStrings(append(appendString(appendDB(b, o.DB), o.Key), side), o.Items)
}

func (o *ListPush) decode(d *decoder) {
	o.DB, o.Key = d.db(), d.string()
	side := d.byte()
	if side > 1 {
		d.fail("side %d of a list", side)
	}
	o.Left, o.Items = side == 1, d.strings()
}

func (o *ListRemove) size() int { return 4*maxVarint + len(o.Key) }

func (o *ListRemove) append(b []byte) []byte { return appendRun(b, o.DB, o.Key, o.First, o.Count) }

func (o *ListRemove) decode(d *decoder) {
	o.DB, o.Key, o.First, o.Count = d.db(), d.string(), d.uvarint(), d.uvarint()
}

// appendItem writes the fields of an effect on one item.
func appendItem(b []byte, db DB, key string, index uint64, item string) []byte {
	return appendString(binary.AppendUvarint(appendString(appendDB(b, db), key), index), item)
}

func (o *ListSet) size() int { return 4*maxVarint + len(o.Key) + len(o.Item) }

func (o *ListSet) append(b []byte) []byte { return appendItem(b, o.DB, o.Key, o.Index, o.Item) }

func (o *ListSet) decode(d *decoder) {
	o.DB, o.Key, o.Index, o.Item = d.db(), d.string(), d.uvarint(), d.string()
}

func (o *ListInsert) size() int { return 4*maxVarint + len(o.Key) + len(o.Item) }

func (o *ListInsert) append(b []byte) []byte { return appendItem(b, o.DB, o.Key, o.Index, o.Item) }

func (o *ListInsert) decode(d *decoder) {
	o.DB, o.Key, o.Index, o.Item = d.db(), d.string(), d.uvarint(), d.string()
}
