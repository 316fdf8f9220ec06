package store

import (
	"encoding/binary"
	"hash/crc32"
	"strings"

	"github.com/tidwall/buntdb"
)

// Get returns the value of a row.
func (s *Store) Get(table, key string) (val []byte, ok bool) { return s.get(full(table, key)) }

func (s *Store) get(k string) (val []byte, ok bool) {
	_ = s.db.View(func(tx *buntdb.Tx) error {
		sealed, err := tx.Get(k)
		if err == nil {
			val, ok = []byte(sealed[sealBytes:]), true
		}
		return err
	})
	return val, ok
}

// Range returns the rows of a table in the order of their keys, from a key on and
// before another. An empty to is the table's end.
func (s *Store) Range(table, from, to string) []Row { return s.rows(table, from, to, -1) }

// Last returns the row of a table with the highest key.
func (s *Store) Last(table string) (last Row, ok bool) {
	_ = s.db.View(func(tx *buntdb.Tx) error {
		return tx.DescendLessOrEqual("", end(table), func(k, sealed string) bool {
			if tableOf(k) == table {
				last, ok = row(k, sealed), true
			}
			return false
		})
	})
	return last, ok
}

// Len returns how many rows a table has.
func (s *Store) Len(table string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count[table]
}

// rows returns at most so many rows; a negative number is no bound.
func (s *Store) rows(table, from, to string, most int) (rows []Row) {
	last := end(table)
	if to != "" {
		last = full(table, to)
	}
	_ = s.db.View(func(tx *buntdb.Tx) error {
		return tx.AscendRange("", full(table, from), last, func(k, sealed string) bool {
			if len(rows) == most {
				return false
			}
			rows = append(rows, row(k, sealed))
			return true
		})
	})
	return rows
}

func row(k, sealed string) Row {
	_, key, _ := strings.Cut(k, ":")
	return Row{key, []byte(sealed[sealBytes:])}
}

// end is above all keys of a table.
func end(table string) string { return table + ";" }

func tableOf(k string) string {
	table, _, _ := strings.Cut(k, ":")
	return table
}

// size is what a row counts.
func size(k, sealed string) int64 { return int64(len(k) + len(sealed) - sealBytes) }

// sealBytes is how long the checksum before a value is.
const sealBytes = 4

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal puts a checksum before a value, which goes over the key as well.
func seal(k string, val []byte) string {
	b := binary.BigEndian.AppendUint32(make([]byte, 0, sealBytes+len(val)), sum(k, val))
	return string(append(b, val...))
}

func sum(k string, val []byte) uint32 {
	return crc32.Update(crc32.Checksum([]byte(k), castagnoli), castagnoli, val)
}

// sealed reports whether a value is the one that was put under a key.
func sealed(k, v string) bool {
	return len(v) >= sealBytes && binary.BigEndian.Uint32([]byte(v[:sealBytes])) == sum(k, []byte(v[sealBytes:]))
}
