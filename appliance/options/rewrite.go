package options

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"gopkg.in/yaml.v3"

	"ledge/journal/durable"
)

// rewritten stands above the lines that Rewrite adds.
const rewritten = "# Set at run time, and written here by CONFIG REWRITE."

var (
	errNotLines   = errors.New("it is not written as lines of OPTION: VALUE that a program can change")
	errChangedNow = errors.New("somebody else has just changed it; try again")
)

// Rewrite puts values of options into the configuration file at path, each in its
// place or at the end; "" takes an option out. Everything else stays as it is: comments,
// order, owner and mode. The file is the old one or the new one, whole, at any time.
func Rewrite(path string, values map[string]string) error {
	path, err := filepath.EvalSymlinks(path)
	if err != nil {
		return err
	}
	before, err := readBounded(path)
	if err != nil {
		return err
	}
	after, err := rewrite(path, before, values)
	if err != nil || bytes.Equal(before, after) {
		return err
	}
	return replace(path, before, after)
}

// rewrite returns the text of a file with other values. It reads what it has written:
// a file that is written in an unusual way is refused, and not guessed at.
func rewrite(path string, text []byte, values map[string]string) ([]byte, error) {
	was, err := scalars(path, text)
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	var added []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		v, at := values[name], was[name]
		switch {
		case at == nil && v != "":
			added = append(added, name+": "+quoted(v))
		case at == nil || at.Value == v:
		case at.Line < 1 || at.Line > len(lines):
			return nil, errNotLines
		default:
			line := lines[at.Line-1]
			head, rest := line[:min(at.Column-1, len(line))], line[min(at.Column-1, len(line)):]
			if lines[at.Line-1] = head + quoted(v) + remark(at, rest); v == "" {
				lines[at.Line-1] = "\x00"
			}
		}
	}
	lines = slices.DeleteFunc(lines, func(l string) bool { return l == "\x00" })
	if len(added) > 0 {
		if !slices.Contains(lines, rewritten) {
			added = append([]string{rewritten}, added...)
		}
		if len(lines) == 1 && lines[0] == "" {
			lines = nil
		}
		lines = append(lines, added...)
	}
	out := []byte(strings.Join(lines, "\n") + "\n")
	is, err := scalars(path, out)
	if err != nil {
		return nil, errNotLines
	}
	for name, v := range values {
		if now := is[name]; (v == "") != (now == nil) || now != nil && now.Value != v {
			return nil, errNotLines
		}
		delete(is, name)
		delete(was, name)
	}
	if !maps.EqualFunc(was, is, func(a, b *yaml.Node) bool { return a.Value == b.Value }) {
		return nil, errNotLines
	}
	return out, nil
}

// scalars returns the values that a file has, by option.
func scalars(path string, text []byte) (map[string]*yaml.Node, error) {
	values := make(map[string]*yaml.Node)
	root, err := parseYAML(path, text)
	if err != nil || root == nil {
		return values, err
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		if values[root.Content[i].Value] != nil {
			return nil, fmt.Errorf("%s:%d: %s stands there twice", path, root.Content[i].Line, root.Content[i].Value)
		}
		values[root.Content[i].Value] = root.Content[i+1]
	}
	return values, nil
}

// quoted writes a value as one that YAML reads as it is.
func quoted(v string) string {
	if v == "" {
		return v
	}
	if plain, err := scalars("", []byte("a: "+v+"\n")); err == nil && plain["a"] != nil && plain["a"].Value == v &&
		plain["a"].Kind == yaml.ScalarNode && plain["a"].Tag != "!!null" {
		return v
	}
	b, err := yaml.Marshal(v)
	if err != nil || bytes.Count(b, []byte("\n")) != 1 {
		return fmt.Sprintf("%q", v)
	}
	return strings.TrimSuffix(string(b), "\n")
}

// remark returns what stands after a value on its line: a comment, with the spaces
// before it.
func remark(value *yaml.Node, rest string) string {
	if value.LineComment == "" {
		return ""
	}
	i := strings.LastIndex(rest, value.LineComment)
	if i < 0 {
		return ""
	}
	start := len(strings.TrimRight(rest[:i], " \t"))
	return rest[start:]
}

// replace puts a file in place of another, with its owner and mode, unless that has
// changed since it was read.
func replace(path string, before, after []byte) (err error) {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	if _, err = f.Write(after); err == nil {
		err = sameOwner(f, info)
	}
	if err == nil {
		err = f.Chmod(info.Mode().Perm())
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if now, err := readBounded(path); err != nil || !bytes.Equal(now, before) {
		return errors.Join(errChangedNow, err)
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return durable.File(dir)
}

// sameOwner gives a file the owner and group that another has.
func sameOwner(f *os.File, of fs.FileInfo) error {
	st, ok := of.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	mine, err := f.Stat()
	if err != nil {
		return err
	}
	if m, ok := mine.Sys().(*syscall.Stat_t); ok && m.Uid == st.Uid && m.Gid == st.Gid {
		return nil
	}
	return f.Chown(int(st.Uid), int(st.Gid))
}
