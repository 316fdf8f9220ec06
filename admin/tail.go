package admin

import (
	"context"
	"encoding/json"
	"time"
)

// Bounds of what one answer to journal.tail has.
const (
	// MaxTailWait is how long a node waits at most for something to tell.
	MaxTailWait = 20 * time.Second
	// MaxTailEntries and MaxTailBytes bound an answer's entries, and their effects as
	// they are encoded.
	MaxTailEntries = 1000
	MaxTailBytes   = 256 << 10
)

// TailQuery says what of a journal is asked for. One of From, Since and Last says
// where to begin; without any it is Last 10.
type TailQuery struct {
	From  uint64     `json:"from,omitempty"`  // the number
	Entry int        `json:"entry,omitempty"` // of From, where an answer has ended within a batch
	Since *time.Time `json:"since,omitempty"` // the first number of that time or later
	Last  uint64     `json:"last,omitempty"`  // so many numbers before the end
	// Key is a glob of names and DB a database. Effects on other keys are left out;
	// one on all keys of a database is on each of them.
	Key string `json:"key,omitempty"`
	DB  *int   `json:"db,omitempty"`
	// Wait is how long to wait, if there is nothing to tell yet; MaxTailWait at most.
	Wait float64 `json:"wait_seconds,omitempty"`
}

// Tail is a piece of a journal.
type Tail struct {
	Lineage string `json:"lineage"`
	First   uint64 `json:"first_number"` // of the journal
	Last    uint64 `json:"last_number"`
	// Next is the number to go on with. It is beyond Last when all has been told.
	Next uint64 `json:"next_number"`
	// NextEntry is the entry of Next to go on with: 0 unless the answer has ended
	// within a batch.
	NextEntry int `json:"next_entry,omitempty"`
	// Truncated says that what was asked for begins earlier than the journal does.
	Truncated bool           `json:"truncated,omitempty"`
	Entries   []JournalEntry `json:"entries"`
}

// JournalEntry is an entry of the journal, or what is to be shown of it.
type JournalEntry struct {
	Number uint64    `json:"seq"`
	Entry  int       `json:"entry"` // its place in the batch, from 0
	Epoch  uint64    `json:"epoch"`
	Prev   string    `json:"prev"` // the digest that the batch was written on
	At     time.Time `json:"at"`
	// Who wrote it, if journal-who was on: the user, what the client called itself, and
	// its address.
	User   string `json:"user,omitempty"`
	Client string `json:"client,omitempty"`
	Addr   string `json:"addr,omitempty"`
	// Ops are its effects: each has its name as "op", and its fields.
	Ops []json.RawMessage `json:"ops"`
	// LeftOut counts the effects of the entry that are not shown: they were not asked
	// for, or there are too many.
	LeftOut int `json:"left_out,omitempty"`
	// Cut says that long texts and lists among the effects are shown by their
	// beginnings.
	Cut bool `json:"cut,omitempty"`
}

// check refuses a query that makes no sense.
func (q TailQuery) check() error {
	given := 0
	for _, is := range []bool{q.From != 0, q.Since != nil, q.Last != 0} {
		if is {
			given++
		}
	}
	switch {
	case given > 1:
		return bad("request: from, since and last exclude each other")
	case q.Entry < 0 || q.Entry > 0 && q.From == 0:
		return bad("request: entry %d needs the number, from, that it is of", q.Entry)
	case q.DB != nil && *q.DB < 0:
		return bad("request: db %d is below 0", *q.DB)
	case !(0 <= q.Wait && q.Wait <= MaxTailWait.Seconds()):
		return bad("request: wait_seconds is not between 0 and %g", MaxTailWait.Seconds())
	}
	return nil
}

func journalTail(b Backend, ctx context.Context, q TailQuery) (Tail, error) {
	if err := q.check(); err != nil {
		return Tail{}, err
	}
	t, err := b.JournalTail(ctx, q)
	t.Entries = list(t.Entries)
	return t, err
}

// JournalTail asks for a piece of a node's journal.
func (c *Conn) JournalTail(ctx context.Context, node string, q TailQuery) (Tail, error) {
	return ask[Tail](ctx, c, node, "journal.tail", q)
}
