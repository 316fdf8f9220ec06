package backup

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
)

// Gap are numbers that no part has, though parts before them and after them are there:
// the node no longer had them when the later ones were taken, or a part was removed.
// There is no going back to them, but to the last if a snapshot is of it.
type Gap struct{ First, Last journal.Seq }

// String says in words what is missing.
func (g Gap) String() string {
	if g.First == g.Last {
		return fmt.Sprintf("number %d is missing", g.First)
	}
	return fmt.Sprintf("numbers %d to %d are missing", g.First, g.Last)
}

// Gaps returns what is missing between parts, which are in the order of List. What is of
// two journals is told apart.
func Gaps(files []File) (gaps []Gap) {
	ends := make(map[journal.Lineage]journal.Seq)
	for _, f := range files {
		end, begun := ends[f.Lineage]
		if begun && f.After > end {
			gaps = append(gaps, Gap{end + 1, f.After})
		}
		ends[f.Lineage] = max(end, f.Last.Seq)
	}
	return gaps
}

// gaps is Gaps of parts whose headers have been read.
func gaps(heads []*head) []Gap {
	var files []File
	for _, h := range heads {
		files = append(files, File{Lineage: h.Lineage, After: h.After.Seq, Last: h.Last})
	}
	return Gaps(files)
}

// tooLate refuses a target that the parts which were read end before: the backup ends
// there, or has a gap.
func (l *Loaded) tooLate(heads []*head, to Target) error {
	h := &l.Header
	missed := fmt.Sprintf("number %d", to.Seq)
	switch {
	case to.HasSeq && h.Last.Seq < to.Seq:
	case !to.Time.IsZero() && h.Created.Before(to.Time):
		missed = fmt.Sprintf("what came until %s", to)
	default:
		return nil
	}
	all := gaps(heads)
	if i := slices.IndexFunc(all, func(g Gap) bool { return g.First == h.Last.Seq+1 }); i >= 0 {
		return fault.With(fault.Operator, fmt.Errorf("%s from the backup, which %s; %s is not in it", all[i], around(heads, h), missed))
	}
	return fault.With(fault.Operator, fmt.Errorf("the backup ends at %s; %s is not in it", ending(h), missed))
}

// short refuses a backup without a target whose parts go on beyond what was read: those
// between are missing, and whoever wants no more has to say so.
func (l *Loaded) short(heads []*head, to Target) error {
	h := &l.Header
	if to != (Target{}) || !slices.ContainsFunc(heads, func(other *head) bool { return other.Last.Seq > h.Last.Seq }) {
		return nil
	}
	return fault.With(fault.Operator, fmt.Errorf("parts are missing from the backup, which %s; for that --to-number %d has to be said", around(heads, h), h.Last.Seq))
}

// around says in words what a backup has that goes on after a gap: h is the last part
// before it.
func around(heads []*head, h *Header) string {
	last := slices.MaxFunc(heads, func(a, b *head) int { return cmp.Compare(a.Last.Seq, b.Last.Seq) })
	text := fmt.Sprintf("ends at %s: it can be restored up to %s", ending(&last.Header), ending(h))
	for _, next := range heads {
		if next.Base() && next.After.Seq > h.Last.Seq {
			return fmt.Sprintf("%s, and from number %d, at %s, on", text, next.After.Seq, next.taken.UTC().Format(time.RFC3339))
		}
	}
	return text + ", and no further: the parts after that need what is missing"
}

// ending says in words where a part ends.
func ending(h *Header) string {
	return fmt.Sprintf("number %d, at %s", h.Last.Seq, h.Created.UTC().Format(time.RFC3339))
}
