package appliance_test

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ledge/appliance"
	"ledge/appliance/report"
	"ledge/journal/freeport"
)

// hostile is a name that would do something if it got into the page as markup.
const hostile = `<img/src=x/onerror=document.title='owned'>`

// busy gives a node's page something to show: commands, slow ones, a client and keys
// with names that would be markup.
func busy(t *testing.T, s *sickbed) {
	t.Helper()
	c := redis.NewClient(&redis.Options{ReadTimeout: time.Minute, Addr: s.Status().Listen, MaintNotificationsConfig: plainly, ClientName: hostile})
	t.Cleanup(func() { c.Close() })
	ctx := t.Context()
	if err := c.ConfigSet(ctx, "slowlog-log-slower-than", "0").Err(); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		if err := c.Set(ctx, fmt.Sprintf("%s:%d", hostile, i), strings.Repeat("v", 100), time.Hour).Err(); err != nil {
			t.Fatal(err)
		}
	}
	c.Do(ctx, "LPOP", "a", "b") // an error
	if err := s.c.Save(ctx).Err(); err != nil {
		t.Fatal(err)
	}
}

// maxPaint is how long the page may take until something is to be seen, as the median of
// a few times, on a machine that does nothing else: BenchmarkFirstPaint says how it is.
const maxPaint = 200 * time.Millisecond

// In a browser the page shows what the node is, in light and dark, on a desk and on a
// phone, with nothing that keeps people from using it, and without a name that a client
// has chosen becoming markup.
func TestPageInBrowser(t *testing.T) {
	b, s := chromium(t), newSickbed(t, manual)
	busy(t, s)
	url := s.Status().Page
	for _, v := range []struct {
		name, scheme  string
		width, height int
	}{{"light", "light", 1200, 900}, {"dark", "dark", 1200, 900}, {"phone", "light", 390, 844}} {
		p := b.open(url, v.width, v.height, v.scheme)
		p.until("the state is shown", `document.getElementById("state").textContent === "OK"`)
		p.until("a hostile key is shown", `document.getElementById("slow").textContent.includes("onerror")`)
		p.until("a hostile client is shown", `document.getElementById("clients").textContent.includes("onerror")`)
		p.until("an event is shown", `document.getElementById("events").textContent.includes("Snapshot taken")`)
		if got := p.eval(`document.images.length + " " + document.title`); !strings.HasPrefix(got, `"0 `) || strings.Contains(got, "owned") {
			t.Errorf("%s: images and title are %s; want no image, and a title of ours", v.name, got)
		}
		if got := p.eval(`document.documentElement.scrollWidth - innerWidth`); got != "0" && !strings.HasPrefix(got, "-") {
			t.Errorf("%s: the page is %s pixels wider than the window; want none", v.name, got)
		}
		p.shoot(v.name)
		p.accessible(v.name)
	}
	if said := b.complaints(); len(said) > 0 {
		t.Errorf("the console complains: %s", strings.Join(said, "\n"))
	}
}

// paints opens the page anew a few times, prints when something was first to be seen,
// and returns the median. The time before these is the browser's own start, for which
// the page can do nothing.
func paints(p *tab, times int) time.Duration {
	p.b.t.Helper()
	const first = `performance.getEntriesByType("paint").find(e => e.name === "first-contentful-paint")`
	var took []time.Duration
	for range times {
		p.eval(`window.old = true`)
		p.b.do(p.session, "Page.reload", nil)
		p.until("it is painted", `!window.old && `+first)
		ms, err := strconv.ParseFloat(p.eval(first+`.startTime`), 64)
		if err != nil {
			p.b.t.Fatalf("no paint was measured: %v", err)
		}
		took = append(took, time.Duration(ms*float64(time.Millisecond)).Round(time.Millisecond))
	}
	p.until("the state is shown again", `document.getElementById("state").textContent === "OK"`)
	slices.Sort(took)
	p.b.t.Logf("first paint after %s; the bar is a median of %s", took, maxPaint)
	return took[len(took)/2]
}

// BenchmarkFirstPaint prints how long the page takes until something is to be seen,
// beside the bar, which is for a machine that does nothing else:
//
//	go test ./appliance -run '^$' -bench FirstPaint -benchtime 20x
func BenchmarkFirstPaint(b *testing.B) {
	p := chromium(b).open(serve(b, appliance.Config{NATSListen: freeport.Addr(b), MetricsListen: "127.0.0.1:0"}).Status().Page, 1200, 900, "light")
	p.until("the state is shown", `document.getElementById("state").textContent === "OK"`)
	took := paints(p, max(5, b.N))
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(took.Milliseconds()), "ms/paint")
	b.ReportMetric(float64(maxPaint.Milliseconds()), "ms/bar")
}

// From the suspension to the end of it: the page says what is wrong, the button wants
// the admin's password, a wrong one is refused, the right one resumes. All by keyboard.
func TestResumeInBrowser(t *testing.T) {
	b, s := chromium(t), newSickbed(t, manual)
	busy(t, s)
	p := b.open(s.Status().Page, 1000, 900, "light")
	p.until("it is ok at first", `document.getElementById("state").textContent === "OK"`)
	if got := p.eval(`document.getElementById("resume").hidden`); got != "true" {
		t.Errorf("while the journal takes writes the form's hidden is %s; want true", got)
	}
	s.suspend()
	p.until("the suspension is shown", `document.getElementById("state").textContent === "Suspended"`)
	p.until("the form is shown", `!document.getElementById("resume").hidden`)
	p.until("the title says so", `document.title.startsWith("Suspended")`)
	if got := p.eval(`document.getElementById("trouble").innerText`); !strings.Contains(got, "Cause") || !strings.Contains(got, "when somebody asks for it") {
		t.Errorf("the trouble is worded %s; want a cause, and that it is up to somebody", got)
	}
	p.shoot("suspended")
	p.accessible("suspended")
	// The first stop of the tabulator skips to the figures; the password comes next.
	for range 2 {
		p.key("Tab", 9, "")
	}
	if got := p.eval(`document.activeElement.id`); got != `"password"` {
		t.Fatalf("after two tabs the focus is on %s; want the password", got)
	}
	enter := func(password string) {
		b.do(p.session, "Input.insertText", map[string]any{"text": password})
		p.key("Enter", 13, "\r")
	}
	enter("guess")
	p.until("a wrong password is refused", `document.getElementById("outcome").textContent.includes("not the admin")`)
	p.until("the button is back", `!document.getElementById("go").disabled`)
	password, err := os.ReadFile(s.Status().Credentials)
	if err != nil {
		t.Fatal(err)
	}
	p.eval(`document.getElementById("password").select()`)
	enter(strings.TrimSpace(string(password)))
	p.until("it has resumed", `document.getElementById("outcome").textContent.includes("Resumed")`)
	p.until("it is ok again", `document.getElementById("state").textContent === "OK" && document.getElementById("resume").hidden`)
	p.until("the event is shown", `document.getElementById("events").textContent.includes("Resumed")`)
	if got := p.eval(`document.getElementById("password").value`); got != `""` {
		t.Error("the password stays in the page; want it gone")
	}
	p.shoot("resumed")
	if err := s.c.Set(t.Context(), "k", "v", 0).Err(); err != nil {
		t.Errorf("a write after it = %v; want nil", err)
	}
	s.stop()
	p.until("the node's end is shown", `document.getElementById("state").textContent === "No answer"`)
}

// The charts of an hour have lines with gaps where the node did not run, and say in
// words what they show.
func TestChartsInBrowser(t *testing.T) {
	b, s := chromium(t), newSickbed(t, manual)
	p := b.open(s.Status().Page, 1200, 900, "dark")
	p.until("it is ok", `document.getElementById("state").textContent === "OK"`)
	p.eval(fmt.Sprintf(`asked = Date.now() + 1e9; samples = Array.from({length: %d}, (_, i) => ({at: 1e9 + i * 10 + (i > 200 ? 300 : 0),
		commands: 5e4 + 2e4 * Math.sin(i / 9), errors: i %% 40 ? 0 : 900, in: 1e6 + 1e4 * i, out: 3e5, appends: 900, written: 1e6,
		command_p50: 1.2, command_p99: 9 + i %% 7, append_p50: 900 + i, append_p99: 4000 + 900 * Math.cos(i / 5), sync_p99: 0,
		journal: 3e8 + 2e6 * i - (i > 250 ? 4e8 : 0), memory: 2e8 + 1e5 * i, clients: 40 + i %% 9, lag: 0, suspended: i > 120 && i < 130})); showCharts(); 1`, report.Samples))
	for what, want := range map[string]string{
		`document.querySelectorAll("#charts figure").length`:                                                            "7",
		`document.querySelectorAll("#charts svg[role=img][aria-label]").length`:                                         "7",
		`document.querySelector("#charts svg").querySelectorAll(".one").length`:                                         "2",
		`document.querySelector("#charts svg").querySelectorAll(".stopped").length`:                                     "9",
		`document.querySelector("#charts svg").getAttribute("aria-label").startsWith("Commands per second: commands ")`: "true",
		`document.querySelectorAll("#charts path[d*=NaN]").length`:                                                      "0",
	} {
		if got := p.eval(what); got != want {
			t.Errorf("%s = %s; want %s", what, got, want)
		}
	}
	const idle = `samples.forEach((s, i) => { s.append_p50 = s.append_p99 = 0; if (i % 100 > 90) s.command_p50 = s.command_p99 = 0 });
		samples.at(-1).command_p50 = samples.at(-1).command_p99 = 0; showCharts();
		[...document.querySelectorAll("#charts figure")].slice(1, 3).map(f => f.innerText.replace(/\s+/g, " ") + "|" +
			f.querySelectorAll("path.one").length + "|" + f.querySelector("svg").getAttribute("aria-label")).join("\n")`
	for _, want := range []string{"Command latency p50 –p99 –", "|5|", "p50 not known of the last 10 s, no commands, between ",
		"Append latency p50 –p99 –", "no appends", "|0|", "p99 not known, no appends"} {
		var got string
		if err := json.Unmarshal([]byte(p.eval(idle)), &got); err != nil || !strings.Contains(got, want) || strings.Contains(got, "0.0 µs") {
			t.Errorf("charts of latencies with gaps are worded %s; want %s in it", got, want)
		}
	}
	const young = `samples = samples.slice(-6); samples.forEach((s, i) => s.at = 1e9 + 10 * i); showCharts();
		[document.getElementById("hourtitle").textContent, document.querySelector("#charts path.one").getAttribute("d").split(/[ L]/)[0],
			...document.querySelector("#charts figcaption.quiet").innerText.match(/[0-9:]{8}/g).map(t => t.slice(3))].join("|")`
	if got, want := p.eval(young), `"The last 1 min 0 s|M100.0|46:30|47:30"`; got != want {
		t.Errorf("the charts of a node that has run for a minute are %s; want %s: an axis of that minute", got, want)
	}
	const loading = `verdict({status: {health: {state: "loading", loading: {step: "reading", percent: 42.4, rows: 7, seconds_left: 65}}}}).join("|")`
	if got, want := p.eval(loading), `"warn|Loading|reading: about 42 %, 7 keys, about 1 min 5 s left."`; got != want {
		t.Errorf("a node that loads is worded %s; want %s", got, want)
	}
	p.shoot("charts")
	p.accessible("charts")
}
