package appliance_test

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// counting is a client of clusters that counts in keys of its own until it is told to end.
type counting struct {
	name string
	end  func() string // says how many INCRs were answered, how many failed, and the last error
}

// told ends a client, and returns how many INCRs were answered. One that failed is an error.
func (c *counting) told(t *testing.T) (acked int) {
	t.Helper()
	text, failed := c.end(), 0
	if _, err := fmt.Sscan(text, &acked, &failed); err != nil && err != io.EOF {
		t.Errorf("%s says %q: %v", c.name, text, err)
	}
	if failed > 0 {
		_, last, _ := strings.Cut(text, fmt.Sprintf("%d ", failed))
		t.Errorf("%s: %d failed beside %d INCRs, the last with %s", c.name, failed, acked, last)
	}
	return acked
}

// stockClients starts a program for each client library that this machine has: those of
// Node where the variable NODE_CLIENTS says, Debian's redis-py, and go-redis in the test.
func stockClients(t *testing.T, addr string) (list []*counting) {
	t.Helper()
	return append(clientPrograms(t, addr, ""), countWithGo(t, addr))
}

// clientPrograms starts those that are no part of the test. Their files are called after the
// libraries and what they do.
func clientPrograms(t *testing.T, addr, what string) (list []*counting) {
	t.Helper()
	for name, command := range map[string][]string{"ioredis": {"node", "ioredis" + what + ".js"}, "node-redis": {"node", "node-redis" + what + ".js"},
		"redis-py": {"/usr/bin/python3", "redis-py" + what + ".py"}} {
		cmd := exec.Command(command[0], filepath.Join("testdata", "clients", command[1]), addr)
		if command[0] == "node" {
			cmd.Env = append(os.Environ(), "NODE_PATH="+os.Getenv("NODE_CLIENTS"))
		}
		if !hasClient(command[0], name) {
			t.Logf("%s is not on this machine", name)
			continue
		}
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		var out, said strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Kill() })
		list = append(list, &counting{name, func() string {
			in.Close()
			if err := cmd.Wait(); err != nil {
				t.Errorf("%s: %v: %s", name, err, said.String())
			}
			return out.String()
		}})
	}
	return list
}

// hasClient reports whether a library can be had.
func hasClient(program, name string) bool {
	probe := []string{"-c", "import redis.cluster"}
	if program == "node" {
		probe = []string{"-e", "require(process.argv[1])", map[string]string{"ioredis": "ioredis", "node-redis": "redis"}[name]}
	}
	cmd := exec.Command(program, probe...)
	cmd.Env = append(os.Environ(), "NODE_PATH="+os.Getenv("NODE_CLIENTS"))
	return cmd.Run() == nil
}

// countWithGo counts by go-redis.
func countWithGo(t *testing.T, addr string) *counting {
	c := redis.NewClusterClient(&redis.ClusterOptions{ReadTimeout: time.Minute, Addrs: []string{addr}, DisableIdentity: true, MaintNotificationsConfig: plainly})
	return counts("go-redis", func() { c.Close() }, func(i int) (int, error) {
		if err := c.Incr(t.Context(), fmt.Sprint("go-redis:", i)).Err(); err != nil {
			return 0, err
		}
		return 1, nil
	})
}

// Clients of clusters, as they are, follow a leader that changes to and fro: no
// application sees an error, and each INCR that was answered is counted once.
func TestStockClusterClients(t *testing.T) {
	p := leadAndFollow(t, "--cluster", "yes")
	if got := run(t, "cluster", "found", "--dir", p.dirs[0]); got.code != 0 {
		t.Fatalf("cluster found: exit code %d, %s", got.code, got.stderr)
	}
	within(t, 20*time.Second, "both know both", func() bool {
		return strings.Count(p.nodes[0].client().ClusterNodes(t.Context()).Val(), "\n") == 2
	})
	clients := stockClients(t, p.nodes[0].addr)
	counted := func(name string) (sum int) {
		for i := range 20 {
			for _, n := range p.nodes { // one of them leads, or serves reads
				c := n.client()
				if v, err := c.Get(t.Context(), fmt.Sprint(name, ":", i)).Int(); err == nil {
					sum += v
					break
				}
			}
		}
		return sum
	}
	for _, c := range clients {
		within(t, 30*time.Second, c.name+" counts", func() bool { return counted(c.name) > 100 })
	}
	for round := range 6 {
		from, to := round%2, 1-round%2
		p.streams(t, to)
		var got ended
		within(t, time.Minute, "a lead is handed over", func() bool {
			got = run(t, "switchover", "--dir", p.dirs[from], "--to", names[to])
			return got.code == 0 || !strings.Contains(got.stderr, "is too far behind") // on a busy machine
		})
		if got.code != 0 {
			t.Fatalf("switchover to %s: exit code %d, %s", names[to], got.code, got.stderr)
		}
	}
	for _, c := range clients {
		acked := c.told(t)
		if sum := counted(c.name); sum != acked {
			t.Errorf("%s: %d INCRs were answered, and the keys add up to %d", c.name, acked, sum)
		}
		t.Logf("%s: %d INCRs", c.name, acked)
	}
}
