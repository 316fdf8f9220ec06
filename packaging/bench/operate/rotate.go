package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"ledge/admin"
)

// errLetIn is that a password holds which should not.
var errLetIn = errors.New("the password before still lets in")

// grace is how long a NATS user's password from before holds, and late is how long after
// a change those who say it hear of the new one.
const grace, late = 2 * time.Second, 300 * time.Millisecond

// changePassword has do give the node the next password of Redis clients, which a client
// waits to be let in by before the others hear of it. The one before is refused then.
func (r *rig) changePassword(ctx context.Context, next string, do func() error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	addr := r.leader.options["listen"]
	if err := do(); err != nil {
		return err
	}
	c, err := dial(ctx, addr, next, nil)
	if err != nil {
		return fmt.Errorf("the new password: %w", err)
	}
	c.close()
	if c, err = dial(ctx, addr, r.password, nil); err == nil {
		c.close()
		return errLetIn
	}
	r.password = next
	r.told.Add(1)
	return nil
}

func passwordSet(ctx context.Context, r *rig, round int) error {
	next := fmt.Sprintf("set-%d", round)
	c, _, err := r.connect(ctx, false, false)
	if err != nil {
		return err
	}
	defer c.close()
	return r.changePassword(ctx, next, func() error {
		_, err := c.ask("CONFIG", "SET", "requirepass", next)
		return err
	})
}

func passwordFile(ctx context.Context, r *rig, round int) error {
	next := fmt.Sprintf("file-%d", round)
	return r.changePassword(ctx, next, func() error {
		return errors.Join(replace(r.file("password"), []byte(next+"\n")), r.leader.reload(ctx, taken))
	})
}

// tell lets those who ask as a user know its password, late.
func (r *rig) tell(ctx context.Context, user string) (before string, err error) {
	next, err := r.stored(user)
	if err != nil {
		return "", err
	}
	pause(ctx, late)
	if user == admin.ReplicaUser {
		if err := errors.Join(replace(r.file("leader"), []byte(next+"\n")), r.replica.reload(ctx, taken)); err != nil {
			return "", err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	before, r.users[user] = r.users[user], next
	r.told.Add(1)
	return before, nil
}

// userPassword has ledge draw a user another password. The one before holds for the
// grace, in which those who have it go over to the new one, and is refused afterwards.
func userPassword(user string) func(context.Context, *rig, int) error {
	return func(ctx context.Context, r *rig, _ int) error {
		if err := r.leader.command(ctx, "passwd", "--grace", grace.String(), user); err != nil {
			return err
		}
		before, err := r.tell(ctx, user)
		if err != nil {
			return err
		}
		pause(ctx, grace)
		return r.refused(ctx, user, before)
	}
}

// userFile writes another password of a user into its file. It ends the grace of the one
// before once all have gone over to the new one.
func userFile(user string) func(context.Context, *rig, int) error {
	return func(ctx context.Context, r *rig, round int) error {
		path := filepath.Join(r.leader.data(), "auth", user)
		r.files.Lock()
		err := errors.Join(replace(path, fmt.Appendf(nil, "file-%s-%d\n", user, round)), r.leader.reload(ctx, taken))
		r.files.Unlock()
		if err != nil {
			return err
		}
		before, err := r.tell(ctx, user)
		if err != nil {
			return err
		}
		pause(ctx, time.Second)
		if err := r.leader.command(ctx, "passwd", "--expire-now", "--new-password-file", path, user); err != nil {
			return err
		}
		return r.refused(ctx, user, before)
	}
}

// refused says whether a password is refused by which nobody may come in any more, and
// whether the replica goes on.
func (r *rig) refused(ctx context.Context, user, before string) error {
	if c, err := r.dialAs(ctx, user, before); err == nil {
		c.Close()
		return errLetIn
	}
	return r.replicaBack(ctx, nil)
}

// followFile moves the replica's password for its leader to another file, with another
// password.
func followFile(ctx context.Context, r *rig, round int) error {
	if err := r.leader.command(ctx, "passwd", "--grace", grace.String(), admin.ReplicaUser); err != nil {
		return err
	}
	path := r.file(fmt.Sprintf("leader-%d", round))
	next, err := r.stored(admin.ReplicaUser)
	if err != nil {
		return err
	}
	r.replica.options["follow-password-file"] = path
	if err := errors.Join(replace(path, []byte(next+"\n")), r.replica.configure()); err != nil {
		return err
	}
	before, err := r.tell(ctx, admin.ReplicaUser)
	if err != nil {
		return err
	}
	pause(ctx, grace)
	return r.refused(ctx, admin.ReplicaUser, before)
}

// pagePassword changes the password of the page, which is read for each request.
func pagePassword(ctx context.Context, r *rig, round int) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	next := fmt.Sprintf("page-%d", round)
	if err := replace(r.file("page"), []byte(next+"\n")); err != nil {
		return err
	}
	if err := r.getWith(ctx, "/facts", next); err != nil {
		return fmt.Errorf("the new password: %w", err)
	}
	if r.getWith(ctx, "/facts", r.page) == nil {
		return errLetIn
	}
	r.page = next
	return nil
}

// certificate gives a listener other certificates, one after the other, which connections
// see that are made afterwards.
func certificate(name, listen string) func(context.Context, *rig, int) error {
	return func(ctx context.Context, r *rig, _ int) error {
		for range 10 {
			if err := r.signAnew(name); err != nil {
				return err
			}
			if err := r.leader.reload(ctx, taken); err != nil {
				return err
			}
			shown, err := r.shown(ctx, name, r.leader.options[listen])
			if err == nil && shown != 1000+r.signed {
				err = fmt.Errorf("%s shows certificate %d; want %d", listen, shown, 1000+r.signed)
			}
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// signAnew signs while no command reads the files: nobody sees a certificate with the key
// of another.
func (r *rig) signAnew(names ...string) error {
	r.files.Lock()
	defer r.files.Unlock()
	for _, name := range names {
		if err := r.sign(name); err != nil {
			return err
		}
	}
	return nil
}

// authorityChanged has another authority sign all certificates. For a while both are
// trusted, in which all go over to certificates of the new one.
func authorityChanged(ctx context.Context, r *rig, _ int) error {
	next, err := newAuthority(r.ca.path)
	if err != nil {
		return err
	}
	before := r.ca
	if err := errors.Join(next.trust(before), r.reloadBoth(ctx)); err != nil {
		return err
	}
	r.takeAuthority(next)
	if err := errors.Join(r.signAnew("redis", "nats", "replica"), r.reloadBoth(ctx)); err != nil {
		return err
	}
	pause(ctx, late)
	r.mu.Lock()
	err = next.trust()
	r.mu.Unlock()
	if err := errors.Join(err, r.reloadBoth(ctx)); err != nil {
		return err
	}
	secure := before.client()
	secure.RootCAs = next.pool
	if c, err := dial(ctx, r.leader.options["tls-listen"], r.password, secure); err == nil {
		c.close()
		return errors.New("a certificate of the authority before still lets in")
	}
	return nil
}

func (r *rig) takeAuthority(next *authority) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ca = next
	r.told.Add(1)
}

func (r *rig) reloadBoth(ctx context.Context) error {
	return errors.Join(r.leader.reload(ctx, taken), r.replica.reload(ctx, taken))
}

// shown returns the number of the certificate that a listener shows.
func (r *rig) shown(ctx context.Context, name, addr string) (number int64, err error) {
	if name == "nats" { // its server speaks before TLS does, so a client of it has to look
		cfg := r.ca.client()
		cfg.VerifyConnection = func(s tls.ConnectionState) error {
			number = s.PeerCertificates[0].SerialNumber.Int64()
			return nil
		}
		c, err := admin.Dial(ctx, admin.ClientConfig{Server: r.server(), User: admin.AdminUser, Password: r.users[admin.AdminUser], TLS: cfg})
		if err == nil {
			c.Close()
		}
		return number, err
	}
	nc, err := (&tls.Dialer{Config: r.ca.client()}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return 0, err
	}
	defer nc.Close()
	return nc.(*tls.Conn).ConnectionState().PeerCertificates[0].SerialNumber.Int64(), nil
}
