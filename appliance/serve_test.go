package appliance_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/appliance"
	"ledge/appliance/options"
	"ledge/journal"
	"ledge/journal/freeport"
	"ledge/journal/jet"
)

// What was set before a stop is there after a start, and the node says where
// it listens, where its data and credentials are, and how far it recovered.
func TestRestart(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	p := start(t, dir)
	if want := "new and empty"; !strings.Contains(p.greeting, want) {
		t.Errorf("greeting is %q; want %q in it", p.greeting, want)
	}
	c := p.client()
	if err := c.Set(ctx, "k", "v", 0).Err(); err != nil {
		t.Fatalf("SET: %v", err)
	}
	if got, err := c.Get(ctx, "k").Result(); got != "v" || err != nil {
		t.Errorf("GET = %q, %v; want v", got, err)
	}
	digest := p.info("journal_digest")
	if code := p.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code after SIGTERM = %d; want 0; stderr: %s", code, &p.stderr)
	}
	if got := digestOf(t, verified(t, dir)); got != digest {
		t.Errorf("journal verify finds digest %s; INFO said %s", got, digest)
	}

	p = start(t, dir, "--nats-listen", freeport.Addr(t))
	if got, err := p.client().Get(ctx, "k").Result(); got != "v" || err != nil {
		t.Errorf("GET after a restart = %q, %v; want v", got, err)
	}
	for _, want := range []string{p.addr, dir, filepath.Join(dir, "auth", "admin"), "nats://127.0.0.1:",
		"redis-cli -p", "recovered up to number 2, 1 keys"} {
		if !strings.Contains(p.greeting, want) {
			t.Errorf("greeting is %q; want %q in it", p.greeting, want)
		}
	}
	st, err := os.Stat(filepath.Join(dir, "auth", "admin"))
	if err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("credentials: %v, %v; want mode 0600", st, err)
	}
	if code := p.end(syscall.SIGINT); code != 0 {
		t.Errorf("exit code after SIGINT = %d; want 0; stderr: %s", code, &p.stderr)
	}
}

// A node that is stopped while clients write answers what it has taken, ends
// with 0, and has everything that it has answered.
func TestDrain(t *testing.T) {
	ctx, dir := t.Context(), t.TempDir()
	p := start(t, dir)
	var wg sync.WaitGroup
	acked := make([]int, 20)
	half := make(chan struct{}, len(acked))
	for i := range acked {
		c := p.client()
		wg.Go(func() {
			for n := 1; ; n++ {
				got, err := c.Incr(ctx, fmt.Sprint("n", i)).Result()
				if err != nil {
					return
				}
				acked[i] = int(got)
				if n == 50 {
					half <- struct{}{}
				}
			}
		})
	}
	for range acked {
		<-half
	}
	if code := p.end(syscall.SIGTERM); code != 0 {
		t.Errorf("exit code = %d; want 0; stderr: %s", code, &p.stderr)
	}
	wg.Wait()
	if said := verified(t, dir); !strings.Contains(said, "closed in good order") {
		t.Errorf("journal verify says %q; want it closed in good order", said)
	}
	p = start(t, dir)
	c := p.client()
	for i, want := range acked {
		// The connection may break after an answer that was on its way.
		if got, err := c.Get(ctx, fmt.Sprint("n", i)).Int(); err != nil || got != want && got != want+1 {
			t.Errorf("n%d = %d, %v; want %d or one more", i, got, err, want)
		}
	}
}

// SHUTDOWN ends the process as SIGTERM does.
func TestShutdown(t *testing.T) {
	p := start(t, t.TempDir())
	p.client().Shutdown(t.Context())
	if code := p.end(0); code != 0 {
		t.Errorf("exit code = %d; want 0; stderr: %s", code, &p.stderr)
	}
}

// A second process on a directory says who has it, and harms nothing.
func TestOwnedDirectory(t *testing.T) {
	dir := t.TempDir()
	p := start(t, dir)
	got := run(t, "serve", "--dir", dir, "--listen", freeport.Addr(t), "--nats-listen", "off")
	want := fmt.Sprintf("ledge: --dir: %s belongs to a running process, pid %d, %s serve; ledge stop --dir %[1]s ends it, and "+
		"--dir gives this one another directory\n", dir, p.cmd.Process.Pid, filepath.Base(p.cmd.Path))
	if got.code != 1 || got.stderr != want {
		t.Errorf("exit code %d, stderr %q; want 1, %q", got.code, got.stderr, want)
	}
	if err := p.client().Ping(t.Context()).Err(); err != nil {
		t.Errorf("PING of the first process: %v", err)
	}
}

// A password is asked for, and lets in.
func TestPassword(t *testing.T) {
	p := start(t, t.TempDir(), "--listen", "0.0.0.0:0", "--password", "sesame")
	_, port, _ := strings.Cut(p.addr, "]:") // [::]:port
	p.addr = "127.0.0.1:" + port
	if err := p.client().Get(t.Context(), "k").Err(); err == nil || !strings.HasPrefix(err.Error(), "NOAUTH") {
		t.Errorf("GET without AUTH = %v; want NOAUTH", err)
	}
	c := redis.NewClient(&redis.Options{ReadTimeout: time.Minute, Addr: p.addr, Password: "sesame"})
	defer c.Close()
	if err := c.Get(t.Context(), "k").Err(); !errors.Is(err, redis.Nil) {
		t.Errorf("GET with AUTH = %v; want %v", err, redis.Nil)
	}
}

// A first start that is killed at any point is made good by the next one: what
// it can leave are the directory's states up to then.
func TestFirstStartCutShort(t *testing.T) {
	for _, c := range []struct {
		name string
		cut  func(t *testing.T, dir string)
	}{
		{"before the identity", func(t *testing.T, dir string) {
			write(t, filepath.Join(dir, "lock"), "1\n")
			write(t, filepath.Join(dir, "ledge.json.tmp"), "{")
		}},
		{"before the journal", func(t *testing.T, dir string) {
			identity(t, dir, "creating")
		}},
		{"before the identity is ready", func(t *testing.T, dir string) {
			start(t, dir).end(syscall.SIGKILL)
			b, err := os.ReadFile(filepath.Join(dir, "ledge.json"))
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join(dir, "ledge.json"), strings.Replace(string(b), "ready", "creating", 1))
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			c.cut(t, dir)
			p := start(t, dir)
			if err := p.client().Set(t.Context(), "k", "v", 0).Err(); err != nil {
				t.Errorf("SET: %v", err)
			}
			p.end(syscall.SIGTERM)
			verified(t, dir)
		})
	}
}

// A journal that has gone missing is not replaced by an empty one.
func TestLostJournal(t *testing.T) {
	dir := t.TempDir()
	start(t, dir).end(syscall.SIGTERM)
	if err := os.RemoveAll(filepath.Join(dir, "journal")); err != nil {
		t.Fatal(err)
	}
	got := run(t, "serve", "--dir", dir, "--listen", freeport.Addr(t), "--nats-listen", "off")
	if got.code != 1 || !strings.Contains(got.stderr, "missing") {
		t.Errorf("exit code %d, stderr %q; want 1 and that the journal is missing", got.code, got.stderr)
	}
}

// No second process gets into a running node's directory, to serve or to look,
// though somebody has removed its file lock.
func TestLockRemoved(t *testing.T) {
	dir := t.TempDir()
	p := start(t, dir)
	if err := os.Remove(filepath.Join(dir, "lock")); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"serve", "--dir", dir, "--listen", freeport.Addr(t), "--nats-listen", "off"},
		{"journal", "verify", "--dir", dir},
	} {
		if got := run(t, args...); got.code == 0 || !strings.Contains(got.stderr, "belongs to a running process") {
			t.Errorf("%v: exit code %d, stderr %q; want it refused", args, got.code, got.stderr)
		}
	}
	if err := p.client().Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Errorf("SET: %v", err)
	}
	p.end(syscall.SIGTERM)
	verified(t, dir)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func identity(t *testing.T, dir, state string) {
	t.Helper()
	write(t, filepath.Join(dir, "ledge.json"), fmt.Sprintf(`{"format":1,"state":%q,`+
		`"lineage":"00000000000000aa","node":"n","created":"2026-01-02T03:04:05Z","databases":16}`, state))
}

// One bit that flips in a stored frame is named by journal verify and by serve,
// at the number where it stands; neither skips it or changes anything.
func TestOneBit(t *testing.T) {
	rng := rand.New(rand.NewSource(seed(t)))
	ctx, dir := t.Context(), t.TempDir()
	p := start(t, dir)
	c := p.client()
	for i := range 100 {
		if err := c.Set(ctx, fmt.Sprint("k", i), strings.Repeat("v", rng.Intn(200)), 0).Err(); err != nil {
			t.Fatalf("SET: %v", err)
		}
	}
	p.end(syscall.SIGTERM)
	want := verified(t, dir)
	frames := framesOf(t, dir)
	for range 12 {
		f := frames[rng.Intn(len(frames))]
		at, bit := f.off+rng.Int63n(int64(f.size)), byte(1)<<rng.Intn(8)
		flip(t, f.path, at, bit)
		named := fmt.Sprintf("number %d:", f.seq)
		for _, args := range [][]string{
			{"journal", "verify", "--dir", dir},
			{"serve", "--dir", dir, "--listen", freeport.Addr(t), "--nats-listen", "off"},
		} {
			got := run(t, args...)
			if got.code != 1 || !strings.Contains(got.stderr, named) {
				t.Errorf("bit %#x at %d of number %d flipped: %s: exit code %d, stderr %q; want 1 and %q",
					bit, at, f.seq, args[0], got.code, got.stderr, named)
			}
		}
		flip(t, f.path, at, bit)
	}
	if got := verified(t, dir); got != want {
		t.Errorf("journal verify afterwards says %q; want %q", got, want)
	}
	start(t, dir)
}

func flip(t *testing.T, path string, at int64, bit byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, 1)
	if _, err := f.ReadAt(b, at); err != nil {
		t.Fatal(err)
	}
	b[0] ^= bit
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
}

// stored is where a frame stands.
type stored struct {
	seq  journal.Seq
	path string
	off  int64
	size int
}

// framesOf finds the frames of a stopped node in its last journal file, in
// order.
func framesOf(t *testing.T, dir string) []stored {
	t.Helper()
	path, block := lastBlock(t, dir)
	var out []stored
	from := 0
	for f, err := range jet.Scan(context.Background(), filepath.Join(dir, "journal"), 1) {
		if err != nil {
			t.Fatal(err)
		}
		if i := strings.Index(block[from:], string(f.Data)); i >= 0 {
			out = append(out, stored{f.Seq, path, int64(from + i), len(f.Data)})
			from += i + len(f.Data)
		}
	}
	if len(out) == 0 {
		t.Fatalf("no frame found in %s", path)
	}
	return out
}

// lastBlock returns the journal's last file and what is in it.
func lastBlock(t *testing.T, dir string) (path, data string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "journal", "jetstream", "*", "streams", "*", "msgs", "*.blk"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no journal files in %s: %v", dir, err)
	}
	last := -1
	for _, p := range paths {
		var n int
		if _, err := fmt.Sscanf(filepath.Base(p), "%d.blk", &n); err == nil && n > last {
			last, path = n, p
		}
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, string(b)
}

// A node's Config tells all its faults at once, each with its option.
func TestValidate(t *testing.T) {
	err := appliance.Config{Listen: ":1", Live: options.Live{Sync: "x"}, Databases: -1, Node: "a b"}.Validate()
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		t.Fatalf("Validate = %v; want joined errors", err)
	}
	var got []string
	for _, e := range many.Unwrap() {
		var bad *appliance.OptionError
		if !errors.As(e, &bad) {
			t.Fatalf("Validate has %v; want an OptionError", e)
		}
		got = append(got, bad.Option)
	}
	if want := "[listen node sync databases]"; fmt.Sprint(got) != want {
		t.Errorf("options at fault are %v; want %s", got, want)
	}
	if err := (appliance.Config{}).Validate(); err != nil {
		t.Errorf("Validate of the zero Config = %v; want nil", err)
	}
}
