package options

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"ledge/appliance/process"
)

// Origins tells where each option's value came from.
type Origins map[string]string

// Kinds of places.
const (
	ByDefault     = "default"
	ByFile        = "file"
	ByEnvironment = "environment"
	ByFlag        = "flag"
	ByCredential  = "credential"
)

// Kind returns of which kind the place is that an option's value is from.
func (o Origins) Kind(option string) string {
	switch at, ok := o[option]; {
	case !ok:
		return ByDefault
	case at == "--"+option:
		return ByFlag
	case at == Env(option):
		return ByEnvironment
	case strings.HasPrefix(at, "$"+CredentialsVariable+"/"):
		return ByCredential
	}
	return ByFile
}

// At returns how to name an option to whoever set it.
func (o Origins) At(option string) string { return o.name(option) }

// name returns how to name an option to whoever set it.
func (o Origins) name(option string) string {
	if at, ok := o[option]; ok {
		return at
	}
	return "--" + option
}

// Fault words an error with the place where each option in it was set.
func (o Origins) Fault(err error) error {
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		var out []error
		for _, e := range many.Unwrap() {
			out = append(out, o.Fault(e))
		}
		return errors.Join(out...)
	}
	var bad *Error
	var beside *besideError
	switch errors.As(err, &bad); {
	case bad != nil && errors.As(err, &beside):
		return fmt.Errorf("%s: %s%s%s", o.name(bad.Option), beside.before, o.name(beside.other), beside.after)
	case bad != nil:
		return fmt.Errorf("%s: %w", o.name(bad.Option), bad.Err)
	}
	return err
}

var errNoValue = errors.New("no value")

// Read puts a Config together. flag returns what the command line says of an
// option or else the environment, and whether they say anything; f is asked
// where they don't, and may be nil. An empty variable stands for the default,
// whatever the file says. Secrets that nothing is said of may be credentials. The error, if there is one, names all faults, each
// with its place.
func Read(flag func(name string) (string, bool), f *File) (Config, Origins, error) {
	if f == nil {
		f = &File{}
	}
	var c Config
	from, said := make(Origins), make(map[string]bool)
	var errs []error
	for _, r := range Table() {
		v, given := flag(r.Name)
		env, inEnv := os.LookupEnv(r.Env())
		said[r.Name] = given || f.lines[r.Name] != ""
		switch {
		case given && v == "" && inEnv && env == "":
			continue
		case given && (env == "" || env != v):
			from[r.Name] = "--" + r.Name
		case given && env != "" && env == v:
			from[r.Name] = r.Env()
		case !given && f.lines[r.Name] == "":
			continue
		case !given:
			v = f.values[r.Name]
			from[r.Name] = f.lines[r.Name] + ": " + r.Name
		}
		err := errNoValue
		if v != "" {
			err = r.parse(&c, v)
		}
		if err != nil {
			errs = append(errs, &Error{r.Name, err})
		}
	}
	takeCredentials(&c, from, said)
	var err error
	if c.Without, err = process.ParseWithout(os.Getenv(process.Variable)); err != nil {
		errs = append(errs, err)
	}
	if c.Port != 0 && c.Listen == "" {
		from["listen"] = from.name("port") // what is wrong with the address is wrong with that
	}
	return c, from, from.Fault(errors.Join(errors.Join(errs...), c.Validate()))
}
