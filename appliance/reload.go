package appliance

import (
	"context"
	"errors"
	"time"

	"ledge/appliance/options"
	"ledge/journal/fault"
)

// reloadLimit bounds how long Reload waits for the disk.
const reloadLimit = 10 * time.Second

// Reload reads anew what the node was configured from: the file, passwords in files,
// and certificates. What can change while the node runs is then as they say, for
// commands and connections that begin then; clients that are in stay. Of what can't
// there is a WARN. With an error nothing has changed. One call ends before the next
// begins: whoever calls sees to it.
func (n *Node) Reload(ctx context.Context) error {
	const op = "read the configuration anew"
	ctx, cancel := context.WithTimeout(ctx, reloadLimit)
	defer cancel()
	if n.cfg.Reread == nil {
		return fault.As(fault.Refused, op, errors.New("the node was not configured from anything that can be read again"))
	}
	if err := n.set.filing.Lock(ctx); err != nil {
		return fault.As(fault.Retryable, op, err)
	}
	defer n.set.filing.Unlock()
	next, err := n.cfg.Reread()
	if err != nil {
		return fault.As(fault.Operator, op, err)
	}
	if err := ctx.Err(); err != nil { // a file system has hung: whoever stops the node waits no longer
		return fault.As(fault.Retryable, op, err)
	}
	if next.Warn != nil {
		next.Warn()
	}
	next.Logger, next.Clock = n.cfg.Logger, n.cfg.Clock
	next.SetDefaults()
	if err := next.ReadSecrets(); err != nil {
		return fault.As(fault.Operator, op, next.From.Fault(err))
	}
	if err := errors.Join(n.words.check(), checkLeaderPassword(n, next.FollowPasswordFile), checkSecret(n.dir.secret, next.ClusterSecretFile)); err != nil {
		return fault.As(fault.Operator, op, next.From.Fault(err))
	}
	files := n.cfg
	files.TLSCert, files.TLSKey, files.TLSCA = next.TLSCert, next.TLSKey, next.TLSCA
	files.NATSTLSCert, files.NATSTLSKey, files.NATSTLSCA = next.NATSTLSCert, next.NATSTLSKey, next.NATSTLSCA
	secure, err := n.secure.reread(&files)
	if err != nil {
		return fault.As(fault.Operator, op, next.From.Fault(err))
	}
	changed, err := n.set.reconfigure(ctx, n.server.Config(), configured(&next))
	if err != nil {
		return fault.As(fault.Operator, op, err)
	}
	before := n.secure.current.Load()
	if err := present(n, &secure); err != nil {
		return err
	}
	n.followFile.Store(&next.FollowPasswordFile)
	if n.dir.secret != nil {
		n.dir.secret.file.Store(&next.ClusterSecretFile)
	}
	n.pageFile.Store(&next.HTTPPasswordFile)
	warnFixed(n, &next)
	err = n.words.reread(ctx)
	n.repl.Again() // what the leader refused may be what was changed
	if err != nil {
		return fault.As(fault.Of(err), "take the users' passwords; the rest of the configuration was taken", err)
	}
	n.cfg.Logger.Info("the configuration was read anew", "changed", append([]string{}, changed...),
		"certificates", secure.renewed(*before))
	return nil
}

// warnFixed names what the configuration says otherwise than at the start and what
// can't be changed before the next one.
func warnFixed(n *Node, next *Config) {
	at := n.cfg
	at.Live = next.Live // Reload has taken that
	for _, r := range options.Table() {
		if !r.Same(&at, next) && !r.Reloaded() {
			n.cfg.Logger.Warn("an option can't be changed while the node runs; the next start takes it",
				"option", r.Name, "at", next.From.At(r.Name))
		}
	}
}
