package cli

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"ledge/admin"
	"ledge/appliance/options"
)

// shells writes the completions that there are, by the name of the shell.
var shells = map[string]func([]commandForm) string{"bash": bashCompletion, "fish": fishCompletion, "zsh": zshCompletion}

// CompletionCommand returns the command that prints what a shell needs to
// complete commands and options of the program that the command belongs to.
func CompletionCommand() *cli.Command {
	return &cli.Command{
		Name: "completion", Usage: "print what a shell needs to complete commands and options: bash, fish or zsh",
		Args: true, ArgsUsage: "SHELL",
		Description: "For bash: ledge completion bash >/etc/bash_completion.d/ledge\n" +
			"For fish: ledge completion fish >~/.config/fish/completions/ledge.fish\n" +
			"For zsh, into a directory of $fpath: ledge completion zsh >_ledge",
		Action: func(c *cli.Context) error {
			write, ok := shells[c.Args().First()]
			if !ok || c.NArg() != 1 {
				return Usage("completion: wants the name of a shell: bash, fish or zsh")
			}
			_, err := io.WriteString(c.App.Writer, write(commandForms(c.App)))
			return err
		},
	}
}

// commandForm is one command of the program, with what can stand after it.
type commandForm struct {
	path     string // "" is the program itself, "journal verify" a command of a group
	usage    string
	args     string
	doc      string
	commands []*cli.Command
	flags    []optionForm
	act      bool // that it does something by itself
}

// optionForm is one option of a command.
type optionForm struct {
	name     string
	hint     string // what stands for its value; "" is that it takes none
	usage    string
	fallback string // its default, "" is none
	env      string
	required bool
	words    []string // that its value is one of; nil is that it is none of few
}

// commandForms lists the program and its commands, each before those below it.
func commandForms(app *cli.App) []commandForm {
	list := []commandForm{{commands: app.VisibleCommands(), usage: app.Usage}}
	var add func(above string, commands []*cli.Command)
	add = func(above string, commands []*cli.Command) {
		for _, c := range commands {
			path := strings.TrimSpace(above + " " + c.Name)
			list = append(list, commandForm{path: path, usage: c.Usage, args: c.ArgsUsage, doc: c.Description,
				commands: c.Subcommands, flags: optionForms(c.Flags), act: len(c.Subcommands) == 0 || len(c.Flags) > 0})
			add(path, c.Subcommands)
		}
	}
	add("", list[0].commands)
	return list
}

func optionForms(all []cli.Flag) []optionForm {
	var list []optionForm
	for _, f := range all {
		d, ok := f.(cli.DocGenerationFlag)
		if !ok || f.Names()[0] == "help" {
			continue
		}
		one := optionForm{name: f.Names()[0], usage: d.GetUsage()}
		if before, rest, ok := strings.Cut(one.usage, "`"); ok {
			hint, after, _ := strings.Cut(rest, "`")
			one.hint, one.usage = hint, before+strings.TrimPrefix(hint+after, hint+": ")
		} else if d.TakesValue() {
			one.hint = "VALUE"
		}
		if d.TakesValue() {
			if one.fallback = d.GetDefaultText(); one.fallback == "" {
				one.fallback = d.GetValue()
			}
			one.fallback = strings.Trim(one.fallback, `"`)
		}
		if env := d.GetEnvVars(); len(env) > 0 {
			one.env = env[0]
		}
		if r, ok := f.(cli.RequiredFlag); ok {
			one.required = r.IsRequired()
		}
		one.words = wordsOf(one.name)
		list = append(list, one)
	}
	return list
}

// wordsOf returns the words that an option's value is one of, whichever command has it.
func wordsOf(option string) []string {
	if option == "user" {
		return admin.ChangedUsers()
	}
	for _, r := range options.Table() {
		if r.Name == option {
			return r.Words()
		}
	}
	return nil
}

// serversParameters are the parameters of CONFIG that are of no option: the server or the
// node has them alone. Those that are true can be set.
var serversParameters = map[string]bool{
	"appendonly": false, "busy-reply-threshold": true, "client-query-buffer-limit": false, "lua-time-limit": true,
	"maxmemory-clients": false, "maxmemory-policy": false, "proto-max-bulk-len": false, "save": false,
	"script-max-memory": true, "script-max-time": true, "slowlog-log-slower-than": true, "slowlog-max-len": true,
}

// parameters returns the names of CONFIG's parameters that are shown, or of those that
// can be set.
func parameters(set bool) (list []string) {
	for name, can := range serversParameters {
		if can || !set {
			list = append(list, name)
		}
	}
	for _, r := range options.Table() {
		for _, p := range r.Params {
			if set && p.Live || !set && !r.Secret {
				list = append(list, p.Name)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// argumentsOf returns what can stand after a command that is no option and no command.
func argumentsOf(path string) []string {
	switch path {
	case "completion":
		return []string{"bash", "fish", "zsh"}
	case "config get":
		return parameters(false)
	case "config set", "config reset":
		return parameters(true)
	}
	return nil
}

// kind is how a value is completed.
func (f optionForm) kind() string {
	switch {
	case f.hint == "":
		return "none"
	case f.words != nil:
		return "words"
	case f.hint == "DIR":
		return "dir"
	case strings.Contains(f.hint, "FILE"), f.hint == "PATH":
		return "file"
	}
	return "text"
}

// names returns the options of that kind, of any command, each once.
func names(list []commandForm, kind string) []string {
	var all []string
	for _, l := range list {
		for _, f := range l.flags {
			if f.kind() == kind {
				all = append(all, "--"+f.name)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// paths returns every command with a name, as patterns of a shell's case.
func paths(list []commandForm) string {
	var all []string
	for _, l := range list[1:] {
		all = append(all, quoted(l.path))
	}
	return strings.Join(all, "|")
}

// quoted makes one word of a text for bash and zsh.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// commandLoop is how bash and zsh find the command that is being completed in
// the words before the one at the cursor: an option's value is none.
func commandLoop(list []commandForm, words, from, to string) string {
	return fmt.Sprintf(`	for ((i = %s; i < %s; i++)); do
		word=${%s[i]}
		case "$word" in
		%s)
			[[ ${%s[i + 1]} == = ]] && ((i++))
			((i++))
			continue
			;;
		esac
		case "${command:+$command }$word" in
		%s) command="${command:+$command }$word" ;;
		esac
	done
`, from, to, words, strings.Join(valued(list), "|"), words, paths(list))
}

// valued returns the options that take a value.
func valued(list []commandForm) []string {
	return slices.Sorted(slices.Values(slices.Concat(names(list, "file"), names(list, "dir"), names(list, "words"), names(list, "text"))))
}

func bashCompletion(list []commandForm) string {
	var b strings.Builder
	b.WriteString("# Completions of ledge for bash.\n\n_ledge() {\n" +
		"\tlocal current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command= word words= i\n" +
		"\tCOMPREPLY=()\n")
	b.WriteString(commandLoop(list, "COMP_WORDS", "1", "COMP_CWORD"))
	b.WriteString("\t# --option=value comes as three words.\n" +
		"\t[[ $current == = ]] && previous=${COMP_WORDS[COMP_CWORD - 1]} current=\n" +
		"\t[[ $previous == = ]] && ((COMP_CWORD > 2)) && previous=${COMP_WORDS[COMP_CWORD - 2]}\n" +
		"\tcase \"$previous\" in\n")
	for _, name := range names(list, "words") {
		fmt.Fprintf(&b, "\t%s)\n\t\tmapfile -t COMPREPLY < <(compgen -W %s -- \"$current\")\n\t\treturn\n\t\t;;\n",
			name, quoted(strings.Join(wordsOf(name[2:]), " ")))
	}
	for _, k := range []struct{ kind, do string }{
		{"file", "compopt -o filenames 2>/dev/null\n\t\tmapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n\t\t"},
		{"dir", "compopt -o filenames 2>/dev/null\n\t\tmapfile -t COMPREPLY < <(compgen -d -- \"$current\")\n\t\t"},
		{"text", ""},
	} {
		fmt.Fprintf(&b, "\t%s)\n\t\t%sreturn\n\t\t;;\n", strings.Join(names(list, k.kind), "|"), k.do)
	}
	b.WriteString("\tesac\n\tcase \"$command\" in\n")
	for _, l := range list {
		var words []string
		for _, c := range l.commands {
			words = append(words, c.Name)
		}
		for _, f := range l.flags {
			words = append(words, "--"+f.name)
		}
		words = append(words, argumentsOf(l.path)...)
		fmt.Fprintf(&b, "\t%s) words=%s ;;\n", quoted(l.path), quoted(strings.Join(append(words, "--help"), " ")))
	}
	b.WriteString("\tesac\n\tmapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n}\n\ncomplete -F _ledge ledge\n")
	return b.String()
}

func zshCompletion(list []commandForm) string {
	var b strings.Builder
	b.WriteString("#compdef ledge\n# Completions of ledge for zsh.\n\n_ledge() {\n" +
		"\tlocal command= word i previous=${words[CURRENT-1]}\n\tlocal -a found\n")
	b.WriteString(commandLoop(list, "words", "2", "CURRENT"))
	b.WriteString("\tcase \"$previous\" in\n")
	for _, name := range names(list, "words") {
		fmt.Fprintf(&b, "\t%s)\n\t\tfound=(%s)\n\t\t_describe 'value' found\n\t\treturn\n\t\t;;\n", name, strings.Join(wordsOf(name[2:]), " "))
	}
	for _, k := range []struct{ kind, do string }{
		{"file", "_files"}, {"dir", "_files -/"}, {"text", "_message value"},
	} {
		fmt.Fprintf(&b, "\t%s)\n\t\t%s\n\t\treturn\n\t\t;;\n", strings.Join(names(list, k.kind), "|"), k.do)
	}
	b.WriteString("\tesac\n\tcase \"$command\" in\n")
	entry := func(name, usage string) string {
		return quoted(strings.ReplaceAll(name, ":", `\:`) + ":" + strings.ReplaceAll(usage, ":", `\:`))
	}
	for _, l := range list {
		var words []string
		for _, c := range l.commands {
			words = append(words, entry(c.Name, c.Usage))
		}
		for _, f := range l.flags {
			words = append(words, entry("--"+f.name, f.usage))
		}
		words = append(words, argumentsOf(l.path)...)
		words = append(words, entry("--help", "show help"))
		fmt.Fprintf(&b, "\t%s)\n\t\tfound=(\n\t\t\t%s\n\t\t)\n\t\t;;\n", quoted(l.path), strings.Join(words, "\n\t\t\t"))
	}
	b.WriteString("\tesac\n\t_describe 'ledge' found\n}\n\n" +
		"if [[ ${funcstack[1]} == _ledge ]]; then\n\t_ledge \"$@\"\nelse\n\tcompdef _ledge ledge\nfi\n")
	return b.String()
}

func fishCompletion(list []commandForm) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Completions of ledge for fish.

# __ledge_at succeeds if the command that stands before the cursor is the one given.
function __ledge_at
    set -l command ''
    set -l value 0
    for word in (commandline -opc)[2..-1]
        if test $value = 1
            set value 0
            continue
        end
        if contains -- $word %s
            set value 1
            continue
        end
        set -l longer (string trim -- "$command $word")
        if contains -- $longer %s
            set command $longer
        end
    end
    test "$command" = "$argv[1]"
end

complete -c ledge -f
`, strings.Join(valued(list), " "), fishPaths(list))
	for _, l := range list {
		at := fmt.Sprintf("complete -c ledge -n %s", fishQuoted("__ledge_at '"+l.path+"'"))
		for _, c := range l.commands {
			fmt.Fprintf(&b, "%s -a %s -d %s\n", at, c.Name, fishQuoted(c.Usage))
		}
		for _, f := range l.flags {
			how := map[string]string{"none": "", "words": " -x -a " + fishQuoted(strings.Join(f.words, " ")), "file": " -r -F", "dir": " -x -a '(__fish_complete_directories)'", "text": " -x"}[f.kind()]
			fmt.Fprintf(&b, "%s -l %s%s -d %s\n", at, f.name, how, fishQuoted(f.usage))
		}
		if more := argumentsOf(l.path); more != nil {
			fmt.Fprintf(&b, "%s -a %s\n", at, fishQuoted(strings.Join(more, " ")))
		}
		fmt.Fprintf(&b, "%s -l help -d 'show help'\n", at)
	}
	return b.String()
}

func fishPaths(list []commandForm) string {
	var all []string
	for _, l := range list[1:] {
		all = append(all, fishQuoted(l.path))
	}
	return strings.Join(all, " ")
}

// fishQuoted makes one word of a text for fish.
func fishQuoted(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, "'", `\'`).Replace(s) + "'"
}
