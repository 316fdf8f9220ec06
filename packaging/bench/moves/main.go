// Moves prints what moves of slots cost: two shards of one cluster run on this machine,
// slots move to and fro between them, and clients of other slots say meanwhile what they
// wait. moves.sh builds the program and runs it.
//
//	moves -program LEDGE -dir DIR [-rounds 20] [-scale 1] [-cases TEXT,…]
//
// Each figure of a move is beside one that was taken without a move, in turn, as other
// programs have the machine do more or less.
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
	program, dir, cases string
	rounds              int
	scale               float64
	limit               time.Duration
}

func main() {
	var s settings
	flag.StringVar(&s.program, "program", "", "the program")
	flag.StringVar(&s.dir, "dir", "", "directory for all files; must exist")
	flag.StringVar(&s.cases, "cases", "", "only cases whose name has one of these texts, with commas between them")
	flag.IntVar(&s.rounds, "rounds", 20, "how often small slots move")
	flag.Float64Var(&s.scale, "scale", 1, "how much of 2 GiB and 10 million elements large collections have")
	flag.DurationVar(&s.limit, "limit", time.Hour, "how long one move may take")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s); err != nil {
		fmt.Fprintln(os.Stderr, "moves:", err)
		os.Exit(1)
	}
}

// run runs each case on two nodes of its own.
func run(ctx context.Context, s settings) error {
	for _, c := range cases {
		if !chosen(c.name, s.cases) {
			continue
		}
		r, err := open(ctx, s)
		if err == nil {
			fmt.Printf("### %s\n\n", c.title)
			err = c.run(ctx, r)
			fmt.Println()
		}
		if r != nil {
			r.close()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

// chosen reports whether a name has one of some texts, or there are none.
func chosen(name, texts string) bool {
	for text := range strings.SplitSeq(texts, ",") {
		if strings.Contains(name, text) {
			return true
		}
	}
	return false
}
