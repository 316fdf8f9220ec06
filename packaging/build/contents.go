package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goreleaser/nfpm/v2/files"
)

// file is one file of what is made.
type file struct {
	path string // without "/" at its head
	mode os.FileMode
	body []byte
	// kind is what a package makes of it, in the library's words: files.TypeFile if
	// it is empty.
	kind string
}

// contents is what goes into the tarball, the packages and the image of one
// architecture.
type contents struct {
	program []byte
	pages   []file // by the names that the tarball has for them
	parts   []part
	bill    []byte // the SBOM
}

// pages prints what is made of the tables of commands and options.
func (s source) pages(ctx context.Context, program, version string) ([]file, error) {
	var list []file
	for _, p := range []struct {
		path string
		args []string
	}{
		{"completions/ledge.bash", []string{"completion", "bash"}},
		{"completions/ledge.fish", []string{"completion", "fish"}},
		{"completions/_ledge", []string{"completion", "zsh"}},
		{"man/ledge.1", []string{"manual"}},
	} {
		text, err := output(ctx, s.root, program, p.args...)
		if err != nil {
			return nil, err
		}
		list = append(list, file{path: p.path, mode: 0o644, body: []byte(text + "\n")})
	}
	list = append(list,
		file{path: "man/ledge.yaml.5", mode: 0o644, body: []byte(configManual(version, s.when))},
		file{path: "ledge.yaml", mode: 0o644, body: []byte(configFile()), kind: files.TypeConfigNoReplace})
	pages, err := documents(s.root)
	if err != nil {
		return nil, err
	}
	list = append(list, pages...)
	for _, path := range []string{"CHANGELOG.md", "LICENSE", "packaging/systemd/ledge.service",
		"packaging/monitoring/alerts.yaml", "packaging/monitoring/dashboard.json"} {
		body, err := os.ReadFile(filepath.Join(s.root, path))
		if err != nil {
			return nil, err
		}
		list = append(list, file{path: strings.TrimPrefix(path, "packaging/"), mode: 0o644, body: body})
	}
	return list, nil
}

// page returns the page that the tarball has under a name.
func (c contents) page(path string) []byte {
	i := slices.IndexFunc(c.pages, func(f file) bool { return f.path == path })
	if i < 0 {
		panic("no page " + path)
	}
	return c.pages[i].body
}

// tarball is for machines without a package manager: all files in one directory.
func (r *release) tarball(name string, c contents) ([]byte, error) {
	list := append(slices.Clone(c.pages),
		file{path: "ledge", mode: 0o755, body: c.program},
		file{path: "LICENSES.txt", mode: 0o644, body: licenceTexts(c.parts)},
		file{path: "sbom.cdx.json", mode: 0o644, body: c.bill})
	for i := range list {
		list[i].path = name + "/" + list[i].path
	}
	return compress(archive(list, nil, r.source.when), gzip.DefaultCompression)
}

// archive writes files, each after the directories that it is in. Owners names
// those paths that root does not own, each by its user's number; such a path that
// is no file is an empty directory.
func archive(list []file, owners map[string]int, when time.Time) []byte {
	all := make(map[string]*file)
	for i, f := range list {
		all[f.path] = &list[i]
	}
	for path := range owners {
		if all[path] == nil {
			all[path] = nil
		}
	}
	for path := range all {
		for dir := filepath.Dir(path); dir != "."; dir = filepath.Dir(dir) {
			all[dir] = nil
		}
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	paths := make([]string, 0, len(all))
	for path := range all {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	for _, path := range paths {
		h := &tar.Header{Name: path + "/", Mode: 0o755, Typeflag: tar.TypeDir, ModTime: when, Uid: owners[path], Gid: owners[path], Format: tar.FormatUSTAR}
		f := all[path]
		if f != nil {
			h.Name, h.Typeflag, h.Mode, h.Size = path, tar.TypeReg, int64(f.mode), int64(len(f.body))
		} else if owners[path] != 0 {
			h.Mode = 0o700
		}
		if err := w.WriteHeader(h); err != nil {
			panic(fmt.Sprintf("%s: %v", path, err)) // a buffer takes everything; a path of ours is too long
		}
		if f != nil {
			_, _ = w.Write(f.body) // as above
		}
	}
	_ = w.Close() // as above
	return b.Bytes()
}

// compress compresses as gzip -n does: the result has no name and no time.
func compress(b []byte, level int) ([]byte, error) {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, level)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(b); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// installed lists what a package puts where, beside its own documents. Manual is
// the kind that manual pages have there.
func (c contents) installed(manual string) ([]file, error) {
	list := []file{
		{path: "usr/bin/ledge", mode: 0o755, body: c.program},
		{path: "etc/ledge/ledge.yaml", mode: 0o644, body: c.page("ledge.yaml"), kind: files.TypeConfigNoReplace},
		{path: "etc/ledge/ledge.d", mode: 0o755, kind: files.TypeDir},
		{path: "usr/share/bash-completion/completions/ledge", mode: 0o644, body: c.page("completions/ledge.bash")},
		{path: "usr/share/fish/vendor_completions.d/ledge.fish", mode: 0o644, body: c.page("completions/ledge.fish")},
		{path: "usr/share/ledge/alerts.yaml", mode: 0o644, body: c.page("monitoring/alerts.yaml")},
		{path: "usr/share/ledge/dashboard.json", mode: 0o644, body: c.page("monitoring/dashboard.json")},
		{path: "usr/share/ledge/sbom.cdx.json", mode: 0o644, body: c.bill},
	}
	for _, page := range []string{"ledge.1", "ledge.yaml.5"} {
		body, err := compress(c.page("man/"+page), gzip.BestCompression)
		if err != nil {
			return nil, err
		}
		section := page[len(page)-1:]
		list = append(list, file{path: "usr/share/man/man" + section + "/" + page + ".gz", mode: 0o644, body: body, kind: manual})
	}
	return list, nil
}

// stage writes files below a directory and lists them as the library for
// packages wants them.
func stage(dir string, list []file, when time.Time) (files.Contents, error) {
	var all files.Contents
	for _, f := range list {
		path := filepath.Join(dir, f.path)
		if f.kind == files.TypeDir {
			all = append(all, &files.Content{Destination: "/" + f.path, Type: f.kind,
				FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: f.mode, MTime: when}})
			continue
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, f.body, 0o600); err != nil {
			return nil, err
		}
		c := &files.Content{Source: path, Destination: "/" + f.path, Type: files.TypeFile,
			FileInfo: &files.ContentFileInfo{Owner: "root", Group: "root", Mode: f.mode, MTime: when}}
		if f.kind != "" {
			c.Type = f.kind
		}
		all = append(all, c)
	}
	return all, nil
}

// writeSums writes the checksums of all that was made, as sha256sum -c takes them.
func (r *release) writeSums() error {
	var b strings.Builder
	slices.Sort(r.made)
	for _, name := range r.made {
		body, err := os.ReadFile(filepath.Join(r.out, name))
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%x  %s\n", sha256.Sum256(body), name)
	}
	return r.write("SHA256SUMS", []byte(b.String()))
}
