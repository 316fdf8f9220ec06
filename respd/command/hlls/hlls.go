// Package hlls is the family of commands on HyperLogLogs: strings of Redis's
// format, byte for byte, which GET, SET, DUMP and RESTORE carry between the
// two.
//
// One thing differs. In Redis PFCOUNT of one key keeps what it counted in the
// 8 bytes of the value that are for it, so that it writes. Here it only reads:
// it believes a count that it finds there, and otherwise counts again, which
// takes some 10 µs. Thus it runs on a node that can't write, costs the journal
// nothing and disturbs nobody who watches the key; and the value of a key that
// was counted in Redis may differ in those 8 bytes. Nothing but PFCOUNT reads
// them.
package hlls

import (
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

const (
	errNotHLL  resp.Error = "WRONGTYPE Key is not a valid HyperLogLog string value."
	errCorrupt resp.Error = "INVALIDOBJ Corrupted HLL object detected"
)

// family is what all rows here have in common.
var family = command.Family{Group: "hyperloglog", Cats: []string{"hyperloglog"}, WriteFlags: command.DenyOOM}

// Table returns the family's rows.
func Table() []*command.Spec {
	return []*command.Spec{pfadd(), pfcount(), pfmerge(), pfdebug(), pfselftest()}
}

// fetch returns the HyperLogLog that key holds.
func fetch(v *replay.View, key []byte) (val string, ok bool, err error) {
	val, ok, err = v.GetString(key)
	if err == nil && ok {
		err = check(val)
	}
	return val, ok, err
}
