package appliance_test

import (
	"io"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"ledge/journal/freeport"
)

// scrape returns a node's metrics by name and labels.
func scrape(t *testing.T, addr string) map[string]string {
	t.Helper()
	resp, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK ||
		!strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Fatalf("GET /metrics = %s, %s, %v", resp.Status, resp.Header.Get("Content-Type"), err)
	}
	got, typed := map[string]string{}, map[string]bool{}
	for _, line := range strings.Split(strings.TrimRight(string(body), "\n"), "\n") {
		if f := strings.Fields(line); strings.HasPrefix(line, "# TYPE ") {
			if typed[f[2]] || !slices.Contains([]string{"gauge", "counter", "histogram", "summary"}, f[3]) ||
				(f[3] == "counter") != strings.HasSuffix(f[2], "_total") {
				t.Errorf("%q: declared twice, or not a type that goes with the name", line)
			}
			typed[f[2]] = true
			continue
		} else if strings.HasPrefix(line, "# HELP ") {
			continue
		}
		m := sample.FindStringSubmatch(line)
		if m == nil || !typed[m[2]] && !typed[part.ReplaceAllString(m[2], "")] {
			t.Errorf("%q is no sample of a metric that is declared", line)
			continue
		}
		if _, twice := got[m[1]]; twice {
			t.Errorf("%q is there twice", m[1])
		}
		got[m[1]] = m[4]
	}
	return got
}

// helps returns what a node's metrics say of themselves.
func helps(t *testing.T, addr string) map[string]string {
	t.Helper()
	resp, err := http.Get("http://" + addr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for line := range strings.Lines(string(body)) {
		if rest, ok := strings.CutPrefix(line, "# HELP "); ok {
			name, help, _ := strings.Cut(rest, " ")
			got[name] = help
		}
	}
	return got
}

// What is said of a metric is what it does: the epoch grows with a start, a group of
// writes is one append, and before the first snapshot there is no time of one.
func TestMetricHelps(t *testing.T) {
	dir, addr := t.TempDir(), freeport.Addr(t)
	p := start(t, dir, "--metrics-listen", addr)
	first := scrape(t, addr)
	for name, want := range map[string]string{
		"ledge_journal_epoch": "start", "ledge_journal_appends_total": "Batches",
		"ledge_snapshot_timestamp_seconds": "0 before", "ledge_journal_append_seconds": "each",
	} {
		if got := helps(t, addr)[name]; !strings.Contains(got, want) {
			t.Errorf("help of %s is %q; want %q in it", name, got, want)
		}
	}
	pipe := p.client().TxPipeline()
	for range 3 {
		pipe.Incr(t.Context(), "k")
	}
	if _, err := pipe.Exec(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := scrape(t, addr)
	if got, want := value(t, second, "ledge_journal_appends_total"), value(t, first, "ledge_journal_appends_total")+1; got != want {
		t.Errorf("%v appends after a transaction; want %v", got, want)
	}
	if got := second["ledge_snapshot_timestamp_seconds"]; got != "0" {
		t.Errorf("before the first snapshot its time is %s; want 0", got)
	}
	if got := second["redis_rdb_last_save_timestamp_seconds"]; got != second["ledge_start_time_seconds"] {
		t.Errorf("before the first snapshot LASTSAVE is %s; want the start, as Redis has it", got)
	}
	p.end(syscall.SIGTERM)
	start(t, dir, "--metrics-listen", addr)
	if got, was := value(t, scrape(t, addr), "ledge_journal_epoch"), value(t, first, "ledge_journal_epoch"); got <= was {
		t.Errorf("epoch %v after a start, %v before; want it grown", got, was)
	}
}

func value(t *testing.T, metrics map[string]string, name string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(metrics[name], 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return v
}

var (
	sample = regexp.MustCompile(`^(((?:ledge|redis|go|process)_[a-z_]+)(\{[a-z_]+="(?:[^"\\\n]|\\[\\"n])*"(?:,[a-z_]+="(?:[^"\\\n]|\\[\\"n])*")*\})?) ([-+0-9.e]+)$`)
	// part is what the names of a histogram's samples end in.
	part = regexp.MustCompile(`_(bucket|sum|count)$`)
)

// What Prometheus hears of a leader and its replica: that they are in step, and
// when the leader has gone, that the link has failed and how often.
func TestMetrics(t *testing.T) {
	dirs := [2]string{t.TempDir(), t.TempDir()}
	nats, addrs := freeport.Addr(t), [2]string{freeport.Addr(t), freeport.Addr(t)}
	a := start(t, dirs[0], "--node", "a", "--nats-listen", nats, "--metrics-listen", addrs[0])
	b := start(t, dirs[1], "--node", "b", "--metrics-listen", addrs[1], "--follow", "nats://"+nats,
		"--follow-password-file", dirs[0]+"/auth/replica", "--sync-attempts", "2")
	if err := a.client().Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Fatal(err)
	}
	within(t, 20*time.Second, "the replica is in step", func() bool {
		return b.info("ledge_link_state") == "streaming" && b.info("master_repl_offset") == a.info("master_repl_offset")
	})
	want := func(addr string, want map[string]string) {
		t.Helper()
		got := scrape(t, addr)
		for name, value := range want {
			if got[name] != value {
				t.Errorf("%s = %q; want %q", name, got[name], value)
			}
		}
	}
	want(addrs[0], map[string]string{
		`ledge_link_state{state="none"}`: "1", "ledge_replicas": "1", `ledge_keys{db="0"}`: "1",
		`ledge_suspended{class="retryable"}`: "0", "ledge_journal_last_number": a.info("master_repl_offset"),
	})
	want(addrs[1], map[string]string{
		`ledge_link_state{state="none"}`: "0", `ledge_link_state{state="streaming"}`: "1", "ledge_link_lag_numbers": "0",
		"ledge_link_attempts": "0", "ledge_full_syncs_total": "0", `ledge_keys{db="0"}`: "1",
	})
	a.end(syscall.SIGKILL)
	within(t, 20*time.Second, "the link has failed", func() bool { return b.info("ledge_link_state") == "failed" })
	got := scrape(t, addrs[1])
	attempts, _ := strconv.Atoi(got["ledge_link_attempts"])
	if got[`ledge_link_state{state="failed"}`] != "1" || got[`ledge_link_state{state="streaming"}`] != "0" ||
		attempts < 2 || got[`ledge_link_error{class="retryable"}`] != "1" || got["ledge_link_next_attempt_seconds"] == "0" {
		t.Errorf("behind the leader's end: %v", got)
	}
}
