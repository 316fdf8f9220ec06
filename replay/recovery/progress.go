package recovery

import (
	"ledge/journal"
	"ledge/journal/progress"
	"ledge/replay"
)

// after returns how many bytes of a journal come after a number, about: as if all of
// its numbers had as many.
func after(span journal.Stat, seq journal.Seq) int64 {
	seq = max(seq, span.First-1)
	if seq >= span.Last {
		return 0
	}
	return int64(float64(span.Bytes) * float64(span.Last-seq) / float64(span.Last-span.First+1))
}

// applied says that batches have been applied to s.
func applied(shown *progress.Meter, s *replay.State, cs []journal.Committed) {
	if shown == nil {
		return
	}
	n := int64(len(cs))
	if shown.Unit() == progress.Bytes {
		n = 0
		for _, c := range cs {
			n += int64(c.Size())
		}
	}
	shown.Add(n)
	shown.SetKeys(int64(s.Keys()))
}
