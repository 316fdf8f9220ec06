package cli

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"ledge/admin"
	"ledge/journal"
	"ledge/replay/backup"
)

// report verifies what was written, and says what it is.
func (t *taker) report(ctx context.Context, h backup.Header, since admin.BackupSince) error {
	if t.to == "-" {
		return nil // standard output has the backup
	}
	verified := "not verified"
	if !t.o.c.Bool("no-verify") {
		took, err := t.verify(ctx, h)
		if err != nil {
			return fmt.Errorf("verify: %w", err)
		}
		verified = took
	}
	if h.Base() && since.Lineage != "" && since.Number < uint64(h.After.Seq) {
		if err := t.o.say("numbers %d to %d are not in the backup: the node's journal goes back to number %d only",
			since.Number+1, h.After.Seq, h.After.Seq+1); err != nil {
			return err
		}
	}
	return t.o.print(backedUp{t.path, h.Lineage.String(), uint64(h.After.Seq), uint64(h.Last.Seq), h.Last.Digest.String(),
		h.Base(), t.seal != nil, t.trailer.Bytes, verified}, func(tb *table) {
		tb.field("backup", "%s", t.path)
		tb.field("holds", "%s", holds(&h))
		tb.field("digest", "%s at number %d, epoch %d", h.Last.Digest, h.Last.Seq, h.Last.Epoch)
		tb.field("size", "%s, %d numbers%s", size(t.trailer.Bytes), t.trailer.Frames, encrypted(t.seal != nil))
		tb.field("state", "%s", verified)
	})
}

// backedUp is what backup prints for programs.
type backedUp struct {
	Path      string `json:"path"`
	Lineage   string `json:"lineage"`
	After     uint64 `json:"after_number"`
	Last      uint64 `json:"last_number"`
	Digest    string `json:"digest"`
	Base      bool   `json:"base"`
	Encrypted bool   `json:"encrypted"`
	Bytes     int64  `json:"bytes"`
	Verified  string `json:"state"`
}

// encrypted says in words whether a part is.
func encrypted(yes bool) string {
	if yes {
		return ", encrypted"
	}
	return ""
}

// holds says in words what a part has.
func holds(h *backup.Header) string {
	var s []string
	if h.Snapshot > 0 {
		s = append(s, fmt.Sprintf("the snapshot at number %d", h.After.Seq))
	}
	if h.Last.Seq > h.After.Seq {
		s = append(s, fmt.Sprintf("numbers %d to %d", h.After.Seq+1, h.Last.Seq))
	}
	if len(s) == 0 {
		return "an empty journal"
	}
	return strings.Join(s, " and ")
}

// headerOf makes a backup that a node has begun the header of a part.
func headerOf(b admin.Backup) (h backup.Header, err error) {
	var nums [3]uint64
	for i, text := range []string{b.Lineage, b.AfterSum, b.Digest} {
		n, perr := strconv.ParseUint(text, 16, 64)
		if perr != nil {
			err = errors.Join(err, fmt.Errorf("the node says %.32q; want 16 hexadecimal digits", text))
		}
		nums[i] = n
	}
	at := func(seq, digest, epoch uint64) backup.Point {
		return backup.Point{Pos: journal.Pos{Seq: journal.Seq(seq), Digest: journal.Digest(digest)}, Epoch: epoch}
	}
	return backup.Header{Lineage: journal.Lineage(nums[0]), Databases: b.Databases, After: at(b.After, nums[1], b.AfterIn),
		Last: at(b.Last, nums[2], b.Epoch), Snapshot: b.Snapshot, Created: b.Created, Node: b.Node}, err
}
