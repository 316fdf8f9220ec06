package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

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
	flags = append(flags, cli.PastFlags()...)
	return &urfave.Command{
		Name: "serve", Usage: "run a node until SIGTERM or SIGINT",
		Description: "An option is taken from the command line, else from LEDGE_NAME in the\n" +
			"environment, else from the file, else it is the default.",
		Flags: flags, Action: serve,
	}
}

// logKey is where the app's metadata has the log in which the program says why it has
// ended; without one it says so in a line of its own.
const logKey = "log"

// argsKey is where the app's metadata has the program's arguments.
const argsKey = "args"

// serve runs a node. Its context ends with the signals that stop it.
func serve(c *urfave.Context) error {
	hangups, ignore := hangUps()
	defer ignore()
	bar := cli.NewBar(c.App.ErrWriter) // which the log goes through, so that its lines stand above it
	cfg, from, err := configure(c, bar)
	g := cli.Greeter{To: c.App.Writer}
	if cfg.JSON() {
		c.App.Metadata[logKey] = cfg.NewLogger(bar)
		g.Log = cli.Always(cfg, bar)
		bar = nil
	}
	if err != nil {
		return &cli.ExitError{Code: exitUsage, Err: err}
	}
	if c.IsSet("as-of") {
		return from.Fault(cli.ServePast(c, cfg, bar, g))
	}
	if err := cli.NotOfPast(c); err != nil {
		return err
	}
	ctx, stop := cli.Interrupts(c.Context)
	defer stop()
	return cli.InUse(c, from.Fault(runNode(ctx, g, cfg, bar, hangups)))
}

// hangUps returns a channel with SIGHUPs, which end the process at no time: neither
// before there is a node, nor while it stops, nor after that. Nor does a log that nobody
// reads any more.
func hangUps() (hangups chan os.Signal, ignore func()) {
	signal.Ignore(syscall.SIGPIPE)
	hangups = make(chan os.Signal, 1) // one that waits stands for all
	signal.Notify(hangups, syscall.SIGHUP)
	return hangups, func() { signal.Ignore(syscall.SIGHUP) }
}

// reload has a node read its configuration anew at each SIGHUP, until ctx ends.
func reload(ctx context.Context, n *appliance.Node, log *slog.Logger, hangups <-chan os.Signal) {
	for {
		select {
		case <-hangups:
			if err := n.Reload(ctx); err != nil {
				log.Error("the configuration could not be read anew, and nothing has changed", "cause", fault.Line(err))
			}
		case <-ctx.Done():
			return
		}
	}
}

// configure puts together what the command line, the environment and the file
// say, and logs what is to be said about that.
func configure(c *urfave.Context, stderr io.Writer) (cfg appliance.Config, from options.Origins, err error) {
	cfg, file, err := read(c)
	if from = cfg.From; err != nil {
		return cfg, from, err
	}
	cfg.Level = new(slog.LevelVar)
	log := cfg.NewLogger(stderr)
	args, _ := c.App.Metadata[argsKey].([]string)
	cfg.Reread = func() (appliance.Config, error) {
		again, file, err := read(c)
		again.Warn = func() { again.From.Warn(log, args, file) }
		return again, err
	}
	cfg.Logger = log
	from.Warn(log, args, file)
	for _, v := range options.UnknownVariables(process.Variable) {
		cfg.Logger.Warn("a variable in the environment is no option and does nothing", "variable", v)
	}
	return cfg, from, nil
}

// read reads what a node is configured from. The file is nil if there is none.
func read(c *urfave.Context) (cfg appliance.Config, file *options.File, err error) {
	if path := c.String("config"); path != "" {
		if file, err = options.ReadFile(path); err != nil {
			said, _ := file.Value(cli.LogFormat)
			cfg.LogFormat = cmp.Or(c.String(cli.LogFormat), said) // why is said as the rest would be
			return cfg, file, err
		}
	}
	flag := func(name string) (string, bool) { return c.String(name), c.IsSet(name) }
	cfg, from, err := options.Read(flag, file)
	cfg.From, cfg.ConfigFile = from, c.String("config")
	return cfg, file, err
}

// openNode opens a node, and shows on a terminal how far that is.
func openNode(ctx context.Context, cfg appliance.Config, bar *cli.Bar) (*appliance.Node, error) {
	ctx, done := bar.Shown(ctx, "loading")
	defer done()
	defer context.AfterFunc(ctx, done)()
	return appliance.Open(ctx, cfg)
}

// runNode opens a node, says so, and runs it.
func runNode(ctx context.Context, g cli.Greeter, cfg appliance.Config, bar *cli.Bar, hangups <-chan os.Signal) error {
	var told time.Time
	early := sync.OnceFunc(func() {
		told = time.Now()
		cfg.Logger.Info("the node stops while it loads its data, which stay as they are: the next start reads all of it again")
	})
	loaded := context.AfterFunc(ctx, early)
	n, err := openNode(ctx, cfg, bar)
	loaded()
	if err != nil {
		if ctx.Err() != nil && errors.Is(err, ctx.Err()) || errors.Is(err, appliance.ErrStopped) {
			early() // a client has said so
			cfg.Logger.Info("the node has stopped", "took", time.Since(told))
			return nil
		}
		logPanic(cfg.Logger, err)
		return err
	}
	leader, knows := appliance.Leads(n)
	g.Node(n.Status(), leader, knows, cmp.Or(cfg.TLSCA, cfg.TLSCert))
	var began time.Time
	stopping := sync.OnceFunc(func() {
		began = time.Now()
		cfg.Logger.Info("the node stops: clients get their last replies, then the journal is closed")
	})
	defer context.AfterFunc(ctx, stopping)()
	var reloads sync.WaitGroup
	running, stop := context.WithCancel(ctx)
	reloads.Go(func() { reload(running, n, cfg.Logger, hangups) })
	err = n.Run(ctx)
	stop()
	stopping() // an operator has said so, or it can't go on
	letGo(&reloads, cfg.Logger)
	err = errors.Join(err, n.Close())
	cfg.Logger.Info("the node has stopped", "took", time.Since(began))
	if fault.Of(err) == fault.Fatal {
		logPanic(cfg.Logger, err)
		return &cli.ExitError{Code: exitFatal, Err: err}
	}
	return err
}

// reloadGrace is how long a node that ends waits for its configuration to be read.
const reloadGrace = 2 * time.Second

// letGo waits for reloads to end, but not for a file on a mount that hangs.
func letGo(reloads *sync.WaitGroup, log *slog.Logger) {
	ended := make(chan struct{})
	go func() {
		reloads.Wait()
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(reloadGrace):
		log.Warn("the node ends while its configuration is still read", "waited", reloadGrace)
	}
}

// logPanic logs where a node has panicked, if that is why it ends.
func logPanic(log *slog.Logger, err error) {
	var p *fault.Panic
	if errors.As(err, &p) {
		log.Error("the node ends because of a panic", "cause", err, "stack", string(p.Stack))
	}
}
