package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"ledge/journal/timing"
)

// exposition collects metrics in Prometheus's text format, version 0.0.4.
type exposition struct{ b strings.Builder }

// label is one of a sample's labels.
type label struct{ name, value string }

// gauge begins a metric that goes up and down. Its samples come next.
func (e *exposition) gauge(name, help string) metric { return e.begin(name, "gauge", help) }

// begin begins a metric of any kind.
func (e *exposition) begin(name, kind, help string) metric {
	fmt.Fprintf(&e.b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind)
	return metric{e, name}
}

// metric is one whose samples are being collected.
type metric struct {
	e    *exposition
	name string
}

// set adds a sample.
func (m metric) set(value float64, labels ...label) { m.part("", value, labels...) }

// part adds a sample of a metric that has several, whose names differ at their end.
func (m metric) part(end string, value float64, labels ...label) {
	b := &m.e.b
	b.WriteString(m.name + end)
	for i, l := range labels {
		b.WriteByte("{,"[min(i, 1)])
		b.WriteString(l.name + `="` + escapeLabel.Replace(l.value) + `"`)
	}
	if len(labels) > 0 {
		b.WriteByte('}')
	}
	b.WriteString(" " + strconv.FormatFloat(value, 'g', -1, 64) + "\n")
}

// times adds the samples of one histogram, with every step-th of the bounds.
func (m metric) times(t *timing.Times, step int, labels ...label) {
	with := func(le string) []label { return append(slices.Clip(labels), label{"le", le}) }
	sum := int64(0)
	for i, n := range t.Counts[:timing.Bounds] {
		if sum += n; i%step == 0 {
			m.part("_bucket", float64(sum), with(strconv.FormatFloat(timing.Bound(i).Seconds(), 'g', -1, 64))...)
		}
	}
	sum += t.Counts[timing.Bounds]
	m.part("_bucket", float64(sum), with("+Inf")...)
	m.part("_sum", t.Sum.Seconds(), labels...)
	m.part("_count", float64(sum), labels...)
}

// escapeLabel is the escaping of the text format.
var escapeLabel = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// one adds a metric that has one sample.
func (e *exposition) one(kind, name, help string, value float64) {
	e.begin(name, kind, help).set(value)
}

// at adds a gauge of a moment, in Unix seconds; 0 is none.
func (e *exposition) at(name, help string, t time.Time) {
	value := 0.0
	if !t.IsZero() {
		value = float64(t.UnixMilli()) / 1000
	}
	e.one("gauge", name, help, value)
}
