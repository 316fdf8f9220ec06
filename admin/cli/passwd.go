package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"ledge/admin"
	"ledge/appliance"
	"ledge/appliance/options"
)

// mostSaid is how much is read of a new password: more than one may have.
const mostSaid = 16 << 10

// passwdCommand changes a password of a NATS user: at a running node through its admin
// subject, in the directory of a stopped one by itself. A password never stands on the
// command line, where others can read it.
func passwdCommand() *cli.Command {
	op := operation{name: "passwd", args: "[USER]", wait: resumeWait,
		usage: "give a NATS user, admin unless told, another password, which the node draws unless told",
		flags: []cli.Flag{
			&cli.StringFlag{Name: "new-password-file", Usage: "`FILE` with the new password, - for standard input",
				DefaultText: "drawn by the node"},
			&cli.StringFlag{Name: "grace", Usage: "`DURATION` for which the password before holds, too, 720h at most",
				DefaultText: "1h"},
			&cli.BoolFlag{Name: "expire-now", Usage: "refuse the password before at once, and close the connections made with it"},
		}}
	cmd := op.command()
	cmd.Action = located(func(c *cli.Context) error {
		q, err := passwdOf(c) // as the user who runs this, who may read the file
		if err != nil {
			return err
		}
		op.ask = q.ask
		if c.String("server") != "" || !appliance.IsDirectory(c.String("dir")) {
			return op.action(c)
		}
		if err := asOwner(c.String("dir")); err != nil {
			return err
		}
		s, err := appliance.OpenStopped(c.String("dir"))
		if errors.Is(err, appliance.ErrRunning) {
			return op.action(c)
		}
		if err != nil {
			return options.Origins{}.Fault(err)
		}
		return errors.Join(q.change(c, s), s.Close())
	})
	return cmd
}

// ask has a running node change a password.
func (q newPassword) ask(ctx context.Context, o *operator) error {
	r, err := o.conn.Passwd(ctx, o.node, q.user, q.password, q.grace)
	if err != nil {
		return err
	}
	return o.print(r, func(t *table) { printPassword(t, r) })
}

// change changes a password in the directory of a stopped node.
func (q newPassword) change(c *cli.Context, s *appliance.Stopped) error {
	r, err := s.ChangePassword(c.Context, q.user, q.password, q.grace)
	if err != nil {
		return err
	}
	return (&operator{c: c}).print(r, func(t *table) { printPassword(t, r) })
}

// newPassword is what is to be changed.
type newPassword struct {
	user, password string
	grace          time.Duration
}

// passwdOf reads what is to be changed.
func passwdOf(c *cli.Context) (q newPassword, err error) {
	q = newPassword{user: admin.AdminUser, grace: admin.DefaultGrace}
	switch args := c.Args(); args.Len() {
	case 0:
	case 1:
		q.user = args.First()
	default:
		return q, Usage("passwd: want one USER at most; a password is read from --new-password-file")
	}
	switch {
	case c.Bool("expire-now") && c.IsSet("grace"):
		return q, Usage("passwd: --grace has no meaning beside --expire-now")
	case c.Bool("expire-now"):
		q.grace = 0
	case c.IsSet("grace"):
		if q.grace, err = options.ParseDuration(c.String("grace")); err != nil {
			return q, Usage("--grace: %w", err)
		}
		if q.grace > admin.MaxGrace {
			return q, Usage("--grace: %s is more than %s", q.grace, admin.MaxGrace)
		}
	}
	if c.IsSet("new-password-file") {
		q.password, err = readNew(c)
	}
	return q, err
}

// readNew reads the new password: one line of text. The node says what else is wrong.
func readNew(c *cli.Context) (string, error) {
	path, from := c.String("new-password-file"), c.App.Reader
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return "", fmt.Errorf("the new password: %w", err)
		}
		defer f.Close()
		from = f
	}
	b, err := io.ReadAll(io.LimitReader(from, mostSaid+1))
	p := strings.TrimSpace(string(b))
	switch {
	case err != nil:
		return "", fmt.Errorf("the new password: %w", err)
	case len(b) > mostSaid:
		return "", fmt.Errorf("the new password: %s has more than %d bytes", path, mostSaid)
	case p == "":
		return "", fmt.Errorf("the new password: %s is empty", path)
	}
	return p, nil
}

func printPassword(t *table, r admin.PasswordChanged) {
	how := "changed"
	if r.Drawn {
		how = "drawn"
	}
	t.field("password", "of %s, %s; it is in %s", r.User, how, r.File)
	switch {
	case r.Until != nil:
		t.field("before", "holds until %s; connections by it or by others from before: %d", instant(*r.Until), r.Former)
	default:
		t.field("before", "is refused from now on; connections closed: %d", r.Former)
	}
	switch r.User {
	case admin.PeerUser:
		t.field("next", "the cluster's other nodes want the same: write it to their auth/peer or --cluster-secret-file, and send SIGHUP")
	case admin.ReplicaUser:
		t.field("next", "the nodes that follow this one read it from auth/leader or --follow-password-file; SIGHUP makes them try at once")
	}
}
