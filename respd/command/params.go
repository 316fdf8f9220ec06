package command

import (
	"sort"
	"strings"
	"sync"

	"ledge/respd/resp"
)

// Params are the parameters of CONFIG GET and CONFIG SET.
type Params struct {
	mu   sync.Mutex
	list []Param // by name
}

// Param is one parameter.
type Param struct {
	Name string
	Get  func() string
	// Set changes the parameter, or says why not. It is nil for what can't
	// be changed while the server runs. apply is false for a trial: CONFIG
	// SET of several parameters changes all of them or none.
	Set func(value string, apply bool) error
}

// NewParams returns a list of parameters.
func NewParams(list ...Param) *Params {
	p := &Params{list: list}
	sort.Slice(p.list, func(i, j int) bool { return p.list[i].Name < p.list[j].Name })
	return p
}

// Match returns the parameters whose name match says yes to, in order.
func (p *Params) Match(match func(name string) bool) []Param {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []Param
	for _, x := range p.list {
		if match(x.Name) {
			out = append(out, x)
		}
	}
	return out
}

// Set changes all of the given parameters, names and values in turn, or none.
func (p *Params) Set(pairs ...string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, apply := range []bool{false, true} {
		for i := 0; i+1 < len(pairs); i += 2 {
			if err := p.setLocked(pairs[i], pairs[i+1], apply); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *Params) setLocked(name, value string, apply bool) error {
	for _, x := range p.list {
		if !strings.EqualFold(x.Name, name) {
			continue
		}
		if x.Set == nil {
			return resp.Error("ERR CONFIG SET failed (possibly related to argument '" + name +
				"') - can't set immutable config")
		}
		if err := x.Set(value, apply); err != nil {
			return resp.Error("ERR CONFIG SET failed (possibly related to argument '" + name +
				"') - " + err.Error())
		}
		return nil
	}
	return resp.Error("ERR Unknown option or number of arguments for CONFIG SET - '" + name + "'")
}
