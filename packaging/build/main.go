// Program build makes everything that ledge is had as, in one directory: for each
// architecture a static binary in a tarball, a deb, an rpm and an OCI image, and
// an SBOM; then the licences of all that is inside, and checksums.
//
// It takes a checkout and the go command, nothing else. The same commit yields
// the same bytes wherever and whenever it is built: times are the commit's or
// SOURCE_DATE_EPOCH's, lists are sorted, and nothing names the machine.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"ledge/appliance"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "build: %s\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	set := flag.NewFlagSet("build", flag.ContinueOnError)
	out := set.String("out", "dist", "`DIR` for what is made")
	archs := set.String("arch", "amd64,arm64,armv7", "`LIST` of architectures, with commas")
	revision := set.Int("revision", 1, "the packages' revision `N` of this version: 0.1.0-N")
	if err := set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil
		}
		return err
	}
	if set.NArg() > 0 || *revision < 1 {
		return errors.New("wants options alone, and a revision from 1 on")
	}
	chosen, err := chooseTargets(*archs)
	if err != nil {
		return err
	}
	from, err := findSource(ctx)
	if err != nil {
		return err
	}
	r := release{source: from, version: appliance.Version, revision: *revision, out: *out, said: os.Stderr, began: time.Now()}
	return r.make(ctx, chosen)
}

// target is what a binary is made for, and what others call that.
type target struct {
	name                    string // in --arch, and in the names of files
	goarch, goarm           string
	deb, rpm, nfpm          string
	imageArch, imageVariant string // OCI's architecture and variant
}

var targets = []target{
	{name: "amd64", goarch: "amd64", deb: "amd64", rpm: "x86_64", nfpm: "amd64", imageArch: "amd64"},
	{name: "arm64", goarch: "arm64", deb: "arm64", rpm: "aarch64", nfpm: "arm64", imageArch: "arm64", imageVariant: "v8"},
	{name: "armv7", goarch: "arm", goarm: "7", deb: "armhf", rpm: "armv7hl", nfpm: "arm7", imageArch: "arm", imageVariant: "v7"},
}

func chooseTargets(list string) ([]target, error) {
	var chosen []target
	for name := range strings.SplitSeq(list, ",") {
		found := false
		for _, t := range targets {
			if t.name == strings.TrimSpace(name) {
				chosen, found = append(chosen, t), true
			}
		}
		if !found {
			return nil, fmt.Errorf("--arch: %q is none of amd64, arm64, armv7", name)
		}
	}
	return chosen, nil
}

// release is one version of everything, of one source.
type release struct {
	source   source
	version  string
	revision int
	out      string
	made     []string // names of files in out

	// said is told of each step as it begins, and how long all took until then: what is
	// compiled for the first time takes minutes, in which nothing else is printed.
	said        io.Writer
	began       time.Time
	steps, step int
}

// begins says that a step begins.
func (r *release) begins(what string) {
	r.step++
	fmt.Fprintf(r.said, "build: step %d of %d, after %s: %s\n", r.step, r.steps, time.Since(r.began).Round(time.Second), what)
}

// compiledApart reports whether a target needs a binary besides the one for this machine.
func compiledApart(t target) bool { return t.goarch != runtime.GOARCH || runtime.GOOS != "linux" }

// plan counts the steps.
func (r *release) plan(chosen []target) {
	r.steps = 1
	for _, t := range chosen {
		if r.steps++; compiledApart(t) {
			r.steps++
		}
	}
}

// make makes it all. What the directory has besides it leaves alone.
func (r *release) make(ctx context.Context, chosen []target) error {
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "ledge-build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	r.plan(chosen)
	r.begins("compile for this machine; the first time that takes minutes")
	// The pages are printed by the program itself, so it has to run here.
	program, err := r.source.compile(ctx, target{name: "host"}, work)
	if err != nil {
		return err
	}
	pages, err := r.source.pages(ctx, program, r.version)
	if err != nil {
		return err
	}
	for _, t := range chosen {
		binary := program // where it is for this machine, it is the same
		if compiledApart(t) {
			r.begins("compile for " + t.name)
			if binary, err = r.source.compile(ctx, t, work); err != nil {
				return err
			}
		}
		if err := checkStatic(binary); err != nil {
			return err
		}
		if err := r.makeFor(ctx, t, binary, pages, work); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	return r.writeSums()
}

// makeFor makes what there is for one architecture, of its binary.
func (r *release) makeFor(ctx context.Context, t target, binary string, pages []file, work string) error {
	program, err := os.ReadFile(binary)
	if err != nil {
		return err
	}
	parts, err := linked(ctx, binary)
	if err != nil {
		return err
	}
	c := contents{program: program, pages: pages, parts: parts}
	return r.makeOf(t, c, filepath.Join(work, "packages-"+t.name))
}

// makeOf makes it of what goes in, with dir for what the library for packages
// wants to read from files.
func (r *release) makeOf(t target, c contents, dir string) (err error) {
	r.begins("make the packages for " + t.name)
	if c.bill, err = r.sbom(t, c.parts, c.program); err != nil {
		return err
	}
	name := "ledge-" + r.version + "-linux-" + t.name
	if err := r.write(name+".cdx.json", c.bill); err != nil {
		return err
	}
	tarball, err := r.tarball(name, c)
	if err != nil {
		return err
	}
	if err := r.write(name+".tar.gz", tarball); err != nil {
		return err
	}
	image, err := r.image(t, c)
	if err != nil {
		return err
	}
	if err := r.write(name+".image.tar", image); err != nil {
		return err
	}
	return r.packages(t, c, dir)
}

// write puts a file into the directory, whole or not at all.
func (r *release) write(name string, body []byte) error {
	path := filepath.Join(r.out, name)
	if err := os.WriteFile(path+".part", body, 0o644); err != nil {
		return err
	}
	r.made = append(r.made, name)
	fmt.Printf("%9d  %s\n", len(body), path)
	return os.Rename(path+".part", path)
}
