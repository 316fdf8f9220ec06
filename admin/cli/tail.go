package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"ledge/admin"
	"ledge/appliance"
	"ledge/appliance/options"
	"ledge/journal/fault"
)

func tailCommand() *cli.Command {
	flags := []cli.Flag{
		&cli.StringFlag{Name: "since", DefaultText: "the last 10 numbers",
			Usage: "begin with a `NUMBER`, a time like 2026-01-31T12:00:00Z, or so long ago, like 1h"},
		&cli.StringFlag{Name: "from", Usage: "begin with number `N`; the same as --since N"},
		&cli.StringFlag{Name: "last", Usage: "begin `N` numbers before the end"},
		&cli.StringFlag{Name: "key", Usage: "changes of keys that match the `GLOB` only"},
		&cli.StringFlag{Name: "db", Usage: "changes in database `N` only"},
		&cli.BoolFlag{Name: "follow", Usage: "go on with what is written, until interrupted"},
	}
	return &cli.Command{
		Name: "tail", Usage: "print entries, of a running or a stopped node; --follow goes on as they are written",
		Flags: append(flags, operateFlags()...), Action: located(tail),
	}
}

// tail asks the node if one is named, or if it runs; else it reads the directory.
func tail(c *cli.Context) error {
	q, err := tailQuery(c, time.Now())
	if err != nil {
		return err
	}
	named := c.IsSet("server") || c.IsSet("node")
	if !named {
		if err := asOwner(c.String("dir")); err != nil {
			return err
		}
		s, err := appliance.OpenStopped(c.String("dir"))
		if err == nil {
			return errors.Join(tailStopped(c, s, q), s.Close())
		}
		if !errors.Is(err, appliance.ErrRunning) {
			return options.Origins{}.Fault(err)
		}
	}
	return interruptible(func(ctx context.Context, o *operator) error {
		if err := o.find(ctx); err != nil {
			return err
		}
		err := tailRunning(ctx, o, q)
		late := errors.Is(ctx.Err(), context.DeadlineExceeded) && !c.Bool("follow")
		if ctx.Err() != nil && c.Context.Err() == nil && !late {
			return nil // it was interrupted, or has followed for as long as it was to
		}
		return err
	})(c)
}

// tailQuery reads what is asked for.
func tailQuery(c *cli.Context, now time.Time) (q admin.TailQuery, err error) {
	if given := []bool{c.IsSet("since"), c.IsSet("from"), c.IsSet("last")}; count(given) > 1 {
		return q, Usage("journal tail: --since, --from and --last exclude each other")
	}
	for _, name := range []string{"from", "last"} {
		if n, err := strconv.ParseUint(c.String(name), 10, 64); c.IsSet(name) && (err != nil || n == 0) {
			return q, Usage("--%s: %q is no number from 1 on", name, c.String(name))
		} else if name == "from" {
			q.From = n
		} else {
			q.Last = n
		}
	}
	if c.IsSet("since") {
		n, at, err := options.ParsePast(c.String("since"), now)
		switch {
		case err != nil:
			return q, Usage("--since: %w", err)
		case !at.IsZero():
			q.Since = &at
		case n == 0:
			return q, Usage("--since: numbers begin with 1")
		}
		q.From = n
	}
	if c.IsSet("db") {
		n, err := strconv.ParseUint(c.String("db"), 10, 16)
		if err != nil {
			return q, Usage("--db: %q is no number of a database", c.String("db"))
		}
		db := int(n)
		q.DB = &db
	}
	if q.Key = c.String("key"); c.IsSet("key") && q.Key == "" {
		return q, Usage("--key: needs a pattern; * is all keys")
	}
	return q, nil
}

func count(given []bool) (n int) {
	for _, is := range given {
		if is {
			n++
		}
	}
	return n
}

func tailStopped(c *cli.Context, s *appliance.Stopped, q admin.TailQuery) error {
	if c.Bool("follow") {
		return fmt.Errorf("the node in %s is stopped, and writes nothing that --follow could show", c.String("dir"))
	}
	p := newEntryPrinter(c)
	for e, err := range s.Tail(c.Context, q) {
		if err == nil {
			err = p.print(e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// tailRunning asks until all has been told that there was at first, or until ctx
// ends. What it is told later must be of the same journal.
func tailRunning(ctx context.Context, o *operator, q admin.TailQuery) error {
	p, follow := newEntryPrinter(o.c), o.c.Bool("follow")
	lineage, end := "", uint64(0)
	for {
		t, err := tailed(ctx, o, q)
		if err != nil {
			return err
		}
		if lineage == "" {
			lineage, end = t.Lineage, t.Last
			if t.Truncated {
				fmt.Fprintf(o.c.App.ErrWriter, "ledge: the journal begins with number %d; what was before is truncated\n", t.First)
			}
		}
		if t.Lineage != lineage {
			return fmt.Errorf("the node has taken another journal, of lineage %s, in place of the one that was read", t.Lineage)
		}
		for _, e := range t.Entries {
			if err := p.print(e); err != nil {
				return err
			}
		}
		if !follow && t.Next > end {
			return nil
		}
		q = admin.TailQuery{From: t.Next, Entry: t.NextEntry, Key: q.Key, DB: q.DB}
		if follow {
			q.Wait = admin.MaxTailWait.Seconds()
		}
	}
}

// A node that is busy with others' questions is asked again for so long, at first soon
// and then once a second.
const (
	busyWait  = 10 * time.Second
	busyFirst = 50 * time.Millisecond
)

// tailed asks for a piece of the journal, again if the node is busy.
func tailed(ctx context.Context, o *operator, q admin.TailQuery) (admin.Tail, error) {
	until := time.Now().Add(busyWait)
	for pause := busyFirst; ; pause = min(2*pause, time.Second) {
		t, err := o.conn.JournalTail(ctx, o.node, q)
		var answer *admin.Error
		if !errors.As(err, &answer) || answer.Class != fault.Retryable || time.Now().After(until) {
			return t, err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return t, ctx.Err()
		}
	}
}

// entryPrinter prints entries, for programs or for people.
type entryPrinter struct {
	w    io.Writer
	json *json.Encoder // nil for people
}

func newEntryPrinter(c *cli.Context) *entryPrinter {
	p := &entryPrinter{w: c.App.Writer}
	if c.Bool("json") {
		p.json = json.NewEncoder(p.w)
		p.json.SetEscapeHTML(false)
	}
	return p
}

func (p *entryPrinter) print(e admin.JournalEntry) error {
	ops := make([]map[string]any, len(e.Ops))
	for i, op := range e.Ops {
		dec := json.NewDecoder(bytes.NewReader(op))
		dec.UseNumber() // epochs and times are long
		if err := dec.Decode(&ops[i]); err != nil {
			return fmt.Errorf("effect of number %d: %w", e.Number, err)
		}
	}
	if p.json != nil {
		return p.json.Encode(struct {
			admin.JournalEntry
			Ops []map[string]any `json:"ops"`
		}{e, ops})
	}
	head := fmt.Sprintf("%d  %s", e.Number, e.At.UTC().Format("2006-01-02T15:04:05.000Z"))
	if e.User != "" || e.Addr != "" {
		head += "  by " + clean(cmp.Or(e.User, "nobody")) + " " + clean(cmp.Or(e.Client, e.Addr))
	}
	var b strings.Builder
	for _, op := range ops {
		fmt.Fprintf(&b, "%s  %s\n", head, effectLine(op))
	}
	if e.LeftOut > 0 {
		fmt.Fprintf(&b, "%s  and %d effects that are not shown\n", head, e.LeftOut)
	}
	_, err := io.WriteString(p.w, b.String())
	return err
}

// effectLine returns an effect for people: its name, where, and what.
func effectLine(op map[string]any) string {
	name, _ := op["op"].(string)
	words := []string{clean(name)}
	if db, ok := op["DB"]; ok {
		words = append(words, fmt.Sprintf("db %v", db))
	}
	if key, ok := op["Key"]; ok {
		words = append(words, shown(key))
	}
	for _, field := range slices.Sorted(maps.Keys(op)) {
		switch field {
		case "op", "DB", "Key":
		default:
			words = append(words, clean(field)+" "+shown(op[field]))
		}
	}
	return strings.Join(words, "  ")
}

// maxShown is how many characters of a value people are shown.
const maxShown = 80

// shown returns a value as JSON, cut to what fits a line.
func shown(val any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(val); err != nil {
		return clean(err.Error())
	}
	s := clean(strings.TrimSuffix(b.String(), "\n"))
	if utf8.RuneCountInString(s) <= maxShown {
		return s
	}
	return string([]rune(s)[:maxShown]) + "…"
}
