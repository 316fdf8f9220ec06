package appliance

import (
	"context"
	"errors"
	"maps"
	"slices"

	"ledge/admin"
	"ledge/appliance/options"
	"ledge/journal/fault"
	"ledge/respd/resp"
)

// errNoConfigFile is what Redis says.
const errNoConfigFile resp.Error = "ERR The server is running without a config file"

// moving is a setting that goes into the configuration file.
type moving struct {
	name string // of the parameter by which it was set
	row  options.Row
	text string // as the file has it
	word word   // as the configuration says it then
}

// rewrite writes what was set at run time into the configuration file, and then keeps
// it no longer: it is the file's. If the node is killed in between, the next start finds
// both, with the same value, and goes by the file. It returns what has become of it.
func (n *Node) rewrite(ctx context.Context) (done admin.Rewritten, err error) {
	const op = "rewrite the configuration file"
	if n.cfg.ConfigFile == "" {
		return done, fault.With(fault.Refused, errNoConfigFile)
	}
	if err := n.set.filing.Lock(ctx); err != nil {
		return done, fault.As(fault.Retryable, op, err)
	}
	defer n.set.filing.Unlock()
	err = n.server.Config().Alone(ctx, func() error {
		move, stay := n.set.movable()
		move, refused, err := startable(n.cfg.Reread, move)
		if err != nil {
			return fault.With(fault.Operator, resp.Error("ERR Rewriting config file: a start would be refused: "+fault.Line(err)))
		}
		stay = append(stay, refused...)
		values := make(map[string]string)
		for _, m := range move {
			values[m.row.Name] = m.text
		}
		places, err := options.Rewrite(n.cfg.ConfigFile, values)
		if err != nil {
			return fault.With(fault.Operator, resp.Error("ERR Rewriting config file: "+fault.Line(err)))
		}
		for i, m := range move {
			if place := places[m.row.Name]; place != "" {
				move[i].word.origin = n.cfg.FileOrigin(place)
			}
		}
		done = admin.Rewritten{Files: append([]string{}, slices.Compact(slices.Sorted(maps.Values(places)))...),
			Written: append([]string{}, slices.Sorted(maps.Keys(values))...), Kept: stay}
		n.cfg.Logger.Info("the configuration file is rewritten", "file", n.cfg.ConfigFile,
			"files", done.Files, "options", done.Written, "still_kept_here", stay)
		if err := n.set.moved(ctx, move); err != nil {
			return fault.With(fault.Of(err), resp.Error("ERR The config file is rewritten, but the node's own store still has it as well: "+fault.Line(err)))
		}
		return nil
	})
	return done, err
}

// startable takes out of what is to be written whatever a start would refuse beside the rest
// of the configuration, which has options that mean nothing without others. Those settings
// stay in the node's own store, and hold from there. An error is that the files would be
// refused all the same.
func startable(reread func() (Config, error), move []moving) (good []moving, stay []string, err error) {
	for reread != nil {
		next, err := reread()
		if err != nil {
			return nil, nil, err
		}
		for _, m := range move {
			if m.text == "" { // the option leaves the file, which no other one minds
				continue
			}
			if err := m.row.Set(&next, m.text); err != nil {
				return nil, nil, err
			}
		}
		err = next.Validate()
		bad, before := options.Faulty(err), len(move)
		move = slices.DeleteFunc(move, func(m moving) bool {
			refused := slices.Contains(bad, m.row.Name)
			if refused {
				stay = append(stay, m.name)
			}
			return refused
		})
		switch {
		case err == nil:
			return move, stay, nil
		case len(move) == before:
			return nil, nil, next.From.Fault(err)
		}
	}
	return move, stay, nil
}

// movable returns which settings the configuration file can have, and the parameters of
// those that it can't: they belong to no option, a flag or the environment goes before
// the file, this program can't take them, or they are passwords, which not everybody who
// may read the file should know.
func (s *settings) movable() (move []moving, stay []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stay = []string{}
	for _, owner := range slices.Sorted(maps.Keys(s.kept)) {
		set, said := s.kept[owner], s.said[owner]
		m, err := moving{}, errors.New("it is no option")
		for _, r := range options.Table() {
			if r.Name == owner && !r.Secret && !set.ignored {
				m, err = movingOf(r, set)
			}
		}
		if err != nil || said.origin == options.ByFlag || said.origin == options.ByEnvironment {
			stay = append(stay, set.Name)
			continue
		}
		move = append(move, m)
	}
	return move, stay
}

// movingOf writes a setting as the option's line in a file.
func movingOf(r options.Row, set setting) (m moving, err error) {
	i := slices.IndexFunc(r.Params, func(p options.Param) bool { return p.Live && p.Name == set.Name })
	if i < 0 {
		return m, errors.New("it can't be set at run time")
	}
	var c Config
	if err := r.Take(r.Params[i], &c, set.Value); err != nil {
		return m, err
	}
	m.name, m.row, m.text = set.Name, r, r.Text(&c)
	first := slices.IndexFunc(r.Params, func(p options.Param) bool { return p.Live })
	m.word = word{param: r.Params[first].Name, text: r.Show(r.Params[first], c), origin: options.ByDefault}
	return m, nil
}

// moved notes that settings are the configuration file's.
func (s *settings) moved(ctx context.Context, move []moving) error {
	if len(move) == 0 {
		return nil
	}
	s.mu.Lock()
	said := maps.Clone(s.said)
	for _, m := range move {
		said[m.row.Name] = m.word
	}
	s.said = said
	s.mu.Unlock()
	return s.change(ctx, func(kept map[string]setting, _ map[string]word) {
		for _, m := range move {
			delete(kept, m.row.Name)
		}
	})
}
