// Package keys is the family of commands on keys of any type: their names,
// their deadlines, and the databases they are in.
package keys

import (
	"ledge/journal"
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// family is what all rows here have in common.
var family = command.Family{Group: "generic", Cats: []string{"keyspace"}}

// Table returns the family's rows.
func Table() []*command.Spec {
	return []*command.Spec{
		del(), unlink(), exists(), touch(), typeOf(), object(),
		rename(), renamenx(), copyKey(), move(),
		expire(), pexpire(), expireat(), pexpireat(), persist(),
		ttl(), pttl(), expiretime(), pexpiretime(),
		keys(), scan(), randomkey(), dbsize(), flushdb(), flushall(), swapdb(),
		dump(), restore(), restoreAsking(), sortKeys(), sortRO(),
	}
}

// Tips that several rows share.
const (
	perShard      = "request_policy:multi_shard"
	allShards     = "request_policy:all_shards"
	sumReplies    = "response_policy:agg_sum"
	allSucceed    = "response_policy:all_succeeded"
	unpredictable = "nondeterministic_output"
)

const (
	errDB   resp.Error = "ERR DB index is out of range"
	errSame resp.Error = "ERR source and destination objects are the same"
)

// database returns the database that argument i names.
func database(v *replay.View, args command.Args, i int) (journal.DB, error) {
	n, err := args.Int32(i)
	if err != nil {
		return 0, err
	}
	if n < 0 || int(n) >= v.Databases() {
		return 0, errDB
	}
	return journal.DB(n), nil
}

// yes is 1 for true and 0 for false, as commands of all ages answer.
func yes(b bool) resp.Value {
	if b {
		return resp.Int(1)
	}
	return resp.Int(0)
}
