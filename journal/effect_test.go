package journal

import (
	"encoding/base64"
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"
	"unicode/utf8"
)

// pour is an effect of a type that there is not, with a field of each form.
type pour struct {
	DB     DB
	Key    string
	Slot   uint16
	Offset int64
	Drops  uint64
	At     int64
	Left   bool
	Names  []string
	Scores []Scored
}

const kindPour Kind = 200

func (*pour) Kind() Kind { return kindPour }

func (o *pour) key() (DB, string) { return o.DB, o.Key }

func (o *pour) fields(c *coder) {
	c.at(&o.DB, &o.Key)
	c.slot("Slot", &o.Slot)
	c.offset("Offset", &o.Offset)
	c.uint("Drops", &o.Drops)
	c.int("At", &o.At)
	c.side("Left", &o.Left)
	c.strings("Names", &o.Names)
	c.scored("Scores", &o.Scores)
}

// samplePour has numbers of one byte and of many.
func samplePour() *pour {
	return &pour{DB: 300, Key: "well", Slot: 127, Offset: 128, Drops: math.MaxUint64, At: math.MinInt64,
		Left: true, Names: []string{"", "a\xff"}, Scores: []Scored{{-0.5, "m"}, {math.Inf(1), ""}}}
}

// An effect is one type with its fields, and one row: all that is done with effects
// in this package goes by those.
func TestOneMoreEffect(t *testing.T) {
	scratch := newTable(append(effects.rows[:len(effects.rows):len(effects.rows)],
		effect{kindPour, "Pour", func() Op { return new(pour) }, 77, true, []Op{samplePour()}}))
	op := samplePour()
	b := sampleBatch(op)
	frame := encodeFrame(nil, testLineage, 42, b)
	if back, err := new(coder).decodeFrame(scratch, frame, testLineage, 42); err != nil || !reflect.DeepEqual(back, b) {
		t.Errorf("decodes as %+v, %v; want %+v", back, err, b)
	}
	if _, err := decodeFrame(frame, testLineage, 42); err == nil {
		t.Error("a table without the effect reads it; want it to be unknown")
	}
	if db, key := KeyOf(op); db != op.DB || key != op.Key {
		t.Errorf("KeyOf = %d, %q; want %d, %q", db, key, op.DB, op.Key)
	}
	if e := scratch.of(op); e.gives != 77 || !e.feeds {
		t.Errorf("it gives a %d, and feeds: %v; want 77, true", e.gives, e.feeds)
	}
	got, err := json.Marshal(scratch.describe(op))
	const want = `{"At":-9223372036854775808,"DB":300,"Drops":18446744073709551615,"Key":"well","Left":true,` +
		`"Names":["",{"base64":"Yf8="}],"Offset":128,"Scores":[{"Member":"m","Score":-0.5},{"Member":"","Score":"inf"}],` +
		`"Slot":127,"op":"Pour"}`
	if err != nil || string(got) != want {
		t.Errorf("it is shown as %s, %v; want %s", got, err, want)
	}
	var sizer Sizer
	b = Batch{Entries: []Entry{{At: time.UnixMilli(1 << 60), Ops: []Op{op}}}}
	if n, most := len(encodeFrame(nil, 0, 1, b))-headerSize, EntryOverhead+sizer.Size(op); n > most {
		t.Errorf("it takes %d bytes; it should be at most %d", n, most)
	}
}

// A number that two effects have would make a frame mean two things.
func TestBadTable(t *testing.T) {
	pours := effect{kindPour, "Pour", func() Op { return new(pour) }, 77, true, nil}
	for name, rows := range map[string][]effect{
		"a number twice":           {pours, pours},
		"another's number":         {{kindPour, "Epoch", func() Op { return new(Epoch) }, None, false, nil}},
		"a number that is another": append(effects.rows[:1:1], effect{KindEpoch, "Pour", pours.empty, 77, false, nil}),
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("the table is taken; want a panic")
				}
			}()
			newTable(rows)
		})
	}
}

// journal tail shows all fields of each effect under their names.
func TestDescribe(t *testing.T) {
	for _, op := range samples {
		v := reflect.ValueOf(op).Elem()
		want := map[string]any{"op": v.Type().Name()}
		for i := range v.NumField() {
			if f := v.Type().Field(i); !f.Anonymous {
				want[f.Name] = shown(v.Field(i))
			}
		}
		got, err := json.Marshal(Describe(op))
		if err != nil {
			t.Errorf("%T %+v can't be shown: %v", op, op, err)
			continue
		}
		if text, _ := json.Marshal(want); string(got) != string(text) {
			t.Errorf("%T is shown as %s; want %s", op, got, text)
		}
	}
}

// shown is what JSON should show of a field, told from its type.
func shown(v reflect.Value) any {
	switch v.Kind() {
	case reflect.String:
		if s := v.String(); !utf8.ValidString(s) {
			return map[string]string{"base64": base64.StdEncoding.EncodeToString([]byte(s))}
		}
	case reflect.Float64:
		if f := v.Float(); math.IsInf(f, 0) {
			return map[bool]string{true: "-inf", false: "inf"}[f < 0]
		}
	case reflect.Struct:
		m := make(map[string]any)
		for i := range v.NumField() {
			m[v.Type().Field(i).Name] = shown(v.Field(i))
		}
		return m
	case reflect.Slice:
		list := make([]any, v.Len())
		for i := range list {
			list[i] = shown(v.Index(i))
		}
		return list
	}
	return v.Interface()
}
