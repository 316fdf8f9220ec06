package cli

import (
	"context"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// Interrupts returns a context that ends with the first SIGINT or SIGTERM, and a
// function that gives the signals back. A second one ends the process at once, however
// soon it comes.
func Interrupts(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(parent)
	// Each of the two kinds may wait once while the system tells of the other: it does
	// not count two of the same kind that nobody has taken yet.
	came := make(chan os.Signal, 4)
	signal.Notify(came, syscall.SIGINT, syscall.SIGTERM)
	give := sync.OnceFunc(func() { signal.Stop(came) })
	go func() {
		select {
		case <-came:
		case <-ctx.Done():
			return
		}
		cancel()
		give() // from here on the system ends the process; what has come before is in the channel
		select {
		case s := <-came:
			_ = syscall.Kill(os.Getpid(), s.(syscall.Signal))
		default:
		}
	}()
	return ctx, func() { cancel(); give() }
}
