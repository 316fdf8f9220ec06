package appliance

import (
	"encoding/json"
	"fmt"
	"strings"

	"ledge/admin"
	"ledge/journal"
	"ledge/respd/glob"
)

// Bounds of what is shown of one effect or batch.
const (
	maxShownOp   = 64 << 10 // bytes; an effect that takes more is cut
	maxShownText = 256      // bytes of a text in an effect that is cut
	maxShownList = 16       // elements of a list in one
)

// filter says which effects are shown, and how much of them.
type filter struct {
	key   string // a glob; "" is any
	db    *int   // nil is any
	whole bool   // all of it, however long
}

func newFilter(q admin.TailQuery) filter { return filter{key: q.Key, db: q.DB} }

// has reports whether an effect is on what is asked for.
func (f filter) has(op journal.Op) bool {
	if f.key == "" && f.db == nil {
		return true
	}
	for _, p := range journal.Places(op) {
		if (f.db == nil || int(p.DB) == *f.db) && (f.key == "" || p.All || glob.Match(f.key, p.Key)) {
			return true
		}
	}
	return false
}

// entry returns what is to be shown of a batch's entry, no more than an answer takes,
// and false if that is nothing.
func (f filter) entry(com journal.Committed, i int) (admin.JournalEntry, bool) {
	b := com.Batch()
	e, room := b.Entries[i], admin.MaxTailBytes
	shown := admin.JournalEntry{Number: uint64(com.Seq()), Entry: i, Epoch: b.Epoch,
		Prev: b.Prev.String(), At: e.At.UTC(), Ops: []json.RawMessage{}}
	matches, effects := false, len(e.Ops)
	for _, op := range e.Ops {
		if who, ok := op.(*journal.Who); ok {
			shown.User, shown.Client, shown.Addr = printable(who.User), printable(who.Client), printable(who.Addr)
			effects--
			continue
		}
		if !f.has(op) {
			continue
		}
		matches = true
		if room <= 0 && !f.whole {
			continue
		}
		text, cut := f.encode(op)
		if room -= len(text); room >= 0 || f.whole {
			shown.Ops, shown.Cut = append(shown.Ops, text), shown.Cut || cut
		}
	}
	shown.LeftOut = effects - len(shown.Ops)
	return shown, matches
}

// printable replaces what is no UTF-8 in what a client says of itself.
func printable(s string) string { return strings.ToValidUTF8(s, "\ufffd") }

// entryOverhead is about what an entry takes beside its effects.
const entryOverhead = 160

func sizeOf(e admin.JournalEntry) int {
	n := entryOverhead
	for _, op := range e.Ops {
		n += len(op)
	}
	return n
}

// encode returns an effect as JSON, cut if it is long.
func (f filter) encode(op journal.Op) (text json.RawMessage, cut bool) {
	fields := journal.Describe(op)
	if f.whole {
		return encoded(fields), false
	}
	if size := (&journal.Sizer{}).Size(op); size <= maxShownOp {
		if text = encoded(fields); len(text) <= maxShownOp {
			return text, false
		}
	}
	for name, val := range fields {
		fields[name] = shorten(val)
	}
	return encoded(fields), true
}

// encoded encodes what journal.Describe returns, which is made for it.
func encoded(fields map[string]any) json.RawMessage {
	b, err := json.Marshal(fields)
	if err != nil {
		panic(fmt.Sprintf("appliance: effect %v as JSON: %v", fields["op"], err))
	}
	return b
}

// shorten returns the beginning of a field's value.
func shorten(val any) any {
	switch v := val.(type) {
	case string:
		if len(v) > maxShownText {
			return map[string]any{"bytes": len(v), "begins": strings.ToValidUTF8(v[:maxShownText], "")}
		}
	case map[string]string: // of bytes that are no text
		if b := v["base64"]; len(b) > maxShownText {
			return map[string]any{"bytes": len(b) / 4 * 3, "begins": map[string]string{"base64": b[:maxShownText]}}
		}
	case map[string]any: // of a member with its score
		for name := range v {
			v[name] = shorten(v[name])
		}
	case []any:
		short := make([]any, 0, maxShownList+1)
		for _, e := range v[:min(len(v), maxShownList)] {
			short = append(short, shorten(e))
		}
		if more := len(v) - maxShownList; more > 0 {
			short = append(short, map[string]int{"more": more})
		}
		return short
	}
	return val
}
