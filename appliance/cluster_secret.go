package appliance

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"ledge/admin"
	"ledge/appliance/options"
	"ledge/journal/broker"
	"ledge/journal/fault"
)

// clusterSecret is the cluster's secret: nodes of other shards come in by it as the user
// peer, and the node says it to them. All nodes of a cluster have the same. A node
// that is none of a cluster's has no clusterSecret.
type clusterSecret struct {
	paths
	file atomic.Pointer[string] // cluster-secret-file; "" is auth/peer

	mu   sync.Mutex
	said string // mu; "" is that there is none
	// before is the one that was followed by said, which nodes may still want to hear that
	// have not been told of the new one, until a time. mu
	before string
	until  time.Time // mu
}

// newClusterSecret reads the secret. It is nil for a node that is none of a cluster's.
func newClusterSecret(d *directory, cfg *Config) (*clusterSecret, error) {
	if !cfg.InCluster() {
		return nil, nil
	}
	s := &clusterSecret{paths: d.paths}
	s.file.Store(&cfg.ClusterSecretFile)
	word, err := s.read(cfg.ClusterSecretFile)
	if errors.Is(err, errNoPassword) && cfg.ClusterSecretFile == "" {
		d.note("%s; nodes of other shards can't connect", err)
		err = nil
	}
	s.said = word
	return s, err
}

// path returns the file that the secret is read from.
func (s *clusterSecret) path() string { return cmp.Or(*s.file.Load(), s.userPath(admin.PeerUser)) }

// read returns the secret in a file, or in auth/peer if file is "". Nothing there is that
// the node has none.
func (s *clusterSecret) read(file string) (word string, err error) {
	if file != "" {
		word, err = passwordBy(options.ReadBounded, file)
	} else if word, err = ReadOwnPassword(s.userPath(admin.PeerUser)); errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err == nil {
		err = checkNATSPassword(word)
	}
	switch {
	case err != nil && file != "":
		return "", &options.Error{Option: "cluster-secret-file", Err: err}
	case err != nil:
		return "", fmt.Errorf("the cluster's secret: %w", err)
	}
	return word, nil
}

// current returns the secret; "" is none.
func (s *clusterSecret) current() string {
	if s == nil {
		return ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said
}

// take puts another secret in place of the one there is, which is still tried until a time.
func (s *clusterSecret) take(word string, until time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.said != word {
		s.before, s.until = s.said, until
	}
	s.said = word
}

// words returns what is said to nodes of other shards: the secret, and if they don't take
// that the one before.
func (s *clusterSecret) words(now time.Time) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.said == "":
		return nil
	case s.before != "" && now.Before(s.until):
		return []string{s.said, s.before}
	}
	return []string{s.said}
}

// admits returns by which password the broker lets peers in. Without a secret it is one
// that nobody knows.
func (s *clusterSecret) admits() string { return cmp.Or(s.current(), rand.Text()) }

// changeable returns why `ledge passwd` can't change the secret, or nil.
func (s *clusterSecret) changeable(user string) error {
	if user != admin.PeerUser || s == nil || *s.file.Load() == "" {
		return nil
	}
	return fmt.Errorf("the cluster's secret is in %s, by --cluster-secret-file: change it there and send SIGHUP", *s.file.Load())
}

// checkSecret looks at the file that rereadSecret reads, where file is what the
// configuration says.
func checkSecret(s *clusterSecret, file string) error {
	if s == nil {
		return nil
	}
	_, err := s.read(file)
	return err
}

// rereadSecret has the broker let peers in by what the file says now. The one before goes
// on to let them in until a time, unless the cluster has no secret any more.
func (p *passwords) rereadSecret(b *broker.Broker, until time.Time) error {
	s := p.secret
	if s == nil {
		return nil
	}
	word, err := s.read(*s.file.Load())
	switch {
	case err != nil:
		return err
	case word == s.current():
		return nil
	case word == "" || s.current() == "":
		until = time.Time{}
	}
	others, err := b.ChangePassword(admin.PeerUser, cmp.Or(word, rand.Text()), until, func(list []broker.Former) error {
		if err := p.writeFormers(admin.PeerUser, list); err != nil { // the secret itself stands in its file already
			p.log.Warn("the secret before is not written down, and ends with the process", "cause", err)
		}
		return nil
	})
	if err != nil {
		return fault.As(fault.Operator, "read the cluster's secret anew", err)
	}
	s.take(word, until)
	level, words := slog.LevelInfo, "the cluster's secret was read anew"
	if word == "" {
		level, words = slog.LevelWarn, "the cluster's secret is gone: nodes of other shards can't connect"
	}
	p.log.Log(context.Background(), level, words, "file", s.path(), "former_until", until, "connections_by_others", others)
	return nil
}
