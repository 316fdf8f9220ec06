package options

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
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

// rewriteFile is what Rewrite makes in the directory beside a configuration file, if
// there is one: options that no file has go there, so that the configuration file of a
// package stays as it came.
const rewriteFile = "90-config-rewrite"

// Rewrite puts values of options into the configuration file at path and those that
// are read after it: each into the place that holds, or into a file of its own in the
// directory for that, or at the end of the configuration file. "" takes an option out of
// all of them. Everything else stays as it is: comments, order, owner and mode. Each
// file is the old one or the new one, whole, at any time; the values that were written
// before one can't be, stay. It returns which file has each value.
func Rewrite(path string, values map[string]string) (places map[string]string, err error) {
	list, _, err := dropIns(path)
	if err != nil {
		return nil, err
	}
	edits, places, err := planRewrite(append([]string{path}, list...), extraFile(path), values)
	if err != nil {
		return nil, err
	}
	for _, file := range slices.Sorted(maps.Keys(edits)) {
		if err := rewriteOne(file, path, edits[file]); err != nil {
			return nil, err
		}
	}
	return places, nil
}

// extraFile returns where options go that no file has.
func extraFile(path string) string {
	if fi, err := os.Stat(DropIns(path)); err != nil || !fi.IsDir() {
		return path
	}
	return filepath.Join(DropIns(path), rewriteFile+filepath.Ext(path))
}

// planRewrite decides which of the files gets which values, and which has each then.
func planRewrite(files []string, extra string, values map[string]string) (edits map[string]map[string]string, places map[string]string, err error) {
	edits, places = make(map[string]map[string]string), make(map[string]string)
	edit := func(file, name, value string) {
		if edits[file] == nil {
			edits[file] = make(map[string]string)
		}
		edits[file][name] = value
	}
	for _, file := range files {
		text, err := ReadBounded(file)
		if err != nil {
			return nil, nil, err
		}
		has, err := scalars(file, text)
		if err != nil {
			return nil, nil, err
		}
		for name, value := range values {
			if has[name] == nil {
				continue
			}
			if places[name] = file; value == "" {
				edit(file, name, "")
			}
		}
	}
	for name, value := range values {
		if value == "" {
			continue
		}
		if places[name] == "" {
			places[name] = extra
		}
		edit(places[name], name, value)
	}
	return edits, places, nil
}

// rewriteOne puts values into one file, which is made, as open as another, if it isn't
// there.
func rewriteOne(path, like string, values map[string]string) error {
	if whole, err := filepath.EvalSymlinks(path); err == nil {
		path = whole
	}
	before, err := ReadBounded(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	after, err := rewrite(path, before, values)
	if err != nil || bytes.Equal(before, after) {
		return err
	}
	return unwritable(filepath.Dir(path), replace(path, like, before, after))
}

// unwritable adds to an error what lets the node write in the directory of its
// configuration: the unit of a package keeps it from that, and the directory is root's.
func unwritable(dir string, err error) error {
	var lacks []string
	if errors.Is(err, syscall.EROFS) {
		lacks = append(lacks, fmt.Sprintf("its unit may allow it (systemctl edit ledge, [Service], ReadWritePaths=%s, and a restart)", dir))
	}
	if fi, serr := os.Stat(dir); serr == nil && (len(lacks) > 0 || errors.Is(err, fs.ErrPermission)) {
		if st, ok := fi.Sys().(*syscall.Stat_t); ok && os.Geteuid() != 0 && int(st.Uid) != os.Geteuid() {
			lacks = append(lacks, fmt.Sprintf("chown %s %s gives it to the node's user", userName(os.Geteuid()), dir))
		}
	}
	if len(lacks) == 0 {
		return err
	}
	return fmt.Errorf("%w; the node may not write there: %s; what was set holds all the same, from node.db", err, strings.Join(lacks, ", and "))
}

// userName is what the system calls a user, or the number.
func userName(uid int) string {
	id := strconv.Itoa(uid)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
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
// changed since it was read. Where there is none it gets the mode of like.
func replace(path, like string, before, after []byte) (err error) {
	was, err := os.Stat(path)
	made := errors.Is(err, fs.ErrNotExist)
	if made {
		was, err = os.Stat(like)
	}
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
	if _, err = f.Write(after); err == nil && !made {
		err = sameOwner(f, was)
	}
	if err == nil {
		err = f.Chmod(was.Mode().Perm())
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	now, err := ReadBounded(path)
	if made && errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil || !bytes.Equal(now, before) {
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
