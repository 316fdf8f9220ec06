package remote

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"ledge/journal"
	"ledge/journal/fault"
	"ledge/replay/standing"
	"ledge/replay/wire"
)

// kinds are the JSON messages, each with one that is good.
var kinds = []struct {
	name string
	make func() wire.Message
	good string
}{
	{"hello", func() wire.Message { return new(helloRequest) }, `{"version":1,"id":"ABC","node":"n-1","redis":"10.0.0.1:6379","nats":"tls://10.0.0.1:4222","databases":16,` +
		`"empty":true,"lineage":"00000000000000ab","number":7,"digest":"0123456789abcdef","epoch":3}`},
	{"hello's answer", func() wire.Message { return new(helloReply) }, `{"id":"XYZ","node":"n-2","lineage":"00000000000000ab","databases":16,` +
		`"first":1,"last":7,"epoch":3,"start":"tail"}`},
	{"fetch", func() wire.Message { return new(fetchRequest) }, `{"id":"ABC","from":8}`},
	{"meta", func() wire.Message { return new(metaRequest) }, `{"id":"ABC"}`},
	{"meta's answer", func() wire.Message { return new(metaReply) },
		`{"number":7,"epoch":3,"digest":"0123456789abcdef","bytes":300000,"chunk":262144,"chunks":2}`},
	{"chunk", func() wire.Message { return new(chunkRequest) }, `{"id":"ABC","number":7,"chunk":1}`},
	{"report", func() wire.Message { return new(report) }, `{"id":"ABC","state":"streaming","applied":7,"synced":7}`},
	{"report's answer", func() wire.Message { return new(reportReply) }, `{"last":7}`},
	{"offer", func() wire.Message { return new(offer) }, `{"token":"T","number":7}`},
	{"lead", func() wire.Message { return new(leadRequest) },
		`{"id":"ABC","token":"T","number":7,"digest":"0123456789abcdef","url":"nats://h:4222","password":"p"}`},
}

// badFields are values that no field of that name may have; nil is that it is missing.
func badFields() map[string][]any {
	long := strings.Repeat("a", 300)
	return map[string][]any{
		"id": {"", long[:65], "a b", "a\nb", "../x", "é", 7, nil}, "node": {"", long[:65], "a,b", "a\r\nrole:master", "a.b", "*", nil},
		"token": {"", long, "a b", nil}, "state": {"", "none", "leading", 3, nil},
		"redis": {"", "10.0.0.1", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:x", "a,port=1:6379", "a b:1", "h\n:1", long + ":1",
			"[fe80::1%a,b]:1", "é:1", ":6379", nil},
		"lineage": {"ab", "00000000000000AB", "0x000000000000ab", "../../../../etc/", "00000000000000ab ", -1},
		"digest":  {"0123456789abcdeg", "../../../../../tmp", "0123456789abcde/", "+123456789abcdef", 12, ""},
		"number":  {-1, "7", 1.5, json.Number("18446744073709551616")},
		"first":   {9, json.Number("18446744073709551615")}, "last": {-1, "x"}, "start": {"", "middle", 1, nil},
		"from": {0, -1}, "bytes": {0, -1, 300001 + 262144, json.Number("9223372036854775807"), json.Number("9223372036854775808")},
		"chunk": {-1, json.Number("9223372036854775808"), "1"}, "chunks": {0, 1, 3, -2},
		"applied": {-1, 6}, "synced": {8, -1}, "databases": {"16", 1.5}, "empty": {"yes"}, "epoch": {-1},
		"url": {"", "nats://h:1\nx", "nats://h h", "nats://" + long + long, nil}, "password": {"", "a\nb", long, "a b", nil},
		"nats": {"h:4222", "nats://h:1\nx", "nats://h h", "http://h:80", "nats://h", "nats://u:p@h:4222", "nats://" + long + long, 7},
	}
}

// What a message has that is good is kept, and each field that is not what it
// should be makes all of it refused.
func TestWire(t *testing.T) {
	bad := badFields()
	tried := 0
	for _, k := range kinds {
		if err := wire.Decode(&nats.Msg{Data: []byte(k.good)}, k.make()); err != nil {
			t.Errorf("%s: %v; want it taken", k.name, err)
		}
		var fields map[string]any
		if err := json.Unmarshal([]byte(k.good), &fields); err != nil {
			t.Fatal(err)
		}
		for field, was := range fields {
			for _, v := range bad[field] {
				if v == nil && k.name == "hello's answer" && field == "id" {
					continue // a leader of an older version says none
				}
				if fields[field] = v; v == nil {
					delete(fields, field)
				}
				b, err := json.Marshal(fields)
				if err != nil {
					t.Fatal(err)
				}
				tried++
				if err := wire.Decode(&nats.Msg{Data: b}, k.make()); err == nil || fault.Of(err) != fault.Refused {
					t.Errorf("%s with %q for %s: %v; want it refused", k.name, v, field, err)
				}
			}
			fields[field] = was
		}
		big := strings.Replace(k.good, "{", "{"+strings.Repeat(" ", wire.MaxJSON), 1)
		for _, b := range []string{"", "{", "[]", "null true", `"x"`, big} {
			if err := wire.Decode(&nats.Msg{Data: []byte(b)}, k.make()); err == nil {
				t.Errorf("%s: %.20q is taken; want it refused", k.name, b)
			}
		}
	}
	t.Logf("%d messages with a bad field", tried)
}

// The smallest and the largest chunks that a leader may choose are checked, too.
func TestWireMeta(t *testing.T) {
	for _, c := range []struct {
		bytes, chunk int64
		chunks       int
		ok           bool
	}{
		{1, minChunk, 1, true}, {maxChunk, maxChunk, 1, true}, {maxChunk + 1, maxChunk, 2, true},
		{100, 1, 100, false}, {100, minChunk - 1, 1, false}, {maxChunk * 2, maxChunk + 1, 2, false}, {0, minChunk, 0, false},
		{1 << 52, maxChunk, 1 << 30, true}, {1 << 52, maxChunk, 1<<30 - 1, false}, {1<<63 - 1, maxChunk, 1, false},
	} {
		r := metaReply{Number: 1, Bytes: c.bytes, Chunk: c.chunk, Chunks: c.chunks}
		if err := r.Check(); (err == nil) != c.ok {
			t.Errorf("%d bytes in %d chunks of %d: %v; want it taken: %v", c.bytes, c.chunks, c.chunk, err, c.ok)
		}
	}
}

// A leader can't talk a replica out of what it has.
func TestSuits(t *testing.T) {
	has := helloRequest{Databases: 16, Lineage: 5, Number: 10}
	empty := helloRequest{Databases: 16, Lineage: 5, Empty: true}
	for _, c := range []struct {
		name string
		q    helloRequest
		r    helloReply
		ok   bool
	}{
		{"tail", has, helloReply{Lineage: 5, First: 1, Last: 12, Start: startTail}, true},
		{"tail of another lineage", has, helloReply{Lineage: 6, First: 1, Last: 12, Start: startTail}, false},
		{"tail of a shorter journal", has, helloReply{Lineage: 5, First: 1, Last: 9, Start: startTail}, false},
		{"tail after a gap", has, helloReply{Lineage: 5, First: 12, Last: 20, Start: startTail}, false},
		{"begin", empty, helloReply{Lineage: 6, First: 1, Last: 9, Start: startBegin}, true},
		{"begin in place of data", has, helloReply{Lineage: 5, First: 1, Last: 9, Start: startBegin}, false},
		{"a snapshot", has, helloReply{Lineage: 5, First: 15, Last: 19, Start: startSnapshot}, true},
		{"a snapshot of another lineage", has, helloReply{Lineage: 6, First: 15, Last: 19, Start: startSnapshot}, false},
		{"a snapshot for who has more", has, helloReply{Lineage: 5, First: 2, Last: 9, Start: startSnapshot}, false},
		{"another number of databases", empty, helloReply{Lineage: 6, First: 1, Last: 9, Start: startBegin, Databases: 3}, false},
	} {
		if c.r.Databases == 0 {
			c.r.Databases = 16
		}
		if err := c.r.suits(&c.q); (err == nil) != c.ok || err != nil && fault.Of(err) != fault.Operator {
			t.Errorf("%s: %v; want it to suit: %v, else an Operator error", c.name, err, c.ok)
		}
	}
}

// The headers of a fetch's messages are read as strictly.
func TestWireHeaders(t *testing.T) {
	for _, c := range []struct {
		kind, last string
		ok         bool
	}{
		{kindFrames, "7", true}, {kindBeat, "0", true}, {kindEnd, "18446744073709551614", true},
		{"", "7", false}, {"snapshot", "7", false}, {kindBeat, "", false}, {kindBeat, "-1", false},
		{kindBeat, "18446744073709551615", false}, {kindBeat, "7 ", false}, {kindOffer, "0x7", false},
	} {
		m := nats.NewMsg("x")
		m.Header.Set(headerKind, c.kind)
		m.Header.Set(headerLast, c.last)
		if _, err := readFetched(m); (err == nil) != c.ok {
			t.Errorf("kind %q, last %q: %v; want it taken: %v", c.kind, c.last, err, c.ok)
		}
	}
	m := nats.NewMsg("x")
	m.Data = []byte("chunk")
	for _, c := range []struct {
		sum string
		ok  bool
	}{{checksum(m.Data), true}, {strings.ToUpper(checksum(m.Data)), true}, {"", false}, {"00000000", false}, {checksum(m.Data) + "0", false}, {"nonsense", false}} {
		m.Header.Set(headerSum, c.sum)
		if err := summed(m); (err == nil) != c.ok {
			t.Errorf("checksum %q: %v; want it right: %v", c.sum, err, c.ok)
		}
	}
	m = nats.NewMsg("x")
	m.Header.Set(wire.HeaderError, "a\nb\x1b[31m"+strings.Repeat("é", wire.MaxText))
	if err := failed(m); len(err.Error()) > wire.MaxText+20 || strings.ContainsAny(err.Error(), "\n\x1b") {
		t.Errorf("an error of the other side is shown as %q; want one line of bounded length", err)
	}
}

// Whatever comes as a message either is refused, or holds only what may be shown,
// and means the same when it is written again.
func FuzzWire(f *testing.F) {
	for i, k := range kinds {
		f.Add(byte(i), []byte(k.good))
	}
	f.Fuzz(func(t *testing.T, kind byte, b []byte) {
		k := kinds[int(kind)%len(kinds)]
		got := k.make()
		if wire.Decode(&nats.Msg{Data: b}, got) != nil {
			return
		}
		plain(t, reflect.ValueOf(got).Elem())
		again, err := json.Marshal(got)
		if err != nil {
			t.Fatalf("%s: %v", k.name, err)
		}
		back := k.make()
		if err := wire.Decode(&nats.Msg{Data: again}, back); err != nil || !reflect.DeepEqual(got, back) {
			t.Errorf("%s: %+v becomes %+v, %v", k.name, got, back, err)
		}
	})
}

// plain checks that no text of a message has what INFO, a log or a path must not
// have.
func plain(t *testing.T, v reflect.Value) {
	for i := range v.NumField() {
		switch x := v.Field(i).Interface().(type) {
		case string:
			t.Errorf("%s has a string without a type", v.Type())
		case wire.Name, start:
			if strings.ContainsAny(v.Field(i).String(), "\r\n\x00 ,=/\\.:") {
				t.Errorf("%T %q", x, x)
			}
		case wire.Address:
			if strings.ContainsAny(string(x), "\r\n\x00 ,=/\\") {
				t.Errorf("address %q", x)
			}
		case wire.Text:
			if strings.ContainsAny(string(x), "\r\n\x00 ") {
				t.Errorf("text %q", x)
			}
		case linkState:
			if x.LinkState == standing.LinkNone || x.LinkState > standing.LinkFailed {
				t.Errorf("state %d", x.LinkState)
			}
		case journal.Seq, wire.Hex, int, int64, uint64, bool:
		default:
			t.Errorf("a field of type %T, which this test does not know", x)
		}
	}
}
