package appliance_test

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"ledge/respd/resp"
)

// greedy are scripts each of which wants more memory than a group of 64 MiB has.
var greedy = []string{
	"return string.rep('x',200000000)",
	"local s='x' for i=1,40 do s=s..s end return 1",
	"local t={} for i=1,3000000 do t[i]=i end return t",
	"return #string.gsub(string.rep('a',3000000),'a','bbbbbbbbbb')",
	"local t={} for i=1,1e9 do t[i]=string.rep('x',1000)..i end",
	"local t={} for i=1,1e6 do t[i]='xxxxxxxxxxxx' end return #cjson.encode(t)",
	"return #cjson.decode('['..string.rep('[1],',1000000)..'1]')",
	"local t={} for i=1,200000 do t[i]={i,i} end return #cmsgpack.pack(t)",
	"return #struct.pack('c20000000',string.rep('x',20000000))",
	"local t={} for i=1,1e6 do t[i]=redis.call('GET','big') end return #t",
	"for i=1,1e6 do redis.call('APPEND','w',string.rep('x',100000)) end",
	"local t={} local s=string.rep('x',1000000) for i=1,100 do t[i]=s end return t",
	"local t={} for i=1,1e6 do t[i]=coroutine.create(function() end) coroutine.resume(t[i]) end",
	"return loadstring('local a={'..string.rep('1,',3000000)..'}')",
}

// hoarders are what clients send that take none of their replies, or send no more.
var hoarders = []struct {
	what    string
	clients int
	sends   []byte
}{
	{"replies of 3 MB", 20, times(50, "GET", "big")},
	{"a transaction of such replies", 10, join(times(1, "MULTI"), times(50, "GET", "big"), times(1, "EXEC"))},
	{"half a command", 20, append([]byte("*3\r\n$3\r\nSET\r\n$1\r\nq\r\n$4000000\r\n"), bytes.Repeat([]byte("x"), 3_900_000)...)},
	{"half a command of many arguments", 20, append([]byte("*60000\r\n$3\r\nDEL\r\n"), bytes.Repeat([]byte("$1\r\nx\r\n"), 59_000)...)},
	{"more arguments than are taken", 20, append([]byte("*1000000\r\n$3\r\nDEL\r\n"), bytes.Repeat([]byte("$1\r\nx\r\n"), 99_000)...)},
	{"commands that wait for EXEC", 20, join(times(1, "MULTI"), times(40, "SET", "q", strings.Repeat("x", 100_000)))},
	{"large sets", 20, times(20, "SMEMBERS", "set")},
	{"dumps of large sets", 10, times(10, "DUMP", "set")},
	{"sorted sets", 10, times(2, "SORT", "set", "ALPHA")},
	{"large sets in a transaction", 10, join(times(1, "MULTI"), times(200, "SMEMBERS", "set"), times(1, "EXEC"))},
	{"waits for many keys", 50, times(1, strings.Fields("BLPOP "+strings.Repeat("nolist ", 2000)+"0")...)},
}

func times(n int, words ...string) []byte {
	return bytes.Repeat(resp.AppendCommand(nil, words...), n)
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// In a small control group no script and no client takes a node more memory than the
// group has: each script is answered with an error, clients that hold too much are
// closed or wait, and the node goes on and has all of its keys after a restart.
func TestSmallGroupGreed(t *testing.T) {
	group, dir, ctx := smallGroup(t), onDisk(t), t.Context()
	p := inGroup(t, group, dir, "--sync", "interval")
	c := p.client()
	if got := c.ConfigGet(ctx, "script-max-memory").Val()["script-max-memory"]; got != fmt.Sprint(4<<20) {
		t.Errorf("script-max-memory is %s; want an eighth of what the process may take, %d", got, 4<<20)
	}
	if err := c.Set(ctx, "big", strings.Repeat("x", 3_000_000), 0).Err(); err != nil {
		t.Fatalf("SET: %v", err)
	}
	for i := range 10 {
		var members []any
		for j := range 2000 {
			members = append(members, fmt.Sprintf("member:%d:%d", i, j))
		}
		if err := c.SAdd(ctx, "set", members...).Err(); err != nil {
			t.Fatalf("SADD: %v", err)
		}
	}
	for _, script := range greedy {
		err := c.Do(ctx, "EVAL", script, "0").Err()
		if err == nil || !strings.Contains(err.Error(), "script-max-memory") && !strings.HasPrefix(err.Error(), "OOM ") {
			t.Errorf("%s: %v; want an error that says of memory", script, err)
		}
	}
	for _, h := range hoarders {
		let := hoard(t, p, h.clients, h.sends)
		for range 20 { // what the others have sent is served between them
			if err := c.Ping(ctx).Err(); err != nil {
				t.Fatalf("%s: PING = %v", h.what, err)
			}
		}
		let()
	}
	if got := p.info("evicted_clients"); got == "0" {
		t.Errorf("evicted_clients is %s; want those counted that were closed for what they held", got)
	}
	keys := c.DBSize(ctx).Val()
	if err := c.Save(ctx).Err(); err != nil {
		t.Errorf("SAVE: %v", err)
	}
	p.end(syscall.SIGKILL)
	if said := p.stderr.String(); !strings.Contains(said, "client closed: ") {
		t.Errorf("the log is %s; want it to say that clients were closed", said)
	}
	p = inGroup(t, group, dir, "--sync", "interval")
	if got := p.client().DBSize(ctx).Val(); got != keys {
		t.Errorf("%d keys after a restart; want %d", got, keys)
	}
	if code := p.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code = %d; want 0", code)
	}
}

// hoard has clients send something and take nothing, until the node takes no more of
// it. They go on so until let is called.
func hoard(t *testing.T, p *process, clients int, sends []byte) (let func()) {
	t.Helper()
	var all []net.Conn
	sent := make(chan struct{}, clients)
	for range clients {
		nc, err := net.Dial("tcp", p.addr)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, nc)
		go func() {
			_ = nc.SetWriteDeadline(time.Now().Add(300 * time.Millisecond))
			_, _ = nc.Write(sends)
			sent <- struct{}{}
		}()
	}
	for range clients {
		<-sent
	}
	return func() {
		for _, nc := range all {
			nc.Close()
		}
	}
}
