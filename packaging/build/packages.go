package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/goreleaser/nfpm/v2"
	"github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
	"github.com/goreleaser/nfpm/v2/rpm"
)

// What packages and the image say of ledge.
const (
	summary     = "key-value appliance that speaks the Redis protocol and keeps a journal"
	description = `One static binary that speaks the Redis protocol and keeps every change in a
journal, which is a stream of an embedded NATS JetStream. What it has
acknowledged is on the disk; when the disk fails it says so, and goes on when
it can prove that it may.`
	maintainer = "The ledge maintainers <ledge@packages.invalid>"
)

// packages makes the deb and the rpm of one architecture, with dir for what the
// library wants to read from files.
func (r *release) packages(t target, c contents, dir string) error {
	own, err := r.debDocuments(c)
	if err != nil {
		return err
	}
	revision := fmt.Sprint(r.revision)
	if err := r.pack(t, c, filepath.Join(dir, "deb"), "debian", own,
		fmt.Sprintf("ledge_%s-%s_%s.deb", r.version, revision, t.deb), deb.Default); err != nil {
		return err
	}
	return r.pack(t, c, filepath.Join(dir, "rpm"), "rpm", r.rpmDocuments(c),
		fmt.Sprintf("ledge-%s-%s.%s.rpm", r.version, revision, t.rpm), rpm.DefaultRPM)
}

// debDocuments are the documents that Debian wants, and where it looks for the
// unit and zsh's completions.
func (r *release) debDocuments(c contents) ([]file, error) {
	log := fmt.Sprintf("ledge (%s-%d) unstable; urgency=medium\n\n  * Built of commit %s. CHANGELOG.md says what changes.\n\n -- %s  %s\n",
		r.version, r.revision, strings.TrimSuffix(r.source.commit, "+"), maintainer, r.source.when.Format(time.RFC1123Z))
	debian, err := compress([]byte(log), gzip.BestCompression) // as Debian wants it
	if err != nil {
		return nil, err
	}
	upstream, err := compress(c.page("CHANGELOG.md"), gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	const doc = "usr/share/doc/ledge/"
	list := []file{
		{path: "lib/systemd/system/ledge.service", mode: 0o644, body: c.page("systemd/ledge.service")},
		{path: "usr/share/zsh/vendor-completions/_ledge", mode: 0o644, body: c.page("completions/_ledge")},
		{path: "usr/share/lintian/overrides/ledge", mode: 0o644, body: []byte(
			"# A Go program without cgo is one file; that is what it is shipped for.\nledge: statically-linked-binary [usr/bin/ledge]\n")},
		{path: doc + "changelog.Debian.gz", mode: 0o644, body: debian},
		{path: doc + "changelog.gz", mode: 0o644, body: upstream},
		{path: doc + "copyright", mode: 0o644, body: copyright(c.parts)},
	}
	for _, f := range c.documents() {
		f.path = doc + f.path
		list = append(list, f)
	}
	return list, nil
}

// rpmDocuments are the same as other systems want them.
func (r *release) rpmDocuments(c contents) []file {
	const doc = "usr/share/doc/ledge/"
	list := []file{
		{path: "usr/lib/systemd/system/ledge.service", mode: 0o644, body: c.page("systemd/ledge.service")},
		{path: "usr/share/zsh/site-functions/_ledge", mode: 0o644, body: c.page("completions/_ledge")},
		{path: "usr/share/licenses/ledge/LICENSE", mode: 0o644, body: c.page("LICENSE"), kind: files.TypeRPMLicense},
		{path: "usr/share/licenses/ledge/LICENSES.txt", mode: 0o644, body: licenceTexts(c.parts), kind: files.TypeRPMLicense},
	}
	for _, f := range c.documents() {
		f.path, f.kind = doc+f.path, files.TypeRPMDoc
		list = append(list, f)
	}
	return list
}

// rpmChangelog writes what an rpm says of its changes, for the library to read,
// and returns its path.
func (r *release) rpmChangelog(dir string) (string, error) {
	path := filepath.Join(dir, "changelog.yaml")
	text := fmt.Sprintf("- semver: %s-%d\n  date: %s\n  packager: %s\n  changes:\n    - note: Built of commit %s. CHANGELOG.md says what changes.\n",
		r.version, r.revision, r.source.when.Format(time.RFC3339), maintainer, strings.TrimSuffix(r.source.commit, "+"))
	return path, os.WriteFile(path, []byte(text), 0o600)
}

// pack makes one package. Scripts is the directory of its scripts.
func (r *release) pack(t target, c contents, dir, scripts string, own []file, name string, with nfpm.Packager) error {
	manual := files.TypeFile
	if scripts == "rpm" {
		manual = files.TypeRPMDoc
	}
	list, err := c.installed(manual)
	if err != nil {
		return err
	}
	when := r.source.when
	all, err := stage(dir, slices.Concat(list, own), when)
	if err != nil {
		return err
	}
	script := func(name string) string { return filepath.Join(r.source.root, "packaging", scripts, name) }
	info := nfpm.WithDefaults(&nfpm.Info{
		Name: "ledge", Arch: t.nfpm, Platform: "linux", Version: r.version, Release: fmt.Sprint(r.revision),
		Section: "database", Priority: "optional", Maintainer: maintainer, License: "Apache-2.0",
		Description: summary + "\n" + description, MTime: when, DisableGlobbing: true,
		Overridables: nfpm.Overridables{
			Contents: all, Umask: 0o022, Recommends: []string{"redis-tools"},
			Scripts: nfpm.Scripts{PostInstall: script("postinst"), PreRemove: script("prerm"), PostRemove: script("postrm")},
		},
	})
	switch scripts {
	case "debian":
		info.Depends = []string{"adduser", "init-system-helpers (>= 1.54~)"}
	case "rpm":
		info.Recommends = nil
		info.RPM.BuildHost, info.RPM.Summary, info.RPM.Group = "localhost", summary, "Applications/Databases"
		info.Description = description
		info.Scripts.PreInstall = script("preinst")
		info.Depends = []string{"shadow-utils"}
		if info.Changelog, err = r.rpmChangelog(dir); err != nil {
			return err
		}
	}
	if err := nfpm.PrepareForPackager(info, map[string]string{"debian": "deb", "rpm": "rpm"}[scripts]); err != nil {
		return err
	}
	var b bytes.Buffer
	if err := with.Package(info, &b); err != nil {
		return err
	}
	return r.write(name, b.Bytes())
}
