package appliance_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/packaging/pagetest"
)

// sized is a node whose figures are held against what packaging/docs/sizing.md says.
type sized struct {
	*process
	dir string
}

// client returns a client for commands that write much to a disk, or look at all memory.
func (s sized) client() *redis.Client {
	c := redis.NewClient(&redis.Options{Addr: s.addr, MaxRetries: -1, DisableIdentity: true, ReadTimeout: patience(30 * time.Second)})
	s.t.Cleanup(func() { c.Close() })
	return c
}

// figure returns a number of INFO.
func (s sized) figure(field string) float64 {
	s.t.Helper()
	v, err := strconv.ParseFloat(s.info(field), 64)
	if err != nil {
		s.t.Fatalf("%s: %v", field, err)
	}
	return v
}

// written returns how many bytes the node has had written to disks.
func (s sized) written() float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/io", s.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if v, ok := strings.CutPrefix(line, "write_bytes: "); ok {
			n, _ := strconv.ParseFloat(strings.TrimSpace(v), 64)
			return n
		}
	}
	return 0
}

const (
	sizedKey   = 12
	sizedValue = 100
)

// fill writes keys, so many at a time.
func (s sized) fill(from, to, together int) {
	s.t.Helper()
	pipe, value := s.client().Pipeline(), strings.Repeat("v", sizedValue)
	for i := from; i < to; i++ {
		pipe.Set(s.t.Context(), fmt.Sprintf("k%011d", i), value, 0)
		if pipe.Len() == together || i == to-1 {
			if _, err := pipe.Exec(s.t.Context()); err != nil {
				s.t.Fatal(err)
			}
		}
	}
}

// near holds a figure against what the page says it is, within 10 %.
func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	nearBy(t, what, got, want, 0.1)
}

// nearBy holds a figure against what the page says it is, within a share of that.
func nearBy(t *testing.T, what string, got, want, share float64) {
	t.Helper()
	t.Logf("%s: %.0f, by the page %.0f", what, got, want)
	if math.Abs(got-want) > want*share {
		t.Errorf("%s: %.0f; the page says %.0f", what, got, want)
	}
}

// What the page says that journal, snapshots and memory take, and that is written to
// the disk, is so.
func TestSizing(t *testing.T) {
	t.Parallel()
	formulas := make(map[string]bool)
	for _, row := range pagetest.Table(t, "../packaging/docs/sizing.md", "") {
		formulas[row[1]] = true
	}
	for _, f := range []string{"136 + key + value", "124 each time, and 12 + key + value for each of them", "(12 + key + value) × keys",
		"10 MiB + (90 + key + value) × keys", "what the journal grows by, and 4096 for each time that it is synced",
		"what the journal grows by, and 4096 for each sync, of which there are few"} {
		if !formulas[f] {
			t.Errorf("the page has no %q, which is what is tried here", f)
		}
	}
	for _, sync := range []string{"always", "interval", "off"} {
		t.Run(sync, func(t *testing.T) {
			t.Parallel()
			dir := onDisk(t)
			s := sized{start(t, dir, "--sync", sync, "--snapshot-every", "1h", "--reserve", "0"), dir}
			const alone = 200
			grown, wear := s.figure("journal_bytes"), s.written()
			s.fill(0, alone, 1)
			grown, wear = s.figure("journal_bytes")-grown, s.written()-wear
			near(t, "journal, each write by itself", grown/alone, 136+sizedKey+sizedValue)
			if sync == "always" { // else it is a page or two
				s.wear(wear, grown, alone, sync)
			}
			keys := map[string]int{"always": 5_000, "interval": 20_000, "off": 100_000}[sync]
			grown, wear = s.figure("journal_bytes"), s.written()
			times := s.figure("journal_appends")
			s.fill(alone, keys, 100)
			grown, wear = s.figure("journal_bytes")-grown, s.written()-wear
			times = s.figure("journal_appends") - times
			n := float64(keys - alone)
			near(t, "journal, together", grown, 124*times+(12+sizedKey+sizedValue)*n)
			s.wear(wear, grown, times, sync)
			s.snapshot(float64(keys))
			if sync == "off" {
				s.inUse((90 + sizedKey + sizedValue) * float64(keys))
			}
		})
	}
}

// wear holds what was written to the disk against what the journal has grown by. In a
// file system that is in memory nothing is.
func (s sized) wear(got, grown, syncs float64, sync string) {
	s.t.Helper()
	switch {
	case got == 0:
		s.t.Logf("%s has no disk whose bytes are counted", s.dir)
	case sync == "always":
		near(s.t, "written to the disk", got, grown+4096*syncs)
	default:
		// What the system has not yet written is counted when a page of it is begun.
		near(s.t, "written to the disk", got, grown+2*4096)
	}
}

func (s sized) snapshot(keys float64) {
	s.t.Helper()
	if err := s.client().Save(s.t.Context()).Err(); err != nil {
		s.t.Fatal(err)
	}
	near(s.t, "snapshot", s.snapshotBytes(), (12+sizedKey+sizedValue)*keys)
}

// snapshotBytes returns how long the node's one snapshot is.
func (s sized) snapshotBytes() float64 {
	s.t.Helper()
	paths, err := filepath.Glob(filepath.Join(s.dir, "snapshots", "*.snap"))
	if err != nil || len(paths) != 1 {
		s.t.Fatalf("snapshots %q, %v; want one", paths, err)
	}
	info, err := os.Stat(paths[0])
	if err != nil {
		s.t.Fatal(err)
	}
	return float64(info.Size())
}

// inUse holds the memory that is in use against what data take by the page. Buffers of what
// has just run may be in it or not, some 5 MiB.
func (s sized) inUse(data float64) {
	s.t.Helper()
	if err := s.client().Do(s.t.Context(), "MEMORY", "PURGE").Err(); err != nil {
		s.t.Fatal(err)
	}
	nearBy(s.t, "memory in use", s.figure("used_memory_dataset"), 10<<20+data, 0.2)
}

// The directory of a node that snapshots and truncates never takes more than the page
// says, with files of the journal for the rest.
func TestSizingDisk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const every, reserve = 8 << 20, 4 << 20
	s := sized{start(t, dir, "--sync", "off", "--snapshot-every", "8MiB", "--reserve", "4MiB"), dir}
	const keys = 20_000
	most := int64(0)
	look := func() {
		total := int64(0)
		err := filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
			if err == nil && info.Mode().IsRegular() {
				total += info.Size()
			}
			return nil // what is removed meanwhile takes nothing
		})
		if err != nil {
			t.Fatal(err)
		}
		most = max(most, total)
	}
	const rounds = 12 // of some 2.6 MiB each
	bytes, numbers := s.figure("journal_bytes"), s.figure("journal_last_seq")
	for i := range rounds {
		s.fill(0, keys, 500)
		if i == 0 {
			bytes, numbers = s.figure("journal_bytes")-bytes, s.figure("journal_last_seq")-numbers
		}
		// The page's bound is for writes that come no faster than snapshots are written.
		// What is written since the last is an estimate here, so it has some room.
		within(t, 30*time.Second, "no snapshot is due or being written", func() bool {
			look()
			return s.figure("rdb_bgsave_in_progress") == 0 && s.figure("rdb_changes_since_last_save")*bytes/numbers < 1.25*every
		})
	}
	within(t, 30*time.Second, "the journal is truncated", func() bool { // else this has shown nothing
		look()
		return s.figure("journal_first_seq") >= 2
	})
	bound := int64(3*(12+sizedKey+sizedValue)*keys + 2*every + reserve + 32<<20)
	t.Logf("at most %d bytes, by the page %d", most, bound)
	if most > bound || most < reserve+every {
		t.Errorf("the directory had %d bytes at most; want at most %d", most, bound)
	}
}
