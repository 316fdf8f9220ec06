package journal

import "encoding/binary"

// This file has the fields of each effect in their stored order; FORMAT.md
// shows the same as tables. A field is never removed or given another meaning:
// a changed effect gets a kind of its own.

// Upper bounds on encoded integers, for size.
const (
	maxVarint   = binary.MaxVarintLen64
	maxVarint32 = binary.MaxVarintLen32
	maxVarint16 = binary.MaxVarintLen16
)

func appendString(b []byte, s string) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

func appendDB(b []byte, db DB) []byte { return binary.AppendUvarint(b, uint64(db)) }

func (o *Epoch) size() int { return 2*maxVarint + len(o.Node) }

func (o *Epoch) append(b []byte) []byte {
	b = binary.AppendUvarint(b, o.Epoch)
	return appendString(b, o.Node)
}

func (o *Epoch) decode(d *decoder) { o.Epoch, o.Node = d.uvarint(), d.string() }

func (o *StringSet) size() int { return 4*maxVarint + len(o.Key) + len(o.Value) }

func (o *StringSet) append(b []byte) []byte {
	b = appendDB(b, o.DB)
	b = appendString(b, o.Key)
	b = binary.AppendVarint(b, o.At)
	return appendString(b, o.Value)
}

func (o *StringSet) decode(d *decoder) {
	o.DB, o.Key, o.At, o.Value = d.db(), d.string(), d.varint(), d.string()
}

func (o *StringEdit) size() int { return 4*maxVarint + len(o.Key) + len(o.Data) }

func (o *StringEdit) append(b []byte) []byte {
	b = appendDB(b, o.DB)
	b = appendString(b, o.Key)
	b = binary.AppendUvarint(b, uint64(o.Offset))
	return appendString(b, o.Data)
}

func (o *StringEdit) decode(d *decoder) {
	o.DB, o.Key, o.Offset, o.Data = d.db(), d.string(), d.offset(), d.string()
}

func (o *KeyDelete) size() int { return 2*maxVarint + len(o.Key) }

func (o *KeyDelete) append(b []byte) []byte { return appendString(appendDB(b, o.DB), o.Key) }

func (o *KeyDelete) decode(d *decoder) { o.DB, o.Key = d.db(), d.string() }

func (o *KeyExpire) size() int { return 3*maxVarint + len(o.Key) }

func (o *KeyExpire) append(b []byte) []byte {
	return binary.AppendVarint(appendString(appendDB(b, o.DB), o.Key), o.At)
}

func (o *KeyExpire) decode(d *decoder) { o.DB, o.Key, o.At = d.db(), d.string(), d.varint() }

// appendPair writes the fields that KeyRename and KeyCopy share.
func appendPair(b []byte, db DB, key string, toDB DB, to string) []byte {
	b = appendString(appendDB(b, db), key)
	return appendString(appendDB(b, toDB), to)
}

func (o *KeyRename) size() int { return 4*maxVarint + len(o.Key) + len(o.To) }

func (o *KeyRename) append(b []byte) []byte { return appendPair(b, o.DB, o.Key, o.ToDB, o.To) }

func (o *KeyRename) decode(d *decoder) {
	o.DB, o.Key, o.ToDB, o.To = d.db(), d.string(), d.db(), d.string()
}

func (o *KeyCopy) size() int { return 4*maxVarint + len(o.Key) + len(o.To) }

func (o *KeyCopy) append(b []byte) []byte { return appendPair(b, o.DB, o.Key, o.ToDB, o.To) }

func (o *KeyCopy) decode(d *decoder) {
	o.DB, o.Key, o.ToDB, o.To = d.db(), d.string(), d.db(), d.string()
}

func (o *RangeClear) size() int { return 3 * maxVarint16 }

func (o *RangeClear) append(b []byte) []byte {
	b = appendDB(b, o.DB)
	b = binary.AppendUvarint(b, uint64(o.First))
	return binary.AppendUvarint(b, uint64(o.Last))
}

func (o *RangeClear) decode(d *decoder) {
	o.DB, o.First, o.Last = d.db(), d.slot(), d.slot()
	if o.First > o.Last {
		d.fail("slot range %d to %d runs backwards", o.First, o.Last)
	}
}

func (o *SwapDB) size() int { return 2 * maxVarint16 }

func (o *SwapDB) append(b []byte) []byte { return appendDB(appendDB(b, o.A), o.B) }

func (o *SwapDB) decode(d *decoder) { o.A, o.B = d.db(), d.db() }
