package appliance

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"time"

	"ledge/admin"
	"ledge/journal/broker"
	"ledge/journal/durable"
	"ledge/journal/fault"
	"ledge/journal/turn"
)

// passwords changes those of the NATS users. What lets a user in is in two files: the
// password in auth/USER, and hashes of those that it has followed, each with when it
// ends, in auth/before.json. The broker goes by what was read of them.
//
// A change writes the second file first, with the password that is there and until when
// it is to hold, and then puts the new one in the place of the old. Whoever is killed
// between the two leaves the old password, which holds without an end, as it did.
type passwords struct {
	paths
	// turn lets one change end before the next begins, and before another broker is
	// started by the files. Waited for with a context; a disk that hangs holds it.
	turn   turn.Turn
	broker func() *broker.Broker // nil while the node is stopped
	secret *clusterSecret        // nil for a node that is none of a cluster's, and while the node is stopped
	log    *slog.Logger
}

// formerFile has the former passwords.
const formerFile = "before.json"

func (d paths) formerPath() string { return filepath.Join(d.path, authDir, formerFile) }

// former is a password that was changed, as the file has it.
type former struct {
	Salt  []byte    `json:"salt"`
	Sum   []byte    `json:"sum"`
	Until time.Time `json:"until"`
}

// formers returns the former passwords that hold, by user. A file that is not what
// ledge writes lets nobody in.
func (d paths) formers() (map[string][]broker.Former, error) {
	held := make(map[string][]broker.Former)
	b, err := durable.ReadFile(d.formerPath())
	if errors.Is(err, fs.ErrNotExist) {
		return held, nil
	}
	var rows map[string][]former
	if err == nil {
		err = json.Unmarshal(b, &rows)
	}
	if err != nil {
		return held, fmt.Errorf("%s can't be read, so no former password holds: %w", d.formerPath(), err)
	}
	now := time.Now()
	for user, list := range rows {
		for _, r := range list {
			f := broker.Former{Until: r.Until}
			if copy(f.Salt[:], r.Salt) == len(f.Salt) && copy(f.Sum[:], r.Sum) == len(f.Sum) && now.Before(f.Until) {
				held[user] = append(held[user], f)
			}
		}
		held[user] = held[user][max(0, len(held[user])-broker.MaxFormer):]
	}
	return held, nil
}

// writeFormers writes down the former passwords of a user, beside those of the others.
func (d paths) writeFormers(user string, list []broker.Former) error {
	held, _ := d.formers() // those that can't be read hold for nobody
	held[user] = list
	rows := make(map[string][]former)
	for user, list := range held {
		for _, f := range list {
			rows[user] = append(rows[user], former{f.Salt[:], f.Sum[:], f.Until.UTC()})
		}
	}
	b, err := json.MarshalIndent(rows, "", "  ")
	if err != nil {
		return err
	}
	return durable.Replace(d.formerPath(), append(b, '\n'))
}

// users returns whom a broker is to let in from outside, by the files.
func (d *directory) users(subjects string) ([]broker.User, error) {
	words, err := d.passwords()
	if err != nil {
		return nil, err
	}
	held, err := d.formers()
	if err != nil {
		d.note("%s", err)
	}
	if d.secret != nil {
		words[admin.PeerUser] = d.secret.admits()
	}
	users := admin.Users(words, subjects)
	for i := range users {
		u := &users[i]
		u.Former = slices.DeleteFunc(held[u.Name], func(f broker.Former) bool { return f.Is(u.Password) })
	}
	return users, nil
}

// errNotYet says that the broker is being started or replaced.
var errNotYet = fault.With(fault.Retryable, errors.New("the node's broker is not there at the moment"))

// change gives a user another password, or draws one if to is "". The one there is holds
// for as long as grace says; without it, neither that nor any before it does.
func (p *passwords) change(ctx context.Context, user, to string, grace time.Duration) (c admin.PasswordChanged, err error) {
	const op = "change a password"
	switch {
	case !slices.Contains(admin.ChangedUsers(), user):
		return c, fault.As(fault.Refused, op, fmt.Errorf("user %q: %w; there are %v", user, admin.ErrNotFound, admin.ChangedUsers()))
	case user == admin.PeerUser && p.broker != nil && p.secret == nil:
		return c, fault.As(fault.Refused, op, errors.New("the node is in no cluster, so nobody comes in as peer; start it with --cluster yes"))
	case p.secret.changeable(user) != nil:
		return c, fault.As(fault.Refused, op, p.secret.changeable(user))
	case grace < 0 || grace > admin.MaxGrace:
		return c, fault.As(fault.Refused, op, fmt.Errorf("a grace of %s is not between 0 and %s", grace, admin.MaxGrace))
	}
	if user == admin.PeerUser && p.broker != nil && p.secret.current() == "" {
		grace = 0 // the one before is one that nobody knows
	}
	c = admin.PasswordChanged{User: user, Drawn: to == "", File: p.userPath(user)}
	to = cmp.Or(to, rand.Text())
	if err := checkNATSPassword(to); err != nil {
		return c, fault.As(fault.Refused, op, err)
	}
	if err := p.turn.Lock(ctx); err != nil {
		return c, fault.As(fault.Retryable, op, errors.New("another change is under way, or the broker is being replaced"))
	}
	defer p.turn.Unlock()
	if grace > 0 {
		until := time.Now().Add(grace).UTC().Truncate(time.Millisecond)
		c.Until = &until
	}
	c.Former, err = p.changeFiles(user, to, c.Until)
	if err != nil {
		return c, fault.As(classOfChange(err), op, err)
	}
	p.log.Info("a password was changed", "user", user, "grace", grace, "connections_by_others", c.Former)
	return c, nil
}

// classOfChange is the class of why a password was not changed.
func classOfChange(err error) fault.Class {
	switch {
	case errors.Is(err, errNotYet):
		return fault.Retryable
	case errors.Is(err, broker.ErrSame), errors.Is(err, broker.ErrManyFormer):
		return fault.Refused
	}
	return fault.Operator
}

// changeFiles changes a password in the files and, where the node runs, in the broker.
// It returns how many connections were made with other ones.
func (p *passwords) changeFiles(user, to string, until *time.Time) (others int, err error) {
	var end time.Time
	if until != nil {
		end = *until
	}
	write := func(list []broker.Former) error { return p.write(user, to, list) }
	if p.broker != nil {
		b := p.broker()
		if b == nil {
			return 0, errNotYet
		}
		if user != admin.PeerUser {
			return b.ChangePassword(user, to, end, write)
		}
		if others, err = b.ChangePassword(user, to, end, write); err == nil {
			p.secret.take(to, end)
		}
		return others, err
	}
	was, err := ReadOwnPassword(p.userPath(user))
	if err != nil && !errors.Is(err, errNoPassword) && !errors.Is(err, fs.ErrNotExist) {
		return 0, err
	}
	if until == nil {
		return 0, write(nil)
	}
	held, _ := p.formers()
	list := held[user]
	switch {
	case was == to:
		return 0, broker.ErrSame
	case was != "":
		list = append(list, broker.NewFormer(was, end))
	}
	if len(list) > broker.MaxFormer {
		return 0, broker.ErrManyFormer
	}
	return 0, write(list)
}

// write writes down what lets a user in: the former passwords first. If the password
// itself can't be written the first file is made what it was.
func (p *passwords) write(user, to string, list []broker.Former) error {
	held, _ := p.formers()
	if err := os.MkdirAll(filepath.Dir(p.userPath(user)), 0o700); err != nil {
		return err
	}
	if err := p.writeFormers(user, list); err != nil {
		return err
	}
	err := durable.Replace(p.userPath(user), []byte(to+"\n"))
	if err == nil {
		return nil
	}
	if is, rerr := ReadOwnPassword(p.userPath(user)); rerr == nil && is == to {
		// The file has its name, and only a power cut could take it again. Whoever reads
		// it must be let in.
		p.log.Error("a password was changed, and a power cut may undo that", "user", user, "cause", err)
		return nil
	}
	return errors.Join(err, p.writeFormers(user, held[user]))
}

// reread has the broker go by what the files say now. A file that is not there is
// written, with another password. What is read was found to be good by check.
func (p *passwords) reread(ctx context.Context) error {
	const op = "read the users' passwords anew"
	if err := p.turn.Lock(ctx); err != nil {
		return fault.As(fault.Retryable, op, err)
	}
	defer p.turn.Unlock()
	b := p.broker()
	if b == nil {
		return errNotYet
	}
	until := time.Now().Add(admin.DefaultGrace).UTC()
	for _, user := range admin.PasswordUsers() {
		to, err := ReadOwnPassword(p.userPath(user))
		drawn := errors.Is(err, fs.ErrNotExist)
		switch {
		case drawn:
			to = rand.Text()
		case err != nil:
			return fault.As(fault.Operator, op, err)
		case b.Holds(user, to):
			continue
		}
		others, err := b.ChangePassword(user, to, until, func(list []broker.Former) error {
			if drawn {
				return p.write(user, to, list)
			}
			if err := p.writeFormers(user, list); err != nil { // the password itself stands in its file already
				p.log.Warn("the password before is not written down, and ends with the process", "user", user, "cause", err)
			}
			return nil
		})
		if err != nil {
			return fault.As(fault.Operator, op, err)
		}
		p.log.Info("a password was read anew", "user", user, "drawn", drawn, "former_until", until, "connections_by_others", others)
	}
	return p.rereadSecret(b, until)
}

// check looks at the files that reread reads.
func (p *passwords) check() error {
	for _, user := range admin.PasswordUsers() {
		word, err := ReadOwnPassword(p.userPath(user))
		if err == nil {
			err = checkNATSPassword(word)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("password of user %q: %w", user, err)
		}
	}
	return nil
}

// standing returns whose former passwords hold, and who still uses them.
func (p *passwords) standing() (list []admin.FormerPassword) {
	b := p.broker()
	if b == nil {
		return nil
	}
	for _, a := range b.Admitted() {
		if !a.Until.IsZero() {
			list = append(list, admin.FormerPassword{User: a.User, Until: a.Until, Former: a.Former, Current: a.Current})
		}
	}
	return list
}

// letsIn reports whether the broker lets a user in by a password: the current one, or
// one that was changed and has not ended. It reads no file.
func (p *passwords) letsIn(user, said string) bool {
	b := p.broker()
	return b != nil && b.LetsIn(user, said)
}

// current returns the password of a user, if the broker goes by it.
func (p *passwords) current(user string) (string, error) {
	word, err := ReadOwnPassword(p.userPath(user))
	if err != nil {
		return "", err
	}
	if b := p.broker(); b == nil || !b.Holds(user, word) {
		return "", fmt.Errorf("%s is not what the node goes by; SIGHUP has it read anew", p.userPath(user))
	}
	return word, nil
}

// ChangePassword changes the password of a NATS user, as the admin subject passwd of a
// running node does. Without a password another one is drawn.
func (s *Stopped) ChangePassword(ctx context.Context, user, to string, grace time.Duration) (admin.PasswordChanged, error) {
	p := &passwords{paths: s.dir.paths, turn: turn.New(), log: slog.New(slog.DiscardHandler)}
	c, err := p.change(ctx, user, to, grace)
	c.Node, c.File = s.dir.node, absolute(c.File)
	return c, err
}
