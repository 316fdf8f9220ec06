package main

import (
	"path/filepath"
	"testing"
)

// The runbooks are what happens: each command is run as it stands on the page, by root,
// on machines that have nothing but a disk of 64 MiB for /var/lib, a wire between them,
// and what stands for systemd and ssh (testdata/machine). The node is another user's
// there where the machine has other users.
func TestRunbooks(t *testing.T) {
	for _, c := range []struct {
		// before makes what the page finds; by is what somebody does between two parts.
		name, before string
		parts        []part
	}{
		{"disk full", fillDisk, []part{{"disk-full", 8, ""}}},
		{"damage", damageJournal, []part{{"damage", 4, ""}, {"damage-repair", 4, ""}, {"", 0, forbidden}}},
		{"lost leader", loseLeader, []part{{"lost-leader", 1, ""}, {"lost-leader-promote", 7, ""}}},
		{"replaced disk", replaceDisk, []part{{"replaced-disk", 7, ""}}},
		{"restore", flushAll, []part{{"restore", 8, ""}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir, err := filepath.Abs("testdata/machine")
			if err != nil {
				t.Fatal(err)
			}
			sh := openSession(t, "mount -t tmpfs tmpfs /mnt && ip link add tried type veth peer name other && ip link delete tried")
			sh.carryOut(t, []step{{command: "MACHINE='" + dir + "'; . $MACHINE/prepare && {\n" + c.before + "}", output: outputOf("")}})
			for _, p := range c.parts {
				steps := []step{{command: p.then, output: outputOf("")}}
				if p.name != "" {
					steps = sessionOf(t, "packaging/docs/runbooks.md", "TestRunbooks/"+p.name)
				}
				if len(steps) < p.least {
					t.Fatalf("%s has %d commands; want all of it", p.name, len(steps))
				}
				sh.carryOut(t, steps)
			}
		})
	}
}

// part is one block of commands of the page, or what the test does itself.
type part struct {
	name  string
	least int
	then  string
}

const (
	// fillDisk fills the disk with a file that isn't ledge's, and with keys.
	fillDisk = `
systemctl start ledge
head -c 30000000 /dev/zero >/var/lib/core.1234
for ((i = 0; i < 60; i++)); do
	head -c 900000 /dev/zero | redis-cli -x set old:$((i % 10)) | grep -q OK || break
done
`
	// damageJournal changes a byte in the middle of a journal.
	damageJournal = `
systemctl start ledge
for i in 1 2 3 4 5; do redis-cli incr visits >/dev/null; done
systemctl stop ledge
for f in /var/lib/ledge/journal/jetstream/JOURNAL/streams/J/msgs/*.blk; do
	printf X | dd of="$f" bs=1 seek=$(($(stat -c %s "$f") / 2)) conv=notrunc status=none
done
`
	// forbidden has the node meet a file that it may not read, which is no damage.
	forbidden = `
systemctl stop ledge
cd /var/lib/ledge
if [ "$(stat -c %u ledge.json)" != 0 ]; then
	chown 0:0 ledge.json ledge.json.copy
	! systemctl start ledge >/dev/null || echo "it starts"
	journalctl -u ledge -n 1 | grep 'permission denied' | grep -vq repair || journalctl -u ledge -n 1
fi
`
	// follow has b follow a, and catch up.
	follow = `
systemctl start ledge
on_b >/dev/null <<'EOF'
ssh a cat /var/lib/ledge/auth/replica | install -D -m 0600 /dev/stdin /var/lib/ledge/auth/leader
systemctl start ledge
ledge follow --dir /var/lib/ledge nats://10.0.0.1:4222
EOF
redis-cli set greeting hello >/dev/null
[ "$(redis-cli wait 1 30000)" = "(integer) 1" ] || echo "b does not follow"
`
	loseLeader = follow + `
kill -9 "$(cat /var/lib/ledge/lock)"
on_b <<'EOF'
timeout 30 bash -c 'until ledge status --dir /var/lib/ledge | grep -q "^link *stalled"; do read -rt 0.05 <> <(:); done'
EOF
`
	replaceDisk = follow + `
on_b <<'EOF'
systemctl stop ledge
mount -t tmpfs -o size=64m,mode=755 tmpfs /var/lib/ledge
mkdir /var/lib/ledge/lost+found
EOF
`
	flushAll = `
systemctl start ledge
mount -t tmpfs tmpfs /srv
{
	redis-cli set greeting hello
	redis-cli incr visits
	ledge backup --dir /var/lib/ledge --to /srv/backup
	redis-cli incr visits
	redis-cli flushall
} >/dev/null
`
)
