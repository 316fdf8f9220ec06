// Command ledge runs a ledge node, asks running ones, and looks into the
// directory of a stopped one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"slices"

	urfave "github.com/urfave/cli/v2"

	"ledge/admin/cli"
	"ledge/appliance"
	"ledge/appliance/options"
	"ledge/journal/fault"
)

// Exit codes.
const (
	exitRefused     = cli.ExitRefused
	exitUsage       = cli.ExitUsage
	exitUnreachable = cli.ExitUnreachable
	exitFatal       = 3 // the node stopped because it couldn't trust what it has
)

// commit and date are what the program was made of, told by the linker: see cli.Made.
// packaging/build sets them.
var commit, date string

// The process's first thread is kept for the goroutine that is main, see main.
func init() { runtime.LockOSThread() }

// main does nothing but wait. A signal to the process goes to its first thread, and waits
// there for as long as that thread is in a call to a disk that does not answer, whatever
// the other threads do: so that one is in no such call.
func main() {
	code := make(chan int)
	go func() { code <- run(context.Background(), os.Args, os.Stdout, os.Stderr) }()
	os.Exit(<-code)
}

// sharedFlag is a flag that every command line has. Each of them writes to a copy of
// its own: the library has one variable for all, and tests run several at once.
type sharedFlag struct{ *urfave.BoolFlag }

func (f sharedFlag) Apply(set *flag.FlagSet) error {
	own := *f.BoolFlag
	return own.Apply(set)
}

func init() {
	for _, f := range []*urfave.Flag{&urfave.HelpFlag, &urfave.BashCompletionFlag} {
		if shared, ok := (*f).(*urfave.BoolFlag); ok {
			*f = sharedFlag{shared}
		}
	}
}

// run is the whole program, for main and for tests.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	app := newApp(stdout, stderr)
	app.Metadata = map[string]any{argsKey: args}
	if log := cli.EarlyLog(args, stderr); log != nil {
		app.Metadata[logKey] = log
	}
	err := app.RunContext(ctx, cli.OptionsFirst(app, asCommands(args)))
	if err == nil {
		return 0
	}
	if log, ok := app.Metadata[logKey].(*slog.Logger); ok {
		log.Error("the program ends", "cause", fault.Line(err)+cli.Remedy(err))
	} else {
		fmt.Fprintf(stderr, "%sledge: %s%s\n", options.Priority(stderr, slog.LevelError), fault.Line(err), cli.Remedy(err))
	}
	var coded *cli.ExitError
	if errors.As(err, &coded) {
		return coded.Code
	}
	return exitRefused
}

// asCommands returns the arguments of the program with what other programs understand
// as well put as the commands that there are: --version, -v, help COMMAND.
func asCommands(args []string) []string {
	switch {
	case len(args) < 2:
	case args[1] == "--version" || args[1] == "-v":
		return append([]string{args[0], "version"}, args[2:]...)
	case args[1] == "help":
		return append(append([]string{args[0]}, args[2:]...), "--help")
	}
	return args
}

func newApp(stdout, stderr io.Writer) *urfave.App {
	made := cli.Made{Commit: commit, Date: date}
	version := &urfave.Command{Name: "version", Usage: "say which program this is", Action: made.Print}
	app := &urfave.App{
		Name:                 "ledge",
		Usage:                "a key-value appliance that speaks the Redis protocol and keeps a journal",
		HideVersion:          true,
		HideHelpCommand:      true,
		EnableBashCompletion: true,
		Writer:               stdout,
		ErrWriter:            stderr,
		ExitErrHandler:       func(*urfave.Context, error) {},
		Commands: slices.Concat([]*urfave.Command{serveCommand()}, cli.Stopped(),
			[]*urfave.Command{version, cli.CompletionCommand(), cli.ManualCommand(appliance.Version, made.Day())}, cli.Running()),
	}
	cli.Strict(app)
	return app
}
