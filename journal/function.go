package journal

// The effects on function libraries, which belong to no database.
const (
	KindFunctionSet   Kind = 32
	KindFunctionFlush Kind = 33
)

// FunctionSet makes Code the function library of that name, whatever it was.
// Without code there is no such library.
type FunctionSet struct {
	Name string
	Code string
}

// FunctionFlush removes all function libraries.
type FunctionFlush struct{}

// Kind returns KindFunctionSet.
func (*FunctionSet) Kind() Kind { return KindFunctionSet }

// Kind returns KindFunctionFlush.
func (*FunctionFlush) Kind() Kind { return KindFunctionFlush }

func (o *FunctionSet) size() int { return 2*maxVarint + len(o.Name) + len(o.Code) }

func (o *FunctionSet) append(b []byte) []byte { return appendString(appendString(b, o.Name), o.Code) }

func (o *FunctionSet) decode(d *decoder) { o.Name, o.Code = d.string(), d.string() }

func (o *FunctionFlush) size() int { return 0 }

func (o *FunctionFlush) append(b []byte) []byte { return b }

func (o *FunctionFlush) decode(*decoder) {}
