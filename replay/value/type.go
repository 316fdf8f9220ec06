package value

import "ledge/journal"

// Type is the type of the value that a key holds.
type Type = journal.Type

// The types of values.
const (
	None     = journal.None
	String   = journal.String
	ListType = journal.ListType
	SetType  = journal.SetType
	ZSetType = journal.ZSetType
	HashType = journal.HashType
)
