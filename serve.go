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
	"syscall"

	urfave "github.com/urfave/cli/v2"

	"ledge/admin/cli"
	"ledge/appliance"
	"ledge/appliance/options"
	"ledge/appliance/process"
	"ledge/journal/fault"
)

func serveCommand() *urfave.Command {
	flags := []urfave.Flag{&urfave.StringFlag{
		Name: "config", Usage: "`FILE`: YAML, with any of the options below as keys",
		EnvVars: []string{options.Env("config")},
	}}
	for _, r := range options.Table() {
		flags = append(flags, &urfave.StringFlag{
			Name: r.Name, Usage: r.Usage(), DefaultText: r.DefaultText(), EnvVars: []string{r.Env()},
		})
	}
	return &urfave.Command{
		Name: "serve", Usage: "run a node until SIGTERM or SIGINT",
		Description: "An option is taken from the command line, else from LEDGE_NAME in the\n" +
			"environment, else from the file, else it is the default.",
		Flags: flags, Action: serve,
	}
}

// argsKey is where the app's metadata has the program's arguments.
const argsKey = "args"

// serve runs a node. Its context ends with the signals that stop it.
func serve(c *urfave.Context) error {
	cfg, from, err := configure(c)
	if err != nil {
		return &cli.ExitError{Code: exitUsage, Err: err}
	}
	ctx, stop := signal.NotifyContext(c.Context, syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	return from.Fault(runNode(ctx, c.App.Writer, cfg))
}

// configure puts together what the command line, the environment and the file
// say, and logs what is to be said about that.
func configure(c *urfave.Context) (cfg appliance.Config, from options.Origins, err error) {
	var file *options.File
	path := c.String("config")
	if path != "" {
		if file, err = options.ReadFile(path); err != nil {
			return cfg, nil, err
		}
	}
	flag := func(name string) (string, bool) { return c.String(name), c.IsSet(name) }
	if cfg, from, err = options.Read(flag, file); err != nil {
		return cfg, from, err
	}
	cfg.From, cfg.Level = from, new(slog.LevelVar)
	if _, err = process.ParseWithout(os.Getenv(process.Variable)); err != nil {
		return cfg, from, err
	}
	cfg.Logger = cfg.NewLogger(c.App.ErrWriter)
	args, _ := c.App.Metadata[argsKey].([]string)
	from.Warn(cfg.Logger, args, file)
	return cfg, from, nil
}

// runNode opens a node, says so, and runs it.
func runNode(ctx context.Context, stdout io.Writer, cfg appliance.Config) error {
	n, err := appliance.Open(ctx, cfg)
	if err != nil {
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) || errors.Is(err, appliance.ErrStopped) {
			return nil // told to stop before it was up
		}
		logPanic(cfg.Logger, err)
		return err
	}
	greet(stdout, n.Status())
	err = errors.Join(n.Run(ctx), n.Close())
	if fault.Of(err) == fault.Fatal {
		logPanic(cfg.Logger, err)
		return &cli.ExitError{Code: exitFatal, Err: err}
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
		fmt.Fprintf(w, "  page   %s   for Prometheus: %s\n", s.Page, s.Metrics)
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
