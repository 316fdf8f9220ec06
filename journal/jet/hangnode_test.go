package jet_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"ledge/journal/jet/faultfs"
)

// hangTimes are how long an fsync hangs in TestHangUnderLoad. The ones that the
// promise is about take minutes:
//
//	LEDGE_HANGS=15s,25s,60s,300s go test ./journal/jet -run TestHangUnderLoad -v -timeout 30m
func hangTimes(t *testing.T) (ds []time.Duration) {
	list := os.Getenv("LEDGE_HANGS")
	if list == "" {
		list = "1500ms"
	}
	for s := range strings.SplitSeq(list, ",") {
		d, err := time.ParseDuration(s)
		if err != nil {
			t.Fatal(err)
		}
		ds = append(ds, d)
	}
	return ds
}

// An fsync that hangs under load, however long: the process goes on, reads keep their
// pace, writes go on soon after the disk has answered, and after a kill -9 nothing is
// lost that was acknowledged and nothing is there that was refused. Clients whose
// writes were under way wait; those that were let go without an answer may find either.
func TestHangUnderLoad(t *testing.T) {
	var table strings.Builder
	fmt.Fprintf(&table, "%-7s %8s %8s %7s %22s %10s %10s %12s\n", "hang", "acked", "refused", "let go",
		"reads' p99 before, in", "slowest", "in doubt", "first write")
	for _, d := range hangTimes(t) {
		t.Run(d.String(), func(t *testing.T) {
			disk := faultfs.Start(t)
			dir := filepath.Join(disk.Dir, "data")
			n := serve(t, dir)
			t.Cleanup(func() { disk.Clear() }) // or the process could not end
			n.dial().want("SET stands still", "OK")
			h := newHangLoad(t, n)
			before := h.reads(t, time.Second)
			disk.Add(faultfs.Rule{Op: faultfs.OpFsync, Match: ".blk", Delay: forEver})
			in := h.reads(t, d)
			state := n.dial().do("INFO journal")
			took := h.release(t, disk)
			h.stop()
			if n.ended() {
				t.Fatalf("the process has ended:\n%s", n.lastLog())
			}
			if want := d > 10*time.Second; want != strings.Contains(state, "journal_state:in-doubt") {
				t.Errorf("after %s INFO says %q; want it to be in doubt: %v", d, state, want)
			}
			if took > 15*time.Second { // the bar is 1 s; the table shows what it was
				t.Errorf("the first write was taken %s after the disk had answered", took)
			}
			n.kill()
			again := serve(t, dir)
			h.book.check(again, "after kill -9")
			again.stop()
			fmt.Fprintf(&table, "%-7s %8d %8d %7d %10s %11s %10s %10v %12s\n", d, len(h.book.acked), len(h.book.denied),
				len(h.book.doubtful), quantile(before, 99), quantile(in, 99), quantile(in, 100),
				strings.Contains(state, "in-doubt"), took.Round(100*time.Microsecond))
		})
	}
	t.Logf("\n%s", table.String())
}

// hangLoad is clients that write, each key once.
type hangLoad struct {
	n    *node
	book *book
	last atomic.Int64 // when the last write was acknowledged, Unix nanoseconds
	over chan struct{}
	all  sync.WaitGroup
}

func newHangLoad(t *testing.T, n *node) *hangLoad {
	h := &hangLoad{n: n, book: newBook(), over: make(chan struct{})}
	for i := range 50 {
		h.all.Go(func() { h.client(t, i) })
	}
	return h
}

// client writes until it is over. After a refusal it rests, as clients do.
func (h *hangLoad) client(t *testing.T, id int) {
	rest := time.NewTicker(100 * time.Millisecond)
	defer rest.Stop()
	var c *client
	for i := 0; ; i++ {
		select {
		case <-h.over:
			return
		default:
		}
		if c == nil {
			c = h.n.dial()
		}
		key := fmt.Sprintf("c%d:%d", id, i)
		err := c.send("SET " + key + " v")
		_ = c.nc.SetDeadline(time.Now().Add(10 * time.Minute))
		answer := ""
		if err == nil {
			answer, err = c.reply()
		}
		if err != nil {
			answer, c = "", nil
		}
		h.book.enter(key, "v", answer)
		switch {
		case answer == "OK":
			h.last.Store(time.Now().UnixNano())
		case strings.HasPrefix(answer, "-"):
			select {
			case <-rest.C:
			case <-h.over:
			}
		}
	}
}

// reads reads for a while, a thousand times a second at most, and returns how long
// each took.
func (h *hangLoad) reads(t *testing.T, d time.Duration) (took []time.Duration) {
	c := h.n.dial()
	defer c.nc.Close()
	pace := time.NewTicker(time.Millisecond)
	defer pace.Stop()
	for end := time.Now().Add(d); time.Now().Before(end); <-pace.C {
		began := time.Now()
		c.want("GET stands", "still")
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	return took
}

// release lets the disk answer and returns how long it takes until a write is
// acknowledged that was not under way before.
func (h *hangLoad) release(t *testing.T, disk *faultfs.FS) time.Duration {
	began := time.Now()
	disk.Clear()
	c := h.n.dial()
	until(context.Background(), t, "a write is taken", func() bool {
		answer := c.do("SET after hang")
		if strings.HasPrefix(answer, "-") {
			return false
		}
		return answer == "OK"
	})
	return time.Since(began)
}

func (h *hangLoad) stop() {
	close(h.over)
	h.all.Wait()
}

func quantile(sorted []time.Duration, q int) time.Duration {
	return sorted[min(len(sorted)*q/100, len(sorted)-1)].Round(10 * time.Microsecond)
}

// ended reports whether the program has ended.
func (n *node) ended() bool {
	select {
	case <-n.done:
		return true
	default:
		return false
	}
}

// A node that is told to stop while its disk hangs does so within a bound: it says
// what it leaves to the next start, which has all that was acknowledged.
func TestStopWhileHanging(t *testing.T) {
	t.Parallel()
	disk := faultfs.Start(t)
	dir := filepath.Join(disk.Dir, "data")
	n := serve(t, dir)
	c := n.dial()
	for i := range 20 {
		c.want(fmt.Sprintf("SET k%d v", i), "OK")
	}
	disk.Add(faultfs.Rule{Op: faultfs.OpFsync, Match: ".blk", Delay: forEver})
	t.Cleanup(func() { disk.Clear() })
	if err := n.dial().send("SET under way"); err != nil {
		t.Fatal(err)
	}
	before := disk.Stats()[faultfs.OpFsync].Hits
	until(t.Context(), t, "an fsync hangs", func() bool { return disk.Stats()[faultfs.OpFsync].Hits >= max(before, 1) })
	began := time.Now()
	n.cmd.Process.Signal(syscall.SIGTERM)
	// Its threads in the kernel keep the process from going away before the disk
	// answers; what it says last is what can be seen of its end.
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !n.ended() && !strings.Contains(n.lastLog(), "the next start finds out") {
		if <-tick.C; time.Since(began) > time.Minute {
			t.Fatalf("it has not stopped after %s:\n%s", time.Since(began), n.lastLog())
		}
	}
	t.Logf("stopped after %s", time.Since(began).Round(time.Millisecond))
	disk.Clear()
	<-n.done
	if code := n.cmd.ProcessState.ExitCode(); code == 3 {
		t.Errorf("exit code = %d; want another than that of what can't be known:\n%s", code, n.lastLog())
	}
	again := serve(t, dir)
	c = again.dial()
	for i := range 20 {
		c.want(fmt.Sprintf("GET k%d", i), "v")
	}
	if got := c.do("GET under"); got != "way" && got != "(nil)" {
		t.Errorf("GET under = %s; want what was written or nothing", got)
	}
	again.stop()
}
