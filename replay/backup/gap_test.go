package backup_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/backup"
)

// What lies in a gap is refused with the numbers that are missing, where the backup ends,
// and what there is on both sides. What does not is loaded, and Verify tells of the gap.
func TestGap(t *testing.T) {
	h := newHistory(t, 13, 60)
	parts := []backup.Part{
		memory("a", h.part(t, 0, 20, "")), memory("b", h.part(t, 20, 25, "")),
		memory("c", h.part(t, 40, 50, h.snapshotAt(t, 40))), memory("d", h.part(t, 50, 60, "")),
	}
	refuses := func(to backup.Target, missed string) {
		t.Helper()
		_, err := backup.Load(t.Context(), parts, to)
		for _, want := range []string{"numbers 26 to 40 are missing from the backup", "ends at number 60, at ", "up to number 25, at ",
			"from number 40, at ", missed + " is not in it"} {
			if err == nil || !strings.Contains(err.Error(), want) || fault.Of(err) != fault.Operator {
				t.Errorf("Load(%s) = %v; want an Operator error with %q", to, err, want)
			}
		}
	}
	refuses(backup.Target{HasSeq: true, Seq: 26}, "number 26")
	refuses(backup.Target{HasSeq: true, Seq: 39}, "number 39")
	refuses(backup.Target{Time: h.times[30]}, "what came until "+h.times[30].UTC().Format(time.RFC3339Nano))
	for _, seq := range []journal.Seq{2, 20, 25, 40, 41, 50, 60} {
		check(t, h, parts, backup.Target{HasSeq: true, Seq: seq}, seq)
	}
	check(t, h, parts, backup.Target{Time: h.times[24]}, 24)
	if _, err := backup.Load(t.Context(), parts, backup.Target{HasSeq: true, Seq: 61}); err == nil ||
		strings.Contains(err.Error(), "missing") || !strings.Contains(err.Error(), "the backup ends at number 60") {
		t.Errorf("Load after the end = %v; want it said to end at number 60", err)
	}
	l, err := backup.Verify(t.Context(), parts)
	if err != nil {
		t.Fatal(err)
	}
	defer l.State.Close()
	if want := []backup.Gap{{First: 26, Last: 40}}; !slices.Equal(l.Gaps, want) || l.State.Pos().Seq != 60 {
		t.Errorf("Verify comes to %s, gaps %v; want number 60 and %v", l.State.Pos(), l.Gaps, want)
	}
}

// A part from the middle that is missing is not passed over: without a target the end is
// wanted, and what can be had is less.
func TestMiddleMissing(t *testing.T) {
	h := newHistory(t, 13, 60)
	parts := []backup.Part{memory("a", h.part(t, 0, 20, "")), memory("c", h.part(t, 40, 60, ""))}
	_, err := backup.Load(t.Context(), parts, backup.Target{})
	if err == nil || fault.Of(err) != fault.Operator || !strings.Contains(err.Error(), "ends at number 60, at ") || !strings.Contains(err.Error(), "--to-number 20") {
		t.Errorf("Load = %v; want it refused, and what has to be said", err)
	}
	check(t, h, parts, backup.Target{HasSeq: true, Seq: 20}, 20)
}

// Gaps are between parts of one journal, not before the first, nor where parts overlap.
func TestGaps(t *testing.T) {
	file := func(of journal.Lineage, after, last journal.Seq) backup.File {
		return backup.File{Lineage: of, After: after, Last: backup.Point{Pos: journal.Pos{Seq: last}}}
	}
	for _, c := range []struct {
		name  string
		files []backup.File
		want  string
	}{
		{"none", nil, ""},
		{"begins late", []backup.File{file(1, 10, 20), file(1, 20, 30)}, ""},
		{"overlap", []backup.File{file(1, 0, 30), file(1, 10, 20), file(1, 25, 40)}, ""},
		{"one", []backup.File{file(1, 0, 5), file(1, 6, 9)}, "number 6 is missing"},
		{"two", []backup.File{file(1, 0, 5), file(1, 8, 8), file(1, 10, 11)}, "numbers 6 to 8 are missing, numbers 9 to 10 are missing"},
		{"two journals", []backup.File{file(1, 0, 5), file(2, 8, 9), file(1, 5, 6), file(2, 11, 12)}, "numbers 10 to 11 are missing"},
	} {
		var words []string
		for _, g := range backup.Gaps(c.files) {
			words = append(words, g.String())
		}
		if got := strings.Join(words, ", "); got != c.want {
			t.Errorf("%s: %q; want %q", c.name, got, c.want)
		}
	}
}

// Parts of two directories in one: whatever begins where, the way that comes farthest is
// taken, each number is reached that a part has, and all parts are verified.
func TestWaysOfParts(t *testing.T) {
	h := newHistory(t, 13, 60)
	parts := []backup.Part{
		memory("a", h.part(t, 0, 20, "")), memory("b", h.part(t, 20, 60, "")),
		memory("c", h.part(t, 30, 40, h.snapshotAt(t, 30))), memory("d", h.part(t, 40, 45, "")),
		memory("e", h.part(t, 40, 50, "")), memory("f", h.part(t, 45, 55, "")), memory("g", h.part(t, 20, 25, "")),
	}
	for _, seq := range []journal.Seq{2, 25, 30, 39, 45, 50, 52, 56, 60} {
		check(t, h, parts, backup.Target{HasSeq: true, Seq: seq}, seq)
	}
	check(t, h, parts, backup.Target{}, 60)
	l, err := backup.Verify(t.Context(), parts)
	if err != nil || l.State.Pos().Seq != 60 {
		t.Fatalf("Verify = %v, at %v; want all to be good up to number 60", err, l)
	}
	l.State.Close()
	broken := h.part(t, 20, 25, "")
	broken[len(broken)-9] ^= 1
	parts[6] = memory("g", broken)
	if l, err := backup.Verify(t.Context(), parts); err == nil || l != nil || !strings.Contains(err.Error(), "g: ") {
		t.Errorf("Verify with a damaged part that no way needs = %v, %v; want it named", l, err)
	}
}
