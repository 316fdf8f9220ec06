package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"
	"github.com/urfave/cli/v2/altsrc"

	"ledge/appliance"
	"ledge/journal/fault"
)

func serveCommand() *cli.Command {
	flags := []cli.Flag{&cli.StringFlag{
		Name: "config", Usage: "`FILE`: YAML, with any of the options below as keys",
		EnvVars: []string{"LEDGE_CONFIG"},
	}}
	for _, o := range serveOptions {
		flags = append(flags, o.flag())
	}
	return &cli.Command{
		Name: "serve", Usage: "run a node until SIGTERM or SIGINT",
		Description: "An option is taken from the command line, else from LEDGE_NAME in the\n" +
			"environment, else from the file, else it is the default.",
		Flags: flags, Action: serve,
	}
}

// serve runs a node. Its context ends with the signals that stop it.
func serve(c *cli.Context) error {
	conf := &file{}
	if path := c.String("config"); path != "" {
		var err error
		if conf, err = readFile(path, serveOptions, removedOptions); err != nil {
			return &exitError{exitUsage, err}
		}
		if err := fill(c, path, conf); err != nil {
			return &exitError{exitUsage, err}
		}
	}
	s, from, err := parse(c, serveOptions, conf.lines)
	if err != nil {
		return err
	}
	s.node.Logger = newLogger(c.App.ErrWriter, s)
	for _, w := range conf.warnings {
		s.node.Logger.Warn(w)
	}
	warnOfSecrets(c, s.node.Logger, from)
	ctx, stop := signal.NotifyContext(c.Context, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	return from.fault(runNode(ctx, c.App.Writer, s.node))
}

// argsKey is where the app's metadata has the program's arguments.
const argsKey = "args"

// warnOfSecrets warns of secrets that others can read: on the command line, and
// in a configuration file that is open to all.
func warnOfSecrets(c *cli.Context, log *slog.Logger, from origins) {
	args, _ := c.App.Metadata[argsKey].([]string)
	path := c.String("config")
	st, err := os.Stat(path)
	open := path != "" && err == nil && st.Mode().Perm()&0o006 != 0
	for _, o := range secretOptions {
		if onCommandLine(args, o) {
			log.Warn("a secret stands on the command line, where every user of this machine can read it",
				"option", o, "instead", "--"+o+"-file or "+envName(o))
		} else if open && strings.HasPrefix(from[o], path+":") {
			log.Warn("a secret stands in a file that every user of this machine can read or change",
				"option", o, "file", path, "mode", fmt.Sprintf("%04o", st.Mode().Perm()))
		}
	}
}

// fill sets the flags that neither the command line nor the environment has
// set from the file, and forgets the places of the others.
func fill(c *cli.Context, path string, conf *file) error {
	for name := range conf.lines {
		if c.IsSet(name) {
			delete(conf.lines, name)
		}
	}
	return altsrc.ApplyInputSourceValues(c, altsrc.NewMapInputSource(path, conf.values), c.Command.Flags)
}

func newLogger(w io.Writer, s settings) *slog.Logger {
	opts := &slog.HandlerOptions{Level: s.logLevel}
	if s.logFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opts))
	}
	return slog.New(slog.NewTextHandler(w, opts))
}

// runNode opens a node, says so, and runs it.
func runNode(ctx context.Context, stdout io.Writer, cfg appliance.Config) error {
	n, err := appliance.Open(ctx, cfg)
	if err != nil {
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
			return nil // told to stop before it was up
		}
		logPanic(cfg.Logger, err)
		return err
	}
	greet(stdout, n.Status())
	err = errors.Join(n.Run(ctx), n.Close())
	if fault.Of(err) == fault.Fatal {
		logPanic(cfg.Logger, err)
		return &exitError{exitFatal, err}
	}
	return err
}

// logPanic logs where a node has panicked, if that is why it ends.
func logPanic(log *slog.Logger, err error) {
	var p *fault.Panic
	if errors.As(err, &p) {
		log.Error("the node ends because of a panic", "cause", err, "stack", string(p.Stack))
	}
}

// greet tells whoever started the node what to do with it.
func greet(w io.Writer, s appliance.Status) {
	fmt.Fprintf(w, "ledge %s, node %s, is ready\n", appliance.Version, s.Node)
	if s.Listen == "" {
		fmt.Fprintf(w, "  redis  off\n")
	} else {
		fmt.Fprintf(w, "  redis  %s   try: redis-cli%s\n", s.Listen, whereabouts(s.Listen))
	}
	if s.TLSListen != "" {
		fmt.Fprintf(w, "  tls    %s   try: redis-cli --tls%s\n", s.TLSListen, whereabouts(s.TLSListen))
	}
	if s.NATS == "" {
		fmt.Fprintf(w, "  nats   off\n")
	} else {
		fmt.Fprintf(w, "  nats   %s   user admin, password in %s\n", s.NATS, s.Credentials)
	}
	if s.Metrics != "" {
		fmt.Fprintf(w, "  stats  %s   for Prometheus\n", s.Metrics)
	}
	fmt.Fprintf(w, "  data   %s   sync %s\n", s.Dir, s.Sync)
	fmt.Fprintf(w, "  state  %s\n", s.Recovered)
}

// whereabouts returns the options that lead redis-cli to an address.
func whereabouts(addr string) string {
	host, port, _ := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); ip != nil && !ip.IsUnspecified() && host != "127.0.0.1" {
		return " -h " + host + " -p " + port
	}
	return " -p " + port
}
