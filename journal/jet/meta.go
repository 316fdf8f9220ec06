package jet

import (
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"ledge/journal"
	"ledge/journal/blocks"
	"ledge/journal/broker"
)

// The broker keeps a stream's configuration in a file beside its blocks. All that is
// in it is known here, so it is written again when it is lost.

// metaFault says what is wrong with the configuration of a stream of lineage l, or
// nil. That of another lineage is as good as lost.
func metaFault(s blocks.Store, l journal.Lineage) error {
	b, err := s.ReadMeta()
	if err != nil {
		return err
	}
	path := filepath.Join(s.Dir, blocks.MetaFile)
	spec, ok := broker.ParseMeta(b)
	if !ok {
		return fmt.Errorf("%s is not of stream %q", path, blocks.Stream)
	}
	if got := spec.Metadata[metaLineage]; got != l.String() {
		return fmt.Errorf("%s is of lineage %s; the journal is %s", path, got, l)
	}
	if got := spec.Metadata[metaFormat]; got != format {
		return fmt.Errorf("%s says format %.20q; the journal is of format %s", path, got, format)
	}
	return nil
}

// newerMeta returns an ErrNewer if the stream says that its format is one which comes
// after ours. A format that can't be read is a fault of the file, as any other.
func newerMeta(s blocks.Store) error {
	b, err := s.ReadMeta()
	if err != nil {
		return nil // metaFault says so
	}
	spec, _ := broker.ParseMeta(b)
	ours, _ := strconv.Atoi(format)
	if n, err := strconv.Atoi(spec.Metadata[metaFormat]); err == nil && n > ours {
		return journal.Newer("the journal in %s has format %d; this program knows %s", s.Dir, n, format)
	}
	return nil
}

// writeMeta writes the stream's configuration again.
func writeMeta(s blocks.Store, cfg *Config) error {
	b, err := streamSpec(cfg).Meta(time.Now())
	if err != nil {
		return err
	}
	return s.WriteMeta(b)
}
