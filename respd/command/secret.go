package command

import (
	"slices"
	"strings"
)

// Redacted stands where a secret argument would, as in Redis.
const Redacted = "(redacted)"

// Spec.Secrets and what is below are the one list of arguments that nobody but
// the client that sent them may see. Whatever shows arguments, a log, the slow
// log, an error, another client, shows what Shown returns.

// Shown returns the arguments of a call as others may see them.
func (s *Spec) Shown(args Args) Args {
	if s.Secrets == nil {
		return args
	}
	return without(args, s.Secrets(args))
}

// Shown is Spec.Shown for a command by its name, of whatever number of arguments
// and even if there is none of that name.
func (t *Table) Shown(args Args) Args {
	if len(args) == 0 {
		return args
	}
	s := t.Lookup(args[0])
	if s != nil && s.Subs != nil && len(args) > 1 {
		if sub := s.Sub(args[1]); sub != nil {
			s = sub
		}
	}
	if s != nil && s.Secrets != nil {
		return s.Shown(args)
	}
	return without(args, secretsElsewhere(args))
}

// without returns args with those at the given places redacted; args itself is
// left as it is.
func without(args Args, places []int) Args {
	if len(places) == 0 {
		return args
	}
	shown := slices.Clone(args)
	for _, i := range places {
		if i < len(shown) {
			shown[i] = []byte(Redacted)
		}
	}
	return shown
}

// SecretsFrom returns the places of all arguments from one on.
func SecretsFrom(first int) func(Args) []int {
	return func(args Args) (places []int) {
		for i := first; i < len(args); i++ {
			places = append(places, i)
		}
		return places
	}
}

// SecretsBehind returns the places of so many arguments after each of some words,
// in upper case, looking for them from an argument on.
func SecretsBehind(first int, words map[string]int) func(Args) []int {
	return func(args Args) (places []int) {
		for i := first; i < len(args); i++ {
			for n := range words[args.Word(i)] {
				places = append(places, i+1+n)
			}
		}
		return places
	}
}

// SecretValues returns the places of what stands after the name of a secret
// parameter, looking for names from an argument on.
func SecretValues(first int) func(Args) []int {
	return func(args Args) (places []int) {
		for i := first; i+1 < len(args); i++ {
			if SecretParam(string(args[i])) {
				places = append(places, i+1)
			}
		}
		return places
	}
}

// secretParams are the parameters of CONFIG whose values are secrets, Redis's
// included that this program lacks.
var secretParams = []string{"requirepass", "masterauth", "masteruser", "tls-key-file-pass",
	"tls-client-key-file-pass", "auth-pass", "auth-user", "sentinel-pass", "sentinel-user"}

// SecretParam reports whether the value of a parameter of CONFIG is a secret.
func SecretParam(name string) bool {
	return slices.ContainsFunc(secretParams, func(s string) bool { return strings.EqualFold(s, name) })
}

// elsewhere are the secrets of Redis's commands that this program lacks: they are
// sent to it all the same. A subcommand stands after "|".
var elsewhere = map[string]func(Args) []int{
	"migrate":         SecretsBehind(1, map[string]int{"AUTH": 1, "AUTH2": 2}),
	"acl|setuser":     SecretsFrom(2),
	"sentinel|set":    SecretValues(2),
	"sentinel|config": SecretValues(2),
}

func secretsElsewhere(args Args) []int {
	name := strings.ToLower(string(args[0]))
	secrets := elsewhere[name]
	if secrets == nil && len(args) > 1 {
		secrets = elsewhere[name+"|"+strings.ToLower(string(args[1]))]
	}
	if secrets == nil {
		return nil
	}
	return secrets(args)
}
