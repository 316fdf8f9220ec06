package journal

import (
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"ledge/journal/fault"
)

// wantDamaged checks that err is Fatal damage at seq.
func wantDamaged(t *testing.T, err error, seq Seq) {
	t.Helper()
	var d *DamageError
	if !errors.As(err, &d) || d.Seq != seq || fault.Of(err) != fault.Fatal {
		t.Errorf("error is %v, class %s; want fatal damage at number %d", err, fault.Of(err), seq)
	}
}

// Any one bit that flips in a stored frame is found, and the frame is named.
func TestBitFlips(t *testing.T) {
	for _, op := range samples {
		f := encodeFrame(nil, testLineage, 42, sampleBatch(op))
		for bit := range len(f) * 8 {
			f[bit/8] ^= 1 << (bit % 8)
			if _, err := decodeFrame(f, testLineage, 42); err == nil {
				t.Fatalf("%T: bit %d of byte %d flipped and nobody noticed", op, bit%8, bit/8)
			} else {
				wantDamaged(t, err, 42)
			}
			f[bit/8] ^= 1 << (bit % 8)
		}
	}
}

// Every frame that is cut short, or goes on, is found.
func TestWrongLength(t *testing.T) {
	f := encodeFrame(nil, testLineage, 42, sampleBatch(samples[0]))
	for n := range f {
		_, err := decodeFrame(f[:n], testLineage, 42)
		wantDamaged(t, err, 42)
	}
	_, err := decodeFrame(append(f, 0), testLineage, 42)
	wantDamaged(t, err, 42)
}

// A good frame in the wrong place is as bad as a bad one.
func TestMisplacedFrame(t *testing.T) {
	f := encodeFrame(nil, testLineage, 42, sampleBatch(samples[0]))
	_, err := decodeFrame(f, testLineage, 43)
	wantDamaged(t, err, 43)
	_, err = decodeFrame(f, testLineage+1, 42)
	wantDamaged(t, err, 42)
	if err := CheckFrame(f, testLineage, 42); err != nil {
		t.Errorf("CheckFrame = %v; want nil", err)
	}
}

// A frame whose checksum is right may still lie about its counts and lengths.
// The decoder must not believe them: no panic, and no more memory than the
// frame is worth. What it accepts encodes to something that it accepts again.
func FuzzDecodeFrame(f *testing.F) {
	for _, op := range samples {
		f.Add(encodeFrame(nil, testLineage, 42, sampleBatch(op))[headerSize:], uint32(2))
	}
	f.Add([]byte{0, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, uint32(1<<32-1))
	f.Fuzz(func(t *testing.T, body []byte, count uint32) {
		b, err := decodeFrame(sealed(body, count), testLineage, 42)
		if errors.Is(err, ErrNewer) && fault.Of(err) == fault.Operator {
			return // an effect of a later program
		}
		if err != nil {
			wantDamaged(t, err, 42)
			return
		}
		ops := 0
		for _, e := range b.Entries {
			ops += len(e.Ops)
		}
		if len(b.Entries)+ops > 2*len(body) {
			t.Errorf("%d entries and %d effects from %d bytes", len(b.Entries), ops, len(body))
		}
		again, err := decodeFrame(encodeFrame(nil, testLineage, 42, b), testLineage, 42)
		if err != nil {
			t.Fatalf("what was decoded encodes to a bad frame: %v", err)
		}
		if !sameBatch(again, b) {
			t.Errorf("decoded %+v; after encoding it again %+v", b, again)
		}
	})
}

// sealed puts a good header before body.
func sealed(body []byte, count uint32) []byte {
	f := encodeFrame(nil, testLineage, 42, Batch{})
	f = append(f, body...)
	binary.BigEndian.PutUint32(f[offCount:], count)
	binary.BigEndian.PutUint32(f[offCRC:], Checksum(f[offSeq:]))
	return f
}

// sameBatch compares by what is stored: a number can be encoded in more than
// one way, and decoded in only one.
func sameBatch(a, b Batch) bool {
	return string(encodeFrame(nil, 0, 1, a)) == string(encodeFrame(nil, 0, 1, b))
}

// A whole frame of a format, or with an effect, that comes after ours is told from
// damage: nothing is wrong with it. With anything wrong it is damage all the same.
func TestNewer(t *testing.T) {
	reseal := func(f []byte) []byte {
		binary.BigEndian.PutUint32(f[offCRC:], Checksum(f[:offCRC], f[offSeq:]))
		return f
	}
	later := func(magic string) []byte {
		f := sealed([]byte{0, 0}, 1)
		copy(f, magic)
		return reseal(f)
	}
	for name, f := range map[string][]byte{
		"format 2": later("LDG2"), "format 9": later("LDG9"), "format A": reseal(append(later("LDGA"), "anything"...)),
		"effect 34": sealed([]byte{0, 1, 34}, 1), "effect 99": sealed([]byte{0, 1, 99, 1, 2, 3}, 1),
		"effect 255":   sealed([]byte{0, 1, 255}, 1),
		"a second one": sealed([]byte{0, 2, byte(KindKeyDelete), 0, 1, 'a', 41}, 1),
	} {
		_, err := decodeFrame(f, testLineage, 42)
		if !errors.Is(err, ErrNewer) || errors.Is(err, ErrDamage) || fault.Of(err) != fault.Operator {
			t.Errorf("%s: %v, class %s; want one of a newer program, class operator", name, err, fault.Of(err))
		}
		f[len(f)-1] ^= 1
		_, err = decodeFrame(f, testLineage, 42)
		wantDamaged(t, err, 42)
	}
	for _, magic := range []string{"LDG0", "LDH2", "ldg2"} {
		_, err := decodeFrame(later(magic), testLineage, 42)
		wantDamaged(t, err, 42)
	}
}

// Numbers that are right by themselves and mean nothing are refused.
func TestSenselessFields(t *testing.T) {
	tests := []struct {
		name string
		op   []byte
	}{
		{"no effect", []byte{0}},
		{"database too high", []byte{byte(KindKeyDelete), 0x80, 0x80, 0x04, 0}},
		{"slot too high", []byte{byte(KindRangeClear), 0, 0, 0x80, 0x80, 0x01}},
		{"slots backwards", []byte{byte(KindRangeClear), 0, 2, 1}},
		{"offset too high", []byte{byte(KindStringEdit), 0, 0, 0x81, 0x80, 0x80, 0x08, 0}},
		{"string too long", []byte{byte(KindKeyDelete), 0, 5, 'a'}},
		{"cluster without an id", []byte{byte(KindSlotsFound), 0, 1, 0, 5}},
		{"cluster without slots", []byte{byte(KindSlotsFound), 1, 'c', 0}},
		{"ranges that are one", []byte{byte(KindSlotsFound), 1, 'c', 2, 0, 5, 6, 7}},
		{"span backwards", []byte{byte(KindSpanClear), 0, 2, 1}},
		{"position too high", []byte{byte(KindSpanClear), 0, 0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40}},
		{"number without end", []byte{byte(KindKeyDelete), 0xff}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := append([]byte{0, 1}, tt.op...) // time 0, one effect
			_, err := decodeFrame(sealed(body, 1), testLineage, 42)
			wantDamaged(t, err, 42)
		})
	}
}

// The time of an entry survives to the millisecond, before 1970 too.
func TestTimes(t *testing.T) {
	for _, ms := range []int64{0, -1, 1, 1767225600789, -1 << 50} {
		b := Batch{Entries: []Entry{{At: time.UnixMilli(ms)}}}
		got, err := decodeFrame(encodeFrame(nil, 1, 1, b), 1, 1)
		if err != nil || got.Entries[0].At.UnixMilli() != ms {
			t.Errorf("time %d came back as %+v, %v", ms, got, err)
		}
	}
}

// encodeFrame and decodeFrame are for one frame, by a coder of its own.
func encodeFrame(dst []byte, l Lineage, seq Seq, b Batch) []byte {
	return new(coder).encodeFrame(dst, l, seq, b)
}

func decodeFrame(f []byte, l Lineage, seq Seq) (Batch, error) {
	return new(coder).decodeFrame(effects, f, l, seq)
}

// A frame is encoded without an allocation once its owner's coder and buffer are
// there: with one for each frame a client that waits for each write pays for it.
func TestEncodeAllocates(t *testing.T) {
	var c coder
	b := sampleBatch(&StringSet{Key: "k", Value: "v"})
	buf := c.encodeFrame(nil, testLineage, 42, b)
	if got := testing.AllocsPerRun(100, func() { buf = c.encodeFrame(buf[:0], testLineage, 42, b) }); got > 0 {
		t.Errorf("encoding a frame takes %v allocations; want none", got)
	}
}
