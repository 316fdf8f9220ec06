package journal

// The effects on function libraries, which belong to no database.

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

func (*FunctionSet) key() (DB, string) { return 0, "" }

func (*FunctionFlush) key() (DB, string) { return 0, "" }

func (o *FunctionSet) fields(c *coder) {
	c.string("Name", &o.Name)
	c.string("Code", &o.Code)
}

func (*FunctionFlush) fields(*coder) {}
