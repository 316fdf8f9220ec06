package options

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Removed are options that other stores have for slots and caches, or that there once
// were, with what to do instead. They are accepted in a file, with a warning, so that a
// program starts with the file of the one before it. None of them is needed: keys are in
// memory, and nothing can turn off that slots are cleared and moved.
var Removed = map[string]string{
	"row-cache-size":                removedCache,
	"rocksdb.row_cache_size":        removedCache,
	"migrate-speed":                 removedRate,
	"migrate-batch-rate-limit-mb":   removedRate,
	"migrate-pipeline-size":         removedPieces,
	"migrate-batch-size-kb":         removedPieces,
	"migrate-sequence-gap":          "a move holds its slots for cluster-hold at a time at most",
	"migrate-type":                  "there is one way in which slots move",
	"slotmigrate":                   "slots can always be moved",
	"slotmigrate-thread-num":        "cluster-moves bounds how many moves are under way",
	"thread-migrate-keys-num":       removedPieces,
	"cluster-require-full-coverage": "slots that a node owns are served, whatever becomes of others",
	"persist-cluster-nodes-enabled": "what a shard owns is in its journal",
}

// What to do in place of some removed options.
const (
	removedCache  = "all keys are in memory, and there is no cache of rows"
	removedRate   = "cluster-move-rate bounds what a move copies a second"
	removedPieces = "a move has pieces of a size of its own"
)

// File is what configuration files say, each of which is one YAML mapping from the
// names of options to their values.
type File struct {
	values map[string]string
	lines  map[string]string // where each stands, as path:line
	// Warnings name the lines of options that were removed, and files that are not read.
	Warnings []string
}

// readFile reads and checks one file.
func readFile(path string, known []Row, removed map[string]string) (*File, error) {
	b, err := ReadBounded(path)
	if err != nil {
		return nil, fmt.Errorf("--config: %w", err)
	}
	f := &File{values: make(map[string]string), lines: make(map[string]string)}
	root, err := parseYAML(path, b)
	if err != nil || root == nil {
		return f, err
	}
	names := make(map[string]bool)
	for _, o := range known {
		names[o.Name] = true
	}
	var errs []error
	for i := 0; i+1 < len(root.Content); i += 2 {
		k, v := root.Content[i], root.Content[i+1]
		at := fmt.Sprintf("%s:%d", path, k.Line)
		advice, gone := removed[k.Value]
		switch {
		case gone:
			f.Warnings = append(f.Warnings, fmt.Sprintf("%s: %s is no option any more and does nothing: %s",
				at, k.Value, advice))
		case !names[k.Value]:
			errs = append(errs, fmt.Errorf("%s: %s: unknown option%s", at, k.Value,
				Near("", k.Value, slices.Collect(maps.Keys(names)))))
		case f.lines[k.Value] != "":
			errs = append(errs, fmt.Errorf("%s: %s: stands at %s already", at, k.Value, f.lines[k.Value]))
		case v.Kind != yaml.ScalarNode || v.Tag == "!!null":
			errs = append(errs, fmt.Errorf("%s: %s: wants one value, has %s", at, k.Value, describe(v)))
		default:
			f.values[k.Value], f.lines[k.Value] = v.Value, at
		}
	}
	return f, errors.Join(errs...)
}

// Value returns what the files say of an option, and in which line of which file; ""
// is nothing.
func (f *File) Value(option string) (value, at string) {
	if f == nil {
		return "", ""
	}
	return f.values[option], f.lines[option]
}

// parseYAML returns the mapping that a file is, or nil if it says nothing.
func parseYAML(path string, b []byte) (*yaml.Node, error) {
	var doc, more yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(b))
	if err := dec.Decode(&doc); err == io.EOF {
		return nil, nil
	} else if err != nil {
		return nil, syntaxError(path, err)
	}
	if err := dec.Decode(&more); err == nil {
		return nil, fmt.Errorf("%s:%d: a second document", path, more.Line)
	} else if err != io.EOF {
		return nil, syntaxError(path, err)
	}
	root := doc.Content[0]
	switch {
	case root.Tag == "!!null":
		return nil, nil
	case root.Kind != yaml.MappingNode:
		return nil, fmt.Errorf("%s:%d: wants lines of OPTION: VALUE, has %s", path, root.Line, describe(root))
	}
	return root, nil
}

var yamlLine = regexp.MustCompile(`^yaml: line (\d+): `)

// syntaxError puts the line that the library names in its usual place.
func syntaxError(path string, err error) error {
	s := err.Error()
	if m := yamlLine.FindStringSubmatch(s); m != nil {
		return fmt.Errorf("%s:%s: %s", path, m[1], s[len(m[0]):])
	}
	// It leaves the number out for the first line.
	return fmt.Errorf("%s:1: %s", path, strings.TrimPrefix(s, "yaml: "))
}

func describe(n *yaml.Node) string {
	switch {
	case n.Tag == "!!null":
		return "none"
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.AliasNode:
		return "an alias"
	}
	return fmt.Sprintf("%q", n.Value)
}
