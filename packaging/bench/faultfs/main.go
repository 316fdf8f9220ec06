// Faultfs mounts a directory somewhere else, with a slower disk below: every
// fsync that goes through the mount waits first. It ends, and the mount with
// it, at an interrupt or SIGTERM. Benchmarks use it to see what a server makes
// of a disk that takes its time, such as flash without a cache that survives
// the power. It needs Linux, /dev/fuse and root.
//
//	faultfs -backing DIR -mount DIR -fsync-delay 4ms
//
// It says "mounted" on standard output when it is, and at the end how often
// each kind of call was made.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"os/signal"
	"slices"
	"syscall"
	"time"

	"ledge/journal/jet/faultfs"
)

func main() {
	faultfs.Main()
	backing := flag.String("backing", "", "directory that keeps the files")
	mount := flag.String("mount", "", "directory to mount it at")
	delay := flag.Duration("fsync-delay", 0, "what every fsync waits")
	flag.Parse()
	if *backing == "" || *mount == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*backing, *mount, *delay); err != nil {
		fmt.Fprintln(os.Stderr, "faultfs:", err)
		os.Exit(1)
	}
}

func run(backing, mount string, delay time.Duration) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	within, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	disk, err := faultfs.Open(within, backing, mount)
	if err != nil {
		return err
	}
	if delay != 0 {
		if err := disk.Add(faultfs.Rule{Op: faultfs.OpFsync, Delay: delay}); err != nil {
			return errors.Join(err, disk.Close())
		}
	}
	fmt.Println("mounted")
	<-ctx.Done()
	stats := disk.Stats()
	for _, op := range slices.Sorted(maps.Keys(stats)) {
		fmt.Println(op, stats[op].Calls)
	}
	return disk.Close()
}
