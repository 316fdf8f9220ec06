// Package options is the one table of what can be said to a node: each row is a
// flag of ledge serve, a variable of the environment, a key of the configuration
// file, a line of OPTIONS.md and, for some, a parameter of CONFIG. Wherever a
// value comes from, its row parses and checks it.
package options

import (
	"slices"
	"strings"
)

// Row is one option.
type Row struct {
	// Name is what the option is called, Hint what stands for its value, and Doc
	// one line that says what it is.
	Name, Hint, Doc string
	// Default is the default, as somebody would write it. An option without one has
	// nothing for a default, which Otherwise words.
	Default, Otherwise string
	// More is what OPTIONS.md says besides.
	More string
	// Secret says that nobody else may see the value. The option NAME-file then
	// names a file that has it, because a command line is public.
	Secret bool
	// Params are the parameters of CONFIG that show the value.
	Params []Param

	value
	// clash says what is wrong with the value beside those of other options; nil is
	// nothing. It is asked at the start alone, and only if the value itself is good.
	clash func(*Config) error
}

// value is how an option's value is kept in a Config.
type value struct {
	parse func(*Config, string) error // of any text but ""
	show  func(*Config) string        // for CONFIG
	none  func(*Config) bool          // whether it has not been set
	check func(*Config) error         // whether it is within its bounds
	words []string                    // those that it may be, if it is one of few
}

// Usage is the option's line of help. The value's name in it is quoted as the
// flags want it.
func (r Row) Usage() string { return "`" + r.Hint + "`: " + r.Doc }

// DefaultText is the default for people.
func (r Row) DefaultText() string {
	if r.Default == "" {
		return r.Otherwise
	}
	return r.Default
}

// Words returns the words that the value is one of; nil is that it is none of few.
func (r Row) Words() []string { return r.words }

// Env returns the option's variable.
func (r Row) Env() string { return Env(r.Name) }

// Env returns the variable of an option.
func Env(name string) string {
	return "LEDGE_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
}

// Set parses and checks a value.
func (r Row) Set(c *Config, v string) error {
	if err := r.parse(c, v); err != nil {
		return err
	}
	return r.check(c)
}

// Param is a parameter of CONFIG that shows an option.
type Param struct {
	Name string
	// Live parameters can be set while the node runs.
	Live bool
	// Server says that the server keeps the value, which does not stand in Live.
	Server bool
	// Partial says that a value may be about a part of the option only, which Show
	// writes as a whole.
	Partial bool
	// show and read are for a parameter whose values are written in another way than
	// the option's, as Redis does; nil is that they are not.
	show func(*Config) string
	read func(string) (string, error)
}

// Text returns the value as it stands in a file.
func (r Row) Text(c *Config) string { return r.show(c) }

// Show returns the parameter's value.
func (r Row) Show(p Param, c Config) string {
	if p.show != nil {
		return p.show(&c)
	}
	return r.show(&c)
}

// Change sets a live parameter of CONFIG, by the rule that the option has. It
// leaves live as it is if there is an error.
func (r Row) Change(p Param, live *Live, v string) (err error) {
	c := Config{Live: *live}
	if err = r.Take(p, &c, v); err == nil {
		*live = c.Live
	}
	return err
}

// Take puts a value of a parameter into a Config, by the rule that the option has.
func (r Row) Take(p Param, c *Config, v string) (err error) {
	if p.read != nil {
		if v, err = p.read(v); err != nil {
			return err
		}
	}
	return r.Set(c, v)
}

// Same reports whether two Configs have the same value.
func (r Row) Same(a, b *Config) bool { return r.show(a) == r.show(b) }

// Reloaded reports whether the option is taken while the node runs when the
// configuration is read anew: because a parameter sets it, or because it names a file
// that is read then.
func (r Row) Reloaded() bool {
	return strings.HasSuffix(r.Name, "password-file") || strings.HasSuffix(r.Name, "secret-file") || strings.Contains(r.Name, "tls-") && r.Hint == "FILE" ||
		slices.ContainsFunc(r.Params, func(p Param) bool { return p.Live })
}

// Owner returns the option that a parameter belongs to, or its name if there is none.
func Owner(param string) string {
	for _, r := range Table() {
		if slices.ContainsFunc(r.Params, func(p Param) bool { return p.Name == param }) {
			return r.Name
		}
	}
	return param
}

// CheckParam checks a value for a live parameter of CONFIG by the rule that the
// option has, and returns the value as it is written plainly. Of parameters that
// no option has it knows nothing, and takes whatever it is given.
func CheckParam(name, v string) (plain string, err error) {
	for _, r := range Table() {
		i := slices.IndexFunc(r.Params, func(p Param) bool { return p.Live && strings.EqualFold(p.Name, name) })
		if i < 0 {
			continue
		}
		var c Config
		if err := r.Take(r.Params[i], &c, v); err != nil {
			return "", err
		}
		return r.Show(r.Params[i], c), nil
	}
	return v, nil
}
