package journal

// Type is the type of the value that a key holds. The numbers are stored, in
// snapshots.
type Type uint8

// The types of values.
const (
	None     Type = 0
	String   Type = 1
	ListType Type = 2
	SetType  Type = 3
	ZSetType Type = 4
	HashType Type = 5
)

var typeNames = [...]string{"none", "string", "list", "set", "zset", "hash"}

// String returns the type's name as TYPE answers it.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "unknown"
}

// Known reports whether t is the type of some value.
func (t Type) Known() bool { return t != None && int(t) < len(typeNames) }
