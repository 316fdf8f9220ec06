package main

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"ledge/admin/cli"
	"ledge/appliance/options"
)

// packagedDir is where the unit keeps the data.
const packagedDir = "/var/lib/ledge"

// documentsDir is where packages put the pages.
const documentsDir = "/usr/share/doc/ledge"

// plain has what the pages say of an option name pages instead of linking to them.
func plain(s string) string {
	s = localLink.ReplaceAllStringFunc(s, func(link string) string {
		m := localLink.FindStringSubmatch(link)
		page := cmp.Or(m[2][strings.LastIndex(m[2], "/")+1:], "OPTIONS.md")
		if m[3] == "" {
			return page
		}
		return m[1] + " in " + page
	})
	return strings.ReplaceAll(s, "`", "")
}

// about is what there is to say of an option, as one line.
func about(r options.Row) string {
	text := r.Doc
	if r.More != "" {
		text += "; " + plain(r.More)
	}
	for _, p := range r.Params {
		if p.Live {
			text += "; at run time " + p.Name
		}
	}
	return text
}

// configFile writes the configuration file that packages bring: every option with
// what it is and its default, commented out, and where the data is.
func configFile() string {
	var b strings.Builder
	b.WriteString(`# The node that ledge.service runs. ledge.yaml(5) tells of each option.
#
# An option is taken from the command line, else from LEDGE_NAME in the
# environment, else from here, else it is the default. Lines that begin with #
# show the defaults; <...> stands for a value where there is no default.
# Pages that are named, as tls.md, are in ` + documentsDir + `.
#
# The files ledge.d/*.yaml are read after this one, in the order of their
# names, and the last word holds. If this one stays as it is, upgrades ask
# nothing.
`)
	for _, r := range options.Table() {
		b.WriteString("\n" + wrapped("# ", about(r)))
		switch {
		case r.Name == "dir":
			b.WriteString("dir: " + packagedDir + "\n")
		case r.Default != "":
			fmt.Fprintf(&b, "#%s: %s\n", r.Name, r.Default)
		default:
			fmt.Fprintf(&b, "# Default: %s.\n#%s: <%s>\n", r.Otherwise, r.Name, r.Hint)
		}
	}
	return b.String()
}

// wrapped breaks a text into lines of 78 columns, each with head before it.
func wrapped(head, text string) string {
	var b strings.Builder
	line := head
	for word := range strings.FieldsSeq(text) {
		if len(line)+len(word) > 78 && line != head {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
			line = head
		}
		line += word + " "
	}
	return b.String() + strings.TrimRight(line, " ") + "\n"
}

// configManual writes the manual page of the configuration file.
func configManual(version string, when time.Time) string {
	var b strings.Builder
	fmt.Fprintf(&b, ".TH LEDGE.YAML 5 \"%s\" \"ledge %s\" \"File Formats\"\n", cli.Roff(when.Format(time.DateOnly)), version)
	b.WriteString(`.SH NAME
ledge.yaml \- configuration of a ledge node
.SH DESCRIPTION
A YAML file of lines
.IR option :
.IR value ,
which
.B ledge serve \-\-config
reads. An option that stands on the command line, or as LEDGE_NAME in the
environment, comes before the file. What is unknown, stands twice or makes no sense is
refused at the start, with its file and line.
.PP
The files
.I ledge.d/*.yaml
beside it are read after it, in the order of their names, and the last word on an option holds.
CONFIG REWRITE writes into the file that holds, or into
.IR ledge.d/90\-config\-rewrite.yaml .
.PP
Sizes are as in Redis: 1kb and 1KiB are 1024 bytes, 1k is 1000. Durations are as in Go: 250ms, 1m30s, 2h.
.SH OPTIONS
`)
	for _, r := range options.Table() {
		fmt.Fprintf(&b, ".TP\n.BI \"%s: \" \"%s\"\n%s (%s)\n", cli.Roff(r.Name), cli.Roff(r.Hint),
			cli.Roff(about(r)), cli.Roff(r.DefaultText()))
	}
	b.WriteString(`.SH FILES
.TP
.I /etc/ledge/ledge.yaml
what ledge.service reads
.TP
.I /etc/ledge/ledge.d/*.yaml
what it reads after that
.TP
.I /var/lib/ledge
where it has its data
.TP
.I ` + documentsDir + `
the pages that are named here
.SH "SEE ALSO"
.BR ledge (1)
`)
	return b.String()
}
