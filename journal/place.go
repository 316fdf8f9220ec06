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
	if !OnKeys(op) {
		return nil
	}
	switch o := op.(type) {
	case *RangeClear:
		return []Place{{DB: o.DB, All: true}}
	case *SpanClear:
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

// OnKeys reports whether an effect changes keys, or what they hold.
func OnKeys(op Op) bool {
	switch op.(type) {
	case *Epoch, *Who, *FunctionSet, *FunctionFlush, *SlotsFound, *ClusterJoin, *ClusterLeave,
		*MoveBegin, *MoveAt, *MoveReady, *SlotsGive, *SlotsTake, *MoveTaken, *MoveEnd, *SlotsSeize, *SlotsYield, *ClusterDocument:
		return false
	}
	return true
}
