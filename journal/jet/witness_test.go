package jet_test

// The mark follows the journal, so that the newest part of a killed node's
// journal can't vanish unseen.

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/journal/jet"
	"ledge/journal/jet/faultfs"
)

// witnessed waits until the mark in dir says a number.
func witnessed(t *testing.T, dir string, last journal.Seq) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(30 * time.Second); ; <-tick.C {
		if got, err := jet.MarkLast(dir); err == nil && got == last {
			return
		} else if time.Now().After(end) {
			t.Fatalf("after 30 s the mark says %d, %v; want %d", got, err, last)
		}
	}
}

// Whatever of a killed journal's newest part is missing is named, in each mode
// that syncs.
func TestVanishedEnd(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]jet.Config{
		"always":   {Sync: jet.SyncAlways},
		"interval": {Sync: jet.SyncInterval, SyncEvery: 100 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			cfg.Dir, cfg.Create = filepath.Join(t.TempDir(), "nats"), true
			j := open(t, cfg)
			for i := range journal.Seq(3) { // 5 MiB each: one a block
				if err := j.Append(t.Context(), i, make([]byte, 5<<20)); err != nil {
					t.Fatal(err)
				}
			}
			fill(t, j, 3, 9)
			witnessed(t, cfg.Dir, 9)
			src := clone(t, cfg.Dir)
			rs := records(t, src)
			last := rs[len(rs)-1]
			for what, harm := range map[string]struct {
				do   func(path string) error
				want journal.Seq
			}{
				"removed":  {os.Remove, 3},
				"emptied":  {func(p string) error { return os.Truncate(p, 0) }, 3},
				"zeroed":   {func(p string) error { return zero(p) }, 3},
				"cut":      {func(p string) error { return os.Truncate(p, last.Off) }, 9},
				"torn":     {func(p string) error { return os.Truncate(p, last.Off+int64(last.Size)-3) }, 9},
				"replaced": {func(p string) error { return os.WriteFile(p, []byte("garbage that is no block"), 0o600) }, 3},
			} {
				t.Run(what, func(t *testing.T) {
					dir := clone(t, src)
					if err := harm.do(filepath.Join(dir, last.Path[len(src):])); err != nil {
						t.Fatal(err)
					}
					_, err := jet.VerifyRecords(dir)
					wantDamage(t, err, harm.want)
					refused(t, dir, harm.want)
				})
			}
		})
	}
}

func zero(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, make([]byte, len(b)), 0o600)
}

// A journal that is found without its end while it is open is closed with a mark that
// says how far it went, in each mode: the goroutine that writes the mark may not have
// come to it yet, and the next Open would take the missing numbers for an append that
// never finished.
func TestVanishedWhileOpen(t *testing.T) {
	for name, cfg := range map[string]jet.Config{
		"always":   {Sync: jet.SyncAlways},
		"interval": {Sync: jet.SyncInterval, SyncEvery: time.Hour},
		"off":      {Sync: jet.SyncOff},
	} {
		for what, cut := range map[string]int64{"torn": 3, "gone": 0} {
			t.Run(name+"/"+what, func(t *testing.T) {
				cfg := cfg
				cfg.Dir, cfg.Create = filepath.Join(t.TempDir(), "nats"), true
				j := open(t, cfg)
				fill(t, j, 0, 9)
				r := records(t, cfg.Dir)[6]
				if err := os.Truncate(r.Path, r.Off+cut); err != nil {
					t.Fatal(err)
				}
				err := j.Reopen(t.Context())
				wantDamage(t, err, 7)
				if fault.Of(err) != fault.Fatal {
					t.Errorf("Reopen without the end = %v; want it Fatal", err)
				}
				if err := j.Close(); err != nil {
					t.Fatal(err)
				}
				_, err = jet.VerifyRecords(cfg.Dir)
				wantDamage(t, err, 7)
				if err == nil || !strings.Contains(err.Error(), "number 9") {
					t.Errorf("Verify = %v; want it to say that there was number 9", err)
				}
				refused(t, cfg.Dir, 7)
			})
		}
	}
}

// A journal that a fault has closed and that has everything is none the worse for it.
func TestWholeWhileClosed(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nats")
	j := open(t, jet.Config{Dir: dir, Create: true, Sync: jet.SyncOff})
	fill(t, j, 0, 9)
	obs := filepath.Join(streamDir(dir), "obs")
	remove(t, obs)
	if err := os.WriteFile(obs, nil, 0o600); err != nil { // the broker can't load it
		t.Fatal(err)
	}
	if err := j.Reopen(t.Context()); err == nil {
		t.Fatal("Reopen of what the broker can't load = nil; want an error")
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	remove(t, obs)
	if last, err := jet.MarkLast(dir); err != nil || last != 9 {
		t.Errorf("the mark says %d, %v; want 9", last, err)
	}
	if sum, err := jet.VerifyRecords(dir); err != nil || sum.Last != 9 || len(sum.Notes) > 0 || sum.Clean {
		t.Errorf("Verify = %+v, %v; want all 9, no note, and not closed in good order", sum, err)
	}
	wantFrames(t, open(t, jet.Config{Dir: dir}), 1, 9)
}

// An append that no client was told of may be torn: the witness does not know it.
func TestTornAfterWitness(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nats")
	j := open(t, jet.Config{Dir: dir, Create: true})
	fill(t, j, 0, 9)
	witnessed(t, dir, 9)
	mark, err := os.ReadFile(filepath.Join(dir, "mark"))
	if err != nil {
		t.Fatal(err)
	}
	fill(t, j, 9, 10)
	killed := clone(t, dir)
	if err := os.WriteFile(filepath.Join(killed, "mark"), mark, 0o600); err != nil { // it may be ahead by now
		t.Fatal(err)
	}
	rs := records(t, killed)
	if err := os.Truncate(rs[9].Path, rs[9].Off+int64(rs[9].Size)/2); err != nil {
		t.Fatal(err)
	}
	j = open(t, jet.Config{Dir: killed})
	wantFrames(t, j, 1, 9)
}

// A block's worth is witnessed though the second is not over.
func TestWitnessEachBlock(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nats")
	j := open(t, jet.Config{Dir: dir, Create: true, Sync: jet.SyncInterval, SyncEvery: time.Hour})
	if err := j.Append(t.Context(), 0, make([]byte, 5<<20)); err != nil {
		t.Fatal(err)
	}
	witnessed(t, dir, 1) // the hour is not over
}

// A journal that rests is not written to, and one that is written to has the mark
// written by a goroutine of its own: hundreds of synced appends cost a mark or two.
func TestWitnessIsRare(t *testing.T) {
	disk := faultfs.Start(t)
	dir := filepath.Join(disk.Dir, "nats")
	j := open(t, jet.Config{Dir: dir, Create: true})
	before, began, syncs := jet.MarkWrites(j.Journal), time.Now(), disk.Stats()[faultfs.OpFsync].Calls
	const n = 300
	fill(t, j, 0, n)
	took := time.Since(began)
	witnessed(t, dir, n)
	wrote, synced := jet.MarkWrites(j.Journal)-before, disk.Stats()[faultfs.OpFsync].Calls-syncs
	t.Logf("%d synced appends in %s, %d writes of the mark, %d syncs", n, took, wrote, synced)
	if most := uint64(took/time.Second) + 3; wrote > most {
		t.Errorf("%d writes of the mark in %s; want %d at most", wrote, took, most)
	}
	if uint64(synced) > n+wrote {
		t.Errorf("%d syncs for %d appends and %d writes of the mark; want one each", synced, n, wrote)
	}
	j.Rest(t.Context())
	if again := jet.MarkWrites(j.Journal) - before; again != wrote {
		t.Errorf("a journal that rests had its mark written %d times", again-wrote)
	}
}

// A cut takes the witness back, and what is acknowledged after it is on another
// line.
func TestWitnessCut(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nats")
	j := open(t, jet.Config{Dir: dir, Create: true})
	fill(t, j, 0, 9)
	witnessed(t, dir, 9)
	if err := j.Cut(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	witnessed(t, dir, 4)
	j = open(t, jet.Config{Dir: clone(t, dir)})
	wantFrames(t, j, 1, 4)
}

// What replaces the witness's own frame is seen by how it begins.
func TestWitnessOtherFrame(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nats")
	j := open(t, jet.Config{Dir: dir, Create: true})
	fill(t, j, 0, 5)
	older := clone(t, dir)
	if err := j.Cut(t.Context(), 4); err != nil {
		t.Fatal(err)
	}
	if err := j.Append(t.Context(), 4, []byte("another line's number 5")); err != nil {
		t.Fatal(err)
	}
	witnessed(t, dir, 5)
	killed := clone(t, dir)
	block := records(t, older)[0].Path
	b, err := os.ReadFile(block)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(killed, block[len(older):]), b, 0o600); err != nil {
		t.Fatal(err)
	}
	refused(t, killed, 5)
}

// Bytes after the last frame that no append has written keep nobody down, with a
// warning, as long as all is there that the witness knows.
func TestGarbageTail(t *testing.T) {
	for _, clean := range []bool{false, true} {
		for name, garbage := range map[string]string{
			"text":    "\x01\x02garbage that nobody wrote here",
			"long":    strings.Repeat("not a frame ", 5000),
			"short":   "x",
			"a head":  "\x00\x00\x00\x80\x01\x00\x00\x00\x00\x00\x00\x00zzzzzzzzzzzzzzzzzzzz",
			"zeros":   strings.Repeat("\x00", 700),
			"newline": "\n",
		} {
			dir := image(t, clean, 3, 12)
			rs := records(t, dir)
			f, err := os.OpenFile(rs[len(rs)-1].Path, os.O_WRONLY|os.O_APPEND, 0)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := f.WriteString(garbage); err != nil {
				t.Fatal(err)
			}
			f.Close()
			sum, err := jet.VerifyRecords(dir)
			if err != nil || len(sum.Notes) != 1 {
				t.Errorf("clean=%v, %s: Verify says %q, %v; want one note", clean, name, sum.Notes, err)
			}
			var log strings.Builder
			j := open(t, jet.Config{Dir: dir, Log: slog.New(slog.NewTextHandler(&log, nil))})
			wantFrames(t, j, 4, 12)
			fill(t, j, 12, 13)
			wantFrames(t, j, 4, 13)
			j.Close()
			if !strings.Contains(log.String(), "level=WARN") {
				t.Errorf("clean=%v, %s: the log is %q; want a warning", clean, name, &log)
			}
		}
	}
}

// The stream's own files are written again, and the broker takes them.
func TestMetaAgain(t *testing.T) {
	for _, name := range []string{"meta.inf", "meta.sum"} {
		for what, harm := range map[string]func(string) error{
			"removed": os.Remove,
			"emptied": func(p string) error { return os.Truncate(p, 0) },
			"zeroed":  zero,
			"cut":     func(p string) error { return os.Truncate(p, 10) },
			"other":   func(p string) error { return os.WriteFile(p, []byte(`{"name":"K"}`), 0o600) },
		} {
			dir := image(t, false, 2, 9)
			if err := harm(filepath.Join(dir, "jetstream/JOURNAL/streams/J", name)); err != nil {
				t.Fatal(err)
			}
			sum, err := jet.VerifyRecords(dir)
			if err != nil || len(sum.Notes) != 1 {
				t.Errorf("%s %s: Verify says %q, %v; want one note", name, what, sum.Notes, err)
			}
			j := open(t, jet.Config{Dir: dir})
			wantFrames(t, j, 3, 9)
			fill(t, j, 9, 11)
			if err := j.Truncate(t.Context(), 10); err != nil {
				t.Errorf("%s %s: truncate: %v", name, what, err)
			}
			j.Close()
			j = open(t, jet.Config{Dir: dir})
			wantFrames(t, j, 11, 11)
			j.Close()
		}
	}
}

// While a journal is closed its mark has a copy, so that no damage to it costs
// anything.
func TestMarkCopy(t *testing.T) {
	for what, harm := range map[string]func(string) error{
		"removed": os.Remove, "emptied": func(p string) error { return os.Truncate(p, 0) }, "zeroed": zero,
	} {
		dir := image(t, true, 2, 9)
		if err := harm(filepath.Join(dir, "mark")); err != nil {
			t.Fatal(err)
		}
		j := open(t, jet.Config{Dir: dir})
		wantFrames(t, j, 3, 9)
		fill(t, j, 9, 10)
		killed := clone(t, dir)
		if _, err := os.Stat(filepath.Join(killed, "mark.copy")); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s: a journal that is open has a copy of its mark: %v", what, err)
		}
		j = open(t, jet.Config{Dir: killed})
		wantFrames(t, j, 3, 10)
	}
}

// While the broker removes and renames blocks nothing syncs their directory: a
// power cut would leave new names without their bytes.
func TestSyncAwaitsShape(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "nats")
	j := open(t, jet.Config{Dir: dir, Create: true, Sync: jet.SyncInterval, SyncEvery: time.Hour})
	fill(t, j, 0, 5)
	done := j.Shape()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	var d *journal.Doubt
	if err := j.Sync(ctx); !errors.As(err, &d) {
		t.Errorf("Sync while blocks are renamed = %v; want it to wait", err)
	}
	if err := j.Truncate(ctx, 3); fault.Of(err) != fault.Retryable {
		t.Errorf("Truncate meanwhile = %v; want it to wait", err)
	}
	done()
	if err := j.Sync(t.Context()); err != nil {
		t.Errorf("Sync = %v; want nil", err)
	}
	if err := j.Truncate(t.Context(), 3); err != nil {
		t.Errorf("Truncate = %v; want nil", err)
	}
	wantFrames(t, j, 4, 5)
}
