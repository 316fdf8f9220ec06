package respd_test

// A node of a cluster holds keys in slots that its shard does not own. What any command
// answers has to be as if they weren't there. So each command of the table has a row here:
// those that go by their keys' slots are sent away, and the others are called, and nothing
// that they say may have or count those keys. A command without a row fails the test.

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"ledge/journal"
	"ledge/replay"
	"ledge/replay/cluster"
	"ledge/replay/replaytest"
	"ledge/respd"
	"ledge/respd/command"
)

// byKey are the commands whose keys say where they are served. Their calls are made up:
// see callOf.
const byKey = `append bitcount bitfield bitfield_ro bitop bitpos blmove blmpop blpop brpop brpoplpush bzmpop bzpopmax
bzpopmin copy decr decrby del dump eval eval_ro evalsha evalsha_ro exists expire expireat expiretime fcall fcall_ro geoadd
geodist geohash geopos georadius georadius_ro georadiusbymember georadiusbymember_ro geosearch geosearchstore get getbit
getdel getex getrange getset hdel hexists hexpire hexpireat hexpiretime hget hgetall hgetdel hgetex hincrby hincrbyfloat
hkeys hlen hmget hmset hpersist hpexpire hpexpireat hpexpiretime hpttl hrandfield hscan hset hsetex hsetnx hstrlen httl hvals
incr incrby incrbyfloat lcs lindex linsert llen lmove lmpop lpop lpos lpush lpushx lrange lrem lset ltrim memory|usage mget
move mset msetnx object|encoding object|freq object|idletime object|refcount persist pexpire pexpireat pexpiretime pfadd
pfcount pfdebug pfmerge psetex pttl rename renamenx restore restore-asking rpop rpoplpush rpush rpushx sadd scard sdiff
sdiffstore set setbit setex setnx setrange sinter sintercard sinterstore sismember smembers smismember smove sort sort_ro
spop spublish srandmember srem sscan ssubscribe strlen substr sunion sunionstore sunsubscribe touch ttl type unlink watch zadd
zcard zcount zdiff zdiffstore zincrby zinter zintercard zinterstore zlexcount zmpop zmscore zpopmax zpopmin zrandmember zrange
zrangebylex zrangebyscore zrangestore zrank zrem zremrangebylex zremrangebyrank zremrangebyscore zrevrange zrevrangebylex
zrevrangebyscore zrevrank zscan zscore zunion zunionstore`

// noKey are the others, each as it is called. Where there is an answer after "=>", it is
// the only right one.
var noKey = strings.Split(strings.TrimSpace(`
acl|whoami:
acl|help:
asking:
auth: x
bgsave:
client|caching: yes
client|getname:
client|getredir:
client|id:
client|info:
client|kill: id 999999
client|list:
client|no-evict: off
client|no-touch: off
client|pause: 0
client|reply: on
client|setinfo: lib-name x
client|setname: x
client|tracking: off
client|trackinginfo:
client|unblock: 999999
client|unpause:
client|help:
cluster|addslots: 7365
cluster|addslotsrange: 7365 7365
cluster|delslots: 7365
cluster|delslotsrange: 7365 7365
cluster|failover:
cluster|flushslots:
cluster|forget: other1
cluster|meet: 10.0.0.7 1
cluster|replicate: other1
cluster|reset:
cluster|set-config-epoch: 1
cluster|setslot: 7365 stable
cluster|migration: foo x
cluster|migrateslots: slotsrange 0 0 node
cluster|getslotmigrations:
cluster|cancelslotmigrations:
cluster|bumpepoch:
cluster|count-failure-reports: me1
cluster|countkeysinslot: 7365 => (integer) 0
cluster|getkeysinslot: 7365 100 => []
cluster|info:
cluster|keyslot: x
cluster|links:
cluster|myid:
cluster|nodes:
cluster|replicas: me1
cluster|slaves: me1
cluster|saveconfig:
cluster|shards:
cluster|slots:
cluster|help:
clusterx|help:
clusterx|migrate: 7365 other1
clusterx|myid:
clusterx|setnodeid: me1
clusterx|setnodes: x 1
clusterx|setslot: 7365 NODE me1 1
clusterx|version:
command|count:
command|docs: get
command|getkeys: get x
command|getkeysandflags: get x
command|info: get
command|list:
command|help:
config|get: *
config|set: slowlog-max-len 128
config|resetstat:
config|rewrite:
config|help:
dbsize: => (integer) 3
debug: help
discard:
echo: x
exec:
flushall:
flushdb:
function|delete: x
function|dump:
function|flush:
function|help:
function|kill:
function|list:
function|load: x
function|restore: x
function|stats:
hello:
info: keyspace => "# Keyspace\r\ndb0:keys=3,expires=0,avg_ttl=0\r\n"
keys: * => ["{b}0" "{b}1" "{b}2"]
lastsave:
latency|doctor:
latency|graph: x
latency|history: x
latency|latest:
latency|reset:
latency|help:
ledge|at: 1 get x
ledge|history:
ledge|resume:
ledge|status:
ledge|help:
lolwut:
memory|doctor:
memory|malloc-stats:
memory|purge:
memory|stats: => …"keys.count" (integer) 3…
memory|help:
multi:
object|help:
pfselftest:
ping:
psubscribe: *
publish: x y
pubsub|channels:
pubsub|numpat:
pubsub|numsub: x
pubsub|shardchannels:
pubsub|shardnumsub: x
pubsub|help:
punsubscribe:
quit:
randomkey: => "{b}…
readonly:
readwrite:
replicaof: x 1
reset:
role:
save:
scan: 0 COUNT 1000000
script|debug: no
script|exists: x
script|flush:
script|help:
script|kill:
script|load: return
select: 0
shutdown: abort
slaveof: x 1
slowlog|get: -1
slowlog|len:
slowlog|reset:
slowlog|help:
subscribe: x
swapdb: 0 1
time:
unsubscribe:
unwatch:
wait: 0 1
waitaof: 0 0 1
`), "\n")

// hiddenKeys is how many keys are hidden on the node, a number that nothing else has.
const hiddenKeys = 20_011

// hides tells a reply that has hidden keys, or counts them.
var hides = regexp.MustCompile(fmt.Sprintf(`\{c\}hid|\b(%d|%d)\b`, hiddenKeys, hiddenKeys+3))

// hiding starts a node that owns b's slot and has keys of another shard's, c's: three and
// hiddenKeys of them.
func hiding(t *testing.T) *node {
	t.Helper()
	own := slotsOf(0, cSlot-1)
	m, err := cluster.New("c1", "me1",
		cluster.Shard{ID: "me", Slots: own, Nodes: []cluster.Node{{ID: "me1", Host: "h", Port: 7, Leads: true}}},
		cluster.Shard{ID: "other", Slots: slotsOf(cSlot, journal.MaxSlot),
			Nodes: []cluster.Node{{ID: "other1", Host: "10.0.0.7", Port: 6379, Leads: true}}})
	if err != nil {
		t.Fatal(err)
	}
	var w interface {
		Propose(context.Context, replay.Proposal) error
	}
	n := start(t, func(cfg *respd.Config) { cfg.Cluster, w = func() *cluster.Map { return m }, cfg.Writer })
	var cmds []replaytest.Command
	for i := range hiddenKeys {
		cmds = append(cmds, replaytest.SetUntil(0, fmt.Sprintf("{c}hid%d", i), "v", 4e12))
	}
	for i := range 3 {
		cmds = append(cmds, replaytest.Set(fmt.Sprintf("{b}%d", i), "v"))
	}
	cmds = append(cmds, func(d *replay.Draft) error { return d.FoundSlots("c1", []journal.SlotRange{own[0].SlotRange}) })
	g := replaytest.NewGroup(cmds...)
	if err := w.Propose(t.Context(), g); err != nil || len(g.Failed) > 0 {
		t.Fatal(err, g.Failed)
	}
	return n
}

// callOf makes up a call of a command that has keys, all of which are hidden.
func callOf(s *command.Spec) (string, bool) {
	words := strings.Split(s.FullName(), "|")
	for len(words) < 16 {
		args := make(command.Args, len(words))
		for i, word := range words {
			args[i] = []byte(word)
		}
		if keys := s.KeysOf(args); s.ArityOK(len(words)) && len(keys) > 0 {
			for _, i := range keys {
				words[i] = "{c}hid1"
			}
			return strings.Join(words, " "), true
		}
		words = append(words, "1")
	}
	return "", false
}

// leaves are the commands of the table that can be called: subcommands in the place of
// those that have some.
func leaves() map[string]*command.Spec {
	all := make(map[string]*command.Spec)
	for _, s := range respd.Commands().All() {
		if len(s.Subs) == 0 {
			all[s.FullName()] = s
		}
		for _, sub := range s.Subs {
			all[sub.FullName()] = sub
		}
	}
	return all
}

func TestNoCommandShowsHiddenKeys(t *testing.T) {
	n, left := hiding(t), leaves()
	of := func(name string) *command.Spec {
		s := left[name]
		if s == nil {
			t.Fatalf("%s has two rows, or is no command", name)
		}
		delete(left, name)
		return s
	}
	c := n.dial()
	for _, name := range strings.Fields(byKey) {
		line, ok := callOf(of(name))
		if !ok {
			t.Errorf("%s: no call has a key", name)
			continue
		}
		if got := c.do(line); !strings.HasPrefix(got, "(error) MOVED 7365 ") {
			t.Errorf("%s = %.200s; want it sent away", line, got)
		}
	}
	for _, row := range noKey {
		name, call, ok := strings.Cut(row, ":")
		if !ok {
			t.Fatalf("row %q has no name", row)
		}
		of(name)
		args, want, exact := strings.Cut(call, " => ")
		line := strings.ReplaceAll(name, "|", " ") + " " + args
		if name == "flushall" || name == "flushdb" {
			continue // see below
		}
		got := n.dial().do(line)
		if hides.MatchString(got) || exact && !like(got, want) {
			t.Errorf("%s = %.300s; want %s, and nothing of hidden keys", line, got, want)
		}
	}
	for name := range left {
		t.Errorf("%s has no row: what does it say of keys that the shard does not own?", name)
	}
	for _, line := range []string{"flushdb", "flushall async"} {
		c.want("SET {b}3 v", "OK")
		c.want(line, "OK")
		c.want("DBSIZE", "(integer) 0")
		if got := n.state.Keys(); got != hiddenKeys {
			t.Errorf("%d keys are left by %s; want the %d hidden ones", got, line, hiddenKeys)
		}
	}
}

// What a draft sees is no more than what a view does: in scripts, and in a transaction that
// has written.
func TestNoDraftShowsHiddenKeys(t *testing.T) {
	n := hiding(t)
	c := n.dial()
	words := func(w ...string) string { return strings.Join(w, " ") }
	script := func(call string) string {
		return words("EVAL", "return{redis.call('set','{b}0','x'),redis.call("+call+")}", "0")
	}
	for line, want := range map[string]string{
		script("'dbsize'"):                         `[OK (integer) 3]`,
		script("'keys','*'"):                       `[OK ["{b}0" "{b}1" "{b}2"]]`,
		script("'scan','0','count','1000000'"):     `[OK ["0" ["{b}0" "{b}1" "{b}2"]]]`,
		script("'randomkey'"):                      `[OK "{b}…"]`,
		script("'get','{c}hid1'"):                  "(error) ERR Script attempted to access a non local key in a cluster node…",
		script("'sort','{b}0','get','*'"):          "(error) ERR GET option of SORT denied in Cluster mode.…",
		script("'cluster','countkeysinslot',7365"): "…",
	} {
		if got := c.do(line); hides.MatchString(got) || !like(got, want) {
			t.Errorf("%s = %.300s; want %s", line, got, want)
		}
	}
	for line, want := range map[string]string{"DBSIZE": "(integer) 3", "KEYS *": `["{b}0" "{b}1" "{b}2"]`, "RANDOMKEY": `"{b}…"`,
		"SCAN 0 COUNT 1000000": `["0" ["{b}0" "{b}1" "{b}2"]]`} {
		c.want("MULTI", "OK")
		c.want("SET {b}0 y", "QUEUED")
		c.want(line, "QUEUED")
		c.want("EXEC", `[OK `+want+`]`)
	}
	c.want("MULTI", "OK")
	c.want("SET {b}0 y", "QUEUED")
	c.want("FLUSHALL", "QUEUED")
	c.want("DBSIZE", "QUEUED")
	c.want("EXEC", `[OK OK (integer) 0]`)
	if got := n.state.Keys(); got != hiddenKeys {
		t.Errorf("%d keys are left; want the %d hidden ones", got, hiddenKeys)
	}
}
