package wire

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"ledge/journal"
)

// OwnedText is ranges of slots with their epochs: 0-99@1 100@3.
type OwnedText []journal.OwnedRange

func (o OwnedText) MarshalText() ([]byte, error) {
	var b []byte
	for i, r := range o {
		if i > 0 {
			b = append(b, ' ')
		}
		b = strconv.AppendUint(b, uint64(r.First), 10)
		if r.Last > r.First {
			b = strconv.AppendUint(append(b, '-'), uint64(r.Last), 10)
		}
		b = strconv.AppendUint(append(b, '@'), r.Epoch, 10)
	}
	return b, nil
}

func (o *OwnedText) UnmarshalText(b []byte) error {
	if len(b) > maxOwned {
		return fmt.Errorf("slots in %d characters; want at most %d", len(b), maxOwned)
	}
	*o = nil
	next := 0 // the first slot that may be
	for _, word := range strings.Fields(string(b)) {
		span, epoch, ok := strings.Cut(word, "@")
		first, last, isSpan := strings.Cut(span, "-")
		if !isSpan {
			last = first
		}
		f, err1 := strconv.ParseUint(first, 10, 16)
		l, err2 := strconv.ParseUint(last, 10, 16)
		e, err3 := strconv.ParseUint(epoch, 10, 64)
		if errors.Join(err1, err2, err3) != nil || !ok || f < uint64(next) || l < f || l > journal.MaxSlot || e == 0 {
			return fmt.Errorf("%q is no range of slots from %d on with its epoch", Clip(word, MaxName), next)
		}
		next = int(l) + 1
		*o = append(*o, journal.OwnedRange{Epoch: e, SlotRange: journal.SlotRange{First: uint16(f), Last: uint16(l)}})
	}
	return nil
}
