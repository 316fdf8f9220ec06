package scripts

import (
	"bytes"

	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/resp"
)

const errNoScript resp.Error = "NOSCRIPT No matching script. Please use EVAL."

// running are the flags of the commands that run scripts.
const running = command.NoScript | command.Stale | command.SkipMonitor |
	command.NoMandatoryKeys | command.Scripted

// row fills in what the commands that run scripts have in common.
func row(s command.Spec) *command.Spec {
	s.Arity, s.NumKeys = -3, 2
	s.Flags |= running
	if s.Complexity == "" {
		s.Complexity = "Depends on the script that is executed."
	}
	if s.Read != nil {
		s.KeyFlags = "RO access"
		return family.Read(s, s.Read)
	}
	s.KeyFlags = "RW access update"
	return family.Write(s, s.Write)
}

// EVAL script numkeys [key ...] [arg ...]
func (e *Engine) eval() *command.Spec {
	return row(command.Spec{Name: "eval", Since: "2.6.0",
		Summary: "Run a Lua script.", Syntax: "<script> <numkeys> [<key> ...] [<arg> ...]",
		Write: func(d *replay.Draft, args command.Args) (resp.Value, error) {
			c, err := e.byText(args)
			if err != nil {
				return resp.Value{}, err
			}
			return e.evaluate(&d.View, d, c, args)
		}})
}

// EVAL_RO script numkeys [key ...] [arg ...]
func (e *Engine) evalRO() *command.Spec {
	return row(command.Spec{Name: "eval_ro", Since: "7.0.0",
		Summary: "Run a Lua script that only reads.", Syntax: "<script> <numkeys> [<key> ...] [<arg> ...]",
		Read: func(v *replay.View, args command.Args) resp.Value {
			c, err := e.byText(args)
			if err != nil {
				return resp.FromError(err)
			}
			return answer(e.evaluate(v, nil, c, args))
		}})
}

// byText returns the script that EVAL is given. Redis looks at the number of
// keys before it compiles.
func (e *Engine) byText(args command.Args) (*script, error) {
	if _, err := keyCount(args, command.ErrNotInt); err != nil {
		return nil, err
	}
	return e.cache.get(args[1], false)
}

// byDigest returns the script that EVALSHA names. What can't be a digest is
// refused before the number of keys is looked at, one that isn't known after.
func (e *Engine) byDigest(args command.Args) (*script, error) {
	const size = 40
	if len(args[1]) != size {
		return nil, errNoScript
	}
	if _, err := keyCount(args, command.ErrNotInt); err != nil {
		return nil, err
	}
	if c := e.cache.find(bytes.ToLower(args[1])); c != nil {
		return c, nil
	}
	return nil, errNoScript
}

// EVALSHA sha1 numkeys [key ...] [arg ...]
func (e *Engine) evalSHA() *command.Spec {
	return row(command.Spec{Name: "evalsha", Since: "2.6.0",
		Summary: "Run a Lua script that is in the cache.", Syntax: "<sha1> <numkeys> [<key> ...] [<arg> ...]",
		Write: func(d *replay.Draft, args command.Args) (resp.Value, error) {
			c, err := e.byDigest(args)
			if err != nil {
				return resp.Value{}, err
			}
			return e.evaluate(&d.View, d, c, args)
		}})
}

// EVALSHA_RO sha1 numkeys [key ...] [arg ...]
func (e *Engine) evalSHARO() *command.Spec {
	return row(command.Spec{Name: "evalsha_ro", Since: "7.0.0",
		Summary: "Run a Lua script in the cache that only reads.", Syntax: "<sha1> <numkeys> [<key> ...] [<arg> ...]",
		Read: func(v *replay.View, args command.Args) resp.Value {
			c, err := e.byDigest(args)
			if err != nil {
				return resp.FromError(err)
			}
			return answer(e.evaluate(v, nil, c, args))
		}})
}

// FCALL function numkeys [key ...] [arg ...]
func (e *Engine) fcall() *command.Spec {
	return row(command.Spec{Name: "fcall", Since: "7.0.0",
		Complexity: "Depends on the function that is executed.",
		Summary:    "Run a function.", Syntax: "<function> <numkeys> [<key> ...] [<arg> ...]",
		Write: func(d *replay.Draft, args command.Args) (resp.Value, error) {
			return e.call(&d.View, d, args)
		}})
}

// FCALL_RO function numkeys [key ...] [arg ...]
func (e *Engine) fcallRO() *command.Spec {
	return row(command.Spec{Name: "fcall_ro", Since: "7.0.0",
		Complexity: "Depends on the function that is executed.",
		Summary:    "Run a function that only reads.", Syntax: "<function> <numkeys> [<key> ...] [<arg> ...]",
		Read: func(v *replay.View, args command.Args) resp.Value {
			return answer(e.call(v, nil, args))
		}})
}

func answer(v resp.Value, err error) resp.Value {
	if err != nil {
		return resp.FromError(err)
	}
	return v
}
