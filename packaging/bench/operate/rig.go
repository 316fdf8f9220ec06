package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"ledge/admin"
	"ledge/journal/freeport"
)

// rig is a leader and a replica of it, with all that clients have to know of them.
type rig struct {
	settings
	ca              *authority
	leader, replica *node
	signed          int64 // certificates so far

	// mu is held to read while somebody connects, and to write while a password that has
	// no grace is changed: nobody says the one before to a node that has the next. ca is
	// under it, too.
	mu       sync.RWMutex
	password string            // of Redis clients
	page     string            // of the page
	users    map[string]string // of the NATS users
	told     atomic.Int64      // how often any of them was changed

	// files is held to read by commands, which read passwords and certificates that are
	// in files, and to write while one there is not the node's yet, or half of a pair.
	files sync.RWMutex
}

// open starts the two nodes. Both programs must say that they are of different commits.
func open(ctx context.Context, s settings) (r *rig, err error) {
	r = &rig{settings: s, password: "first", page: "page-first", users: make(map[string]string)}
	var versions [2]string
	for i, program := range []string{s.this, s.other} {
		out, err := exec.CommandContext(ctx, program, "version").Output()
		if err != nil {
			return nil, fmt.Errorf("%s version: %w", program, err)
		}
		versions[i] = strings.TrimSpace(string(out))
	}
	if versions[0] == versions[1] {
		return nil, fmt.Errorf("both programs are %s; want two that differ", versions[0])
	}
	fmt.Printf("%s, and as the other version %s; %d clients\n\n", versions[0], versions[1], s.clients)
	defer func() {
		if err != nil {
			r.close()
		}
	}()
	if err := r.makeLeader(); err != nil {
		return r, err
	}
	if err := r.leader.start(); err != nil {
		return r, err
	}
	if err := await(ctx, "the leader serves", func() bool { return r.answers(ctx, false) }); err != nil {
		return r, err
	}
	for _, user := range admin.PasswordUsers() {
		if r.users[user], err = r.stored(user); err != nil {
			return r, err
		}
	}
	if err := r.makeReplica(); err != nil {
		return r, err
	}
	if err := r.replica.start(); err != nil {
		return r, err
	}
	return r, await(ctx, "the replica streams", func() bool { return r.answers(ctx, true) && r.linked(ctx) })
}

// file returns the path of a file of the rig's.
func (r *rig) file(name string) string { return filepath.Join(r.dir, name) }

func (r *rig) makeLeader() (err error) {
	if r.ca, err = newAuthority(r.file("ca.pem")); err != nil {
		return err
	}
	if err := r.ca.trust(); err != nil {
		return err
	}
	if err := r.signAll(); err != nil {
		return err
	}
	for name, text := range map[string]string{"password": r.password, "page": r.page} {
		if err := replace(r.file(name), []byte(text+"\n")); err != nil {
			return err
		}
	}
	options := map[string]string{"sync": "always", "password-file": r.file("password"), "http-password-file": r.file("page"),
		"tls-cert": r.file("redis.pem"), "tls-key": r.file("redis.key"), "tls-ca": r.file("ca.pem"),
		"nats-tls-cert": r.file("nats.pem"), "nats-tls-key": r.file("nats.key"), "nats-tls-ca": r.file("ca.pem")}
	for _, name := range []string{"listen", "tls-listen", "nats-listen", "http-listen"} {
		if options[name], err = freeport.Address(); err != nil {
			return err
		}
	}
	r.leader, err = newNode(r.dir, "a", r.this, options)
	return err
}

func (r *rig) makeReplica() error {
	if err := replace(r.file("leader"), []byte(r.users[admin.ReplicaUser]+"\n")); err != nil {
		return err
	}
	listen, err := freeport.Address()
	if err != nil {
		return err
	}
	r.replica, err = newNode(r.dir, "b", r.this, map[string]string{"sync": "always", "listen": listen, "nats-listen": "off",
		"follow": r.server(), "follow-password-file": r.file("leader"), "nats-tls-ca": r.file("ca.pem"),
		"nats-tls-cert": r.file("replica.pem"), "nats-tls-key": r.file("replica.key")})
	return err
}

// server is where the leader's NATS clients come to.
func (r *rig) server() string { return "tls://" + r.leader.options["nats-listen"] }

// sign gives a listener of the leader another certificate, in its file.
func (r *rig) sign(name string) error {
	r.signed++
	return r.ca.sign(r.file(name), 1000+r.signed)
}

// signAll gives another certificate to both listeners and to the replica.
func (r *rig) signAll() error {
	return errors.Join(r.sign("redis"), r.sign("nats"), r.sign("replica"))
}

// stored returns the password of a NATS user as the leader's directory has it.
func (r *rig) stored(user string) (string, error) {
	b, err := os.ReadFile(filepath.Join(r.leader.data(), "auth", user))
	return strings.TrimSpace(string(b)), err
}

// close ends both nodes.
func (r *rig) close() {
	for _, n := range []*node{r.leader, r.replica} {
		if n != nil {
			_ = n.end(syscall.SIGKILL)
		}
	}
}
