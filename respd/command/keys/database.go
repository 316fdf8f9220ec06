package keys

import (
	"ledge/journal"
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// DBSIZE
func dbsize() *command.Spec {
	return family.Read(command.Spec{
		Name: "dbsize", Arity: 1, Flags: command.Fast, Group: "server",
		Tips: []string{allShards, sumReplies}, Since: "1.0.0",
		Summary: "Return the number of keys in the database.",
	}, runDBSize)
}

func runDBSize(v *replay.View, _ command.Args) resp.Value {
	return resp.Int(int64(v.Len(v.DB())))
}

// FLUSHDB [ASYNC | SYNC]
func flushdb() *command.Spec {
	return family.Write(command.Spec{
		Name: "flushdb", Arity: -1, Group: "server", Whole: true, Cats: []string{"dangerous"},
		Syntax: "[ASYNC|SYNC]", Tips: []string{allShards, allSucceed},
		Since: "1.0.0", Summary: "Remove all keys of the database.",
	}, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		return flush(d, args, d.DB(), d.DB())
	})
}

// FLUSHALL [ASYNC | SYNC]
func flushall() *command.Spec {
	return family.Write(command.Spec{
		Name: "flushall", Arity: -1, Group: "server", Whole: true, Cats: []string{"dangerous"},
		Syntax: "[ASYNC|SYNC]", Tips: []string{allShards, allSucceed},
		Since: "1.0.0", Complexity: "O(N) where N is the number of databases",
		Summary: "Remove all keys of all databases.",
	}, func(d *replay.Draft, args command.Args) (resp.Value, error) {
		return flush(d, args, 0, journal.DB(d.Databases()-1))
	})
}

// flush clears databases. Both modes are the same to us: the effect is of
// constant size, and the collector frees the memory beside the commands.
func flush(d *replay.Draft, args command.Args, first, last journal.DB) (resp.Value, error) {
	if len(args) > 2 || len(args) == 2 && !args.Is(1, "ASYNC") && !args.Is(1, "SYNC") {
		return resp.Value{}, command.ErrSyntax
	}
	for n := first; n <= last; n++ {
		if d.Len(n) == 0 {
			continue
		}
		if err := d.Clear(n); err != nil {
			return resp.Value{}, err
		}
	}
	return resp.OK, nil
}

// SWAPDB index1 index2
func swapdb() *command.Spec {
	return family.Write(command.Spec{
		Name: "swapdb", Arity: 3, Flags: command.Fast, Group: "server",
		Cats: []string{"dangerous"}, Syntax: "<index1> <index2>",
		Since: "4.0.0", Complexity: "O(N) where N is the number of watched keys in both",
		Clustered: command.NotInCluster("ERR SWAPDB is not allowed in cluster mode"),
		Summary:   "Exchange two databases.",
	}, runSwapDB)
}

func runSwapDB(d *replay.Draft, args command.Args) (resp.Value, error) {
	a, err := args.Int32(1)
	if err != nil {
		return resp.Value{}, resp.Error("ERR invalid first DB index")
	}
	b, err := args.Int32(2)
	if err != nil {
		return resp.Value{}, resp.Error("ERR invalid second DB index")
	}
	if min(a, b) < 0 || int(max(a, b)) >= d.Databases() {
		return resp.Value{}, errDB
	}
	return resp.OK, d.Swap(journal.DB(a), journal.DB(b))
}
