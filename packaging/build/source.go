package main

import (
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// source is the checkout that is built.
type source struct {
	root   string
	commit string // "+" after it if files differ from the commit's
	when   time.Time
}

// findSource finds the module that the program belongs to, and what its commit
// is. A tree that no git knows needs SOURCE_DATE_EPOCH, as there is no time that
// would be the same tomorrow.
func findSource(ctx context.Context) (source, error) {
	root, err := output(ctx, ".", "go", "list", "-m", "-f", "{{.Dir}}", "ledge")
	if err != nil {
		return source{}, err
	}
	s := source{root: root}
	head, err := output(ctx, root, "git", "log", "-1", "--abbrev=12", "--format=%h %ct")
	hash, seconds, _ := strings.Cut(head, " ")
	if epoch := os.Getenv("SOURCE_DATE_EPOCH"); epoch != "" {
		seconds = epoch
	} else if err != nil {
		return source{}, fmt.Errorf("no SOURCE_DATE_EPOCH, and no commit: %w", err)
	}
	n, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil || n < 0 {
		return source{}, fmt.Errorf("SOURCE_DATE_EPOCH: %q is no number of seconds", seconds)
	}
	s.commit, s.when = hash, time.Unix(n, 0).UTC()
	if changed, err := output(ctx, root, "git", "status", "--porcelain", "--untracked-files=no"); err == nil && changed != "" {
		s.commit += "+"
	}
	return s, nil
}

// output runs a command and returns what it prints, without the line's end.
func output(ctx context.Context, dir, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		err = fmt.Errorf("%w: %s", err, strings.TrimSpace(string(exit.Stderr)))
	}
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", name, strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out)), nil
}

// leaveOut leaves out what the command line's library has for manual pages, 250 kB.
const leaveOut = "urfave_cli_no_docs"

// compile makes the binary for a target, or for this machine if it names no
// architecture, and returns its path.
func (s source) compile(ctx context.Context, t target, dir string) (string, error) {
	path := filepath.Join(dir, "ledge-"+t.name)
	flags := "-s -w -buildid= -X main.commit=" + s.commit + " -X main.date=" + s.when.Format(time.RFC3339)
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-tags", leaveOut, "-ldflags", flags, "-o", path, ".")
	cmd.Dir = s.root
	// What the environment has to say of Go would be in the bytes.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOEXPERIMENT=", "GOAMD64=v1", "GOARM64=v8.0", "GOFIPS140=off", "GOWORK=off")
	if t.goarch != "" {
		cmd.Env = append(cmd.Env, "GOOS=linux", "GOARCH="+t.goarch, "GOARM="+t.goarm)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build for %s: %w: %s", t.name, err, out)
	}
	return path, nil
}

// checkStatic reports an error if a binary needs anything beside it, or has
// symbols that it doesn't need.
func checkStatic(path string) error {
	f, err := elf.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("%s is not static", path)
		}
	}
	if f.Section(".symtab") != nil || f.Section(".debug_info") != nil {
		return fmt.Errorf("%s is not stripped", path)
	}
	return nil
}
