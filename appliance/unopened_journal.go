package appliance

import (
	"context"
	"errors"
	"iter"

	"ledge/journal"
	"ledge/journal/fault"
)

// errUnopened is what a journal says that has not been opened yet.
var errUnopened = fault.With(fault.Retryable, errors.New("the journal is not open yet"))

// unopened is what the node's Log is on before its journal is open. It is empty and
// takes nothing, so whoever asks how the journal is gets an answer.
type unopened struct{}

var _ journal.Driver = unopened{}

func (unopened) Read(context.Context, journal.Seq) iter.Seq2[journal.Frame, error] {
	return func(yield func(journal.Frame, error) bool) { yield(journal.Frame{}, errUnopened) }
}

func (unopened) Stat(context.Context) (journal.Stat, error) { return journal.Stat{First: 1}, nil }

func (unopened) Append(context.Context, journal.Seq, []byte) error { return errUnopened }

func (unopened) AppendAll(context.Context, journal.Seq, [][]byte) (int, error) {
	return 0, errUnopened
}

func (unopened) Cut(context.Context, journal.Seq) error         { return errUnopened }
func (unopened) Bulk(context.Context, bool) error               { return errUnopened }
func (unopened) SetSync(context.Context, journal.Syncing) error { return errUnopened }
func (unopened) Syncing() journal.Syncing                       { return journal.Syncing{} }
func (unopened) Reopen(context.Context) error                   { return errUnopened }
func (unopened) Truncate(context.Context, journal.Seq) error    { return errUnopened }
func (unopened) Sync(context.Context) error                     { return errUnopened }
func (unopened) Synced() (journal.Seq, <-chan struct{})         { return 0, nil }
func (unopened) Close() error                                   { return nil }
