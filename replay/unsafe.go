package replay

import "unsafe"

// unsafeString returns b as a string that shares its memory. The caller must
// not change b while the string is in use.
func unsafeString(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
