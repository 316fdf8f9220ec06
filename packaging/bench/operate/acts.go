package main

import (
	"context"
	"errors"
	"fmt"
	"syscall"
)

// act is what an operator does to a node under load; do is called with the round's number.
// An error says that the node has not done what it should.
type act struct {
	name     string
	restarts bool
	do       func(ctx context.Context, r *rig, round int) error
}

var acts = []act{
	{"nothing", false, func(context.Context, *rig, int) error { return nil }},
	{"kill -9, start", true, killed},
	{"kill -9 of the replica, start", false, killedReplica},
	{"SIGHUP, nothing changed", false, reloaded},
	{"SIGHUP, an option changed", false, changed},
	{"SIGHUP, a file that is no good", false, spoiled},
	{"upgrade and back", true, upgraded},
	{"upgrade and back of the replica", false, upgradedReplica},
	{"password of Redis clients, CONFIG SET", false, passwordSet},
	{"password of Redis clients, file and SIGHUP", false, passwordFile},
	{"password of admin, ledge passwd", false, userPassword("admin")},
	{"password of monitor, ledge passwd", false, userPassword("monitor")},
	{"password of replica, ledge passwd", false, userPassword("replica")},
	{"password of admin, file and SIGHUP", false, userFile("admin")},
	{"password of monitor, file and SIGHUP", false, userFile("monitor")},
	{"password of replica, file and SIGHUP", false, userFile("replica")},
	{"follow-password-file, another path and SIGHUP", false, followFile},
	{"password of the page, file", false, pagePassword},
	{"TLS certificate of Redis clients, SIGHUP", false, certificate("redis", "tls-listen")},
	{"TLS certificate of NATS clients, SIGHUP", false, certificate("nats", "nats-listen")},
	{"authority of all TLS certificates, SIGHUP", false, authorityChanged},
	{"CONFIG SET of live parameters", false, parameters},
}

func killed(_ context.Context, r *rig, _ int) error {
	return errors.Join(r.leader.end(syscall.SIGKILL), r.leader.start())
}

func killedReplica(ctx context.Context, r *rig, _ int) error {
	return r.replicaBack(ctx, errors.Join(r.replica.end(syscall.SIGKILL), r.replica.start()))
}

// replicaBack waits until the replica streams again, unless something has failed before.
func (r *rig) replicaBack(ctx context.Context, err error) error {
	if err != nil {
		return err
	}
	return await(ctx, "the replica streams again", func() bool { return r.linked(ctx) })
}

func reloaded(ctx context.Context, r *rig, _ int) error {
	for range 10 {
		if err := r.leader.reload(ctx, taken); err != nil {
			return err
		}
	}
	return nil
}

// changed changes an option of the file.
func changed(ctx context.Context, r *rig, round int) error {
	want := fmt.Sprint(9000 + round)
	r.leader.options["max-clients"] = want
	if err := errors.Join(r.leader.configure(), r.leader.reload(ctx, taken)); err != nil {
		return err
	}
	return r.holds(ctx, "maxclients", want)
}

// spoiled has the node read a file with an option that there isn't: it says so, and
// takes nothing of the file.
func spoiled(ctx context.Context, r *rig, round int) error {
	o := r.leader.options
	before := o["max-clients"]
	if before == "" {
		before = "10000"
	}
	defer func() {
		delete(o, "max-klients")
		o["max-clients"] = before
	}()
	o["max-clients"], o["max-klients"] = fmt.Sprint(8000+round), "1"
	if err := errors.Join(r.leader.configure(), r.leader.reload(ctx, "max-klients")); err != nil {
		return err
	}
	if err := r.holds(ctx, "maxclients", before); err != nil {
		return err
	}
	delete(o, "max-klients")
	o["max-clients"] = before
	return errors.Join(r.leader.configure(), r.leader.reload(ctx, taken))
}

// upgraded puts the other version in the program's place, stops the node with ledge stop
// and starts it, and after a while goes back with SIGTERM.
func upgraded(ctx context.Context, r *rig, _ int) error {
	if err := r.leader.put(r.other); err != nil {
		return err
	}
	if err := errors.Join(r.leader.command(ctx, "stop"), r.leader.ended(syscall.SIGTERM), r.leader.start()); err != nil {
		return err
	}
	if err := await(ctx, "the other version serves", func() bool { return r.answers(ctx, false) }); err != nil {
		return err
	}
	pause(ctx, r.hold)
	return errors.Join(r.leader.put(r.this), r.leader.end(syscall.SIGTERM), r.leader.start())
}

func upgradedReplica(ctx context.Context, r *rig, _ int) error {
	for _, program := range []string{r.other, r.this} {
		err := errors.Join(r.replica.put(program), r.replica.end(syscall.SIGTERM), r.replica.start())
		if err := r.replicaBack(ctx, err); err != nil {
			return err
		}
		pause(ctx, r.hold)
	}
	return nil
}

// live are parameters with two values each, which can be set while a node runs.
var live = [][3]string{
	{"maxclients", "9999", "10000"},
	{"timeout", "3600", "0"},
	{"tcp-keepalive", "60", "300"},
	{"maxmemory", "2147483648", "0"},
	{"notify-keyspace-events", "KEA", ""},
	{"slowlog-log-slower-than", "0", "10000"},
	{"client-output-buffer-limit", "normal 100mb 0 0 pubsub 16mb 4mb 30", "normal 256mb 0 0 pubsub 32mb 8mb 60"},
	{"min-replicas-max-lag", "20", "10"},
	{"ledge-snapshot-every", "64MiB", "256MiB"},
	{"ledge-sync-interval", "100ms", "1s"},
	{"ledge-sync", "interval", "always"},
	{"ledge-journal-who", "yes", "no"},
	{"ledge-log-level", "debug", "info"},
	{"ledge-resume-interval", "10s", "1m"},
	{"ledge-retain-for-replicas", "512MiB", "1GiB"},
	{"ledge-fetch-timeout", "4s", "3s"},
}

// parameters sets each of them to the one value and to the other, twenty times.
func parameters(ctx context.Context, r *rig, _ int) error {
	for range 20 {
		for _, which := range []int{1, 2} {
			for _, p := range live {
				if _, err := r.ask(ctx, false, "CONFIG", "SET", p[0], p[which]); err != nil {
					return fmt.Errorf("CONFIG SET %s: %w", p[0], err)
				}
			}
		}
	}
	return nil
}
