// Package pagetest holds pages of markdown against the program that they tell of,
// in tests: a page that nothing checks is wrong sooner or later.
//
// What the program knows in full is generated: it stands on the page between two
// comments, and Block compares it. What a person words is a table whose first
// columns the program knows: Table reads it, and the test compares those.
package pagetest

import (
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// update rewrites what is generated. A package whose tests have a flag of that
// name themselves can't import this one.
var update = flag.Bool("update", false, "rewrite what is generated in pages of markdown")

// Block checks that what stands on a page between
//
//	<!-- NAME: made by go test PACKAGE -run TEST -update -->
//	<!-- end of NAME -->
//
// is text, and puts it there with -update.
func Block(t *testing.T, path, name, text string) {
	t.Helper()
	page := read(t, path)
	want, err := replace(page, name, text)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	if want == page {
		return
	}
	if !*update {
		t.Fatalf("%s is out of date in its block %q; the comment before it says how to make it anew", path, name)
	}
	if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
		t.Fatal(err)
	}
}

// replace returns a page with text in the block of that name.
func replace(page, name, text string) (string, error) {
	begin := regexp.MustCompile(`(?m)^<!-- ` + regexp.QuoteMeta(name) + `: made by .* -->\n`).FindStringIndex(page)
	if begin == nil {
		return "", fmt.Errorf("no block %q begins", name)
	}
	end := "<!-- end of " + name + " -->\n"
	i := strings.Index(page[begin[1]:], end)
	if i < 0 {
		return "", fmt.Errorf("block %q does not end", name)
	}
	return page[:begin[1]] + "\n" + strings.TrimSpace(text) + "\n\n" + page[begin[1]+i:], nil
}

// Table returns the rows of the first table below a heading of a page, without
// its head. The heading is as it stands, "## Health"; "" is the top of the page.
func Table(t *testing.T, path, heading string) [][]string {
	t.Helper()
	rows, err := table(read(t, path), heading)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return rows
}

func table(page, heading string) ([][]string, error) {
	lines := strings.Split(page, "\n")
	i := 0
	if heading != "" {
		if i = slices.Index(lines, heading); i < 0 {
			return nil, fmt.Errorf("no heading %q", heading)
		}
		i++
	}
	for ; i < len(lines) && !strings.HasPrefix(lines[i], "|"); i++ {
		if strings.HasPrefix(lines[i], "#") && heading != "" {
			break
		}
	}
	var rows [][]string
	for ; i < len(lines) && strings.HasPrefix(lines[i], "|"); i++ {
		rows = append(rows, cells(lines[i]))
	}
	if len(rows) < 3 {
		return nil, fmt.Errorf("no table below %q", heading)
	}
	return rows[2:], nil // without its head, and the line below that
}

// cells takes a line of a table apart. A bar that belongs to a cell has a
// backslash.
func cells(line string) []string {
	const bar = "\x00"
	line = strings.ReplaceAll(strings.TrimSpace(line), `\|`, bar)
	list := strings.Split(strings.TrimSuffix(strings.TrimPrefix(line, "|"), "|"), "|")
	for i, c := range list {
		list[i] = strings.ReplaceAll(strings.TrimSpace(c), bar, "|")
	}
	return list
}

// Cell makes a text fit for a cell of a table.
func Cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// Code returns what stands between backquotes in a text, in order.
func Code(s string) []string {
	var list []string
	for _, m := range code.FindAllStringSubmatch(s, -1) {
		list = append(list, m[1])
	}
	return list
}

var code = regexp.MustCompile("`([^`]+)`")

// Same checks that a page names what there is, each once and in that order.
func Same(t *testing.T, path, what string, got, want []string) {
	t.Helper()
	same := true
	for _, s := range want {
		if !slices.Contains(got, s) {
			same = false
			t.Errorf("%s lacks the %s %s", path, what, s)
		}
	}
	for _, s := range got {
		if !slices.Contains(want, s) {
			same = false
			t.Errorf("%s has the %s %s, which there is not", path, what, s)
		}
	}
	if same && !slices.Equal(got, want) {
		t.Errorf("%s has each %s, but in the order %q; want %q", path, what, got, want)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
