package journal

// Place is something that an effect changes: one key, or all keys of a database.
type Place struct {
	DB  DB
	Key string // without a meaning if All
	All bool   // it may change any key of the database
}

// Places returns what an effect changes. Effects on something else than keys, as
// on function libraries, have none.
func Places(op Op) []Place {
	switch o := op.(type) {
	case *Epoch, *FunctionSet, *FunctionFlush, *Who, *SlotsFound:
		return nil
	case *RangeClear:
		return []Place{{DB: o.DB, All: true}}
	case *SwapDB:
		return []Place{{DB: o.A, All: true}, {DB: o.B, All: true}}
	case *KeyRename:
		return []Place{{DB: o.DB, Key: o.Key}, {DB: o.ToDB, Key: o.To}}
	case *KeyCopy: // what it copies stays as it is
		return []Place{{DB: o.ToDB, Key: o.To}}
	}
	db, key := op.key()
	return []Place{{DB: db, Key: key}}
}
