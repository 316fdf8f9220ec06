package journal

// Kind numbers an effect. A number is never reused: journals outlive programs.
type Kind uint8

// The kinds of effects.
const (
	KindEpoch      Kind = 1
	KindStringSet  Kind = 2
	KindStringEdit Kind = 3
	KindKeyDelete  Kind = 4
	KindKeyExpire  Kind = 5
	KindKeyRename  Kind = 6
	KindKeyCopy    Kind = 7
	KindRangeClear Kind = 8
	KindSwapDB     Kind = 9

	KindHashSet         Kind = 10
	KindHashRemove      Kind = 11
	KindHashExpire      Kind = 12
	KindSetAdd          Kind = 13
	KindSetRemove       Kind = 14
	KindZSetAdd         Kind = 15
	KindZSetRemove      Kind = 16
	KindZSetRemoveRange Kind = 17
	KindListPush        Kind = 18
	KindListRemove      Kind = 19
	KindListSet         Kind = 20
	KindListInsert      Kind = 21
)

// Op is an effect: an outcome with absolute values. Replaying it needs no
// command code, no clock and no randomness. The set is sealed.
type Op interface {
	// Kind returns the effect's number.
	Kind() Kind
	// size returns an upper bound on the encoded length.
	size() int
	// append adds the effect's fields, without its kind, to b.
	append(b []byte) []byte
	// decode fills the effect from d, which remembers what went wrong.
	decode(d *decoder)
}

// DB is the index of a database, as in SELECT.
type DB uint16

// Epoch starts an epoch: the node of that name can write from here on.
type Epoch struct {
	Epoch uint64
	Node  string
}

// StringSet makes Key a string with exactly this value and deadline, whatever
// it was.
type StringSet struct {
	DB    DB
	Key   string
	Value string
	// At is the deadline in Unix milliseconds; 0 is none.
	At int64
	Keepsake
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

// MaxSlot is the last of Redis's 16384 hash slots.
const MaxSlot = 16383

// SwapDB exchanges two databases.
type SwapDB struct {
	A, B DB
}

// Kind returns KindEpoch.
func (*Epoch) Kind() Kind { return KindEpoch }

// Kind returns KindStringSet.
func (*StringSet) Kind() Kind { return KindStringSet }

// Kind returns KindStringEdit.
func (*StringEdit) Kind() Kind { return KindStringEdit }

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

// newOp returns an empty effect of kind k, or nil for a number that is not
// assigned.
func newOp(k Kind) Op {
	switch k {
	case KindEpoch:
		return new(Epoch)
	case KindStringSet:
		return new(StringSet)
	case KindStringEdit:
		return new(StringEdit)
	case KindKeyDelete:
		return new(KeyDelete)
	case KindKeyExpire:
		return new(KeyExpire)
	case KindKeyRename:
		return new(KeyRename)
	case KindKeyCopy:
		return new(KeyCopy)
	case KindRangeClear:
		return new(RangeClear)
	case KindSwapDB:
		return new(SwapDB)
	case KindFunctionSet:
		return new(FunctionSet)
	case KindFunctionFlush:
		return new(FunctionFlush)
	}
	return newCollectionOp(k)
}

// newCollectionOp is newOp for the effects on collections.
func newCollectionOp(k Kind) Op {
	switch k {
	case KindHashSet:
		return new(HashSet)
	case KindHashRemove:
		return new(HashRemove)
	case KindHashExpire:
		return new(HashExpire)
	case KindSetAdd:
		return new(SetAdd)
	case KindSetRemove:
		return new(SetRemove)
	case KindZSetAdd:
		return new(ZSetAdd)
	case KindZSetRemove:
		return new(ZSetRemove)
	case KindZSetRemoveRange:
		return new(ZSetRemoveRange)
	case KindListPush:
		return new(ListPush)
	case KindListRemove:
		return new(ListRemove)
	case KindListSet:
		return new(ListSet)
	case KindListInsert:
		return new(ListInsert)
	}
	return nil
}
