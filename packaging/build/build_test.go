package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// makeSmall makes everything for each architecture of a program of a few bytes, as
// packaging takes its time for a real one, and returns the files by their names.
func makeSmall(t *testing.T) map[string][]byte {
	t.Helper()
	src, err := findSource(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	src.commit, src.when = "0123456789ab", time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	c := contents{program: bytes.Repeat([]byte("a program\n"), 1000),
		parts: []part{
			{path: "std", version: "1.26.8", licence: "BSD-3-Clause", texts: []file{{path: "LICENSE", body: []byte("Copyright 2009 The Go Authors.\n\nNeither the name of …\n")}}},
			{path: "example.com/a", version: "v1.2.3", sum: "h1:x=", licence: "Apache-2.0", texts: []file{{path: "LICENSE", body: []byte("Apache License\nVersion 2.0\n")}}},
		}}
	for _, path := range []string{"completions/ledge.bash", "completions/ledge.fish", "completions/_ledge", "man/ledge.1", "man/ledge.yaml.5",
		"ledge.yaml", "README.md", "doc/README.md", "doc/tls.md", "CHANGELOG.md", "LICENSE", "systemd/ledge.service", "monitoring/alerts.yaml", "monitoring/dashboard.json"} {
		c.pages = append(c.pages, file{path: path, mode: 0o644, body: []byte(path + "\n")})
	}
	var said strings.Builder
	r := release{source: src, version: "0.1.0", revision: 1, out: t.TempDir(), said: &said, began: time.Now()}
	r.plan(targets)
	for _, target := range targets {
		if err := r.makeOf(target, c, filepath.Join(t.TempDir(), target.name)); err != nil {
			t.Fatal(err)
		}
	}
	for i, target := range targets { // all but what is compiled, which is at most one step more for each, and one for all
		if want := fmt.Sprintf(`build: step %d of %d, after \d+s: make the packages for %s\n`, i+1, r.steps, target.name); !regexp.MustCompile(want).MatchString(said.String()) {
			t.Errorf("it has said\n%s\nwant %q", said.String(), want)
		}
	}
	if r.steps <= len(targets) || r.steps > 1+2*len(targets) {
		t.Errorf("%d steps for %d targets; want one to compile for this machine and one or two for each", r.steps, len(targets))
	}
	if err := r.writeSums(); err != nil {
		t.Fatal(err)
	}
	all := make(map[string][]byte)
	for _, name := range r.made {
		if all[name], err = os.ReadFile(filepath.Join(r.out, name)); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// What is made twice, in other directories, has the same bytes, and is all there.
func TestReproducible(t *testing.T) {
	first, second := makeSmall(t), makeSmall(t)
	names := slices.Sorted(maps.Keys(first))
	want := []string{"SHA256SUMS",
		"ledge-0.1.0-1.aarch64.rpm", "ledge-0.1.0-1.armv7hl.rpm", "ledge-0.1.0-1.x86_64.rpm",
		"ledge-0.1.0-linux-amd64.cdx.json", "ledge-0.1.0-linux-amd64.image.tar", "ledge-0.1.0-linux-amd64.tar.gz",
		"ledge-0.1.0-linux-arm64.cdx.json", "ledge-0.1.0-linux-arm64.image.tar", "ledge-0.1.0-linux-arm64.tar.gz",
		"ledge-0.1.0-linux-armv7.cdx.json", "ledge-0.1.0-linux-armv7.image.tar", "ledge-0.1.0-linux-armv7.tar.gz",
		"ledge_0.1.0-1_amd64.deb", "ledge_0.1.0-1_arm64.deb", "ledge_0.1.0-1_armhf.deb"}
	if !slices.Equal(names, want) {
		t.Errorf("made are %q; want %q", names, want)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !bytes.Equal(first[name], second[name]) {
			t.Errorf("%s differs from one time to the next", name)
		}
		if len(host) > 4 && bytes.Contains(first[name], []byte(host)) {
			t.Errorf("%s names the machine %s", name, host)
		}
		if line := fmt.Sprintf("  %s\n", name); name != "SHA256SUMS" && !strings.Contains(string(first["SHA256SUMS"]), line) {
			t.Errorf("SHA256SUMS lacks %s", name)
		}
	}
}

// entries reads a tar.
func entries(t *testing.T, b []byte) (headers map[string]*tar.Header, bodies map[string][]byte) {
	t.Helper()
	headers, bodies = make(map[string]*tar.Header), make(map[string][]byte)
	for r := tar.NewReader(bytes.NewReader(b)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return headers, bodies
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := headers[h.Name]; ok {
			t.Errorf("%s stands in the tar twice", h.Name)
		}
		headers[h.Name] = h
		if bodies[h.Name], err = io.ReadAll(r); err != nil {
			t.Fatal(err)
		}
	}
}

// plainOf uncompresses.
func plainOf(t *testing.T, b []byte) []byte {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

// An image is what OCI's layout wants: whatever one part says of another is so.
func TestImage(t *testing.T) {
	all := makeSmall(t)
	for _, target := range targets {
		_, files := entries(t, all["ledge-0.1.0-linux-"+target.name+".image.tar"])
		get := func(d descriptor) []byte {
			b := files["blobs/"+strings.Replace(d.Digest, ":", "/", 1)]
			if digest(b) != d.Digest || len(b) != d.Size {
				t.Errorf("%s: %s has %d bytes with the digest %s; want %d", target.name, d.Digest, len(b), digest(b), d.Size)
			}
			return b
		}
		var index struct{ Manifests []descriptor }
		var manifest struct {
			Config descriptor
			Layers []descriptor
		}
		var config struct {
			Architecture, Variant string
			Config                struct {
				User       string
				Env        []string
				Entrypoint []string
				Volumes    map[string]any
			}
			Rootfs struct {
				DiffIDs []string `json:"diff_ids"`
			}
		}
		unmarshal(t, files["index.json"], &index)
		unmarshal(t, get(index.Manifests[0]), &manifest)
		unmarshal(t, get(manifest.Config), &config)
		layer := plainOf(t, get(manifest.Layers[0]))
		if len(config.Rootfs.DiffIDs) != 1 || config.Rootfs.DiffIDs[0] != digest(layer) {
			t.Errorf("%s: the layer is %s; the configuration says %q", target.name, digest(layer), config.Rootfs.DiffIDs)
		}
		if config.Architecture != target.imageArch || config.Variant != target.imageVariant ||
			config.Config.User != "65532:65532" || !slices.Contains(config.Config.Env, "LEDGE_DIR=/var/lib/ledge") {
			t.Errorf("%s: configuration %+v", target.name, config)
		}
		headers, _ := entries(t, layer)
		data, program := headers["var/lib/ledge/"], headers["usr/bin/ledge"]
		if data == nil || data.Uid != imageUser || data.Mode != 0o700 || program == nil || program.Mode != 0o755 || program.Uid != 0 {
			t.Errorf("%s: data %+v, program %+v; want the user's and root's", target.name, data, program)
		}
		var docker []struct{ Config string }
		unmarshal(t, files["manifest.json"], &docker)
		if files[docker[0].Config] == nil {
			t.Errorf("%s: manifest.json names %s, which isn't there", target.name, docker[0].Config)
		}
	}
}

func unmarshal(t *testing.T, b []byte, v any) {
	t.Helper()
	if err := json.Unmarshal(b, v); err != nil {
		t.Fatalf("%v: %s", err, b)
	}
}

// The tarball has all that a person needs, and what is to run can be run.
func TestTarball(t *testing.T) {
	headers, bodies := entries(t, plainOf(t, makeSmall(t)["ledge-0.1.0-linux-arm64.tar.gz"]))
	top := "ledge-0.1.0-linux-arm64/"
	for path, mode := range map[string]int64{"ledge": 0o755, "ledge.yaml": 0o644, "LICENSE": 0o644, "LICENSES.txt": 0o644,
		"man/ledge.1": 0o644, "completions/_ledge": 0o644, "systemd/ledge.service": 0o644, "sbom.cdx.json": 0o644} {
		if h := headers[top+path]; h == nil || h.Mode != mode || h.Uid != 0 || h.Uname != "" {
			t.Errorf("%s: %+v; want mode %#o, and nobody's name", path, h, mode)
		}
	}
	texts := string(bodies[top+"LICENSES.txt"])
	for _, want := range []string{"std 1.26.8: BSD-3-Clause", "example.com/a v1.2.3: Apache-2.0", "Neither the name of"} {
		if !strings.Contains(texts, want) {
			t.Errorf("LICENSES.txt lacks %q", want)
		}
	}
}

// The bill of materials names each part once, with its licence.
func TestSBOM(t *testing.T) {
	var bill struct {
		BOMFormat, SpecVersion, SerialNumber string
		Components                           []component
		Dependencies                         []struct{ DependsOn []string }
	}
	unmarshal(t, makeSmall(t)["ledge-0.1.0-linux-amd64.cdx.json"], &bill)
	if bill.BOMFormat != "CycloneDX" || bill.SpecVersion != "1.5" || len(bill.SerialNumber) != len("urn:uuid:")+36 ||
		len(bill.Components) != 2 || len(bill.Dependencies) != 1 || len(bill.Dependencies[0].DependsOn) != 2 {
		t.Fatalf("the bill is %+v", bill)
	}
	if c := bill.Components[1]; c.PURL != "pkg:golang/example.com/a@v1.2.3" || c.Licences[0].License.ID != "Apache-2.0" {
		t.Errorf("a part is %+v; want its address and its licence", c)
	}
}

// What makes no sense is refused before anything is made.
func TestRunRefuses(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"--arch", "mips"}, `"mips" is none of amd64, arm64, armv7`},
		{[]string{"--arch", ""}, `"" is none of`},
		{[]string{"--revision", "0"}, "from 1 on"},
		{[]string{"now"}, "options alone"},
	} {
		out := filepath.Join(t.TempDir(), "dist")
		err := run(context.Background(), append([]string{"--out", out}, c.args...))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v; want %q", c.args, err, c.want)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%q made a directory", c.args)
		}
	}
}

// The time of what is made is the environment's, if it has one.
func TestSourceDate(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1700000000")
	if s, err := findSource(context.Background()); err != nil || s.when.Unix() != 1700000000 {
		t.Errorf("the source is %+v, %v; want it of the time that was set", s, err)
	}
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	if s, err := findSource(context.Background()); err == nil {
		t.Errorf("the source is %+v; want an error", s)
	}
}
