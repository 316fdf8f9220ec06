package cli

import (
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/urfave/cli/v2"
)

// ManualCommand returns the command that prints the program's manual page, made
// of its commands and options. Version and date stand at the page's foot.
func ManualCommand(version, date string) *cli.Command {
	return &cli.Command{
		Name: "manual", Usage: "print the manual page: ledge manual | man -l -",
		Action: func(c *cli.Context) error {
			_, err := io.WriteString(c.App.Writer, manual(c.App, version, date))
			return err
		},
	}
}

func manual(app *cli.App, version, date string) string {
	var b strings.Builder
	list := commandForms(app)
	fmt.Fprintf(&b, ".TH LEDGE 1 %s %s %s\n", roffWord(date), roffWord("ledge "+version), roffWord("User Commands"))
	fmt.Fprintf(&b, ".SH NAME\nledge \\- %s\n", Roff(app.Usage))
	b.WriteString(".SH SYNOPSIS\n.B ledge\n.I command\n.RI [ options ]\n.RI [ arguments ]\n")
	b.WriteString(".SH DESCRIPTION\n" + Roff("A node is one process with one directory: ledge serve runs it. It speaks the Redis "+
		"protocol and keeps every change in a journal. Other commands ask a running node over NATS, or look into "+
		"the directory of a stopped one. Each tells its options with --help.") + "\n")
	b.WriteString(".SH COMMANDS\n")
	for _, l := range list {
		if l.act && l.path != "" {
			manualOf(&b, l)
		}
	}
	b.WriteString(`.SH "EXIT STATUS"
.TP
0
What was asked for was done.
.TP
1
It can't be done, and standard error says why. Of
.BR "ledge health" :
a leader takes no writes, or a replica has nothing to read or does not reach its leader.
.TP
2
It was asked for in a way that makes no sense. Of commands that ask a node: it is unreachable.
.TP
3
Of
.BR "ledge serve" :
the node stopped because it could not trust what it has.
.SH FILES
.TP
.I /etc/ledge/ledge.yaml
the options of the node that a package runs
.TP
.I /var/lib/ledge
its data; as the directory of another node:
.TP
.IR DIR /auth
the passwords of the NATS users admin, monitor and replica
.SH "SEE ALSO"
.BR ledge.yaml (5),
.BR redis-cli (1)
`)
	return b.String()
}

// manualOf writes the part about one command.
func manualOf(b *strings.Builder, l commandForm) {
	title := "ledge " + l.path
	for _, f := range l.flags {
		if f.required {
			title += " --" + f.name + " " + f.hint
		}
	}
	fmt.Fprintf(b, ".SS %s\n%s\n", roffWord(strings.TrimSpace(title+" "+l.args)), Roff(sentence(l.usage)))
	if l.doc != "" {
		fmt.Fprintf(b, ".PP\n.nf\n%s\n.fi\n", Roff(l.doc))
	}
	for _, f := range l.flags {
		fmt.Fprintf(b, ".TP\n.BI %s %s\n", roffWord("--"+f.name), roffWord(strings.TrimRight(" "+f.hint, " ")))
		text := f.usage
		if f.fallback != "" {
			text += " (" + f.fallback + ")"
		}
		if f.env != "" {
			text += "; " + f.env
		}
		b.WriteString(Roff(text) + "\n")
	}
}

// sentence makes one of a line of help.
func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] + "." }

var roffControl = regexp.MustCompile(`(?m)^([.'])`)

// Roff writes a text so that man shows it as it is.
func Roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "…", "...").Replace(s)
	return roffControl.ReplaceAllString(s, `\&$1`)
}

// roffWord makes one argument of a text.
func roffWord(s string) string { return `"` + strings.ReplaceAll(Roff(s), `"`, `\(dq`) + `"` }
