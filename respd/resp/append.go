package resp

import (
	"bytes"
	"math"
	"runtime"
	"strconv"
)

// RESP2 and RESP3 are the protocols a client can ask for with HELLO.
const (
	RESP2 = 2
	RESP3 = 3
)

// Append encodes v for protocol 2 or 3 and returns the extended buffer.
func Append(b []byte, v Value, proto int) []byte {
	switch v.kind {
	case KindNone:
		return b
	case KindNil:
		return AppendNil(b, proto)
	case KindNilArray:
		if proto == RESP3 {
			return append(b, "_\r\n"...)
		}
		return append(b, "*-1\r\n"...)
	case KindSimple:
		return appendLine(b, '+', v.Str())
	case KindError:
		return appendLine(b, '-', v.Str())
	case KindInt:
		return AppendInt(b, v.num)
	case KindBulk:
		return AppendBulk(b, v.Str())
	case KindArray, KindSet, KindMap, KindPairs, KindPush:
		return appendElems(b, v, proto)
	case KindSeries:
		for _, e := range v.Elems() {
			b = Append(b, e, proto)
		}
		return b
	}
	if s := v.Stream(); s != nil { // a whole one: whoever can sends it in slices
		return s.Append(s.AppendStart(b, proto), proto, math.MaxInt)
	}
	if proto == RESP3 {
		return appendScalar3(b, v)
	}
	return appendScalar2(b, v)
}

// AppendNil encodes a nil.
func AppendNil(b []byte, proto int) []byte {
	if proto == RESP3 {
		return append(b, "_\r\n"...)
	}
	return append(b, "$-1\r\n"...)
}

// AppendInt encodes an integer.
func AppendInt(b []byte, n int64) []byte { return appendHeader(b, ':', n) }

// AppendBulk encodes a string of any bytes.
func AppendBulk(b []byte, s string) []byte {
	b = appendHeader(b, '$', int64(len(s)))
	b = append(b, s...)
	return append(b, '\r', '\n')
}

// AppendBytes encodes a string of any bytes, without a copy in between.
func AppendBytes(b, s []byte) []byte {
	b = appendHeader(b, '$', int64(len(s)))
	b = append(b, s...)
	return append(b, '\r', '\n')
}

// AppendArrayLen encodes the start of an array; n values must follow.
func AppendArrayLen(b []byte, n int) []byte { return appendHeader(b, '*', int64(n)) }

// AppendFloat appends the digits of f, without any framing, as C prints
// "%.17g": Redis 7.0 replies so, which makes 0.1 "0.10000000000000001".
func AppendFloat(b []byte, f float64) []byte {
	switch {
	case math.IsInf(f, 1):
		return append(b, "inf"...)
	case math.IsInf(f, -1):
		return append(b, "-inf"...)
	case math.IsNaN(f):
		return append(b, "nan"...)
	}
	return strconv.AppendFloat(b, f, 'g', 17, 64)
}

// AppendDecimal appends the digits of f, without any framing, as C prints
// "%.17Lf" and without the zeros at the end.
func AppendDecimal(b []byte, f float64) []byte {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return AppendFloat(b, f)
	}
	start := len(b)
	b = strconv.AppendFloat(b, f, 'f', 17, 64)
	b = bytes.TrimRight(b, "0") // a digit or the point stands in front of them
	b = bytes.TrimSuffix(b, []byte("."))
	if string(b[start:]) == "-0" {
		b = append(b[:start], '0')
	}
	return b
}

// AppendDouble prints a double the way its reply does.
func AppendDouble(b []byte, v Value) []byte {
	if v.format == decimal {
		return AppendDecimal(b, v.Float())
	}
	return AppendFloat(b, v.Float())
}

// AppendCommand encodes a command as clients send it.
func AppendCommand(b []byte, args ...string) []byte {
	b = AppendArrayLen(b, len(args))
	for _, a := range args {
		b = AppendBulk(b, a)
	}
	return b
}

func appendElems(b []byte, v Value, proto int) []byte {
	mark, n := byte('*'), v.num
	if proto == RESP3 {
		switch v.kind {
		case KindSet:
			mark = '~'
		case KindMap:
			mark, n = '%', n/2
		case KindPairs:
			return appendPairs(b, v)
		case KindPush:
			mark = '>'
		}
	}
	b = appendHeader(b, mark, n)
	for i, e := range v.Elems() {
		if e.kind == KindBulk {
			b = AppendBulk(b, e.Str())
		} else {
			b = Append(b, e, proto)
		}
		if i%longReply == longReply-1 {
			runtime.Gosched() // other clients' replies are shorter
		}
	}
	return b
}

// longReply is after how many elements of a reply others may run.
const longReply = 4096

// appendPairs encodes pairs for RESP3.
func appendPairs(b []byte, v Value) []byte {
	b = appendHeader(b, '*', v.num/2)
	for i, e := range v.Elems() {
		if i%2 == 0 {
			b = appendHeader(b, '*', 2)
		}
		b = Append(b, e, RESP3)
	}
	return b
}

// appendScalar2 encodes a scalar that RESP2 has no type for.
func appendScalar2(b []byte, v Value) []byte {
	switch v.kind {
	case KindBool:
		return AppendInt(b, v.num)
	case KindDouble:
		var digits [32]byte
		return AppendBytes(b, AppendDouble(digits[:0], v))
	}
	return AppendBulk(b, v.Str())
}

// appendScalar3 encodes a scalar that only RESP3 has a type for.
func appendScalar3(b []byte, v Value) []byte {
	switch v.kind {
	case KindBool:
		if v.num != 0 {
			return append(b, "#t\r\n"...)
		}
		return append(b, "#f\r\n"...)
	case KindDouble:
		b = AppendDouble(append(b, ','), v)
		return append(b, '\r', '\n')
	case KindBigNumber:
		return appendLine(b, '(', v.Str())
	case KindVerbatim:
		b = appendHeader(b, '=', v.num+int64(len(v.format))+1)
		b = append(append(b, v.format[:]...), ':')
		b = append(b, v.Str()...)
		return append(b, '\r', '\n')
	}
	panic("resp: value of an unknown kind")
}

func appendLine(b []byte, mark byte, s string) []byte {
	b = append(b, mark)
	b = append(b, s...)
	return append(b, '\r', '\n')
}

// appendHeader encodes a number and its mark. Most lengths have one or two
// digits, which this writes at once.
func appendHeader(b []byte, mark byte, n int64) []byte {
	switch {
	case uint64(n) < 10:
		return append(b, mark, '0'+byte(n), '\r', '\n')
	case uint64(n) < 100:
		return append(b, mark, '0'+byte(n/10), '0'+byte(n%10), '\r', '\n')
	}
	b = strconv.AppendInt(append(b, mark), n, 10)
	return append(b, '\r', '\n')
}
