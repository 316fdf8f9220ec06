package freeport_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"ledge/journal/freeport"
)

// A process gives each port once, as long as it has others, none of another process's, and
// none that the system gives.
func TestPortsAreGivenOnce(t *testing.T) {
	const each = 250 // more than a block
	if os.Getenv("PORTS_OF_A_CHILD") != "" {
		for range each {
			fmt.Println("port", get(t))
		}
		_, _ = os.Stdin.Read(make([]byte, 1)) // so long the ports are this process's
		return
	}
	seen := make(map[int]bool)
	take := func(port int) {
		if seen[port] || port < 10000 || port >= 20000 {
			t.Fatalf("port %d: given before: %v", port, seen[port])
		}
		seen[port] = true
	}
	for range 2 {
		for _, port := range child(t, each) {
			take(port)
		}
	}
	for range each {
		port := get(t)
		take(port)
		l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", port))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
	}
}

func get(t *testing.T) int {
	t.Helper()
	port, err := freeport.Get()
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// child returns the ports that another process has until the test ends.
func child(t *testing.T, n int) (ports []int) {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run", "^TestPortsAreGivenOnce$")
	cmd.Env = append(os.Environ(), "PORTS_OF_A_CHILD=yes")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	for range n {
		var port string
		if _, err := fmt.Fscanln(out, new(string), &port); err != nil {
			t.Fatal(err)
		}
		n, err := strconv.Atoi(strings.TrimSpace(port))
		if err != nil {
			t.Fatal(err)
		}
		ports = append(ports, n)
	}
	return ports
}

// A process that has given all that it may take gives them again, but for those at which
// somebody listens.
func TestPortsAreGivenAgain(t *testing.T) {
	l, err := net.Listen("tcp", fmt.Sprint("127.0.0.1:", get(t)))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	times := make(map[int]int)
	for range 5000 {
		times[get(t)]++
	}
	if busy := l.Addr().(*net.TCPAddr).Port; times[busy] != 0 {
		t.Errorf("port %d, at which somebody listens, was given", busy)
	}
	for port, n := range times {
		if n > 5000/len(times)+1 {
			t.Fatalf("port %d was given %d times; the others, of %d, less", port, n, len(times))
		}
	}
	if len(times) < 1000 {
		t.Errorf("%d ports were given; want more", len(times))
	}
}
