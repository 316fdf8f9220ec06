// Package monitoring_test holds the alerts and the dashboard that packages bring
// against the metrics that a node has.
package monitoring_test

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"ledge/packaging/pagetest"
)

// metrics returns the labels of each metric by its name, as the page has them
// that is held against the program.
func metrics(t *testing.T) map[string][]string {
	t.Helper()
	all := make(map[string][]string)
	for _, row := range pagetest.Table(t, "../../appliance/report/METRICS.md", "") {
		all[strings.Trim(row[0], "`")] = pagetest.Code(row[2])
	}
	if len(all) < 30 {
		t.Fatalf("%d metrics; want all", len(all))
	}
	return all
}

// selector is a metric of ledge's in an expression, with the labels asked for.
var (
	selector = regexp.MustCompile(`(ledge_\w+)(?:\{([^}]*)\})?`)
	part     = regexp.MustCompile(`_(sum|count|bucket)$`)
	asked    = regexp.MustCompile(`(\w+)\s*(?:=~|!~|!=|=)`)
	worded   = regexp.MustCompile(`\$labels\.(\w+)|\{\{(\w+)\}\}`)
)

// fault says what is wrong with an expression and the words for its results, "" is
// nothing: metrics and labels that no node has.
func fault(known map[string][]string, expr, words string) string {
	labels := []string{"instance", "job"} // Prometheus's own
	for _, m := range selector.FindAllStringSubmatch(expr, -1) {
		has, ok := known[m[1]]
		if !ok { // of a histogram
			has, ok = known[part.ReplaceAllString(m[1], "")]
		}
		if !ok {
			return "there is no metric " + m[1]
		}
		labels = append(labels, has...)
		for _, l := range asked.FindAllStringSubmatch(m[2], -1) {
			if !slices.Contains(has, l[1]) && l[1] != "instance" && l[1] != "job" {
				return m[1] + " has no label " + l[1]
			}
		}
	}
	for _, l := range worded.FindAllStringSubmatch(words, -1) {
		if !slices.Contains(labels, l[1]+l[2]) {
			return "nothing in it has a label " + l[1] + l[2]
		}
	}
	return ""
}

// The alerts ask for what nodes have.
func TestAlerts(t *testing.T) {
	b, err := os.ReadFile("alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Annotations map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(b, &file); err != nil {
		t.Fatal(err)
	}
	known, n := metrics(t), 0
	examples, err := os.ReadFile("alerts_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, g := range file.Groups {
		for _, r := range g.Rules {
			n++
			if f := fault(known, r.Expr, r.Annotations["summary"]); f != "" {
				t.Errorf("%s: %s: %s", r.Alert, r.Expr, f)
			}
			if r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("%s lacks a summary or a description", r.Alert)
			}
			if !strings.Contains(string(examples), "alertname: "+r.Alert+"\n") {
				t.Errorf("alerts_test.yaml has no example of %s", r.Alert)
			}
		}
	}
	if n < 10 {
		t.Errorf("%d alerts; want all", n)
	}
}

// The dashboard asks for what nodes have, and no panel lies on another.
func TestDashboard(t *testing.T) {
	b, err := os.ReadFile("dashboard.json")
	if err != nil {
		t.Fatal(err)
	}
	var board struct {
		Panels []struct {
			ID      int
			Title   string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr, LegendFormat string }
		}
	}
	if err := json.Unmarshal(b, &board); err != nil {
		t.Fatal(err)
	}
	known := metrics(t)
	taken := make(map[[2]int]string)
	ids := make(map[int]bool)
	for _, p := range board.Panels {
		if ids[p.ID] || p.Title == "" || len(p.Targets) == 0 {
			t.Errorf("panel %d %q has another's number, no title or nothing to show", p.ID, p.Title)
		}
		ids[p.ID] = true
		for _, q := range p.Targets {
			if f := fault(known, q.Expr, q.LegendFormat); f != "" {
				t.Errorf("%s: %s: %s", p.Title, q.Expr, f)
			}
		}
		for x := range p.GridPos.W {
			for y := range p.GridPos.H {
				at := [2]int{p.GridPos.X + x, p.GridPos.Y + y}
				if other := taken[at]; other != "" || at[0] >= 24 {
					t.Fatalf("panel %q lies on %q, or beyond the border", p.Title, other)
				}
				taken[at] = p.Title
			}
		}
	}
	if len(board.Panels) < 15 {
		t.Errorf("%d panels; want all", len(board.Panels))
	}
}

// What is wrong is noticed.
func TestFault(t *testing.T) {
	known := metrics(t)
	for _, c := range []struct{ expr, words, want string }{
		{"ledge_nothing > 1", "", "no metric ledge_nothing"},
		{"rate(ledge_nothing_sum[1m])", "", "no metric ledge_nothing_sum"},
		{"rate(ledge_append_seconds_sum[1m])", "", ""},
		{`rate(ledge_clients[5m]) + ledge_clientz`, "", "no metric ledge_clientz"},
		{`ledge_clients{node="a"}`, "", "ledge_clients has no label node"},
		{`ledge_link_state{state=~"x", wrong!="y"}`, "", "has no label wrong"},
		{"ledge_clients", "{{node}} has them", "has a label node"},
		{"ledge_clients", "{{ $labels.node }} has them", "has a label node"},
		{`ledge_replica_lag_numbers{node="a"}`, "{{ $labels.node }} at {{ $labels.instance }} is {{ $value }}", ""},
	} {
		got := fault(known, c.expr, c.words)
		if (c.want == "") != (got == "") || !strings.Contains(got, c.want) {
			t.Errorf("fault(%s, %s) = %q; want %q", c.expr, c.words, got, c.want)
		}
	}
}
