// Package freeport finds ports for the servers of tests and benchmarks.
//
// A server that is ended and started again at its port needs one that nobody takes
// meanwhile: neither the system, which gives connections and listeners ports of its own
// choice (from 32768 on Linux, see ip_local_port_range), nor another test, in this process
// or in one beside it. So the ports are below those, and each process has blocks of them.
package freeport

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
)

// The ports are those from first up to end, in blocks of size. A Redis Cluster's node has
// its bus 10000 above its port: there are none of these ports there.
const (
	first = 10000
	end   = 20000
	size  = 100
)

// most is how many blocks a process takes. When it has given all of their ports it gives
// them once more, those first that it gave longest ago.
const most = 20

var (
	mu    sync.Mutex
	given int            // mu; how many ports of this process's blocks were given or taken
	froms []int          // mu; the first ports of its blocks
	held  []net.Listener // mu; at those ports, as long as the process lives
)

// Get returns a port of the loopback interface at which nobody listens. No other process
// that asks gets it, and this one not soon again.
func Get() (int, error) {
	mu.Lock()
	defer mu.Unlock()
	const each = size - 1
	for range most * each {
		if given == len(froms)*each {
			if err := another(); err != nil {
				return 0, err
			}
		}
		port := froms[given/each] + 1 + given%each
		given++
		if l, err := listen(port); err == nil {
			return port, l.Close()
		}
	}
	return 0, errors.New("all of this process's ports are taken")
}

// another takes a block that no process has, or begins with the first of this one's again.
func another() error {
	const blocks = (end - first) / size
	for at, i := rand.IntN(blocks), 0; i < blocks && len(froms) < most; i++ {
		from := first + (at+i)%blocks*size
		if l, err := listen(from); err == nil {
			held, froms = append(held, l), append(froms, from)
			return nil
		}
	}
	if len(froms) == 0 {
		return errors.New("other processes have all blocks of ports")
	}
	given = 0
	return nil
}

func listen(port int) (net.Listener, error) {
	return net.Listen("tcp", address(port))
}

func address(port int) string { return fmt.Sprint("127.0.0.1:", port) }

// Address returns an address of the loopback interface with a port of Get.
func Address() (string, error) {
	port, err := Get()
	return address(port), err
}

// Addr is Address for a test, which fails if there is none.
func Addr(t testing.TB) string {
	t.Helper()
	addr, err := Address()
	if err != nil {
		t.Fatal(err)
	}
	return addr
}
