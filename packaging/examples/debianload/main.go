// Command debianload puts a Debian package index into a Redis-protocol server,
// one key a field, and compares what the server has with the index. It is an
// example of real input, and what debian-index.sh runs.
//
//	debianload resp    FILE            print SET commands for redis-cli --pipe
//	debianload load    FILE [flags]    load through pipelines or MULTI/EXEC
//	debianload compare FILE [flags]    compare every value
//
// load prints how many packages were acknowledged, also when it fails, and
// takes that number back with -from.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/redis/go-redis/v9"
)

// field is one key and its value.
type field struct{ key, value string }

// stanza is one package: its fields, in order.
type stanza []field

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "debianload:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 2 {
		return errors.New("usage: debianload resp|load|compare FILE [flags]")
	}
	fs := flag.NewFlagSet(args[0], flag.ContinueOnError)
	addr := fs.String("addr", "127.0.0.1:6379", "the server")
	db := fs.Int("db", 0, "database")
	tx := fs.Bool("tx", false, "one MULTI/EXEC a package instead of pipelines")
	batch := fs.Int("batch", 50, "packages in one round trip")
	from := fs.Int("from", 0, "begin behind this many packages")
	part := fs.Int("part", -1, "compare: only this many packages must be there")
	if err := fs.Parse(args[2:]); err != nil {
		return err
	}
	index, err := readIndex(args[1])
	if err != nil {
		return err
	}
	if args[0] == "resp" {
		return printCommands(os.Stdout, index)
	}
	c := redis.NewClient(&redis.Options{Addr: *addr, DB: *db, MaxRetries: -1})
	defer c.Close()
	switch ctx := context.Background(); args[0] {
	case "load":
		n, err := load(ctx, c, index, *from, *batch, *tx)
		fmt.Println(n)
		return err
	case "compare":
		if *part >= 0 {
			return comparePart(ctx, c, index, *part, *tx)
		}
		return compareAll(ctx, c, index)
	}
	return fmt.Errorf("unknown command %q", args[0])
}

// readIndex reads stanzas of "Name: value" lines; a line that begins with a
// blank continues the value before.
func readIndex(path string) ([]stanza, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var (
		index []stanza
		cur   stanza
		names []string // of cur's fields
	)
	end := func() {
		for i, n := range names {
			if n == "Package" {
				index = append(index, named(cur, names, cur[i].value))
				break
			}
		}
		cur, names = nil, nil
	}
	sc := bufio.NewScanner(f)
	sc.Buffer(nil, 64<<20)
	for sc.Scan() {
		line := sc.Text()
		switch {
		case line == "":
			end()
		case line[0] == ' ' || line[0] == '\t':
			if len(cur) > 0 {
				cur[len(cur)-1].value += "\n" + line
			}
		default:
			name, value, _ := strings.Cut(line, ":")
			names = append(names, name)
			cur = append(cur, field{value: strings.TrimPrefix(value, " ")})
		}
	}
	end()
	return index, sc.Err()
}

// named gives each field its key.
func named(s stanza, names []string, pkg string) stanza {
	for i := range s {
		s[i].key = "pkg:" + pkg + ":" + names[i]
	}
	return s
}

// values returns what the server must have in the end: a package that stands
// twice overwrites itself.
func values(index []stanza) map[string]string {
	m := make(map[string]string)
	for _, s := range index {
		for _, f := range s {
			m[f.key] = f.value
		}
	}
	return m
}

func printCommands(w io.Writer, index []stanza) error {
	b := bufio.NewWriterSize(w, 1<<20)
	for _, s := range index {
		for _, f := range s {
			fmt.Fprintf(b, "*3\r\n$3\r\nSET\r\n$%d\r\n%s\r\n$%d\r\n%s\r\n",
				len(f.key), f.key, len(f.value), f.value)
		}
	}
	return b.Flush()
}

// load sets the packages after the first from, batch by batch. It returns how
// many packages the server has acknowledged in all.
func load(ctx context.Context, c *redis.Client, index []stanza, from, batch int, tx bool) (int, error) {
	if tx {
		batch = 1
	}
	for from < len(index) {
		some := index[from:min(from+batch, len(index))]
		pipe := c.Pipeline()
		if tx {
			pipe = c.TxPipeline()
		}
		for _, s := range some {
			for _, f := range s {
				pipe.Set(ctx, f.key, f.value, 0)
			}
		}
		if _, err := pipe.Exec(ctx); err != nil {
			return from, err
		}
		from += len(some)
	}
	return from, nil
}

// compareAll compares every value, and that there is nothing else.
func compareAll(ctx context.Context, c *redis.Client, index []stanza) error {
	want := values(index)
	keys := make([]string, 0, len(want))
	bytes := 0
	for k, v := range want {
		keys = append(keys, k)
		bytes += len(k) + len(v)
	}
	n, err := c.DBSize(ctx).Result()
	if err != nil {
		return err
	}
	if int(n) != len(want) {
		return fmt.Errorf("server has %d keys; the index makes %d", n, len(want))
	}
	got, err := fetch(ctx, c, keys)
	if err != nil {
		return err
	}
	for k, v := range want {
		if g, ok := got[k]; !ok || g != v {
			return fmt.Errorf("%s = %.80q (there: %v); the index has %.80q", k, g, ok, v)
		}
	}
	fmt.Printf("%d packages, %d keys, %d bytes: all equal\n", len(index), len(want), bytes)
	return nil
}

// comparePart checks a load that was cut short: the first part packages are
// there with all their fields, nothing is there that was never sent, and with
// whole each package is there whole or not at all.
func comparePart(ctx context.Context, c *redis.Client, index []stanza, part int, whole bool) error {
	var keys []string
	sent := make(map[string]map[string]bool)
	stanzas := make(map[string]int) // of one package
	for _, s := range index {
		stanzas[s[0].key]++
		for _, f := range s {
			if sent[f.key] == nil {
				sent[f.key] = make(map[string]bool)
				keys = append(keys, f.key)
			}
			sent[f.key][f.value] = true
		}
	}
	got, err := fetch(ctx, c, keys)
	if err != nil {
		return err
	}
	for k, v := range got {
		if !sent[k][v] {
			return fmt.Errorf("%s = %.80q, which was never sent", k, v)
		}
	}
	packages := 0
	for i, s := range index {
		there := 0
		for _, f := range s {
			if _, ok := got[f.key]; ok {
				there++
			}
		}
		if there == len(s) {
			packages++
		} else if i < part {
			return fmt.Errorf("%s was acknowledged; %d of its %d fields are there", s[0].key, there, len(s))
		} else if whole && there > 0 && stanzas[s[0].key] == 1 {
			return fmt.Errorf("%s: %d of %d fields of one transaction are there", s[0].key, there, len(s))
		}
	}
	fmt.Printf("%d packages acknowledged; %d there, with %d keys\n", part, packages, len(got))
	return nil
}

// fetch returns the keys that there are with their values.
func fetch(ctx context.Context, c *redis.Client, keys []string) (map[string]string, error) {
	got := make(map[string]string, len(keys))
	for len(keys) > 0 {
		some := keys[:min(1000, len(keys))]
		keys = keys[len(some):]
		vals, err := c.MGet(ctx, some...).Result()
		if err != nil {
			return nil, err
		}
		for i, v := range vals {
			if s, ok := v.(string); ok {
				got[some[i]] = s
			}
		}
	}
	return got, nil
}
