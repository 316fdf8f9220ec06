package lua

// Address is the number that stands for where an object is in memory, which
// scripts see in what tostring prints. Where it really is must not be known to
// clients.
func (v Value) Address() uint64 {
	id := uint32(0)
	switch v.Kind() {
	case KindTable:
		id = v.Table().id
	case KindFunction:
		id = v.Function().id
	case KindThread:
		id = v.Thread().id
	case KindUserdata:
		id = v.Userdata().serial()
	}
	return 0x7f00_0000_0000 + uint64(id)<<5
}

// Handler returns what handles errors that are raised: that of the innermost
// protected call, or Nil.
func (L *Thread) Handler() Value { return L.handler }

// NewClosure returns a function of the library that keeps values of the script
// alive, which are counted as long as the function is.
func (s *State) NewClosure(fn GoFunction, keeps ...Value) *Function {
	f := s.NewFunction(fn)
	s.charge(int64(len(keeps)) * (upvalBytes + 8))
	for _, v := range keeps {
		u := &upval{own: v}
		u.v = &u.own
		f.ups = append(f.ups, u)
	}
	return f
}
