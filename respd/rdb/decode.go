package rdb

import (
	"iter"
	"math"
	"strconv"
	"strings"
	"unsafe"
)

// Decode reads a payload. The value may take room bytes beside those that it
// shares with the payload; what is refused takes no more either.
func Decode(payload string, room int) (Value, error) {
	body, err := open(payload)
	if err != nil {
		return Value{}, err
	}
	r := reader{b: body, room: room}
	var v Value
	r.value(&v)
	if r.b != "" {
		r.fail(ErrFormat)
	}
	r.distinct(&v)
	if r.err != nil {
		return Value{}, r.err
	}
	return v, nil
}

// value reads the type and what follows.
func (r *reader) value(v *Value) {
	typ := r.byte()
	if r.err != nil {
		return
	}
	switch typ {
	case typeString:
		v.Type, v.Str = String, r.str()
	case typeList, typeListZiplist, typeQuicklist, typeQuicklist2:
		v.Type = List
		r.list(v, typ)
	case typeSet, typeSetIntset, typeSetListpack:
		v.Type = Set
		r.set(v, typ)
	case typeHash, typeHashZipmap, typeHashZiplist, typeHashListpack:
		v.Type = Hash
		r.hash(v, typ)
	case typeHashTTL, typeHashTTLEarly, typeListpackTTL, typeListpackTTLEarly:
		v.Type = Hash
		r.hashTTL(v, typ)
	case typeZSet, typeZSet2, typeZSetZiplist, typeZSetListpack:
		v.Type = ZSet
		r.zset(v, typ)
	default:
		r.fail(ErrFormat)
	}
	if v.Type != String && len(v.Items)+len(v.Fields)+len(v.Scored) == 0 {
		r.fail(ErrFormat)
	}
}

func (r *reader) list(v *Value, typ byte) {
	switch typ {
	case typeList:
		r.strings(v)
	case typeListZiplist:
		r.items(v, r.ziplist(r.str()))
	case typeQuicklist:
		for range r.count(1) {
			r.items(v, r.ziplist(r.str()))
		}
	case typeQuicklist2:
		for range r.count(2) {
			switch r.length() {
			case nodePlain:
				r.item(v, r.str())
			case nodePacked:
				r.items(v, r.listpack(r.str()))
			default:
				r.fail(ErrFormat)
			}
		}
	}
}

func (r *reader) set(v *Value, typ byte) {
	switch typ {
	case typeSet:
		r.strings(v)
	case typeSetIntset:
		r.items(v, r.intset(r.str()))
	case typeSetListpack:
		r.items(v, r.listpack(r.str()))
	}
}

// strings reads a list or a set that is written out as strings.
func (r *reader) strings(v *Value) {
	n := r.count(1)
	v.Items = ahead[string](n, r.room)
	for range n {
		r.item(v, r.str())
	}
}

// items takes the elements of a list or a set in.
func (r *reader) items(v *Value, elems iter.Seq[string]) {
	for s := range elems {
		r.item(v, s)
	}
}

func (r *reader) item(v *Value, s string) {
	if r.charge(uint64(unsafe.Sizeof(s))) {
		v.Items = append(v.Items, s)
	}
}

// ahead makes room for n elements, unless so many would be refused anyway.
func ahead[E any](n, room int) []E {
	var e E
	if n > room/int(unsafe.Sizeof(e)) {
		return nil
	}
	return make([]E, 0, n)
}

func (r *reader) hash(v *Value, typ byte) {
	switch typ {
	case typeHash:
		n := r.count(2)
		v.Fields = ahead[Field](n, r.room)
		for range n {
			name, val := r.str(), r.str()
			r.field(v, Field{Name: name, Value: val})
		}
	case typeHashZipmap:
		r.pairs(v, r.zipmap(r.str()))
	case typeHashZiplist:
		r.pairs(v, r.ziplist(r.str()))
	case typeHashListpack:
		r.pairs(v, r.listpack(r.str()))
	}
}

// pairs takes fields and values in turn in.
func (r *reader) pairs(v *Value, elems iter.Seq[string]) {
	r.tuples(2, elems, func(t []string) { r.field(v, Field{Name: t[0], Value: t[1]}) })
}

func (r *reader) field(v *Value, f Field) {
	if r.charge(uint64(unsafe.Sizeof(f))) {
		v.Fields = append(v.Fields, f)
	}
}

// tuples calls take with each n elements.
func (r *reader) tuples(n int, elems iter.Seq[string], take func([]string)) {
	t := make([]string, 0, n)
	for s := range elems {
		if t = append(t, s); len(t) == n {
			take(t)
			t = t[:0]
		}
	}
	if len(t) > 0 {
		r.fail(ErrFormat)
	}
}

// hashTTL reads a hash whose fields have deadlines. In the final formats the
// earliest stands in front; written out, the others are given from there on.
func (r *reader) hashTTL(v *Value, typ byte) {
	var base uint64
	if typ == typeHashTTL || typ == typeListpackTTL {
		base = le(r.take(8))
	}
	if typ == typeListpackTTL || typ == typeListpackTTLEarly {
		r.tuples(3, r.listpack(r.str()), func(t []string) {
			at, err := strconv.ParseUint(t[2], 10, 64)
			if err != nil {
				r.fail(ErrFormat)
			}
			r.timed(v, t[0], t[1], at)
		})
		return
	}
	n := r.count(3)
	v.Fields = ahead[Field](n, r.room)
	for range n {
		at := r.length()
		if at != 0 && typ == typeHashTTL {
			at = min(at, latest+1) + min(base, latest+1) - 1
		}
		name, val := r.str(), r.str()
		r.timed(v, name, val, at)
	}
}

// latest is the latest deadline that Redis gives a field: it has 46 bits.
const latest = 1<<46 - 3

// timed takes a field with a deadline in.
func (r *reader) timed(v *Value, name, val string, at uint64) {
	if at > latest {
		r.fail(ErrFormat)
		return
	}
	r.field(v, Field{Name: name, Value: val, At: int64(at)})
}

func (r *reader) zset(v *Value, typ byte) {
	switch typ {
	case typeZSetZiplist:
		r.members(v, r.ziplist(r.str()))
		return
	case typeZSetListpack:
		r.members(v, r.listpack(r.str()))
		return
	}
	n := r.count(2)
	v.Scored = ahead[Scored](n, r.room)
	for range n {
		member := r.str()
		if typ == typeZSet2 {
			r.member(v, member, math.Float64frombits(le(r.take(8))))
		} else {
			r.member(v, member, r.float())
		}
	}
}

// members takes members and scores in turn in.
func (r *reader) members(v *Value, elems iter.Seq[string]) {
	r.tuples(2, elems, func(t []string) { r.member(v, t[0], r.score(t[1])) })
}

func (r *reader) member(v *Value, member string, score float64) {
	if math.IsNaN(score) {
		r.fail(ErrFormat)
	}
	s := Scored{member, score}
	if r.charge(uint64(unsafe.Sizeof(s))) {
		v.Scored = append(v.Scored, s)
	}
}

// float reads a number that is written as text after its length, or one of
// the lengths that stand for numbers without a text.
func (r *reader) float() float64 {
	switch n := r.byte(); n {
	case 253:
		return math.NaN()
	case 254:
		return math.Inf(1)
	case 255:
		return math.Inf(-1)
	default:
		return r.score(r.take(uint64(n)))
	}
}

// score reads a number as C's strtod does.
func (r *reader) score(s string) float64 {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || strings.Contains(s, "_") {
		r.fail(ErrFormat)
	}
	return f
}

// distinct refuses fields and members that stand twice.
func (r *reader) distinct(v *Value) {
	if r.err != nil || v.Type == List {
		return
	}
	n := len(v.Items) + len(v.Fields) + len(v.Scored)
	if !r.charge(uint64(n) * uint64(unsafe.Sizeof(""))) {
		return
	}
	seen := make(map[string]struct{}, n)
	for _, s := range v.Items {
		seen[s] = struct{}{}
	}
	for i := range v.Fields {
		seen[v.Fields[i].Name] = struct{}{}
	}
	for i := range v.Scored {
		seen[v.Scored[i].Member] = struct{}{}
	}
	if len(seen) != n {
		r.fail(ErrFormat)
	}
}
