package bits

import (
	"ledge/respd/command"
	"ledge/respd/number"
	"ledge/respd/resp"
)

const (
	errOverflow resp.Error = "ERR Invalid OVERFLOW type specified"
	errType     resp.Error = "ERR Invalid bitfield type. Use something like i16 u8. " +
		"Note that u64 is not supported but i64 is."
)

// parseFields reads the operations of BITFIELD.
func parseFields(args command.Args) ([]fieldOp, error) {
	var ops []fieldOp
	full := wrap
	for i := 2; i < len(args); {
		op := fieldOp{full: full}
		n := 4
		behind := len(args) - i - 1
		switch {
		case args.Is(i, "GET") && behind >= 2:
			op.what, n = getField, 3
		case args.Is(i, "SET") && behind >= 3:
			op.what = setField
		case args.Is(i, "INCRBY") && behind >= 3:
			op.what = addField
		case args.Is(i, "OVERFLOW") && behind >= 1:
			var err error
			if full, err = parseOverflow(args, i+1); err != nil {
				return nil, err
			}
			i += 2
			continue
		default:
			return nil, command.ErrSyntax
		}
		if err := op.parse(args[i+1 : i+n]); err != nil {
			return nil, err
		}
		ops = append(ops, op)
		i += n
	}
	return ops, nil
}

func parseOverflow(args command.Args, i int) (overflow, error) {
	switch {
	case args.Is(i, "WRAP"):
		return wrap, nil
	case args.Is(i, "SAT"):
		return saturate, nil
	case args.Is(i, "FAIL"):
		return fail, nil
	}
	return wrap, errOverflow
}

// parse reads type, offset and, unless it is a GET, number.
func (op *fieldOp) parse(args command.Args) (err error) {
	if err = op.parseType(args[0]); err != nil {
		return err
	}
	if op.off, err = op.parseOffset(args[1]); err != nil {
		return err
	}
	if len(args) > 2 {
		op.n, err = args.Int(2)
	}
	return err
}

// parseType reads a type such as i16 or u8.
func (op *fieldOp) parseType(arg []byte) error {
	if len(arg) == 0 || arg[0] != 'i' && arg[0] != 'u' {
		return errType
	}
	op.signed = arg[0] == 'i'
	n, ok := number.ParseInt(arg[1:])
	if !ok || n < 1 || n > 64 || n > 63 && !op.signed {
		return errType
	}
	op.width = int(n)
	return nil
}

// parseOffset reads an offset in bits or, after "#", in fields of this width.
func (op *fieldOp) parseOffset(arg []byte) (int64, error) {
	if len(arg) == 0 || arg[0] != '#' {
		return offset(arg)
	}
	n, ok := number.ParseInt(arg[1:])
	n *= int64(op.width) // may wrap, as in Redis
	if !ok || n < 0 || n>>3 >= resp.DefaultMaxBulk {
		return 0, errOffset
	}
	return n, nil
}
