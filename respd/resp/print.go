package resp

import (
	"strconv"
	"strings"
)

// String shows v on one line, for test messages and logs:
//
//	[OK (integer) 3 "a" (nil) (error) ERR syntax error]
func (v Value) String() string {
	switch v.kind {
	case KindNil:
		return "(nil)"
	case KindNilArray:
		return "(nil array)"
	case KindNone:
		return "(none)"
	case KindSimple:
		return v.Str()
	case KindError:
		return "(error) " + v.Str()
	case KindInt:
		return "(integer) " + strconv.FormatInt(v.num, 10)
	case KindBulk:
		return strconv.Quote(v.Str())
	case KindBool:
		return "(" + strconv.FormatBool(v.num != 0) + ")"
	case KindDouble:
		return "(double) " + string(AppendFloat(nil, v.Float()))
	case KindBigNumber:
		return "(big number) " + v.Str()
	case KindVerbatim:
		return "(" + v.TextFormat() + ") " + strconv.Quote(v.Str())
	}
	return v.listString()
}

// listString shows an aggregate between the brackets of its kind.
func (v Value) listString() string {
	brackets := map[Kind]string{
		KindArray: "[]", KindSet: "~[]", KindMap: "{}", KindPairs: "()", KindPush: ">[]",
		KindSeries: "+[]",
	}[v.kind]
	var s strings.Builder
	s.WriteString(brackets[:len(brackets)-1])
	for i, e := range v.Elems() {
		if i > 0 {
			s.WriteByte(' ')
		}
		s.WriteString(e.String())
	}
	s.WriteString(brackets[len(brackets)-1:])
	return s.String()
}
