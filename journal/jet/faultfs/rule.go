package faultfs

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Op is a kind of call to the file system.
type Op string

const (
	OpWrite    Op = "write"
	OpFsync    Op = "fsync"  // also fdatasync, fsync of a directory, and writes with O_SYNC
	OpCreate   Op = "create" // files that weren't there, directories and links
	OpOpen     Op = "open"   // files that were there
	OpRead     Op = "read"
	OpRename   Op = "rename"
	OpUnlink   Op = "unlink" // also of directories
	OpTruncate Op = "truncate"
	OpAllocate Op = "allocate"
	OpAttr     Op = "attr" // modes, owners and times

	// OpModify is for rules only: every call that would change the file system,
	// which are all above but fsync, read, and open for reading. With EROFS it
	// makes a disk read-only.
	OpModify Op = "modify"
)

var ops = []Op{
	OpWrite, OpFsync, OpCreate, OpOpen, OpRead, OpRename, OpUnlink, OpTruncate, OpAllocate,
	OpAttr, OpModify,
}

// Rule makes calls fail, come up short or take their time. A call is hit by
// every rule that is about it: their delays add up, and the first rule added
// that has an Errno or a Short says how the call ends.
type Rule struct {
	Op Op
	// Match is a part of the path below the mount; "" is in all. For a rename
	// it may be in the old path or the new one.
	Match string
	// Errno is what the call fails with. None leaves Short or Delay.
	Errno syscall.Errno
	// After is how many calls that the rule is about pass first.
	After int
	// Count is how many calls it then hits; 0 means all until Clear.
	Count int
	// Short is for writes: so many bytes are written, and then the write fails
	// with Errno or, if there is none, returns their number.
	Short int
	// Delay is waited before the call, also by a call that then fails. Clear
	// and PowerCut end the wait, the death of the caller doesn't.
	Delay time.Duration
}

// validate reports why a rule can't be added.
func (r Rule) validate() error {
	var errs []error
	if !slices.Contains(ops, r.Op) {
		errs = append(errs, fmt.Errorf("op %q is none of %q", r.Op, ops))
	}
	if r.After < 0 || r.Count < 0 || r.Short < 0 || r.Delay < 0 {
		errs = append(errs, errors.New("a number is negative"))
	}
	if r.Short > 0 && r.Op != OpWrite {
		errs = append(errs, fmt.Errorf("short is for writes, not for %q", r.Op))
	}
	if r.Errno == 0 && r.Short == 0 && r.Delay == 0 {
		errs = append(errs, errors.New("it does nothing"))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("rule %+v: %w", r, err)
	}
	return nil
}

// Count is how often something was called, and how many of the calls a rule
// has hit.
type Count struct{ Calls, Hits int }

// Stats has the counts since the mount, by op. OpModify has none of its own.
type Stats map[Op]Count

// call is what rules are held against.
type call struct {
	op       Op
	modifies bool
	paths    []string
}

// verdict is what the rules make of a call.
type verdict struct {
	errno syscall.Errno
	short int // 0 means the whole write
	delay time.Duration
}

// rules are the rules in force and what they have seen.
type rules struct {
	mu    sync.Mutex
	list  []*counted
	stats Stats
}

type counted struct {
	Rule
	seen int
}

func (r *rules) add(rule Rule) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, &counted{Rule: rule})
}

func (r *rules) clear() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = nil
}

func (r *rules) counts() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := Stats{}
	for op, n := range r.stats {
		s[op] = n
	}
	return s
}

// judge counts a call and says what is to become of it.
func (r *rules) judge(c call) verdict {
	r.mu.Lock()
	defer r.mu.Unlock()
	var v verdict
	n := r.stats[c.op]
	n.Calls++
	hit := false
	for _, rule := range r.list {
		if !rule.hits(c) {
			continue
		}
		hit = true
		v.delay += rule.Delay
		if v.errno == 0 && v.short == 0 {
			v.errno, v.short = rule.Errno, rule.Short
		}
	}
	if hit {
		n.Hits++
	}
	r.stats[c.op] = n
	return v
}

func (r *counted) hits(c call) bool {
	if r.Op != c.op && (r.Op != OpModify || !c.modifies) {
		return false
	}
	matches := func(path string) bool { return strings.Contains(path, r.Match) }
	if !slices.ContainsFunc(c.paths, matches) {
		return false
	}
	r.seen++
	return r.seen > r.After && (r.Count == 0 || r.seen-r.After <= r.Count)
}
