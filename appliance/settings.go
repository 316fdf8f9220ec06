package appliance

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"ledge/admin"
	"ledge/appliance/options"
	"ledge/appliance/store"
	"ledge/journal/fault"
	"ledge/journal/turn"
	"ledge/respd/command"
)

// settings are the parameters that were set at run time. They are kept in the node's
// own store, so that they hold after a restart, too, and go before what the
// configuration says: flags, environment, file and defaults. But the newer word
// counts: once the configuration says something else of an option than it did when
// the parameter was set, what was set is given up.
//
// A value belongs to an option, or to a parameter that no option has; several
// parameters may show it.
type settings struct {
	own   *store.Store
	from  func(option string) string // the origin of what can't be set at run time
	log   *slog.Logger
	clock func() time.Time

	// filing is held while the configuration is read anew and taken, and while its file
	// is rewritten, so that what is read is not older than what was written.
	filing turn.Turn

	mu   sync.Mutex
	kept map[string]setting // mu; by what the value belongs to. A map does not change
	said map[string]word    // mu; what the configuration says, likewise
}

// setting is a value that was set at run time.
type setting struct {
	Name  string    `json:"name"` // of the parameter that was set
	Value string    `json:"value"`
	Over  string    `json:"over"` // a hash of what the configuration said then
	At    time.Time `json:"at"`
	// ignored says that this program can't take it. It stays for one that can.
	ignored bool
}

// word is what the configuration says.
type word struct {
	param, text string // as that parameter shows it
	origin      string // of Config.Origin
}

// All settings are one row, so that those which were set together are kept together.
const settingsTable, settingsKey = "settings", "all"

// bySet is the origin of what was set at run time.
const bySet = "set at run time"

func newSettings(n *Node) *settings {
	s := &settings{own: n.own, from: n.cfg.Origin, log: n.cfg.Logger, clock: n.cfg.Clock, filing: turn.New(), kept: map[string]setting{}, said: map[string]word{}}
	b, ok := n.own.Get(settingsTable, settingsKey)
	if !ok {
		return s
	}
	if err := json.Unmarshal(b, &s.kept); err != nil {
		s.log.Warn("settings made at run time can't be read and are ignored", "cause", err)
		s.kept = map[string]setting{}
	}
	return s
}

// hash is what is remembered of what the configuration said: it may be a secret.
func (w word) hash() string {
	sum := sha256.Sum256([]byte(w.text))
	return hex.EncodeToString(sum[:8])
}

// configured returns what a Config says, by option, of those that can be set at run
// time.
func configured(c *Config) map[string]word {
	said := make(map[string]word)
	for _, r := range options.Table() {
		for _, p := range r.Params {
			if !p.Live || said[r.Name].param != "" {
				continue
			}
			origin := c.Origin(r.Name)
			if r.Secret && c.From.Kind(r.Name+"-file") != options.ByDefault {
				origin = c.Origin(r.Name + "-file")
			}
			said[r.Name] = word{param: p.Name, text: r.Show(p, *c), origin: origin}
		}
	}
	return said
}

// overlay puts what was set at run time in place of what the Config says. What can't
// be taken is ignored, with a WARN.
func (s *settings) overlay(c *Config) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(s.said, configured(c))
	given := len(s.kept)
	for _, r := range options.Table() {
		set, ok := s.kept[r.Name]
		if !ok {
			continue
		}
		i := slices.IndexFunc(r.Params, func(p options.Param) bool { return p.Live && p.Name == set.Name })
		switch {
		case i < 0:
			s.ignoreLocked(r.Name, errors.New("it can't be set at run time"))
		case set.Over != s.said[r.Name].hash():
			s.log.Info("a setting made at run time is given up, because the configuration says something else since",
				"parameter", set.Name, "set", set.At, "configured_by", s.said[r.Name].origin)
			delete(s.kept, r.Name)
		default:
			with := *c
			err := r.Take(r.Params[i], &with, set.Value)
			if err == nil && r.Secret {
				err = options.CheckPassword(with)
			}
			if err != nil {
				s.ignoreLocked(r.Name, err)
				continue
			}
			*c = with
		}
	}
	if b, err := json.Marshal(s.kept); err == nil && len(s.kept) < given {
		_ = s.own.Put(settingsTable, settingsKey, b) // if that is lost the next start does it again
	}
}

func (s *settings) ignoreLocked(owner string, err error) {
	set := s.kept[owner]
	set.ignored = true
	s.kept[owner] = set
	s.log.Warn("a setting made at run time can't be taken and is ignored", "parameter", set.Name, "set", set.At,
		"cause", err, "next", "ledge config set or ledge config reset "+set.Name)
}

// restore sets the parameters that no option has. It is called before anybody may set
// any.
func (s *settings) restore(ctx context.Context, params *command.Params, rewrite func(context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	said := maps.Clone(s.said)
	for _, p := range params.Match(func(string) bool { return true }) {
		if _, ok := said[p.Belongs()]; !ok && p.Set != nil {
			said[p.Belongs()] = word{p.Name, cmp.Or(p.AtFirst, p.Get()), options.ByDefault}
		}
	}
	for _, owner := range slices.Sorted(maps.Keys(s.kept)) {
		if isOption(owner) {
			continue // overlay has taken it
		}
		err := errors.New("there is no such parameter")
		if _, ok := said[owner]; ok {
			err = params.Change(ctx, nil, s.kept[owner].Name, s.kept[owner].Value)
		}
		if err != nil {
			s.ignoreLocked(owner, err)
		}
	}
	s.said = said
	params.Kept(s.keep, rewrite)
	params.Suggest(options.NearParam)
}

func isOption(name string) bool {
	return slices.ContainsFunc(options.Table(), func(r options.Row) bool { return r.Name == name })
}

// keep writes down what is about to be set.
func (s *settings) keep(ctx context.Context, changes []command.Change) error {
	return s.change(ctx, func(kept map[string]setting, said map[string]word) {
		for _, c := range changes {
			kept[c.Belongs()] = setting{Name: c.Name, Value: c.Value, Over: said[c.Belongs()].hash(), At: s.clock().UTC()}
		}
	})
}

// forget writes down that what is about to be set is no longer set at run time.
func (s *settings) forget(ctx context.Context, changes []command.Change) error {
	return s.change(ctx, func(kept map[string]setting, _ map[string]word) {
		for _, c := range changes {
			delete(kept, c.Belongs())
		}
	})
}

// change writes other settings down. One change ends before the next begins: the list
// of parameters sees to it. Whoever asks what is set doesn't wait for the disk.
func (s *settings) change(ctx context.Context, edit func(map[string]setting, map[string]word)) error {
	s.mu.Lock()
	kept, said := maps.Clone(s.kept), s.said
	s.mu.Unlock()
	edit(kept, said)
	b, err := json.Marshal(kept)
	if err != nil {
		return fault.As(fault.Fatal, "keep settings", err)
	}
	if err := s.own.PutSynced(ctx, settingsTable, settingsKey, b); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = kept
	return nil
}

// reconfigure has the node be as the configuration says now, where it says something
// else than before: what was set at run time in its place is given up. It returns the
// parameters that this changes.
func (s *settings) reconfigure(ctx context.Context, params *command.Params, said map[string]word) (changed []string, err error) {
	s.mu.Lock()
	before, kept := s.said, s.kept
	s.mu.Unlock()
	var pairs, outdated []string
	for _, owner := range slices.Sorted(maps.Keys(said)) {
		w := said[owner]
		if w.text == before[owner].text {
			continue
		}
		pairs, changed = append(pairs, w.param, w.text), append(changed, w.param)
		if _, ok := kept[owner]; ok {
			outdated = append(outdated, owner)
		}
	}
	keep := func(ctx context.Context, _ []command.Change) error {
		if len(outdated) == 0 {
			return nil
		}
		return s.change(ctx, func(kept map[string]setting, _ map[string]word) {
			for _, owner := range outdated {
				delete(kept, owner)
			}
		})
	}
	if err := params.Change(ctx, keep, pairs...); err != nil {
		return nil, err
	}
	all := maps.Clone(before)
	maps.Copy(all, said)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said = all
	return changed, nil
}

// origin says where a parameter's value is from.
func (s *settings) origin(p command.Param) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if set, ok := s.kept[p.Belongs()]; ok && !set.ignored {
		return bySet
	}
	if w, ok := s.said[p.Belongs()]; ok {
		return w.origin
	}
	return s.from(p.Belongs())
}

// reset gives a parameter the value back that the configuration says.
func (s *settings) reset(ctx context.Context, params *command.Params, name string) error {
	found := params.Match(func(n string) bool { return strings.EqualFold(n, name) })
	if len(found) == 0 {
		return fault.With(fault.Refused, fmt.Errorf("parameter %q: %w", name, admin.ErrNotFound))
	}
	s.mu.Lock()
	w, ok := s.said[found[0].Belongs()]
	s.mu.Unlock()
	if !ok {
		return fault.With(fault.Refused, fmt.Errorf("parameter %q can't be set at run time", name))
	}
	return params.Change(ctx, s.forget, w.param, w.text)
}
