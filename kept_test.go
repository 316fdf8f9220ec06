package main

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"ledge/appliance"
)

// Directories as builds have left them whose formats differ are kept for ever, by
// packaging/kept/keep.sh: one that was stopped, one that was killed in the middle of
// an append, and one whose broker was deleting the journal. Today's program checks
// each, with all the digests that were written then, answers as that build did, and
// goes on writing.
func TestKept(t *testing.T) {
	archives, err := filepath.Glob("testdata/kept/*.tar.gz")
	if err != nil || len(archives) < 4 {
		t.Fatalf("%d archives, %v; want one for each of the formats that there have been", len(archives), err)
	}
	for _, archive := range archives {
		dir := unpack(t, archive)
		questions, replies := questionsOf(t, dir), splitReplies(t, filepath.Join(dir, "replies"))
		for _, how := range []string{"closed", "killed", "guarded"} {
			t.Run(filepath.Base(archive)+"/"+how, func(t *testing.T) {
				data := filepath.Join(dir, how)
				got := ledge(t, "journal", "verify", "--dir", data)
				if got.code != 0 || !strings.Contains(got.stdout, "ok: numbers ") {
					t.Fatalf("journal verify: exit code %d, %s%s", got.code, got.stdout, got.stderr)
				}
				if torn := strings.Contains(got.stdout, "never"); torn != (how == "killed") {
					t.Errorf("journal verify of what was %s says\n%s", how, got.stdout)
				}
				for range 3 { // as it is, after a snapshot, and from that alone
					asked := append(append([]string{}, questions...), "SELECT 0", "EXISTS soon", "INCR since", "LEDGE STATUS", "SAVE", "PING")
					now := converse(t, data, asked)
					for i, want := range replies[:len(questions)] {
						if want[0] != '-' && now[i] != want { // an error is a command that it did not know
							t.Errorf("%s: %q; it was %q", questions[i], now[i], want)
						}
					}
					if rest := now[len(questions):]; rest[1] != ":0\r\n" || rest[2][0] != ':' || rest[4] != "+OK\r\n" {
						t.Errorf("what has expired, a write and a snapshot: %q", rest)
					}
				}
				if got := ledge(t, "journal", "verify", "--dir", data); got.code != 0 || !strings.HasPrefix(got.stdout, "ok: ") {
					t.Errorf("journal verify afterwards: exit code %d, %s%s", got.code, got.stdout, got.stderr)
				}
			})
		}
	}
}

// converse runs a node on a directory, asks it, and stops it.
func converse(t *testing.T, dir string, questions []string) []string {
	t.Helper()
	n, err := appliance.Open(t.Context(), appliance.Config{
		Dir: dir, Listen: "127.0.0.1:0", NATSListen: appliance.Off})
	if err != nil {
		t.Fatal(err)
	}
	ran := make(chan error, 1)
	go func() { ran <- n.Run(context.Background()) }()
	nc, err := net.Dial("tcp", n.Status().Listen)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if _, err := io.WriteString(nc, strings.Join(questions, "\r\n")+"\r\n"); err != nil {
		t.Fatal(err)
	}
	r, got := bufio.NewReader(nc), []string(nil)
	for range questions {
		reply, err := readReply(r)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, reply)
	}
	n.Shutdown()
	if err := errors.Join(<-ran, n.Close()); err != nil {
		t.Fatal(err)
	}
	return got
}

// readReply reads one reply and returns its bytes.
func readReply(r *bufio.Reader) (string, error) {
	line, err := r.ReadString('\n')
	if err != nil {
		return line, err
	}
	n, _ := strconv.Atoi(strings.TrimSpace(line[1:]))
	switch {
	case line[0] == '$' && n >= 0:
		b := make([]byte, n+2)
		_, err = io.ReadFull(r, b)
		return line + string(b), err
	case line[0] == '*':
		for range n {
			part, err := readReply(r)
			if line += part; err != nil {
				return line, err
			}
		}
	}
	return line, nil
}

func splitReplies(t *testing.T, path string) (replies []string) {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for r := bufio.NewReader(bytes.NewReader(b)); ; {
		reply, err := readReply(r)
		if err == io.EOF {
			return replies
		}
		if err != nil {
			t.Fatal(err)
		}
		replies = append(replies, reply)
	}
}

func questionsOf(t *testing.T, dir string) []string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "questions"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(b)), "\n")
}

// unpack unpacks an archive of kept directories.
func unpack(t *testing.T, archive string) string {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if err == io.EOF {
			return dir
		}
		if err != nil || !filepath.IsLocal(h.Name) {
			t.Fatal(h, err)
		}
		path := filepath.Join(dir, h.Name)
		if h.Typeflag == tar.TypeDir {
			err = os.MkdirAll(path, 0o700)
		} else if b, rerr := io.ReadAll(r); rerr != nil || h.Typeflag != tar.TypeReg {
			err = fmt.Errorf("%s: type %q, %w", h.Name, h.Typeflag, rerr)
		} else {
			err = os.WriteFile(path, b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
