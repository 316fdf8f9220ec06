package rdb

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"unsafe"

	"ledge/respd/number"
)

// Up to these bounds Redis 7.0 packs a value, unless it is configured
// otherwise.
const (
	hashMost      = 512     // fields
	zsetMost      = 128     // members
	elemMost      = 64      // bytes of each field, value or member
	intsetMost    = 512     // integers
	listNodeBytes = 8 << 10 // of one listpack of a list
)

// Append adds the payload of v, which must not be an empty collection, to b. A
// hash with deadlines of fields is in the form of Redis 7.4, everything else in
// that of 7.0.
func Append(b []byte, v Value) []byte {
	w := writer{b: b}
	start, ver := len(b), uint16(version)
	switch v.Type {
	case String:
		w.b = append(w.b, typeString)
		w.str(v.Str)
	case List:
		w.list(v.Items)
	case Set:
		w.set(v.Items)
	case Hash:
		if slices.ContainsFunc(v.Fields, func(f Field) bool { return f.At != 0 }) {
			ver = withTTL
			w.hashTTL(v.Fields)
		} else {
			w.hash(v.Fields)
		}
	case ZSet:
		w.zset(v.Scored)
	default:
		panic("rdb: a value of no type")
	}
	return seal(w.b, start, ver)
}

// writer adds to b.
type writer struct {
	b       []byte
	comp    *compressor // made when it is first needed
	scratch []byte
	pack    listpack
}

// begin writes a type and the number of what follows.
func (w *writer) begin(typ byte, n int) {
	w.b = append(w.b, typ)
	w.length(n)
}

func (w *writer) length(n int) {
	switch {
	case n < 1<<6:
		w.b = append(w.b, len6|byte(n))
	case n < 1<<14:
		w.b = append(w.b, len14|byte(n>>8), byte(n))
	case uint64(n) <= math.MaxUint32:
		w.b = binary.BigEndian.AppendUint32(append(w.b, len32), uint32(n))
	default:
		w.b = binary.BigEndian.AppendUint64(append(w.b, len64), uint64(n))
	}
}

// str writes a string: as a number when it is one of at most 32 bits, and
// compressed when that makes it shorter.
func (w *writer) str(s string) {
	if n, ok := number.ParseInt(s); ok && n == int64(int32(n)) {
		w.number(int32(n))
		return
	}
	if len(s) > lzfMin && w.compressed(s) {
		return
	}
	w.length(len(s))
	w.b = append(w.b, s...)
}

func (w *writer) number(n int32) {
	switch {
	case n == int32(int8(n)):
		w.b = append(w.b, encInt8, byte(n))
	case n == int32(int16(n)):
		w.b = binary.LittleEndian.AppendUint16(append(w.b, encInt16), uint16(n))
	default:
		w.b = binary.LittleEndian.AppendUint32(append(w.b, encInt32), uint32(n))
	}
}

func (w *writer) compressed(s string) (ok bool) {
	if w.comp == nil {
		w.comp = new(compressor)
	}
	if w.scratch, ok = w.comp.append(w.scratch[:0], s); ok {
		w.b = append(w.b, encLZF)
		w.length(len(w.scratch))
		w.length(len(s))
		w.b = append(w.b, w.scratch...)
	}
	return ok
}

// blob writes the listpack.
func (w *writer) blob() {
	b := w.pack.blob()
	w.str(unsafe.String(unsafe.SliceData(b), len(b)))
}

// list writes nodes of as many elements as Redis would put in each.
func (w *writer) list(items []string) {
	var ends []int
	size := listpackHeader + 1
	for i, s := range items {
		const overhead = 8 // as Redis guesses it
		if size > listpackHeader+1 && size+len(s)+overhead > listNodeBytes {
			ends = append(ends, i)
			size = listpackHeader + 1
		}
		size += packedSize(s)
	}
	ends = append(ends, len(items))
	w.begin(typeQuicklist2, len(ends))
	for i := 0; len(ends) > 0; ends = ends[1:] {
		w.pack.reset()
		for ; i < ends[0]; i++ {
			w.pack.add(items[i])
		}
		w.length(nodePacked)
		w.blob()
	}
}

func (w *writer) set(items []string) {
	if ints := integers(items); ints != nil {
		w.intset(ints)
		return
	}
	w.begin(typeSet, len(items))
	for _, s := range items {
		w.str(s)
	}
}

// integers returns items as integers in order, or nil if Redis would not keep
// them as such.
func integers(items []string) []int64 {
	if len(items) > intsetMost {
		return nil
	}
	ints := make([]int64, len(items))
	for i, s := range items {
		n, ok := number.ParseInt(s)
		if !ok {
			return nil
		}
		ints[i] = n
	}
	slices.Sort(ints)
	return ints
}

// intset writes integers, all of the width that the longest needs.
func (w *writer) intset(ints []int64) {
	first, last := ints[0], ints[len(ints)-1]
	width := 8
	switch {
	case first == int64(int16(first)) && last == int64(int16(last)):
		width = 2
	case first == int64(int32(first)) && last == int64(int32(last)):
		width = 4
	}
	b := binary.LittleEndian.AppendUint32(nil, uint32(width))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(ints)))
	for _, n := range ints {
		b = append(b, binary.LittleEndian.AppendUint64(nil, uint64(n))[:width]...)
	}
	w.b = append(w.b, typeSetIntset)
	w.str(string(b))
}

func (w *writer) hash(fields []Field) {
	longest := 0
	for i := range fields {
		longest = max(longest, len(fields[i].Name), len(fields[i].Value))
	}
	if len(fields) <= hashMost && longest <= elemMost {
		w.pack.reset()
		for i := range fields {
			w.pack.add(fields[i].Name)
			w.pack.add(fields[i].Value)
		}
		w.b = append(w.b, typeHashListpack)
		w.blob()
		return
	}
	w.begin(typeHash, len(fields))
	for i := range fields {
		w.str(fields[i].Name)
		w.str(fields[i].Value)
	}
}

// hashTTL writes the earliest deadline and then those of the fields from there
// on, plus one because 0 is none.
func (w *writer) hashTTL(fields []Field) {
	first := int64(math.MaxInt64)
	for i := range fields {
		if at := fields[i].At; at != 0 {
			first = min(first, at)
		}
	}
	w.b = append(w.b, typeHashTTL)
	w.b = binary.LittleEndian.AppendUint64(w.b, uint64(first))
	w.length(len(fields))
	for i := range fields {
		if at := fields[i].At; at != 0 {
			w.length(int(at - first + 1))
		} else {
			w.length(0)
		}
		w.str(fields[i].Name)
		w.str(fields[i].Value)
	}
}

// zset writes members from the highest down when they are not packed: Redis
// adds each at the front then.
func (w *writer) zset(scored []Scored) {
	longest := 0
	for i := range scored {
		longest = max(longest, len(scored[i].Member))
	}
	if len(scored) <= zsetMost && longest <= elemMost {
		w.pack.reset()
		for i := range scored {
			w.pack.add(scored[i].Member)
			w.pack.add(scoreText(scored[i].Score))
		}
		w.b = append(w.b, typeZSetListpack)
		w.blob()
		return
	}
	w.begin(typeZSet2, len(scored))
	for i := range slices.Backward(scored) {
		w.str(scored[i].Member)
		w.b = binary.LittleEndian.AppendUint64(w.b, math.Float64bits(scored[i].Score))
	}
}

// scoreText writes a score as Redis does, whole numbers without an exponent.
func scoreText(f float64) string {
	const most = 1 << 62
	switch {
	case f == math.Trunc(f) && -most <= f && f <= most:
		return strconv.FormatInt(int64(f), 10) // -0 loses its sign, as in Redis
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	}
	return strconv.FormatFloat(f, 'g', 17, 64)
}
