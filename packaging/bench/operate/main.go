// Operate prints what clients see of an operator's acts: a node and a replica of it run
// under load, and while they do the node is killed, reloaded, upgraded, and each of its
// secrets is rotated. operate.sh builds the two programs and runs it.
//
//	operate -this LEDGE -other LEDGE -dir DIR [-clients 8] [-rounds 5] [-acts TEXT,…]
//
// Each reply is checked, and after each act each acknowledged write is read again, on the
// node and on the replica.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

type settings struct {
	this, other, dir, acts string
	clients, rounds        int
	hold                   time.Duration
}

func main() {
	var s settings
	flag.StringVar(&s.this, "this", "", "the program")
	flag.StringVar(&s.other, "other", "", "another version of it")
	flag.StringVar(&s.dir, "dir", "", "directory for all files; must exist")
	flag.StringVar(&s.acts, "acts", "", "only acts whose name has one of these texts, with commas between them")
	flag.IntVar(&s.clients, "clients", 8, "clients of the load")
	flag.IntVar(&s.rounds, "rounds", 5, "how often each act is done")
	flag.DurationVar(&s.hold, "hold", time.Second, "how long the load goes on after each round")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "operate:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, s settings) error {
	r, err := open(ctx, s)
	if err != nil {
		return err
	}
	defer r.close()
	fmt.Println("| act | rounds | acknowledged | errors that a restart gives | other errors | longest gap ms | of one client ms " +
		"| lost | doubled | replica apart ms |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|")
	var texts []string
	for _, a := range acts {
		if !chosen(a.name, s.acts) {
			continue
		}
		t, err := r.perform(ctx, a)
		if err != nil {
			return fmt.Errorf("%s: %w", a.name, err)
		}
		fmt.Println(t.row(a.name, s.rounds))
		for _, text := range t.list() {
			texts = append(texts, fmt.Sprintf("| %s | %s |", a.name, text))
		}
	}
	if len(texts) == 0 {
		return nil
	}
	fmt.Println("\n| act | errors, by who had them and their text |\n|---|---|")
	fmt.Println(strings.Join(texts, "\n"))
	return nil
}

func chosen(name, only string) bool {
	for text := range strings.SplitSeq(only, ",") {
		if strings.Contains(name, text) {
			return true
		}
	}
	return false
}

// perform does an act a few times under load, and checks afterwards what was written.
func (r *rig) perform(ctx context.Context, a act) (*tally, error) {
	t := newTally(a.restarts)
	l := r.startLoad(ctx, t, strings.ReplaceAll(a.name, " ", "-"))
	p := r.startPollers(ctx, t)
	err := l.goOn(ctx)
	for i := 0; i < r.rounds && err == nil && ctx.Err() == nil; i++ {
		if failed := a.do(ctx, r, i); failed != nil {
			t.fail("operator", failed)
		}
		pause(ctx, r.hold)
		err = l.goOn(ctx)
	}
	p.stop()
	l.stop()
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return t, err
	}
	return t, r.verify(ctx, t, l)
}

// pause waits, less long if ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// await asks until it is so, for a minute at most.
func await(ctx context.Context, what string, is func() bool) error {
	end := time.Now().Add(time.Minute)
	for !is() {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if time.Now().After(end) {
			return fmt.Errorf("not within a minute: %s", what)
		}
		pause(ctx, 2*time.Millisecond)
	}
	return nil
}
