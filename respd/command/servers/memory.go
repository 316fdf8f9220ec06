package servers

import (
	"fmt"
	godebug "runtime/debug"
	"time"

	"ledge/journal"
	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

// MEMORY <subcommand>
func memory() *command.Spec {
	return family.Container(command.Spec{
		Name: "memory", Since: "4.0.0",
		Summary: "Look at what takes memory.",
	}, memoryDoctor(), memoryMallocStats(), memoryPurge(), memoryStats(), memoryUsage(), family.Help("4.0.0"))
}

// MEMORY USAGE key [SAMPLES count]
func memoryUsage() *command.Spec {
	return family.Read(command.Spec{
		Name: "usage", Arity: -3,
		Keys: command.KeyRange{First: 2, Last: 2, Step: 1}, KeyFlags: "RO", Since: "4.0.0",
		Complexity: "O(N) where N is the number of samples.",
		Syntax:     "<key> [SAMPLES <count>]",
		Summary:    "Estimate how many bytes a key takes. All of it is counted, whatever count says.",
	}, runUsage)
}

func runUsage(v *replay.View, args command.Args) resp.Value {
	for i := 3; i < len(args); i += 2 {
		if !args.Is(i, "SAMPLES") || i+1 == len(args) {
			return resp.Err(command.ErrSyntax)
		}
		n, err := args.Int(i + 1)
		if err != nil {
			return resp.FromError(err)
		}
		if n < 0 {
			return resp.Err(command.ErrSyntax)
		}
	}
	n, ok := v.Memory(args[2])
	if !ok {
		return resp.Nil
	}
	return resp.Int(int64(n))
}

// MEMORY DOCTOR
func memoryDoctor() *command.Spec {
	return family.Conn(command.Spec{
		Name: "doctor", Arity: 2, Since: "4.0.0", Complexity: "O(1)", Tips: tipsReport,
		Summary: "Say in words how memory is.",
	}, func(s *command.Session, _ command.Args) resp.Value {
		return resp.Verbatim("txt", diagnose(measure()))
	})
}

// little is what is not worth a diagnosis.
const little = 64 << 20

func diagnose(u usage) string {
	switch {
	case u.rss < little:
		return "The server takes little memory; there is nothing to say about it.\n"
	case u.system > 0 && u.rss > u.system/10*9:
		return "The server takes nine tenths of this machine's memory: expect the system to swap " +
			"or to kill it. Lower max-memory, or give it a larger machine.\n"
	case ratio(u.rss, u.heap) > 3:
		return "The server holds far more memory than its data take. It was larger once, " +
			"or a collection is due; MEMORY PURGE gives it back at once.\n"
	}
	return "There is nothing wrong with memory.\n"
}

// MEMORY STATS
func memoryStats() *command.Spec {
	return family.Conn(command.Spec{
		Name: "stats", Arity: 2, Since: "4.0.0", Complexity: "O(1)", Tips: tipsReport,
		Summary: "Show in figures what takes memory.",
	}, func(s *command.Session, _ command.Args) resp.Value {
		u := measure()
		keys, err := countKeys(s)
		if err != nil {
			return resp.FromError(err)
		}
		each := uint64(0)
		if keys > 0 {
			each = u.heap / keys
		}
		num := func(n uint64) resp.Value { return resp.Int(int64(n)) }
		return resp.Map(
			resp.Bulk("peak.allocated"), num(u.peak),
			resp.Bulk("total.allocated"), num(u.heap),
			resp.Bulk("keys.count"), num(keys),
			resp.Bulk("keys.bytes-per-key"), num(each),
			resp.Bulk("peak.percentage"), resp.Double(100*ratio(u.rss, u.peak)),
			resp.Bulk("allocator.allocated"), num(u.heap),
			resp.Bulk("allocator.active"), num(u.mapped),
			resp.Bulk("allocator.resident"), num(u.rss),
			resp.Bulk("fragmentation"), resp.Double(ratio(u.rss, u.heap)),
			resp.Bulk("fragmentation.bytes"), resp.Int(int64(u.rss)-int64(u.heap)),
		)
	})
}

// countKeys returns how many keys all databases hold.
func countKeys(s *command.Session) (n uint64, err error) {
	err = s.Host.State().View(time.Now(), func(v *replay.View) error {
		for db := range v.Databases() {
			n += uint64(v.Len(journal.DB(db)))
		}
		return nil
	})
	return n, err
}

// MEMORY MALLOC-STATS
func memoryMallocStats() *command.Spec {
	return family.Conn(command.Spec{
		Name: "malloc-stats", Arity: 2, Since: "4.0.0", Tips: tipsReport,
		Complexity: "Depends on how much memory is allocated, could be slow",
		Summary:    "Show the allocator's figures.",
	}, func(*command.Session, command.Args) resp.Value {
		u := measure()
		return resp.Verbatim("txt", fmt.Sprintf("go: %d bytes of objects, %d mapped, %d resident\n",
			u.heap, u.mapped, u.rss))
	})
}

// MEMORY PURGE
func memoryPurge() *command.Spec {
	return family.Conn(command.Spec{
		Name: "purge", Arity: 2, Flags: command.Slow, Since: "4.0.0",
		Complexity: "Depends on how much memory is allocated, could be slow",
		Summary:    "Collect garbage and give free memory back to the system.",
		Tips:       []string{"request_policy:all_shards", "response_policy:all_succeeded"},
	}, func(*command.Session, command.Args) resp.Value {
		godebug.FreeOSMemory()
		return resp.OK
	})
}
