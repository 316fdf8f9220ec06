package servers

import (
	"fmt"
	"strings"

	"ledge/respd/command"
	"ledge/respd/resp"
)

// section is a part of INFO. Build gives the fields that the server knows; the
// node's fields of the same section replace those of the same name or follow.
type section struct {
	name   string
	onCall bool // left out unless it is asked for, or all are
	build  func(*command.Session) []command.InfoField
}

// sections are all that the server knows of, in order.
func sections() []section {
	return []section{
		{"Server", false, infoServer},
		{"Clients", false, infoClients},
		{"Memory", false, infoMemory},
		{"Persistence", false, infoPersistence},
		{"Journal", false, nil},
		{"Stats", false, infoStats},
		{"Replication", false, infoReplication},
		{"CPU", false, infoCPU},
		{"Modules", false, nil},
		{"Commandstats", true, infoCommands},
		{"Errorstats", false, infoErrors},
		{"Cluster", false, infoCluster},
		{"Keyspace", false, infoKeyspace},
	}
}

// INFO [section [section ...]]
func info() *command.Spec {
	return family.Conn(command.Spec{
		Name: "info", Arity: -1, Flags: command.Loading | command.Stale,
		Cats:  []string{"dangerous"},
		Since: "1.0.0", Complexity: "O(1)",
		Syntax:  "[<section> ...]",
		Summary: "Tell how the server is.",
		Tips:    tipsReport,
	}, runInfo)
}

func runInfo(s *command.Session, args command.Args) resp.Value {
	wanted := make(map[string]bool)
	for i := 1; i < len(args); i++ {
		wanted[strings.ToLower(args.Str(i))] = true
	}
	all := wanted["all"] || wanted["everything"]
	usual := all || wanted["default"] || len(wanted) == 0
	asked := func(name string) bool { return all || usual || wanted[strings.ToLower(name)] }
	var b strings.Builder
	for _, sec := range withNode(sections(), command.NodeInfo(s.Host, asked)) {
		if asked(sec.name) && (all || !sec.onCall || wanted[strings.ToLower(sec.name)]) {
			write(&b, sec.name, sec.build(s))
		}
	}
	return resp.Verbatim("txt", b.String())
}

// write writes a section.
func write(b *strings.Builder, name string, fields []command.InfoField) {
	if b.Len() > 0 {
		b.WriteString("\r\n")
	}
	b.WriteString("# " + name + "\r\n")
	for _, f := range fields {
		b.WriteString(f.Name + ":" + f.Value + "\r\n")
	}
}

// withNode returns the sections with the node's fields merged into them, and
// the sections that only the node has behind them.
func withNode(secs []section, node []command.InfoSection) []section {
	for _, n := range node {
		i := 0
		for i < len(secs) && !strings.EqualFold(secs[i].name, n.Name) {
			i++
		}
		if i == len(secs) {
			secs = append(secs, section{name: n.Name})
		}
		ours := secs[i].build
		secs[i].build = func(s *command.Session) []command.InfoField {
			if ours == nil {
				return n.Fields
			}
			return merge(ours(s), n.Fields)
		}
	}
	for i := range secs {
		if secs[i].build == nil {
			secs[i].build = func(*command.Session) []command.InfoField { return nil }
		}
	}
	return secs
}

// merge puts each of more in the place of the field of its name, or behind.
func merge(fields, more []command.InfoField) []command.InfoField {
	at := make(map[string]int)
	for i, f := range fields {
		at[f.Name] = i
	}
	for _, f := range more {
		if i, ok := at[f.Name]; ok {
			fields[i] = f
			continue
		}
		fields = append(fields, f)
	}
	return fields
}

// fields gathers lines of a section.
type fields []command.InfoField

// add adds a line; value is printed as it is by default.
func (f *fields) add(name string, value any) {
	*f = append(*f, command.InfoField{Name: name, Value: fmt.Sprint(value)})
}

// addBytes adds a number of bytes, and again for people.
func (f *fields) addBytes(name string, n uint64) {
	f.add(name, n)
	f.add(name+"_human", human(n))
}

// human prints a number of bytes as Redis does.
func human(n uint64) string {
	if n < 1024 {
		return fmt.Sprintf("%dB", n)
	}
	x, unit := float64(n)/1024, 0
	for x >= 1024 && unit < 4 {
		x /= 1024
		unit++
	}
	return fmt.Sprintf("%.2f%c", x, "KMGTP"[unit])
}
