package appliance

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"ledge/admin"
	"ledge/appliance/options"
)

// leaderSecret is a password that was read for a leader.
type leaderSecret struct{ leader, password string }

// leaderPasswordPath returns the file with the password for a leader: auth/leader, which
// a switchover writes, unless file is there for the leader that the configuration says.
func leaderPasswordPath(n *Node, leader, file string) string {
	path := n.dir.leaderPath()
	if _, err := os.Stat(path); file != "" && (leader == n.cfg.Follow || err != nil) {
		return file
	}
	return path
}

// LeaderPassword reads the password for a leader, before each attempt: it may have been
// changed. While the file is no good the one that was read last holds.
func (v live) LeaderPassword(leader string) (string, error) {
	n := v.n
	path := leaderPasswordPath(n, leader, *n.followFile.Load())
	p, err := passwordBy(options.ReadBounded, path)
	if err == nil {
		n.leaderSaid.Store(&leaderSecret{leader, p})
		return p, nil
	}
	err = fmt.Errorf("the leader's password can't be read: %w; copy %s of the leader's directory to %s, "+
		"or name another file at the node's start, with --follow-password-file", err, filepath.Join(authDir, admin.ReplicaUser), path)
	if last := n.leaderSaid.Load(); last != nil && last.leader == leader {
		n.cfg.Logger.Error("the password that was read before is said to the leader", "cause", err)
		return last.password, nil
	}
	return "", err
}

// checkLeaderPassword looks at the files that LeaderPassword reads, where file is what
// the configuration says. One that the node has no use for need not be there.
func checkLeaderPassword(n *Node, file string) error {
	leader := n.Link().Leader
	used := ""
	if leader != "" {
		used = leaderPasswordPath(n, leader, file)
	}
	for _, path := range []string{file, n.dir.leaderPath()} {
		if path == "" {
			continue
		}
		if _, err := passwordBy(options.ReadBounded, path); err == nil || errors.Is(err, fs.ErrNotExist) && path != used {
			continue
		} else if path == file {
			return &options.Error{Option: "follow-password-file", Err: err}
		} else {
			return fmt.Errorf("the leader's password can't be read: %w", err)
		}
	}
	return nil
}
