package scripts

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"ledge/replay"
	"ledge/respd/command"
	"ledge/respd/rdb"
)

// FuzzUndump gives the reader of dumps payloads whose checksum is right. What
// it takes must be what a dump of it says again.
func FuzzUndump(f *testing.F) {
	f.Add([]byte("\xf5\x03abc"))
	f.Add([]byte("\xf5\xc3\x04\x05\x01ab\x20\x01"))
	f.Add([]byte{0xf5, 0x80, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		b = binary.LittleEndian.AppendUint16(b, dumpVersion)
		b = binary.LittleEndian.AppendUint64(b, rdb.Checksum(b))
		codes, err := undump(b)
		if err == nil && len(codes) > len(b) {
			t.Errorf("%d libraries in %d bytes", len(codes), len(b))
		}
	})
}

// FuzzDecoders gives the libraries' decoders any string. They may refuse it,
// but a fault of ours must not show up as an error of Lua's.
func FuzzDecoders(f *testing.F) {
	const script = `local r = {}
		for i, fn in ipairs({cjson.decode, cmsgpack.unpack, loadstring, tonumber}) do
			local ok, e = pcall(fn, ARGV[1]) r[#r+1] = tostring(e)
		end
		for _, fmt in ipairs({ARGV[1], 'bHi3', '!8bds', 'c0', 'Bc0', '>I8fd'}) do
			local ok, e = pcall(struct.unpack, fmt, ARGV[1]) r[#r+1] = tostring(e)
			ok, e = pcall(struct.pack, fmt, 1, 2, 3) r[#r+1] = tostring(e)
		end
		local ok, e = pcall(string.format, ARGV[1], 1, 2, 3) r[#r+1] = tostring(e)
		return table.concat(r, '\n')`
	f.Add("{\"a\":[1,\"\\u00e9\",null,-1.5e3]}")
	f.Add("\x82\xa1a\x93\x01\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00\xc0\xa1b\xd1\xff\x00")
	f.Add(">!4i2c10 s%5.2f%q")
	e := New(Config{})
	table := command.NewTable(e.Table())
	e.Serve(table, nil)
	st, err := replay.New(1)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = st.Close() })
	spec := table.Lookup([]byte("eval_ro"))
	f.Fuzz(func(t *testing.T, text string) {
		v := st.OpenView(time.Now())
		defer v.Close()
		val := spec.Read(v, command.Args{nil, []byte(script), []byte("0"), []byte(text)})
		if got := val.Str(); strings.Contains(got, "runtime error") || val.IsError() && got != string(command.ErrLater) {
			t.Errorf("%q: %s", text, got)
		}
	})
}
