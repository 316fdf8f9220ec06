package report_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"ledge/packaging/pagetest"
)

// The page's list of metrics is what Prometheus is told of a node that has
// everything: a leader, replicas, keys.
func TestMetricsPage(t *testing.T) {
	r, _ := counted()
	pagetest.Block(t, "METRICS.md", "metrics", metricsTable(r.Metrics()))
}

var metricLabel = regexp.MustCompile(`([a-z_]+)="`)

// metricsTable writes a row for each metric of an exposition.
func metricsTable(text string) string {
	type row struct{ name, kind, help, labels string }
	var rows []*row
	for line := range strings.Lines(text) {
		f := strings.SplitN(strings.TrimSpace(line), " ", 4)
		switch {
		case strings.HasPrefix(line, "# HELP "):
			rows = append(rows, &row{name: f[2], help: f[3]})
		case strings.HasPrefix(line, "# TYPE "):
			rows[len(rows)-1].kind = f[3]
		default:
			var labels []string
			for _, m := range metricLabel.FindAllStringSubmatch(line, -1) {
				if m[1] != "le" && m[1] != "quantile" { // they say which part of a metric it is
					labels = append(labels, m[1])
				}
			}
			if len(labels) > 0 {
				rows[len(rows)-1].labels = "`" + strings.Join(labels, "`, `") + "`"
			}
		}
	}
	var b strings.Builder
	b.WriteString("| metric | | labels | |\n|---|---|---|---|\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", r.name, r.kind, r.labels, pagetest.Cell(r.help))
	}
	return b.String()
}
