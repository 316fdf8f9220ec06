package value

import (
	"errors"

	"ledge/journal"
	"ledge/journal/fault"
)

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

// ErrWrongType is a command's answer to a key of another type.
var ErrWrongType = fault.With(fault.Refused,
	errors.New("WRONGTYPE Operation against a key holding the wrong kind of value"))
