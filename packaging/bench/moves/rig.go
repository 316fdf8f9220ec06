package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/admin"
	"ledge/journal/freeport"
)

// rig is two shards of a node each. The first has all slots but the last one, which stays
// with the second.
type rig struct {
	settings
	dir   string
	nodes [2]*node
	tag   string // see keyIn1
	// look is how often it is asked whether a move is over: an answer costs a node what a few
	// writes do.
	look time.Duration
}

// The slots that move, and what stays with each node.
const (
	moving    = "0-8191"
	movingEnd = 8191
	last      = 16383
)

type node struct {
	name, dir, addr, nats string
	cmd                   *exec.Cmd
	op                    *admin.Conn
	c                     *redis.Client
	stays                 string // a key of a slot that stays
}

func open(ctx context.Context, s settings) (*rig, error) {
	r := &rig{settings: s, look: 100 * time.Millisecond}
	var err error
	if r.dir, err = os.MkdirTemp(s.dir, "moves"); err != nil {
		return nil, err
	}
	secret := filepath.Join(r.dir, "secret")
	if err := os.WriteFile(secret, []byte("secret\n"), 0o600); err != nil {
		return r, err
	}
	for i, name := range []string{"a", "b"} {
		if r.nodes[i], err = r.start(ctx, name, secret); err != nil {
			return r, err
		}
	}
	a, b := r.nodes[0], r.nodes[1]
	if _, err := a.op.ClusterFound(ctx, a.name); err != nil {
		return r, err
	}
	if _, err := b.op.ClusterJoin(ctx, b.name, "nats://"+a.nats); err != nil {
		return r, err
	}
	if _, err := r.move(ctx, strconv.Itoa(last), 0); err != nil {
		return r, err
	}
	a.stays, b.stays = r.keyIn(ctx, movingEnd+1, last-1), r.keyIn(ctx, last, last)
	return r, nil
}

// start starts a node, and waits until it answers.
func (r *rig) start(ctx context.Context, name, secret string) (*node, error) {
	n := &node{name: name, dir: filepath.Join(r.dir, name), addr: freeAddr(), nats: freeAddr()}
	log, err := os.Create(filepath.Join(r.dir, name+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	n.cmd = exec.Command(r.program, "serve", "--dir", n.dir, "--node", name, "--listen", n.addr, "--nats-listen", n.nats,
		"--cluster", "yes", "--cluster-secret-file", secret)
	n.cmd.Stdout, n.cmd.Stderr = log, log
	if err := n.cmd.Start(); err != nil {
		return nil, err
	}
	n.c = redis.NewClient(&redis.Options{Addr: n.addr, MaxRetries: -1, DisableIdentity: true, ReadTimeout: time.Minute, WriteTimeout: time.Minute})
	if err := await(ctx, name+" answers", time.Minute, func() bool { return n.c.Ping(ctx).Err() == nil }); err != nil {
		return nil, err
	}
	password, err := os.ReadFile(filepath.Join(n.dir, "auth", "admin"))
	if err != nil {
		return nil, err
	}
	n.op, err = admin.Dial(ctx, admin.ClientConfig{Server: "nats://" + n.nats, User: "admin", Password: strings.TrimSpace(string(password))})
	return n, err
}

// close ends both nodes.
func (r *rig) close() {
	for _, n := range r.nodes {
		if n != nil {
			_ = n.cmd.Process.Signal(syscall.SIGKILL)
			_ = n.cmd.Wait()
		}
	}
	_ = os.RemoveAll(r.dir)
}

// freeAddr returns an address to which a node comes back after a restart.
func freeAddr() string {
	addr, err := freeport.Address()
	if err != nil {
		panic(err)
	}
	return addr
}

// await waits until something is so.
func await(ctx context.Context, what string, limit time.Duration, so func() bool) error {
	return awaitEvery(ctx, 10*time.Millisecond, what, limit, so)
}

// awaitEvery is await for what is looked at so often.
func awaitEvery(ctx context.Context, every time.Duration, what string, limit time.Duration, so func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for !so() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("it is not so that %s: %w", what, ctx.Err())
		}
	}
	return nil
}

// took is how long a move took until the slots were taken, and until its source was cleared.
type took struct{ taken, cleared time.Duration }

// move moves slots away from a node, and waits until both sides are through.
func (r *rig) move(ctx context.Context, slots string, from int) (t took, err error) {
	source, target := r.nodes[from], r.nodes[1-from]
	var id string
	began := time.Now()
	err = await(ctx, "the move begins", time.Minute, func() bool {
		mv, err := source.op.ClusterMove(ctx, source.name, slots, target.addr)
		id = mv.ID
		return err == nil
	})
	for i, n := range []*node{target, source} {
		if err != nil {
			return t, err
		}
		cause := ""
		err = awaitEvery(ctx, r.look, "the move is over", r.limit, func() bool {
			list, err := n.op.ClusterMoves(ctx, n.name)
			for _, mv := range list {
				if err == nil && mv.ID == id && mv.Phase == "ended" {
					cause = mv.Cause
					return true
				}
			}
			return false
		})
		if cause != "" {
			err = errors.New(cause)
		}
		if i == 0 {
			t.taken = time.Since(began)
		}
	}
	t.cleared = time.Since(began)
	return t, err
}

// keyIn returns a key of one of some slots.
func (r *rig) keyIn(ctx context.Context, first, last int64) string {
	for i := 0; ; i++ {
		key := fmt.Sprint("key", i)
		if slot := r.nodes[0].c.ClusterKeySlot(ctx, key).Val(); first <= slot && slot <= last || ctx.Err() != nil {
			return key
		}
	}
}

// rss returns how much memory a node's process has, in MiB.
func (n *node) rss() float64 {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", n.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmRSS:" {
			kb, _ := strconv.ParseFloat(f[1], 64)
			return kb / 1024
		}
	}
	return 0
}
