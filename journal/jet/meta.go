package jet

import (
	"fmt"
	"path/filepath"
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
