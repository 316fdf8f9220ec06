package jet_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ledge/journal/jet/faultfs"
)

// powerCuts is how often the power goes in TestPowerCut.
const powerCuts = 100

// The power goes at random moments while clients write, and takes all that was
// not synced. With sync always, what was acknowledged is there afterwards.
func TestPowerCut(t *testing.T) {
	t.Parallel()
	rounds := powerCuts
	if testing.Short() {
		rounds = 10
	}
	disk := faultfs.Start(t)
	dir := filepath.Join(disk.Dir, "data")
	options := []string{"--snapshot-every", "1MiB", "--reserve", "0"}
	book, stands := newBook(), 0
	for round := range rounds {
		n := serve(t, dir, options...)
		if round%10 == 0 {
			book.check(n, fmt.Sprintf("after cut %d", round))
		}
		w := writeOn(n, book, round)
		time.Sleep(time.Duration(rand.IntN(120)) * time.Millisecond) // the moment is what is random
		disk.PowerCut()
		n.kill()
		w.stop()
		disk.Restore()
		stands = len(book.acked)
	}
	n := serve(t, dir, options...)
	book.check(n, "at the end")
	n.stop()
	t.Logf("%d cuts, %d writes acknowledged, all there", rounds, stands)
	if stands < rounds {
		t.Errorf("%d writes acknowledged in %d rounds; want more, or the test says nothing", stands, rounds)
	}
}

// writers write keys that are written once, until the node is gone.
type writers struct {
	run  sync.WaitGroup
	ends atomic.Bool
}

func writeOn(n *node, book *book, round int) *writers {
	w := &writers{}
	for i := range 8 {
		c := n.dial()
		w.run.Go(func() {
			for j := 0; !w.ends.Load(); j++ {
				key := fmt.Sprintf("cut%d:%d:%d", round, i, j)
				val := fmt.Sprintf("%0200d", j)
				if c.send("SET "+key+" "+val) != nil {
					book.enter(key, val, "")
					return
				}
				got, err := c.reply()
				if err != nil {
					book.enter(key, val, "")
					return
				}
				book.enter(key, val, got)
			}
		})
	}
	return w
}

func (w *writers) stop() {
	w.ends.Store(true)
	w.run.Wait()
}

// With sync interval a power cut takes the last interval's writes at most, and
// what is left is a prefix of what was written.
func TestPowerCutInterval(t *testing.T) {
	const interval = 200 * time.Millisecond
	disk := faultfs.Start(t)
	for round := range 8 {
		dir := filepath.Join(disk.Dir, fmt.Sprint("data", round))
		options := []string{"--sync", "interval", "--sync-interval", interval.String(), "--reserve", "0"}
		n := serve(t, dir, options...)
		c := n.dial()
		var acked []time.Time // of number i
		cut := time.Now().Add(300*time.Millisecond + time.Duration(rand.IntN(400))*time.Millisecond)
		for i := 0; time.Now().Before(cut); i++ {
			c.want(fmt.Sprintf("SET n:%d %d", i, i), "OK")
			acked = append(acked, time.Now())
		}
		disk.PowerCut()
		at := time.Now()
		n.kill()
		disk.Restore()
		n = serve(t, dir, options...)
		c = n.dial()
		there := 0
		for there < len(acked) && c.do(fmt.Sprintf("GET n:%d", there)) == fmt.Sprint(there) {
			there++
		}
		c.want("DBSIZE", fmt.Sprint(there)) // a prefix, and nothing behind it
		// The broker's tick has to come round and the sync to end.
		slack := interval + 150*time.Millisecond
		if there < len(acked) {
			if age := at.Sub(acked[there]); age > interval+slack {
				t.Errorf("a write %s old is lost; want at most %s", age, interval+slack)
			}
		}
		t.Logf("%d of %d writes are there", there, len(acked))
		n.stop()
	}
}

// A snapshot must not be ahead of its journal: a power cut right after SAVE
// leaves a node that starts, with all that was saved.
func TestPowerCutBehindSave(t *testing.T) {
	for name, options := range map[string][]string{
		"interval": {"--sync", "interval", "--sync-interval", "1h", "--reserve", "0"},
		"off":      {"--sync", "off", "--reserve", "0"},
	} {
		t.Run(name, func(t *testing.T) {
			disk := faultfs.Start(t)
			dir := filepath.Join(disk.Dir, "data")
			n := serve(t, dir, options...)
			c := n.dial()
			for i := range 100 {
				c.want(fmt.Sprintf("SET n:%d %d", i, i), "OK")
			}
			c.want("SAVE", "OK")
			disk.PowerCut()
			n.kill()
			disk.Restore()
			c = serve(t, dir, options...).dial()
			c.want("DBSIZE", "100")
			c.want("GET n:99", "99")
		})
	}
}
